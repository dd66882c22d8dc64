"""The collector (module 7): brings the platform's tree and figures into Postgres, page by page, and notes their age.

Figures: today and yesterday every time, the days that the platform may still restate once per account day, and the
first time as far back as decisions look. Tree: campaigns and ad sets whole every time, since a change of a budget moves
no `updated_time`; ads those that changed since the last reading; all ads and creatives every FULL_TREE_EVERY. Between
two full readings a deleted ad still shows, unless its ad set went too, and so does the old name of a creative. The
full cycle collects through the same function. Many figures are read and kept in parts (`tasks/reading_parts.py`), so
that what the quota puts back goes on where it was. What people changed by hand is read last, from the platform's
history.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from actions import estimates, people, quota
from domain import catalogue
from domain.actions import JsonMap, Mode, ObjectKind
from domain.calls import calling
from domain.errors import PlatformError, ThrottledError
from domain.ids import PlatformAccountId
from domain.money import Money, exponent
from domain.objects import InsightRow
from domain.platforms import Platform
from domain.ports import CallClass, PlatformReader
from models import accounts, insights, mirror
from models.accounts import Account
from models.run_history import LogEntry
from tasks.reading_parts import Span, Unfinished, most_rows, parts
from workers.celery_app import app
from workers.settings import Settings
from workers.task import cycle_tasks
from workers.work import Work

STEP = "step_1_collection"
FIRST_DAYS = 60
FIRST_HOURLY_DAYS = 8  # a spike is measured against the same hours of the seven days before
FULL_TREE_EVERY = timedelta(hours=4)
OVERLAP = timedelta(hours=1)  # an ad that changed while pages were read, or by a clock that differs, is shown again
TREE = (ObjectKind.CAMPAIGN, ObjectKind.AD_SET, ObjectKind.CREATIVE, ObjectKind.AD)
_MANY = 1000  # changed objects from which on the planner of Postgres is told at once, not when autovacuum comes by

_Thing = TypeVar("_Thing")
_Read: TypeAlias = Callable[[PlatformAccountId, date, date], Generator[Sequence[InsightRow]]]


def run(work: Work) -> None:
    """Collect, as the collector's own cycle."""
    with work.step(STEP):
        collect(work)


@calling(CallClass.COLLECT)
def collect(work: Work) -> None:
    """Bring in what is new; the account's ages are those of the run's instant, which is before the first read."""
    refresh_account(work)
    reader = work.house.client_of(work.account).reader
    work.write_logs([_entry("sync_tree", _collect_tree(work, reader))])
    work.write_logs([_entry("sync_insights", _collect_insights(work, reader))])
    _collect_activities(work, reader)  # last: an edit that the tree shows already must not be missed here
    work.reload_account()


def refresh_account(work: Work) -> None:
    """Learn what the platform says of the account now."""
    account = work.account
    info = work.house.client_of(account).reader.account(account.platform_account_id)
    with work.transaction() as conn:
        accounts.open_account(conn, platform=account.platform, info=info, mode=account.mode, level=account.level)
        work.account = accounts.get(conn, account.id)
        if account.mode is Mode.STUB:
            caps = sandbox_caps(work.account, work.house.settings)
            work.account = accounts.change(conn, account.id, actor=work.owner, **caps)
    if not info.is_active:
        work.stats["account_status"] = info.status_text


def sandbox_caps(account: Account, settings: Settings) -> dict[str, int]:
    """Return caps for a sandbox account in another currency than the settings': their figures, in its own money.

    A real account in another currency gets none: it must be given its own, and until then the door stops it.
    """
    offered = {
        "max_daily_budget_per_ad_set_minor": settings.max_daily_budget_per_adset,
        "max_total_daily_spend_minor": settings.max_total_daily_spend,
        "max_change_without_approval_minor": settings.max_change_without_approval,
    }
    return {name: _in_currency(cap, account.currency) for name, cap in offered.items() if _lacks(account, name, cap)}


def daily_span(account: Account, platform: Platform, now: datetime) -> Span:
    """Return the days whose figures to read again."""
    today = _day(account, now)
    if account.insights_loaded_from is None or account.insights_read_at is None:
        return Span(since=today - timedelta(days=min(FIRST_DAYS, platform.history_days)), until=today)
    last = _day(account, account.insights_read_at)
    back_days = 1 if last == today else max(platform.restatement_days, (today - last).days + 1)
    return Span(since=today - timedelta(days=min(back_days, platform.history_days)), until=today)


def hourly_span(account: Account, now: datetime) -> Span:
    """Return the days whose hours to read again."""
    today = _day(account, now)
    if account.insights_read_at is None:
        return Span(since=today - timedelta(days=FIRST_HOURLY_DAYS), until=today)
    missed_days = (today - _day(account, account.insights_read_at)).days + 1
    return Span(since=today - timedelta(days=min(missed_days, FIRST_HOURLY_DAYS)), until=today)


def ads_since(account: Account, now: datetime) -> datetime | None:
    """Return from which change on to read ads; None = all of them, whether they changed or not."""
    full_at, read_at = account.tree_full_read_at, account.tree_read_at
    if full_at is None or read_at is None or not timedelta(0) <= now - full_at < FULL_TREE_EVERY:
        return None
    return min(read_at, now) - OVERLAP


