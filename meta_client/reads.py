"""The reading half of the client: `MetaReader` is Meta's `domain.ports.PlatformReader`. Nothing here writes."""

import contextlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType

import msgspec

from domain.actions import ObjectKind
from domain.errors import GoneError, NeedsPersonError, RefusedError, TransientError
from domain.ids import PlatformAccountId
from domain.live import HourTotal, ObjectTotal
from domain.objects import (
    AccountInfo,
    Activity,
    Ad,
    AdSet,
    Campaign,
    CreatedObject,
    Creative,
    InsightRow,
    ObjectState,
)
from domain.ports import TokenInfo, Usage, VersionLife
from meta_client import accounts, created, decode, versions, wire
from meta_client.accounts import AccountBook, node_of
from meta_client.activities import ActivityReader
from meta_client.insights import InsightReader
from meta_client.names import has_token
from meta_client.pages import Pager, Patience, RowT
from meta_client.redact import plain
from meta_client.totals import TotalReader
from meta_client.transport import Transport

_PAGE = 500
_AT_ONCE = Patience(repeats=0)  # live figures are asked for again in minutes: not worth a wait
_PAGE_OF_CREATIVES = 100  # their specs make them heavy
_INVALID_TOKEN = 190
_COMMON = "id,name,status,effective_status,created_time,updated_time"
_BUDGETS = "daily_budget,lifetime_budget,bid_strategy"
_CAMPAIGN = f"{_COMMON},objective,{_BUDGETS},spend_cap"
_AD_SET = f"{_COMMON},campaign_id,optimization_goal,{_BUDGETS},learning_stage_info,adlabels{{name}}"
_AD = f"{_COMMON},adset_id,campaign_id,creative{{id}}"
_CREATIVE = "id,name,title,body,video_id,thumbnail_url"
_FOUND = "id,name,created_time"

# Without a filter Meta leaves archived objects out; a filter that names DELETED it refuses (facts §2.5).
_LIVING = MappingProxyType(
    {
        "campaign": ("ACTIVE", "PAUSED", "ARCHIVED", "IN_PROCESS", "WITH_ISSUES"),
        "adset": ("ACTIVE", "PAUSED", "ARCHIVED", "CAMPAIGN_PAUSED", "IN_PROCESS", "WITH_ISSUES"),
        "ad": (
            "ACTIVE",
            "PAUSED",
            "ARCHIVED",
            "ADSET_PAUSED",
            "CAMPAIGN_PAUSED",
            "DISAPPROVED",
            "IN_PROCESS",
            "PENDING_BILLING_INFO",
            "PENDING_REVIEW",
            "PREAPPROVED",
            "WITH_ISSUES",
        ),
    }
)
_EDGE = MappingProxyType(
    {
        ObjectKind.CAMPAIGN: ("campaign", "campaigns"),
        ObjectKind.AD_SET: ("adset", "adsets"),
        ObjectKind.AD: ("ad", "ads"),
        ObjectKind.CREATIVE: ("creative", "adcreatives"),
    }
)
_STATE = MappingProxyType(
    {
        ObjectKind.ACCOUNT: "id,name,account_id,account_status,spend_cap",
        ObjectKind.CAMPAIGN: "id,name,account_id,status,daily_budget,updated_time",
        ObjectKind.AD_SET: "id,name,account_id,status,daily_budget,updated_time",
        ObjectKind.AD: "id,name,account_id,status,updated_time",
        ObjectKind.CREATIVE: "id,name,account_id,status",
    }
)


