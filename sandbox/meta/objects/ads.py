"""Ads: their parameters, and the rules of a create and of an update (meta_graph_api.md §2.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.context import Context
from sandbox.meta.objects.checks import check_name, labels
from sandbox.meta.objects.checks_room import check_room, check_siblings
from sandbox.meta.objects.creatives import draft_creative
from sandbox.meta.objects.drafts import Draft, account_object, living_parent
from sandbox.meta.protocol import params
from sandbox.meta.protocol.errors import invalid
from sandbox.meta.protocol.params import Reader, unfit
from sandbox.meta.protocol.request import GraphCall, loose
from sandbox.meta.protocol.words import FIRST_STATUSES, STATUSES
from sandbox.nodes import GONE, Kind, Node

_STILL_EDITABLE: Final = frozenset({"name", "adlabels"})  # of an ad whose ad set has ended


def _creative(call: GraphCall, name: str) -> dict[str, Any]:
    """Read a reference `{"creative_id": …}`, a bare id, or a whole spec."""
    value = loose(call.params[name])
    if isinstance(value, int | str) and str(value).isdecimal():
        return {"creative_id": str(value)}
    if not isinstance(value, dict):
        raise unfit(name, "must be an object with a creative_id, or a creative's spec")
    return value


_SHARED: Final[Mapping[str, Reader]] = {
    "name": params.text, "adlabels": labels, "creative": _creative, "tracking_specs": params.structure,
    "conversion_domain": params.text, "bid_amount": params.integer, "display_sequence": params.integer,
    "priority": params.integer, "engagement_audience": params.boolean, "include_demolink_hashes": params.boolean,
    "ad_schedule_start_time": params.instant, "ad_schedule_end_time": params.instant, "audience_id": params.token,
    "draft_adgroup_id": params.token, "creative_asset_groups_spec": params.structure,
    "creative_audience_pairing_persona": params.record, "creative_automation_spec": params.structure,
}  # fmt: skip
CREATE: Final[Mapping[str, Reader]] = {
    **_SHARED, "adset_id": params.token, "status": params.one_of(FIRST_STATUSES), "source_ad_id": params.token,
    "dataset_split_specs": params.rows,
}  # fmt: skip
UPDATE: Final[Mapping[str, Reader]] = {**_SHARED, "status": params.one_of(STATUSES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class AdDraft:
    """An ad to be, with the creative that must be made for it first, if the call holds one whole."""

    ad: Draft
    creative: Draft | None


def draft_ad(context: Context, account: Account) -> AdDraft:
    """Return the ad that a create asks for, checked.

    Raises:
        GraphError: a validation of Meta's.
    """
    ad_set = living_parent(context, account, "adset_id", Kind.AD_SET)
    values = params.read_params(context.call, CREATE, what="an ad")
    draft = Draft(context=context, account=account, values=values, parent=ad_set)
    check_name(draft)
    draft.need("creative")
    check_room(account, Kind.AD)
    check_siblings(ad_set)
    if ad_set.extra.get("is_dynamic_creative") and any(ad.status not in GONE for ad in ad_set.children):
        raise invalid(
            f"The ad set {ad_set.id} has dynamic creative and holds its one ad already.", field="adset_id",
            title="Dynamic creative has one ad",
        )  # fmt: skip
    creative = resolve_creative(draft)
    values["parent"] = ad_set.id
    values.pop("adset_id", None)
    values.setdefault("status", "ACTIVE")
    return AdDraft(ad=draft, creative=creative)


def resolve_creative(draft: Draft) -> Draft | None:
    """Write the id of the creative that the call names into the draft, or return the one to be made for it.

    Raises:
        GraphError: 100, a creative that is unknown, another account's, deleted, or a broken spec.
    """
    spec = draft.values.get("creative")
    if not isinstance(spec, dict):
        return None
    creative_id = str(spec.get("creative_id") or spec.get("id") or "")
    if not creative_id:
        draft.values.pop("creative")
        return draft_creative(draft.context, draft.account, spec)
    creative = account_object(draft.context, draft.account, creative_id, Kind.CREATIVE)
    if creative.status == "DELETED" and draft.changes("creative") and not _holds(draft.node, creative):
        raise invalid(f"The creative {creative_id} is deleted.", field="creative", title="Creative is deleted")
    draft.values["creative"] = creative.id
    return None


def _holds(ad: Node | None, creative: Node) -> bool:
    return ad is not None and ad.creative is creative


def check_ad(draft: Draft) -> Draft | None:
    """Refuse an update of an ad that Meta would refuse; return the creative to be made for it, if any.

    Raises:
        GraphError: a validation of Meta's.
    """
    node = draft.node
    if node is None or node.parent is None:
        return None
    check_name(draft)
    end_s = node.parent.extra.get("end_time")
    is_over = isinstance(end_s, int | float) and end_s <= draft.now_s
    is_kept = draft.values.get("status") in (None, *GONE)
    if is_over and not (is_kept and draft.values.keys() <= _STILL_EDITABLE | {"status"}):
        raise invalid(
            f"The ad {node.id} belongs to an ad set that has ended: it cannot be edited.", subcode=1_487_007,
            title="Ad set has ended",
        )  # fmt: skip
    if draft.values.get("status") == "DELETED":
        check_may_go(node)
    return resolve_creative(draft)


def check_may_go(ad: Node) -> None:
    """Refuse to delete the ad of a dynamic-creative ad set alone."""
    if ad.status != "DELETED" and ad.parent is not None and ad.parent.extra.get("is_dynamic_creative"):
        raise invalid(
            f"The ad {ad.id} is the ad of a dynamic creative: delete its ad set {ad.parent.id}.", subcode=1_340_029,
            title="Ad cannot be deleted alone",
        )  # fmt: skip
