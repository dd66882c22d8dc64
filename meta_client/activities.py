"""Meta's own history of an account, read into `Activity` values: who changed what, and whether it was us.

Ours is what our token's application did. Only values that Meta tells in a form we know are told on; the rest is left
empty, never guessed.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

import msgspec

from domain.actions import ObjectKind
from domain.errors import RefusedError
from domain.ids import PlatformAccountId
from domain.objects import Activity, Status
from meta_client.accounts import AccountBook, node_of
from meta_client.decode import utc
from meta_client.money import from_meta
from meta_client.names import without_token
from meta_client.pages import Pager
from meta_client.wire import UNREADABLE, Instant, Row

_PAGE = 200
_FIELDS = "event_type,event_time,actor_id,actor_name,application_id,object_id,object_type,extra_data"
_EVENT = re.compile(r"^(?:create|update|delete|copy)_(campaign|ad_set|adset|ad_creative|creative|ad_account|ad)(?:_|$)")
_KINDS = MappingProxyType(
    {
        "campaign": ObjectKind.CAMPAIGN,
        "ad_set": ObjectKind.AD_SET,
        "adset": ObjectKind.AD_SET,
        "ad": ObjectKind.AD,
        "creative": ObjectKind.CREATIVE,
        "ad_creative": ObjectKind.CREATIVE,
        "account": ObjectKind.ACCOUNT,
        "ad_account": ObjectKind.ACCOUNT,
    }
)
_STATUSES = MappingProxyType(
    {
        "active": Status.ACTIVE.value,
        "paused": Status.PAUSED.value,
        "inactive": Status.PAUSED.value,
        "archived": Status.ARCHIVED.value,
        "deleted": Status.DELETED.value,
    }
)
_Values = dict[str, str | int | None]


class App(Row):
    """The application that a token belongs to."""

    id: str


class Event(Row):
    """One line of the activities edge."""

    event_type: str
    event_time: Instant
    object_id: str | None = None  # null where Meta itself acted, or a thing has no id: one such line must not
    object_type: str | None = None  # make the whole history unreadable, which stops every automatic change
    actor_id: str | None = None
    actor_name: str | None = None
    application_id: str | None = None
    extra_data: str | None = None


class ActivityReader:
    """Reads activities. Which application is ours is asked once: a token's never changes."""

    def __init__(self, pager: Pager, book: AccountBook) -> None:
        self._pager = pager
        self._book = book
        self._app_id: str | None = None

    def pages(self, account: PlatformAccountId, since: datetime) -> Iterator[Sequence[Activity]]:
        """Pages of what anybody changed since then, newest first; lines about things that we do not know are left out.

        Raises:
            PlatformError: as `PlatformReader` says.
        """
        app_id, currency = self._own_app(), self._book.currency(account)
        params = {"fields": _FIELDS, "since": str(int(since.timestamp()))}
        about = f"activities of account {account}"
        for rows in self._pager.edge(Event, f"{node_of(account)}/activities", params, about=about, limit=_PAGE):
            found = [to_activity(row, app_id=app_id, currency=currency) for row in rows]
            yield [activity for activity in found if activity is not None]

    def _own_app(self) -> str:
        if self._app_id is None:
            self._app_id = self._pager.node(App, "app", {"fields": "id"}, about="the application of the token").id
        return self._app_id


def to_activity(row: Event, *, app_id: str, currency: str) -> Activity | None:
    """One line in the house's words; None where it is about a thing that we do not know."""
    match = _EVENT.match(row.event_type)
    word = match.group(1) if match else (row.object_type or "").lower()
    kind = _KINDS.get(word)
    if kind is None or not row.object_id:
        return None
    before, after = _values(row, currency)
    return Activity(
        at=utc(row.event_time),
        actor_id=row.actor_id or "",
        actor_name=row.actor_name or "",
        is_ours=row.application_id == app_id,
        event=row.event_type,
        object_kind=kind,
        object_id=row.object_id,
        before=before,
        after=after,
    )


def _values(row: Event, currency: str) -> tuple[_Values, _Values]:
    """The values before and after under the keys of an action's target; both empty where either cannot be read."""
    extra = _extra(row.extra_data)
    topic = str(extra.get("type", ""))
    told = extra.get("run_status") if isinstance(extra.get("run_status"), dict) else extra
    if not isinstance(told, dict) or not {"old_value", "new_value"} <= told.keys():
        return {}, {}
    pair = (told["old_value"], told["new_value"])
    if row.event_type.endswith("_run_status"):
        statuses = [_STATUSES.get(str(value).lower()) for value in pair]
        return ({}, {}) if None in statuses else ({"status": statuses[0]}, {"status": statuses[1]})
    if row.event_type.endswith("_budget") and topic == "daily_budget":
        amounts = [_amount(value, currency) for value in pair]
        return ({}, {}) if None in amounts else ({"daily_budget_minor": amounts[0]}, {"daily_budget_minor": amounts[1]})
    if row.event_type.endswith("_name") and all(isinstance(value, str) for value in pair):
        return {"name": without_token(pair[0])}, {"name": without_token(pair[1])}
    return {}, {}


def _extra(text: str | None) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(text or "{}")
    except UNREADABLE:
        return {}
    return value if isinstance(value, dict) else {}


def _amount(value: Any, currency: str) -> int | None:
    """Meta writes amounts as numbers or as their digits."""
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).isdigit():
        return None
    try:
        return from_meta(int(value), currency)
    except RefusedError:  # an amount that the currency does not know: the edit is told all the same
        return None