class MetaReader:
    """Reads of Meta, in the house's words. Throttles are raised at once, failures in passing are repeated a little."""

    def __init__(
        self, transport: Transport, pager: Pager, book: AccountBook, *, figures: InsightReader | None = None
    ) -> None:
        self._transport = transport
        self._pager = pager
        self._book = book
        self._activities = ActivityReader(pager, book)
        self._totals = TotalReader(Pager(transport, patience=_AT_ONCE), book.currency)
        self._figures = figures or InsightReader(
            pager, score_limit=lambda account: transport.usage(account).score_limit
        )

    def account(self, account: PlatformAccountId) -> AccountInfo:
        """A fresh reading of one ad account."""
        return self._book.read(account)

    def accounts(self) -> Sequence[AccountInfo]:
        """Every ad account that the token can see."""
        pages = self._pager.edge(
            wire.Account, "me/adaccounts", {"fields": accounts.FIELDS}, about="ad accounts of the token", limit=100
        )
        return tuple(decode.account_info(row) for page in pages for row in page)

    def campaigns(self, account: PlatformAccountId) -> Iterator[Sequence[Campaign]]:
        """Pages of all campaigns but deleted ones."""
        currency = self._book.currency(account)
        for page in self._tree(wire.Campaign, account, ObjectKind.CAMPAIGN, _CAMPAIGN):
            yield [decode.campaign(row, currency) for row in page]

    def ad_sets(self, account: PlatformAccountId) -> Iterator[Sequence[AdSet]]:
        """Pages of all ad sets but deleted ones."""
        currency = self._book.currency(account)
        for page in self._tree(wire.AdSet, account, ObjectKind.AD_SET, _AD_SET):
            yield [decode.ad_set(row, currency) for row in page]

    def ads(self, account: PlatformAccountId, *, changed_since: datetime | None = None) -> Iterator[Sequence[Ad]]:
        """Pages of all ads but deleted ones; with `changed_since`, of those whose `updated_time` is later."""
        for page in self._tree(wire.Ad, account, ObjectKind.AD, _AD, changed_since):
            yield [decode.ad(row) for row in page]

    def creatives(self, account: PlatformAccountId) -> Iterator[Sequence[Creative]]:
        """Pages of all creatives."""
        for page in self._edge(wire.Creative, account, ObjectKind.CREATIVE, {"fields": _CREATIVE}, _PAGE_OF_CREATIVES):
            yield [decode.creative(row) for row in page]

    def daily_insights(self, account: PlatformAccountId, since: date, until: date) -> Generator[Sequence[InsightRow]]:
        """One row per ad and day with impressions, both days included, by the account's zone."""
        currency = self._book.currency(account)
        yield from self._figures.pages(account, currency, since, until, hourly=False)

    def hourly_insights(self, account: PlatformAccountId, since: date, until: date) -> Generator[Sequence[InsightRow]]:
        """One row per ad and hour with impressions. Meta leaves off-site purchases out of some hourly answers."""
        currency = self._book.currency(account)
        yield from self._figures.pages(account, currency, since, until, hourly=True)

    def account_hours(self, account: PlatformAccountId, since: date, until: date) -> Sequence[HourTotal]:
        """The account's own sums, one row per hour with impressions."""
        return self._totals.account_hours(account, since, until)

    def top_spenders(
        self, account: PlatformAccountId, kind: ObjectKind, on: date, *, most: int = 500
    ) -> Sequence[ObjectTotal]:
        """Campaigns or ad sets that spent most on a day, the largest first, in one call."""
        return self._totals.top_spenders(account, kind, on, most=most)

    def state(self, account: PlatformAccountId, kind: ObjectKind, object_id: str) -> ObjectState:
        """A fresh reading of one object.

        Raises:
            GoneError: there is none, or it belongs to another account.
        """
        about = f"{kind} {object_id}"
        path = node_of(account) if kind is ObjectKind.ACCOUNT else object_id
        row = self._pager.node(wire.State, path, {"fields": _STATE[kind]}, about=about, account=account)
        _require_same(row, path, about)
        if not _is_of(row, account):
            raise GoneError(f"{about} belongs to account {plain(str(row.account_id))}, not to {account}")
        return decode.object_state(row, self._book.currency(account) if row.daily_budget or row.spend_cap else "")

    def states(
        self, account: PlatformAccountId, kind: ObjectKind, object_ids: Sequence[str]
    ) -> Mapping[str, ObjectState]:
        """Fresh readings of up to 50 objects in one call; what is gone, or another account's, is missing."""
        if kind is ObjectKind.ACCOUNT:  # goes by its node, and there is one only
            return {object_id: self.state(account, kind, object_id) for object_id in object_ids}
        about = f"{len(object_ids)} objects of kind {kind}"
        rows = self._pager.nodes(wire.State, object_ids, {"fields": _STATE[kind]}, about=about, account=account)
        for object_id, row in rows.items():
            _require_same(row, object_id, about)
        own = {key: row for key, row in rows.items() if _is_of(row, account)}
        currency = self._book.currency(account) if any(row.daily_budget for row in own.values()) else ""
        return {key: decode.object_state(row, currency) for key, row in own.items()}

    def find_by_token(
        self, account: PlatformAccountId, kind: ObjectKind, op_token: str, created_after: datetime
    ) -> Sequence[str]:
        """Ids of objects whose name carries the token, newest first; deleted ones too. Creatives tell no instant."""
        found = dict(self._named(account, kind, op_token, _search(kind, op_token)))
        if kind is not ObjectKind.CREATIVE:  # Meta does not list deleted creatives at all
            # Deleted ones are reached by way of their delivery only. Where that is refused they stay unseen, which is
            # no harm: what is deleted spends nothing.
            with contextlib.suppress(RefusedError):
                found |= self._named(account, kind, op_token, _search_deleted(kind, op_token))
        kept = [(at, object_id) for object_id, at in found.items() if at is None or at >= created_after]
        return [object_id for _, object_id in sorted(kept, key=lambda pair: pair[0] or created_after, reverse=True)]

    def _named(
        self, account: PlatformAccountId, kind: ObjectKind, op_token: str, query: dict[str, str]
    ) -> dict[str, datetime | None]:
        pages = self._edge(wire.Found, account, kind, query, _PAGE)
        return {row.id: row.created_time for page in pages for row in page if has_token(row.name, op_token)}

    def activities(self, account: PlatformAccountId, since: datetime) -> Iterator[Sequence[Activity]]:
        """Pages of what anybody changed since then (platform's clock), newest first."""
        return self._activities.pages(account, since)

    def created_since(
        self, account: PlatformAccountId, kind: ObjectKind, since: datetime
    ) -> Iterator[Sequence[CreatedObject]]:
        """Pages of what was made since then (platform's clock), deleted ones not; of creatives all, with no instant."""
        edge = _EDGE[kind]
        return created.pages(self._pager, account, kind, since, edge=edge, living=_LIVING.get(edge[0], ()))

    def token(self) -> TokenInfo:
        """The token's scopes and whether it works.

        Its expiry is not told here: Meta tells it only to who puts the token into an address, which we never do.
        """
        try:
            pages = self._pager.edge(wire.Permission, "me/permissions", {}, about="permissions of the token", limit=100)
            scopes = tuple(row.permission for page in pages for row in page if row.status == "granted")
        except NeedsPersonError as error:
            if error.code != _INVALID_TOKEN:
                raise
            return TokenInfo(is_valid=False, expires_at=None, scopes=())
        return TokenInfo(is_valid=True, expires_at=None, scopes=scopes)

    def version(self) -> VersionLife:
        """The version that every address of ours names, from our calendar, and what answers have said of it."""
        row = versions.pinned()
        return VersionLife(
            name=row.name,
            ends_on=versions.ends_on(row.name),
            newest=versions.CALENDAR[0].name,
            warning=self._transport.version_warning,
        )

    def usage(self, account: PlatformAccountId | None = None) -> Usage:
        """The quota as the newest answer about the account told it, or the newest about anything."""
        return self._transport.usage(account)

    def _tree(
        self,
        row: type[RowT],
        account: PlatformAccountId,
        kind: ObjectKind,
        fields: str,
        changed_since: datetime | None = None,
    ) -> Iterator[Sequence[RowT]]:
        name, _ = _EDGE[kind]
        filters = [_filter(f"{name}.effective_status", "IN", _LIVING[name])]
        if changed_since is not None:
            filters.append(_filter(f"{name}.updated_time", "GREATER_THAN", int(changed_since.timestamp())))
        params = {"fields": fields, "filtering": _json(filters)}
        return self._edge(row, account, kind, params, _PAGE)

    def _edge(
        self, row: type[RowT], account: PlatformAccountId, kind: ObjectKind, params: dict[str, str], limit: int
    ) -> Iterator[Sequence[RowT]]:
        _, edge = _EDGE[kind]
        about = f"{edge} of account {account}"
        return self._pager.edge(row, f"{node_of(account)}/{edge}", params, about=about, limit=limit)


