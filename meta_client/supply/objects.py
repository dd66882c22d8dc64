"""Writes about objects that exist: copies and labels. `MetaObjects` is Meta's `domain.asset_ports.ObjectWriter`."""

from collections.abc import Sequence

import msgspec

from domain.actions import ObjectKind
from domain.asset_ports import Sending
from domain.errors import RefusedError, UnknownOutcomeError
from domain.ids import PlatformAccountId
from meta_client.names import LONGEST_NAME, with_token
from meta_client.supply.sender import Done, Sender, Told, require_id

_COPIED = frozenset({ObjectKind.CAMPAIGN, ObjectKind.AD_SET, ObjectKind.AD})
_LABELLED = frozenset({ObjectKind.CAMPAIGN, ObjectKind.AD_SET, ObjectKind.AD, ObjectKind.CREATIVE})


class _Copied(Told, kw_only=True):
    copied_campaign_id: str | None = None
    copied_adset_id: str | None = None
    copied_ad_id: str | None = None


class MetaObjects:
    """Copies and labels objects."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def copy(
        self, account: PlatformAccountId, kind: ObjectKind, object_id: str, *,
        op_token: str, sending: Sending, deep: bool = False,
    ) -> str:  # fmt: skip
        """Copy an object, PAUSED, and return the copy's id.

        With `deep` Meta copies at most 3 ads below in one call and refuses more. The copy's name is its source's with
        the token appended; its source's own token, if it had one, stays before it.

        Raises:
            UnknownOutcomeError: look for the name's token before anything else.
        """
        about = f"copy of {kind} {require_id(object_id, str(kind))}"
        if kind not in _COPIED:
            raise RefusedError(f"{about}: Meta copies campaigns, ad sets and ads; nothing was sent")
        rename = {
            "rename_strategy": "DEEP_RENAME" if deep else "ONLY_TOP_LEVEL_RENAME",
            "rename_suffix": with_token("", op_token),
        }
        form = {"status_option": "PAUSED", "rename_options": msgspec.json.encode(rename).decode()}
        if kind is not ObjectKind.AD:
            form["deep_copy"] = "true" if deep else "false"
        told = self._sender.send(_Copied, account, f"{object_id}/copies", form, about=about, sending=sending)
        by_kind = {
            ObjectKind.CAMPAIGN: told.copied_campaign_id,
            ObjectKind.AD_SET: told.copied_adset_id,
            ObjectKind.AD: told.copied_ad_id,
        }
        copy_id = by_kind[kind]
        if not copy_id or copy_id == object_id:
            raise UnknownOutcomeError(f"{about}: the answer names no copy; look for the token {op_token} in names")
        return copy_id

    def add_labels(
        self, account: PlatformAccountId, kind: ObjectKind, object_id: str, labels: Sequence[str], *, sending: Sending
    ) -> None:
        """Put labels beside those that the object bears."""
        about = f"labels of {kind} {require_id(object_id, str(kind))}"
        if kind not in _LABELLED:
            raise RefusedError(f"{about}: Meta knows no labels of it; nothing was sent")
        if not labels or not all(0 < len(label.strip()) <= LONGEST_NAME for label in labels):
            raise RefusedError(f"{about}: labels have 1 to {LONGEST_NAME} characters; nothing was sent")
        form = {"adlabels": msgspec.json.encode([{"name": label} for label in labels]).decode()}
        self._sender.send(Done, account, f"{object_id}/adlabels", form, about=about, sending=sending)
