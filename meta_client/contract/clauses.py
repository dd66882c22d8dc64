"""The contract: a frozen row for each thing that our client asks of Meta, and what must hold of the answer.

A row's function asks through the bench and yields what does not hold; what it raises is a breach as well.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.actions import ObjectKind
from domain.contract import Clause
from domain.errors import GoneError
from domain.objects import Ad, AdSet, Campaign, Creative, ObjectState
from meta_client.contract import beside, facts, figures
from meta_client.contract.bench import GONE, SPENDERS, Bench

Examine = Callable[[Bench], Iterator[str]]
_BATCH: Final = 3
_PAGED_STATUSES: Final = frozenset({"active", "paused"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A clause and how it is examined."""

    clause: Clause
    examine: Examine


def _token(bench: Bench) -> Iterator[str]:
    if not bench.token.is_valid:
        yield "the token is not valid"
    if "ads_read" not in bench.token.scopes:
        yield f"the token's permissions lack ads_read: {', '.join(bench.token.scopes) or 'none'}"


def _accounts(bench: Bench) -> Iterator[str]:
    for info in bench.accounts:
        yield from facts.bad_account(info)
    if bench.account not in {info.id for info in bench.accounts}:
        yield f"{bench.account} is not among the accounts that the token sees"


def _account(bench: Bench) -> Iterator[str]:
    yield from facts.bad_account(bench.info)
    listed = [info for info in bench.accounts if info.id == bench.account]
    apart = ("name", "currency", "zone", "status_text", "minimum_daily_budget_minor")
    for info in listed:
        yield from facts.told(
            "its list and its node differ", (name for name in apart if getattr(info, name) != getattr(bench.info, name))
        )


def _campaigns(bench: Bench) -> Iterator[str]:
    yield from _objects("campaigns", bench.campaigns.rows, bench)
    yield from facts.bad_budgets("campaigns", bench.campaigns.rows)


def _ad_sets(bench: Bench) -> Iterator[str]:
    yield from _objects("ad sets", bench.ad_sets.rows, bench)
    yield from facts.bad_budgets("ad sets", bench.ad_sets.rows)
    if bench.campaigns.is_whole:
        yield from facts.bad_parents(bench.ad_sets.rows, bench.campaigns.rows)


def _ads(bench: Bench) -> Iterator[str]:
    yield from _objects("ads", bench.ads.rows, bench)
    if bench.ad_sets.is_whole:
        yield from facts.bad_places(bench.ads.rows, bench.ad_sets.rows)


def _objects(what: str, rows: Sequence[Campaign | AdSet | Ad], bench: Bench) -> Iterator[str]:
    yield from facts.bad_ids(what, [row.id for row in rows])
    yield from facts.bad_times(what, rows, bench.now)
    yield from facts.bad_statuses(what, rows)


def _creatives(bench: Bench) -> Iterator[str]:
    yield from facts.bad_ids("creatives", [row.id for row in bench.creatives.rows])
    if bench.creatives.is_whole:
        yield from facts.bad_creatives(bench.ads.rows, bench.creatives.rows)


def _changed_ads(bench: Bench) -> Iterator[str]:
    since = max((row.updated_at for row in bench.ads.rows), default=bench.now) - timedelta(hours=1)
    rows = bench.ads_changed_since(since).rows
    yield from facts.told("ads changed earlier than asked for", (row.id for row in rows if row.updated_at <= since))
    listed = {row.id for row in rows}
    if bench.ads.is_whole:
        lacking = (row.id for row in bench.ads.rows if row.updated_at > since and row.id not in listed)
        yield from facts.told("ads changed and are not told", lacking)


def _pages(bench: Bench) -> Iterator[str]:
    known = [row.id for row in bench.ad_sets.rows if row.effective_status in _PAGED_STATUSES]
    found = [one for page in bench.ids_by_pages(len(known)) for one in page]
    yield from facts.bad_ids("ad sets by pages", found)
    if bench.ad_sets.is_whole:
        yield from facts.told("ad sets are lost between pages", sorted(set(known) - set(found)))


def _daily(bench: Bench) -> Iterator[str]:
    yield from figures.bad_rows(bench.daily.rows, *bench.days, hourly=False)
    yield from figures.astray(bench.daily.rows, bench.ads.rows)
    lost = figures.unlisted(bench.daily.rows, bench.ads.rows) if bench.ads.is_whole else []
    if lost:
        told = bench.states(ObjectKind.AD, lost[:_BATCH])
        living = (one for one, state in told.items() if state.values.get("status") != "deleted")
        yield from facts.told("ads have figures, are not deleted and not in the tree", living)


