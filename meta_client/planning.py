"""Asks Meta what could be: targeting search, reach, delivery, minimum budgets.

`MetaPlanning` is Meta's `domain.asset_ports.PlanningReader`. Counts are people, money comes in ISO minor units of the
account's currency. Nothing here writes.
"""

from collections.abc import Sequence
from types import MappingProxyType

import msgspec

from domain.actions import JsonMap
from domain.errors import TransientError
from domain.ids import PlatformAccountId
from domain.planning import (
    DeliveryEstimate,
    DeliveryPoint,
    Interest,
    MinimumBudgets,
    Place,
    PlaceKind,
    ReachEstimate,
)
from meta_client.accounts import AccountBook, node_of
from meta_client.asset_rows import people
from meta_client.forms import goal_of
from meta_client.money import from_meta
from meta_client.pages import Pager, RowT
from meta_client.wire import Row

_KINDS = MappingProxyType({"country": PlaceKind.COUNTRY, "region": PlaceKind.REGION, "city": PlaceKind.CITY})
_FEW = 10


class _Interest(Row):
    id: str
    name: str
    path: list[str] = msgspec.field(default_factory=list)
    audience_size_lower_bound: int | None = None
    audience_size_upper_bound: int | None = None


class _Place(Row):
    key: str
    name: str
    type: str = ""
    country_code: str = ""
    region: str | None = None


class _Reach(Row):
    users_lower_bound: int | None = None
    users_upper_bound: int | None = None
    estimate_ready: bool = False


class _ReachAnswer(Row):
    data: _Reach | list[_Reach]


class _Point(Row):
    spend: float = 0
    impressions: float = 0
    reach: float = 0
    actions: float = 0


class _Delivery(Row):
    estimate_dau: int | None = None
    estimate_mau_lower_bound: int | None = None
    estimate_mau_upper_bound: int | None = None
    estimate_ready: bool = False
    daily_outcomes_curve: list[_Point] = msgspec.field(default_factory=list)


class _Least(Row):
    currency: str
    min_daily_budget_imp: int
    min_daily_budget_video_views: int
    min_daily_budget_high_freq: int
    min_daily_budget_low_freq: int


class MetaPlanning:
    """Reads that no object of the account is needed for."""

    def __init__(self, pager: Pager, book: AccountBook) -> None:
        self._pager = pager
        self._book = book

    def search_interests(self, text: str, *, at_most: int = 50) -> tuple[Interest, ...]:
        """What a text finds, in Meta's order."""
        found = self._search(_Interest, {"type": "adinterest", "q": text}, at_most)
        return tuple(
            Interest(
                id=row.id,
                name=row.name,
                path=tuple(row.path),
                people_low=people(row.audience_size_lower_bound),
                people_high=people(row.audience_size_upper_bound),
            )
            for row in found
        )

    def search_places(
        self, text: str, *, kinds: Sequence[PlaceKind] = (), country: str = "", at_most: int = 50
    ) -> tuple[Place, ...]:
        """What a text finds, in Meta's order."""
        wanted = [kind.value for kind in kinds if kind is not PlaceKind.OTHER]
        query = {"type": "adgeolocation", "q": text, **({"location_types": _json(wanted)} if wanted else {})}
        found = self._search(_Place, query | ({"country_code": country} if country else {}), at_most)
        return tuple(
            Place(
                key=row.key,
                name=row.name,
                kind=_KINDS.get(row.type, PlaceKind.OTHER),
                country=row.country_code,
                region=row.region,
            )
            for row in found
        )

    def reach(self, account: PlatformAccountId, targeting: JsonMap) -> ReachEstimate:
        """How many people a targeting reaches in a month."""
        about = f"reach in account {account}"
        query = {"targeting_spec": _json(dict(targeting))}
        answer = self._pager.node(_ReachAnswer, f"{node_of(account)}/reachestimate", query, about=about)
        row = answer.data if isinstance(answer.data, _Reach) else next(iter(answer.data), _Reach())
        return ReachEstimate(
            people_low=people(row.users_lower_bound),
            people_high=people(row.users_upper_bound),
            is_ready=row.estimate_ready,
        )

    def delivery(
        self, account: PlatformAccountId, targeting: JsonMap, goal: str, *, pixel_id: str | None = None
    ) -> DeliveryEstimate:
        """What a targeting promises for a goal.

        Raises:
            TransientError: Meta told nothing.
        """
        about = f"delivery in account {account}"
        query = {"targeting_spec": _json(dict(targeting)), "optimization_goal": goal_of(goal)}
        if pixel_id is not None:
            query["promoted_object"] = _json({"pixel_id": pixel_id, "custom_event_type": "PURCHASE"})
        currency = self._book.currency(account)
        pages = self._pager.edge(_Delivery, f"{node_of(account)}/delivery_estimate", query, about=about, limit=_FEW)
        row = next((row for page in pages for row in page), None)
        if row is None:
            raise TransientError(f"{about}: an answer without an estimate")
        curve = sorted(row.daily_outcomes_curve, key=lambda point: point.spend)
        return DeliveryEstimate(
            people_a_day=people(row.estimate_dau),
            people_low=people(row.estimate_mau_lower_bound),
            people_high=people(row.estimate_mau_upper_bound),
            curve=tuple(_point(point, currency) for point in curve),
            currency=currency,
            is_ready=row.estimate_ready,
        )

    def minimum_budgets(self, account: PlatformAccountId) -> MinimumBudgets:
        """The least daily budgets in the account's currency; Meta may list others beside it.

        Raises:
            TransientError: the account's own is not among them.
        """
        about, currency = f"minimum budgets of account {account}", self._book.currency(account)
        pages = self._pager.edge(_Least, f"{node_of(account)}/minimum_budgets", {}, about=about, limit=100)
        row = next((row for page in pages for row in page if row.currency == currency), None)
        if row is None:
            raise TransientError(f"{about}: none is told in {currency}")
        return MinimumBudgets(
            currency=currency,
            impressions_minor=from_meta(row.min_daily_budget_imp, currency),
            video_views_minor=from_meta(row.min_daily_budget_video_views, currency),
            frequent_minor=from_meta(row.min_daily_budget_high_freq, currency),
            rare_minor=from_meta(row.min_daily_budget_low_freq, currency),
        )

    def _search(self, row: type[RowT], query: dict[str, str], at_most: int) -> Sequence[RowT]:
        """The first page only: what comes after it fits worse and worse."""
        pages = self._pager.edge(row, "search", query, about=f"search by {query['type']}", limit=at_most)
        return next(pages, ())[:at_most]


def _point(point: _Point, currency: str) -> DeliveryPoint:
    return DeliveryPoint(
        spend_minor=from_meta(round(point.spend), currency),
        impressions=round(point.impressions),
        people=round(point.reach),
        actions=point.actions,
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
