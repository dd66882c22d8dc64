"""Campaigns: their parameters, and the rules of a create and of an update (meta_graph_api.md §2.2)."""

from collections.abc import Mapping
from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.context import Context
from sandbox.meta.objects.budget_moves import MOST_AD_SETS, living_ad_sets, split_budget
from sandbox.meta.objects.checks import check_name, labels
from sandbox.meta.objects.checks_budgets import (
    BUDGETS,
    check_amounts,
    check_kept_kind,
    check_shares,
    check_spend_cap,
)
from sandbox.meta.objects.checks_room import check_room
from sandbox.meta.objects.drafts import Draft
from sandbox.meta.protocol import params
from sandbox.meta.protocol.errors import GraphError, invalid
from sandbox.meta.protocol.params import Reader
from sandbox.meta.protocol.words import (
    AUTOMATED,
    BID_STRATEGIES,
    BUYING_TYPES,
    FIRST_STATUSES,
    LEGACY_OBJECTIVES,
    OBJECTIVES,
    PACING,
    PROMOTION_TYPES,
    SPECIAL_CATEGORIES,
    STATUSES,
)
from sandbox.nodes import Kind

_SHARING: Final = "is_adset_budget_sharing_enabled"
_SHARED: Final[Mapping[str, Reader]] = {
    "name": params.text, "adlabels": labels, "daily_budget": params.integer, "lifetime_budget": params.integer,
    "bid_strategy": params.one_of(BID_STRATEGIES), _SHARING: params.boolean, "spend_cap": params.integer,
    "special_ad_categories": params.some_of(SPECIAL_CATEGORIES), "special_ad_category_country": params.texts,
    "start_time": params.instant, "stop_time": params.instant, "pacing_type": params.some_of(PACING),
    "promoted_object": params.record, "smart_promotion_type": params.one_of(PROMOTION_TYPES),
    "budget_schedule_specs": params.rows, "is_budget_schedule_enabled": params.boolean,
    "iterative_split_test_configs": params.structure, "frequency_control_specs": params.rows,
    "is_skadnetwork_attribution": params.boolean, "is_message_campaign": params.boolean,
    "is_direct_send_campaign": params.boolean, "is_pca_unified": params.boolean,
    "is_reels_trending_ads_enabled": params.boolean, "is_meta_moment_maker_enabled": params.boolean,
}  # fmt: skip
CREATE: Final[Mapping[str, Reader]] = {
    **_SHARED, "objective": params.token, "status": params.one_of(FIRST_STATUSES),
    "buying_type": params.one_of(BUYING_TYPES), "source_campaign_id": params.token, "topline_id": params.token,
}  # fmt: skip
UPDATE: Final[Mapping[str, Reader]] = {
    **_SHARED, "objective": params.token, "status": params.one_of(STATUSES), "adset_bid_amounts": params.record,
    "adset_budgets": params.rows, "budget_rebalance_flag": params.boolean,
}  # fmt: skip


def draft_campaign(context: Context, account: Account, given: dict[str, Any] | None = None) -> Draft:
    """Return the campaign that a create asks for, checked; `given` are values in place of the call's.

    Raises:
        GraphError: a validation of Meta's.
    """
    values = params.read_params(context.call, CREATE, what="a campaign") if given is None else given
    draft = Draft(context=context, account=account, values=values)
    check_name(draft)
    _check_objective(draft)
    _check_categories(draft)
    check_room(account, Kind.CAMPAIGN)
    _check_rules(draft)
    values.setdefault("status", "ACTIVE")
    values.setdefault("buying_type", "AUCTION")
    if _has_budget(draft):
        values.setdefault("bid_strategy", "LOWEST_COST_WITHOUT_CAP")
    return draft