def _hourly(bench: Bench) -> Iterator[str]:
    day = bench.days[0]
    yield from figures.bad_rows(bench.hourly.rows, day, day, hourly=True)
    yield from figures.astray(bench.hourly.rows, bench.ads.rows)
    if bench.daily.is_whole and bench.hourly.is_whole:
        yield from figures.bad_sums([row for row in bench.daily.rows if row.on == day], bench.hourly.rows)


def _account_hours(bench: Bench) -> Iterator[str]:
    rows, day = bench.account_hours(), bench.days[0]
    hours = [row.hour for row in rows]
    yield from facts.told("hours come twice", sorted({str(hour) for hour in hours if hours.count(hour) > 1}))
    yield from facts.told("hours are none of the day's", (str(row) for row in rows if row.on != day))
    if bench.daily.is_whole:
        yield from figures.bad_sums([row for row in bench.daily.rows if row.on == day], rows)


def _top_spenders(bench: Bench) -> Iterator[str]:
    day = bench.days[0]
    for kind in (ObjectKind.CAMPAIGN, ObjectKind.AD_SET):
        rows = bench.top_spenders(kind)
        yield from facts.bad_ids(f"top {kind}s", [row.object_id for row in rows])
        spends = [row.spend_minor for row in rows]
        if spends != sorted(spends, reverse=True):
            yield f"top {kind}s are not told by what they spent"
        if bench.daily.is_whole and len(rows) < SPENDERS:
            yield from figures.bad_sums([row for row in bench.daily.rows if row.on == day], rows)


def _report(bench: Bench) -> Iterator[str]:
    day = bench.days[0]
    yield from figures.bad_rows(bench.reported.rows, day, day, hourly=False)
    if bench.daily.is_whole and bench.reported.is_whole:
        yield from figures.bad_report(bench.reported.rows, [row for row in bench.daily.rows if row.on == day])


def _state_of_account(bench: Bench) -> Iterator[str]:
    state = bench.state(ObjectKind.ACCOUNT, bench.account)
    wanted = bench.info.spend_cap_minor or 0
    if (state.values.get("spend_cap_minor") or 0) != wanted:
        yield f"its spending limit is {state.values.get('spend_cap_minor')}, its node says {wanted}"


def _states(bench: Bench) -> Iterator[str]:
    for kind, rows in _tree(bench):
        if rows:
            yield from _unlike(kind, rows[0], bench.state(kind, rows[0].id))


def _states_batch(bench: Bench) -> Iterator[str]:
    ads = bench.ads.rows[:_BATCH]
    told = bench.states(ObjectKind.AD, [*(row.id for row in ads), GONE])
    yield from facts.told("objects of nobody are answered", told.keys() - {row.id for row in ads})
    yield from facts.told("objects of a batch are not answered", (row.id for row in ads if row.id not in told))
    for row in ads:
        if row.id in told:
            yield from _unlike(ObjectKind.AD, row, told[row.id])


def _tree(bench: Bench) -> tuple[tuple[ObjectKind, Sequence[Campaign | AdSet | Ad | Creative]], ...]:
    return (
        (ObjectKind.CAMPAIGN, bench.campaigns.rows),
        (ObjectKind.AD_SET, bench.ad_sets.rows),
        (ObjectKind.AD, bench.ads.rows),
        (ObjectKind.CREATIVE, bench.creatives.rows),
    )


def _unlike(kind: ObjectKind, row: Campaign | AdSet | Ad | Creative, state: ObjectState) -> Iterator[str]:
    """Yield what a fresh reading of an object says otherwise than its list."""
    shown = ("name",) if isinstance(row, Creative) else ("name", "status", "daily_budget_minor")
    for name in shown:
        listed, fresh = getattr(row, name, None), state.values.get(name)
        if (listed or None) != (fresh or None):
            yield f"{kind} {row.id}: its {name} is {fresh!r}, its list says {listed!r}"


def _gone(bench: Bench) -> Iterator[str]:
    try:
        state = bench.state(ObjectKind.AD_SET, GONE)
    except GoneError:
        return
    yield f"an id of nothing is answered with {state.id}"


def _nobodys(bench: Bench) -> Iterator[str]:
    yield from facts.told("objects carry a token of nobody", bench.found(ObjectKind.CAMPAIGN))