def _is_of(row: wire.State, account: PlatformAccountId) -> bool:
    return row.account_id is None or node_of(PlatformAccountId(row.account_id)) == node_of(account)


def _require_same(row: wire.State, object_id: str, about: str) -> None:
    """An answer about another object is no answer."""
    if row.id != object_id:
        raise TransientError(f"{about}: asked for {object_id}, Meta answered about {plain(row.id)}")


def _search(kind: ObjectKind, op_token: str) -> dict[str, str]:
    """Objects of the name in every living status; the edge of creatives knows no filter, so all are listed."""
    if kind is ObjectKind.CREATIVE:
        return {"fields": "id,name"}
    name, _ = _EDGE[kind]
    filters = [_filter(f"{name}.name", "CONTAIN", op_token), _filter(f"{name}.effective_status", "IN", _LIVING[name])]
    return {"fields": _FOUND, "filtering": _json(filters)}


def _search_deleted(kind: ObjectKind, op_token: str) -> dict[str, str]:
    name, _ = _EDGE[kind]
    deleted = _filter(f"{name}.delivery_info", "IN", ("deleted", "permanently_deleted"))
    return {"fields": _FOUND, "filtering": _json([_filter(f"{name}.name", "CONTAIN", op_token), deleted])}


def _filter(field: str, operator: str, value: str | int | Sequence[str]) -> dict[str, str | int | Sequence[str]]:
    return {"field": field, "operator": operator, "value": value}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