def check_campaign(draft: Draft) -> None:
    """Refuse an update of a campaign that Meta would refuse.

    Raises:
        GraphError: a validation of Meta's.
    """
    node = draft.node
    if node is None:
        return
    check_name(draft)
    if draft.touches("adset_bid_amounts"):
        raise invalid(
            "adset_bid_amounts is not modelled by this sandbox: change each ad set by its own id.",
            field="adset_bid_amounts", title="Not available in the sandbox",
        )  # fmt: skip
    if draft.changes("objective"):
        raise invalid("The objective of a campaign cannot be changed.", field="objective")
    draft.values.pop("objective", None)
    if draft.touches("special_ad_categories"):
        _check_categories(draft)
    check_kept_kind(draft)
    _check_rules(draft)
    check_shares(draft)
    if draft.changes("bid_strategy") and len(living_ad_sets(node)) > MOST_AD_SETS:
        raise invalid(
            f"The bid strategy of a campaign of more than {MOST_AD_SETS} ad sets cannot be changed.",
            field="bid_strategy",
        )  # fmt: skip
    split_budget(draft)


def _has_budget(draft: Draft) -> bool:
    return any(draft.get(name) for name in BUDGETS)


def _check_rules(draft: Draft) -> None:
    if draft.get("smart_promotion_type") in AUTOMATED and draft.quirks.refuses_automated_campaigns:
        raise invalid(
            "Advantage+ shopping and app campaigns can no longer be made, copied or changed this way.",
            field="smart_promotion_type", title="Campaign type is no longer available",
        )  # fmt: skip
    check_amounts(draft)
    check_spend_cap(draft)
    _check_sharing(draft)
    if draft.is_new and draft.values.get("bid_strategy") and not _has_budget(draft) and not draft.get(_SHARING):
        raise invalid(
            "bid_strategy of a campaign needs a campaign budget, or budgets that its ad sets share.",
            field="bid_strategy",
        )  # fmt: skip
    start_s, stop_s = draft.get("start_time"), draft.get("stop_time")
    if draft.changes("stop_time") and stop_s and stop_s <= max(start_s or 0, draft.now_s):
        raise invalid(
            "The end date must be in the future and after the start date.", subcode=1_487_033, field="stop_time",
            title="End date has passed",
        )  # fmt: skip
    countries = draft.values.get("special_ad_category_country") or ()
    if not all(len(code) == 2 and code.isalpha() for code in countries):  # noqa: PLR2004 - ISO 3166
        raise params.unfit("special_ad_category_country", "must be an array of countries of two letters")


def _check_objective(draft: Draft) -> None:
    draft.need("objective")
    objective = str(draft.get("objective"))
    if objective in LEGACY_OBJECTIVES:
        raise invalid(
            f"The objective {objective} is of the old kind. Use one of the OUTCOME_* objectives.", subcode=2_490_408,
            field="objective", title="Objective is no longer available",
        )  # fmt: skip
    if objective not in OBJECTIVES:
        raise params.unfit("objective", f'must be one of {{{", ".join(sorted(OBJECTIVES))}}} - got "{objective[:80]}".')


def _check_categories(draft: Draft) -> None:
    if "special_ad_categories" not in draft.values:
        raise GraphError(
            100, "(#100) Missing required parameter: special_ad_categories", blame=[["special_ad_categories"]],
            title="Special ad category missing",
            user="Say which special ad categories the campaign belongs to; an empty list means none.",
        )  # fmt: skip
    found = draft.values["special_ad_categories"]
    draft.values["special_ad_categories"] = [item for item in found if item != "NONE"]


def _check_sharing(draft: Draft) -> None:
    shares, has_budget = draft.values.get(_SHARING), _has_budget(draft)
    if shares is not None and has_budget:
        raise invalid(
            f"{_SHARING} cannot be set on a campaign that has a budget.", subcode=4_834_002, field=_SHARING,
            title="Budget sharing not possible",
        )  # fmt: skip
    if shares and not draft.get("bid_strategy"):
        raise invalid(
            f"{_SHARING} needs a bid_strategy of the campaign.", subcode=4_834_005, field=_SHARING,
            title="Budget sharing needs a bid strategy",
        )  # fmt: skip
    if draft.is_new and shares is None and not has_budget and draft.quirks.needs_sharing_flag:
        raise invalid(
            f"A campaign without a campaign budget must set {_SHARING} to true or false.", subcode=4_834_011,
            field=_SHARING, title="Budget sharing must be chosen",
        )  # fmt: skip