def _made(bench: Bench) -> Iterator[str]:
    newest = max(bench.campaigns.rows, key=lambda row: row.created_at, default=None)
    if newest is None:
        return
    seen = bench.made_since(ObjectKind.CAMPAIGN, newest.created_at)
    early = (row.id for row in seen.rows if row.created_at < newest.created_at - timedelta(seconds=1))
    yield from facts.told("campaigns are older than asked for", early)
    if seen.is_whole and newest.id not in {row.id for row in seen.rows}:
        yield f"campaign {newest.id} was made at {newest.created_at} and is not told"


def _activities(bench: Bench) -> Iterator[str]:
    since, seen = bench.activities()
    yield from facts.told("changes are older than asked for", (row.at for row in seen.rows if row.at < since))
    instants = [row.at for row in seen.rows]
    if instants != sorted(instants, reverse=True):
        yield "changes do not come newest first"


def _usage(bench: Bench) -> Iterator[str]:
    usage = bench.usage()
    shares = (usage.account, usage.business, usage.insights)
    if all(share is None for share in shares):
        yield "no answer told how much of the quota is used"
    if bench.version_warning():
        yield bench.version_warning()


def _row(name: str, examine: Examine, holds: str, *, calls: int, is_paged: bool = False) -> Examined:
    return Examined(clause=Clause(name=name, holds=holds, calls=calls, is_paged=is_paged), examine=examine)


CLAUSES: Final[tuple[Examined, ...]] = (
    _row("token", _token, "the token works and may read ads", calls=1),
    _row(
        "accounts", _accounts, "ids, ISO currencies, known zones and states; ours is among them", calls=1, is_paged=True
    ),
    _row("account", _account, "the account's node says what its list said", calls=1),
    _row("campaigns", _campaigns, "ids once each, instants in order, whole minor units", calls=1, is_paged=True),
    _row("ad sets", _ad_sets, "the same, each under a listed campaign, one budget", calls=1, is_paged=True),
    _row("ads", _ads, "the same, each under a listed ad set and its campaign", calls=1, is_paged=True),
    _row("creatives", _creatives, "each ad's creative is listed", calls=1, is_paged=True),
    _row("changed ads", _changed_ads, "a filter by change leaves out none that changed, and no more", calls=1),
    _row("pages", _pages, "cursors lead through all rows, each once, and end", calls=3),
    _row("daily insights", _daily, "a row an ad and day, within the days, of ads of the tree", calls=1, is_paged=True),
    _row("hourly insights", _hourly, "hours 0 to 23, which add up to their day", calls=1, is_paged=True),
    _row("account hours", _account_hours, "one row an hour, which add up to the ads' day", calls=1),
    _row("top spenders", _top_spenders, "campaigns and ad sets, the largest first, which add up to the day", calls=2),
    _row("report", _report, "ordered, waited for, read: the rows of a plain reading", calls=3, is_paged=True),
    _row("state of account", _state_of_account, "its spending limit is as its node says", calls=1),
    _row("state", _states, "a fresh reading of one of each kind says what its list said", calls=4),
    _row("states", _states_batch, "a batch answers each of its objects, and of nothing nothing", calls=_BATCH + 1),
    _row("gone", _gone, "an id of nothing is refused as such", calls=1),
    _row("find by token", _nobodys, "names are searched, deleted ones too; of nobody's token there is none", calls=2),
    _row("made since", _made, "a filter by birth tells the newest", calls=1, is_paged=True),
    _row(
        "activities", _activities, "who changed what, newest first, none older than asked for", calls=2, is_paged=True
    ),
    _row("pages and pixels", beside.pages_and_pixels, "in whose name ads speak, what counts purchases", calls=2),
    _row("labels", beside.labels, "every label that an ad set bears is listed", calls=1, is_paged=True),
    _row("images", beside.images, "of a hash of nothing there is no image", calls=1),
    _row("audiences", beside.audiences, "ids once each, bounds in order", calls=1, is_paged=True),
    _row("studies", beside.studies, "ids once each, ends after their beginnings", calls=1, is_paged=True),
    _row("interests", beside.interests, "what a text finds: ids, names, bounds in order", calls=1),
    _row("places", beside.places, "what a text finds: keys, names, countries of two letters", calls=1),
    _row("reach", beside.reach, "people in order, fewer where fewer are meant", calls=2),
    _row("delivery", beside.delivery, "a curve that rises with the spend, in the account's currency", calls=1),
    _row("minimum budgets", beside.minimum_budgets, "in the account's currency, above nothing", calls=1),
    _row("usage", _usage, "headers told the quota; our version answered", calls=0),
)