def _collect_tree(work: Work, reader: PlatformReader) -> JsonMap:
    account, now = work.account, work.run.now_at
    own, since = account.platform_account_id, ads_since(account, now)
    marks: dict[str, datetime] = {"tree_read_at": now}
    with work.load() as conn:
        changed = {
            "campaigns": mirror.upsert_campaigns(conn, account.id, _kept(work, reader.campaigns(own)), now),
            "ad_sets": mirror.upsert_ad_sets(conn, account.id, _kept(work, reader.ad_sets(own)), now),
            "ads": mirror.upsert_ads(conn, account.id, _kept(work, reader.ads(own, changed_since=since)), now),
            "creatives": 0,
        }
        whole = [ObjectKind.CAMPAIGN, ObjectKind.AD_SET]
        if since is None:
            whole.append(ObjectKind.AD)
            marks["tree_full_read_at"] = now
        if since is None or mirror.lacks_creatives(conn, account.id, now):
            creatives = _kept(work, reader.creatives(own))
            changed["creatives"] = mirror.upsert_creatives(conn, account.id, creatives, now)
            whole.append(ObjectKind.CREATIVE)
        gone = sum(mirror.forget_unseen(conn, account.id, kind, now) for kind in whole)
        accounts.change(conn, account.id, actor=work.owner, **marks)
    if sum(changed.values()) + gone >= _MANY:
        with work.house.engine.begin() as conn:
            mirror.analyze(conn)
    return {**changed, "gone": gone}


def _collect_insights(work: Work, reader: PlatformReader) -> JsonMap:
    account, now = work.account, work.run.now_at
    platform = catalogue.platform(account.platform)
    days, hours = daily_span(account, platform, now), hourly_span(account, now)
    with work.house.engine.begin() as conn:
        ads = mirror.count(conn, account.id, ObjectKind.AD)
        room = most_rows(estimates.score_limit(conn, account))
    done = Unfinished.read(account.insights_unfinished, now)
    daily_rows = hourly_rows = 0
    planned = tuple(parts(days, hours, ads=ads, most_rows=room, done=done))
    for number, part in enumerate(planned, 1):
        done = done.after(part, now)
        marks: dict[str, Any] = {"insights_unfinished": done.as_json()}
        if number == len(planned):
            loaded_from = min(account.insights_loaded_from or days.since, days.since)
            marks = {"insights_unfinished": {}, "insights_read_at": now, "insights_loaded_from": loaded_from}
        with _whole_budget(), work.load() as conn:
            daily_rows += _load(work, conn, part.days, reader.daily_insights, insights.upsert_daily)
            hourly_rows += _load(work, conn, part.hours, reader.hourly_insights, insights.upsert_hourly)
            accounts.change(conn, account.id, **marks)
        if number < len(planned):
            told = {"part": number, "of": len(planned), "daily_rows": daily_rows, "hourly_rows": hourly_rows}
            work.write_logs([_entry("sync_insights_part", told)])
    return {
        "daily_rows": daily_rows,
        "hourly_rows": hourly_rows,
        "since": days.since.isoformat(),
        "hourly_since": hours.since.isoformat(),
        "until": days.until.isoformat(),
    }


@contextmanager
def _whole_budget() -> Iterator[None]:
    """A part that is throttled comes again once the whole budget is back: with a call's worth it would not get far."""
    try:
        yield
    except ThrottledError as error:
        error.retry_after_s = max(error.retry_after_s, quota.DECAY_S)
        raise


def _load(work: Work, conn: Connection, span: Span | None, read: _Read, upsert: Callable[..., int]) -> int:
    if span is None:
        return 0
    # Closed here and not when the last traceback that holds it is gone: threads read ahead of us.
    with closing(read(work.account.platform_account_id, span.since, span.until)) as pages:
        return upsert(conn, work.account.id, _kept(work, pages), work.run.now_at)


def _collect_activities(work: Work, reader: PlatformReader) -> None:
    """Take in what people changed by hand. Where it cannot be read the run is partial, and the door closes by itself
    once what it knows of people is too old (`actions/guardrails/hands_off.py`).
    """  # noqa: D205 - the sentence needs the room
    account, now = work.account, work.run.now_at
    try:
        with work.load() as conn:
            pages = _kept(work, reader.activities(account.platform_account_id, people.read_from(account, now)))
            history = tuple(chain.from_iterable(pages))  # read whole before a row is locked
            accounts.change(conn, account.id, activities_read_at=now)  # before the audit, as whoever closes the fence
            taken = people.take_in(conn, account.id, history, actor=work.owner)
    except PlatformError as error:
        work.note_error(STEP, error)
        return
    told = {"seen": taken.seen, "by_people": taken.by_people, "new": len(taken.news)}
    work.write_logs([_entry("sync_activities", {**told, "overwritten": len(taken.overwritten)})])
    if taken.overwritten:
        work.stats["edits_overwritten"] = len(taken.overwritten)


def _kept(work: Work, pages: Iterator[Sequence[_Thing]]) -> Iterator[Sequence[_Thing]]:
    """Keep the claim while pages stream through."""
    for page in pages:
        work.keep()
        yield page


def _lacks(account: Account, name: str, cap: Money) -> bool:
    return getattr(account, name) is None and cap.currency != account.currency


def _in_currency(cap: Money, currency: str) -> int:
    major = Decimal(cap.minor).scaleb(-exponent(cap.currency))
    return Money.from_major(major.quantize(Decimal(1)), currency).minor


def _day(account: Account, instant: datetime) -> date:
    return instant.astimezone(ZoneInfo(account.zone)).date()


def _entry(action: str, output: JsonMap) -> LogEntry:
    return LogEntry(step=STEP, action=action, output_snapshot=output, entity_type=ObjectKind.ACCOUNT)


cycle_tasks(app, "collector", run)
