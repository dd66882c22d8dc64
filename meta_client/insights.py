"""Reading insights at speed: one way along a cursor where that is enough, else parts side by side, or reports.

What a small account costs stays what it was: its first page is its last, and nothing else is asked.
"""

import functools
import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date

import msgspec

from domain.errors import RefusedError, TransientError
from domain.ids import PlatformAccountId
from domain.objects import InsightRow
from meta_client import cut, slices, wire
from meta_client.accounts import node_of
from meta_client.errors import TooMuchDataError
from meta_client.insight_lines import page_of
from meta_client.pages import Pager
from meta_client.reports import ReportFailedError, ReportReader
from meta_client.side_by_side import Stream, side_by_side
from meta_client.slices import Pace, Slice

_FIELDS = ("ad_id", "adset_id", "campaign_id", "impressions", "inline_link_clicks", "spend", "actions", "action_values")
_HOURS = "hourly_stats_aggregated_by_advertiser_time_zone"
_BEAT_S = 5.0
_MOST_FAILURES = 12  # of reports within one reading: more is no matter of their size
_FEW_POINTS = 1000.0  # a tier with fewer is told so by its first answer: there parts would only cost calls

Rows = Sequence[InsightRow]


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One call of the reader."""

    account: PlatformAccountId
    currency: str
    hourly: bool
    failures: "itertools.count[int]"
    is_heavy: bool = False  # Meta refused a part of it as too much

    def about(self, part: Slice) -> str:
        """How messages name a part of it."""
        return f"insights of account {self.account} from {part}"

    def params(self, part: Slice) -> dict[str, str]:
        """What is asked for a part of it."""
        days = {"since": part.since.isoformat(), "until": part.until.isoformat()}
        params = {"level": "ad", "fields": ",".join(_FIELDS), "time_increment": "1", "time_range": _json(days)}
        if self.hourly:
            params["breakdowns"] = _HOURS
        if part.campaigns:
            params["filtering"] = _json([{"field": "campaign.id", "operator": "IN", "value": part.campaigns}])
        return params


class InsightReader:
    """Insights of one transport's accounts; `score_limit` tells how many points an account may use, None = unknown."""

    def __init__(
        self,
        pager: Pager,
        *,
        pace: Pace | None = None,
        sleep: Callable[[float], None] = cut.sleep,
        score_limit: Callable[[PlatformAccountId], float | None] = lambda _: None,
    ) -> None:
        self._pager = pager
        self._pace = pace or Pace()
        self._reports = ReportReader(pager, sleep)
        self._score_limit = score_limit

    def pages(
        self, account: PlatformAccountId, currency: str, since: date, until: date, *, hourly: bool
    ) -> Iterator[Rows]:
        """Stream the pages, in no order of days where there are many; empty ones show that the reading lives.

        Raises:
            PlatformError: as `PlatformReader` says; the first of any part ends all.
        """
        if until < since:
            return
        reading = _Reading(account=account, currency=currency, hourly=hourly, failures=itertools.count(1))
        whole = Slice(since=since, until=until)
        one_way = self._part(reading, whole)
        first = next(one_way, None)
        if first is None:
            return
        may_be_long = reading.is_heavy or len(first) >= self._pace.page
        streams = self._parts(reading, whole) if may_be_long else ()
        if len(streams) > 1:
            one_way.close()  # and its first page is read again by one of the parts
            with closing(side_by_side(streams, degree=self._pace.degree, beat_s=_BEAT_S)) as found:
                for page in found:
                    yield () if page is None else page
            return
        yield first
        yield from one_way

    def report(self, account: PlatformAccountId, currency: str, since: date, until: date) -> Iterator[Rows]:
        """The rows of whole days by a report, however few they are; an empty page for each look; raises as `pages`."""
        reading = _Reading(account=account, currency=currency, hourly=False, failures=itertools.count(1))
        yield from self._report(reading, Slice(since=since, until=until))

    def _parts(self, reading: _Reading, whole: Slice) -> Sequence[Stream[Rows]]:
        """Plan the parts; none or one = go on as begun."""
        limit = self._score_limit(reading.account)
        ads = None if self._pace.degree <= 1 or (limit or _FEW_POINTS) < _FEW_POINTS else self._ads(reading.account)
        if ads is None:
            return ()
        pace, rows = self._pace, slices.expected_rows(whole, ads, hourly=reading.hourly)
        if slices.wants_report(whole, rows, pace):
            parts = slices.by_days(whole, rows, pace, part_rows=pace.report_part_rows)
            return [functools.partial(self._report, reading, part) for part in parts]
        parts = slices.by_days(whole, rows, pace)
        if slices.needs_campaigns(parts, rows, pace):
            ids, groups = self._campaigns(reading, whole), -(-pace.degree // len(parts))
            parts = tuple(group for part in parts for group in slices.by_campaigns(part, ids, pace, parts=groups))
        return [functools.partial(self._part, reading, part) for part in parts]

    def _part(self, reading: _Reading, part: Slice) -> Generator[Rows]:
        """Read one part; where it is too heavy even in small pages its halves in order, at last a report of it."""
        has_rows = False
        path, about = f"{node_of(reading.account)}/insights", reading.about(part)
        try:
            pages = self._pager.edge(wire.InsightLine, path, reading.params(part), about=about, limit=self._pace.page)
            for rows in _converted(reading, pages, about):
                has_rows = True
                yield rows
        except TooMuchDataError:
            if has_rows:
                raise  # what was handed out already must not come twice
            reading.is_heavy = True
        else:
            return
        smaller = tuple(slices.halves(part))
        if not smaller:
            yield from self._report(reading, part)
        for half in smaller:
            yield from self._part(reading, half)

    def _report(self, reading: _Reading, part: Slice) -> Iterator[Rows]:
        """Read one part by a report; one that failed in halves, by days and then by campaigns."""
        path, about, has_rows = f"{node_of(reading.account)}/insights", reading.about(part), False
        form = reading.params(part) | {"fields": _json(_FIELDS)}
        try:
            pages = self._reports.pages(wire.InsightLine, reading.account, path, form, about, self._pace.page)
            for rows in _converted(reading, pages, about):
                has_rows = has_rows or bool(rows)
                yield rows
        except (ReportFailedError, TooMuchDataError):
            if has_rows or next(reading.failures) >= _MOST_FAILURES:
                raise
            smaller = self._smaller(reading, part)
            if not smaller:
                raise
        else:
            return
        for half in smaller:
            yield from self._report(reading, half)

    def _smaller(self, reading: _Reading, part: Slice) -> tuple[Slice, ...]:
        found = tuple(slices.halves(part))
        if found or part.campaigns:
            return found
        ids = self._campaigns(reading, part)
        return slices.by_campaigns(part, ids, self._pace, parts=2) if len(ids) > 1 else ()

    def _ads(self, account: PlatformAccountId) -> int | None:
        """How many ads the account has, None where Meta does not say."""
        about, params = f"number of ads of account {account}", {"fields": "id", "summary": '["total_count"]'}
        try:
            return self._pager.total(f"{node_of(account)}/ads", params, about=about)
        except (RefusedError, TransientError):
            return None

    def _campaigns(self, reading: _Reading, part: Slice) -> Sequence[str]:
        """Ids of the campaigns that delivered, by the same source as the rows: deleted ones are not forgotten."""
        about = f"campaigns of {reading.about(part)}"
        params = reading.params(part) | {"level": "campaign", "fields": "campaign_id", "time_increment": "all_days"}
        params.pop("breakdowns", None)
        pages = self._pager.edge(
            wire.CampaignLine, f"{node_of(reading.account)}/insights", params, about=about, limit=self._pace.page
        )
        return tuple(dict.fromkeys(row.campaign_id for page in pages for row in page))


def _converted(reading: _Reading, pages: Iterator[Sequence[wire.InsightLine]], about: str) -> Iterator[Rows]:
    for page in pages:
        try:
            rows = page_of(page, reading.currency, hourly=reading.hourly)
        except ValueError:
            rows = None
        if rows is None:
            raise TransientError(f"{about}: a row holds an amount that is not a number")
        yield rows


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
