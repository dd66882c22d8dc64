"""What the clauses ask through: the client's reads of one account, each made once and kept, in bounds.

What was read is kept as plain values, too, so that two readings can be compared. Nothing is judged here.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, Final, Generic, TypeVar
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from domain.actions import JsonMap, ObjectKind
from domain.assets import Image, Label, Page, Pixel, Study
from domain.audiences import Audience
from domain.ids import PlatformAccountId
from domain.live import HourTotal, ObjectTotal
from domain.objects import AccountInfo, Activity, Ad, AdSet, Campaign, CreatedObject, Creative, InsightRow, ObjectState
from domain.planning import DeliveryEstimate, Interest, MinimumBudgets, Place, ReachEstimate
from domain.ports import TokenInfo, Usage
from meta_client import wire
from meta_client.accounts import AccountBook, node_of
from meta_client.assets import MetaAssets
from meta_client.insights import InsightReader
from meta_client.pages import Pager
from meta_client.planning import MetaPlanning
from meta_client.reads import MetaReader

GONE: Final = "120000000000000404"  # an id of nothing
NOBODYS: Final = "CONTRACTOFNOBODY"  # a token of no operation
SPENDERS: Final = 50  # the largest of a kind
_DAYS: Final = 3
_HISTORY: Final = timedelta(days=7)
_ROUNDS: Final = 3  # pages in which the pages clause goes through what it knows

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Generic[_T]):
    """Rows of a list, and whether they are all that there are: then what is not among them does not exist."""

    rows: tuple[_T, ...]
    is_whole: bool


class Bench:
    """Readings of one account. `now` is the platform's clock."""

    def __init__(  # noqa: PLR0917 - the parts of a client
        self, reader: MetaReader, pager: Pager, book: AccountBook, figures: InsightReader, account: PlatformAccountId,
        now: datetime, pages: int,
    ) -> None:  # fmt: skip
        self._reader = reader
        self._pager = pager
        self._figures = figures
        self.account = account
        self.now = now
        self._pages = pages
        self._assets, self._planning = MetaAssets(pager), MetaPlanning(pager, book)
        self.values: dict[str, Any] = {}  # what was decoded, by what it is; plain JSON

    @cached_property
    def token(self) -> TokenInfo:
        """The token's scopes."""
        return self._kept("token", self._reader.token())

    @cached_property
    def accounts(self) -> Sequence[AccountInfo]:
        """What the token sees."""
        return self._kept("accounts", self._reader.accounts())

    @cached_property
    def info(self) -> AccountInfo:
        """The account itself."""
        return self._kept("account", self._reader.account(self.account))

    @cached_property
    def campaigns(self) -> Seen[Campaign]:
        """Its campaigns."""
        return self._gathered("campaigns", self._reader.campaigns(self.account))

    @cached_property
    def ad_sets(self) -> Seen[AdSet]:
        """Its ad sets."""
        return self._gathered("ad_sets", self._reader.ad_sets(self.account))

    @cached_property
    def ads(self) -> Seen[Ad]:
        """Its ads."""
        return self._gathered("ads", self._reader.ads(self.account))

    @cached_property
    def creatives(self) -> Seen[Creative]:
        """Its creatives."""
        return self._gathered("creatives", self._reader.creatives(self.account))

    def ads_changed_since(self, since: datetime) -> Seen[Ad]:
        """Ads that changed later."""
        return self._gathered("changed_ads", self._reader.ads(self.account, changed_since=since))

    @cached_property
    def today(self) -> date:
        """The day in the account's zone; in UTC where no calendar knows that zone, which a clause says."""
        zone = self.info.zone if self.info.zone in available_timezones() else "UTC"
        return self.now.astimezone(ZoneInfo(zone)).date()

    @cached_property
    def days(self) -> tuple[date, date]:
        """Days that are over, so that their deliveries stand still while they are read."""
        last = self.today - timedelta(days=1)
        return last - timedelta(days=_DAYS - 1), last

    @cached_property
    def daily(self) -> Seen[InsightRow]:
        """Figures of `days`, by days."""
        return self._gathered("daily", self._reader.daily_insights(self.account, *self.days))

    @cached_property
    def hourly(self) -> Seen[InsightRow]:
        """Figures of the first of `days`, by hours."""
        day = self.days[0]
        return self._gathered("hourly", self._reader.hourly_insights(self.account, day, day))

    @cached_property
    def reported(self) -> Seen[InsightRow]:
        """Figures of the first of `days`, by a report that the platform works out in its own time."""
        day = self.days[0]
        return self._gathered("reported", self._figures.report(self.account, self.info.currency, day, day))

    def account_hours(self) -> Sequence[HourTotal]:
        """The whole account by the hours of the first of `days`."""
        day = self.days[0]
        return self._kept("account hours", self._reader.account_hours(self.account, day, day))

    def top_spenders(self, kind: ObjectKind) -> Sequence[ObjectTotal]:
        """What spent most on the first of `days`, at most `SPENDERS`."""
        rows = self._reader.top_spenders(self.account, kind, self.days[0], most=SPENDERS)
        return self._kept(f"top {kind}", rows)

    def activities(self) -> tuple[datetime, Seen[Activity]]:
        """What anybody changed in some days, and since when."""
        since = (self.now - _HISTORY).replace(microsecond=0)
        return since, self._gathered("activities", self._reader.activities(self.account, since))

    def state(self, kind: ObjectKind, object_id: str) -> ObjectState:
        """One object, afresh."""
        return self._kept(f"state of {kind}", self._reader.state(self.account, kind, object_id))

    def states(self, kind: ObjectKind, object_ids: Sequence[str]) -> Mapping[str, ObjectState]:
        """Some objects in a batch."""
        return self._kept(f"states of {kind}", self._reader.states(self.account, kind, object_ids))

    def found(self, kind: ObjectKind) -> Sequence[str]:
        """Objects that carry the token of no operation."""
        ids = self._reader.find_by_token(self.account, kind, NOBODYS, datetime(2020, 1, 1, tzinfo=UTC))
        return self._kept(f"{kind} of nobody", ids)

    def made_since(self, kind: ObjectKind, since: datetime) -> Seen[CreatedObject]:
        """Objects made since then."""
        return self._gathered(f"made {kind}", self._reader.created_since(self.account, kind, since))

    def ids_by_pages(self, known: int) -> Sequence[Sequence[str]]:
        """The ids of all ad sets in pages so small that there are some; as many pages as it takes for `known`."""
        limit = max(1, -(-known // _ROUNDS))
        living = [{"field": "adset.effective_status", "operator": "IN", "value": ["ACTIVE", "PAUSED"]}]
        pages = self._pager.edge(
            wire.Reference,
            f"{node_of(self.account)}/adsets",
            {"fields": "id", "filtering": msgspec.json.encode(living).decode()},
            about="ad sets by pages",
            limit=limit,
        )
        found = [[row.id for row in page] for page in itertools.islice(pages, 2 * _ROUNDS)]
        return self._kept("pages", found)

    def pages_and_pixels(self) -> tuple[Sequence[Page], Sequence[Pixel]]:
        """In whose name the account speaks, and what counts its purchases."""
        pages, pixels = self._assets.pages(self.account), self._assets.pixels(self.account)
        return self._kept("pages of the account", pages), self._kept("pixels", pixels)

    def labels(self) -> Seen[Label]:
        """Its labels."""
        return self._gathered("labels", self._assets.labels(self.account))

    def images(self, hashes: Sequence[str]) -> Mapping[str, Image]:
        """Images by hash."""
        return self._kept("images", self._assets.images(self.account, hashes))

    def audiences(self) -> Seen[Audience]:
        """Its custom audiences."""
        return self._gathered("audiences", self._assets.audiences(self.account))

    def studies(self) -> Seen[Study]:
        """Its tests."""
        return self._gathered("studies", self._assets.studies(self.account))

    def interests(self, text: str, at_most: int) -> Sequence[Interest]:
        """What a text finds of what people care for."""
        return self._kept("interests", self._planning.search_interests(text, at_most=at_most))

    def places(self, text: str, at_most: int) -> Sequence[Place]:
        """What a text finds of countries, regions and cities."""
        return self._kept("places", self._planning.search_places(text, at_most=at_most))

    def reach(self, targeting: JsonMap) -> ReachEstimate:
        """How many people a targeting reaches."""
        return self._kept("reach", self._planning.reach(self.account, targeting))

    def delivery(self, targeting: JsonMap, goal: str) -> DeliveryEstimate:
        """What a targeting and a goal promise."""
        return self._kept("delivery", self._planning.delivery(self.account, targeting, goal))

    def minimum_budgets(self) -> MinimumBudgets:
        """The least daily budgets in the account's currency."""
        return self._kept("minimum budgets", self._planning.minimum_budgets(self.account))

    def usage(self) -> Usage:
        """The quota as the answers so far told it; asks nobody."""
        return self._reader.usage(self.account)

    def version_warning(self) -> str:
        """What the answers so far said of our version; asks nobody."""
        return self._reader.version().warning

    def _gathered(self, name: str, pages: Iterator[Sequence[_T]]) -> Seen[_T]:
        filled = (page for page in pages if page)  # empty ones show that a long reading lives
        taken = list(itertools.islice(filled, self._pages))
        is_whole = len(taken) < self._pages or next(filled, None) is None
        close = getattr(pages, "close", None)
        if close is not None:
            close()
        rows = tuple(itertools.chain.from_iterable(taken))
        self._kept(name, rows)
        return Seen(rows=rows, is_whole=is_whole)

    def _kept(self, name: str, value: _T) -> _T:
        self.values[name] = msgspec.json.decode(msgspec.json.encode(value))
        return value
