"""What is found of one module: its runs, its queues, its workers, its planning, its platform. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from control_tower import house, thresholds
from control_tower.desired import lane_of
from control_tower.evidence import (
    CallFacts,
    ClientFacts,
    Consumers,
    Evidence,
    PlatformFacts,
    QuotaFacts,
    Unknown,
    WorkerFacts,
)
from control_tower.figures import Cell, cells, ended, facts_of, tally
from control_tower.findings import Reason, degraded, measured, offline, span, unknown, worst
from domain.catalogue import Pair, Rhythm
from domain.health import ModuleStatus, RunState

_LONG: Final = 200  # characters of an error that a reason quotes


def runs(evidence: Evidence, rhythms: Sequence[Rhythm]) -> Iterator[Reason]:
    """Find how its runs went, and whether its slots are served."""
    for name, reading in (("desired state", evidence.desired), ("runs", evidence.runs), ("slots", evidence.slots)):
        if isinstance(reading, Unknown):
            yield unknown(name, reading.why)
    mine = [cell for cell in cells(evidence, rhythms) if not cell.slot.excused]
    if not mine and not isinstance(evidence.slots, Unknown) and not isinstance(evidence.runs, Unknown):
        yield unknown("slots", "no account is open; `stakazo account open` opens one")
    for cell in mine:
        yield from _cell(cell)
    yield from _rates(evidence, rhythms)


def queues(evidence: Evidence, rhythms: Sequence[Rhythm]) -> Iterator[Reason]:
    """Find whether its queues are consumed, and how long messages wait in them."""
    if isinstance(evidence.queues, Unknown):
        yield unknown("queues", evidence.queues.why)
    else:
        for rhythm in rhythms:
            facts = evidence.queues.value.get(rhythm.name)
            if facts is None:
                yield unknown("queues", f"nothing is told of {rhythm.name}")
                continue
            yield measured("queue_length", facts.length, f"{facts.length} messages wait in {rhythm.name}")
            if facts.oldest_s is not None:
                text = f"the oldest message in {rhythm.name} waits for {span(facts.oldest_s)}"
                yield measured("queue_age_s", facts.oldest_s, text)
    if isinstance(evidence.consumers, Unknown):
        yield unknown("consumers", evidence.consumers.why)
        return
    for rhythm in rhythms:
        yield from _consumed(evidence, evidence.consumers.value, rhythm)


def planning(evidence: Evidence) -> Iterator[Reason]:
    """Find whether anybody plans its slots: beat and the tower each do."""
    silent = []
    for name, limit, reading in (
        ("tower", "tower_silent_s", evidence.tower),
        ("beat", "beat_silent_s", evidence.beat),
    ):
        if isinstance(reading, Unknown):
            yield unknown(name, reading.why)
        elif house.is_silent(reading.value, limit):
            silent.append(name)
    if len(silent) == 2:  # noqa: PLR2004 - both of them
        yield offline("planning", "neither beat nor the tower gives signs of life: nothing is planned")


def workers(evidence: Evidence, rhythms: Sequence[Rhythm]) -> Iterator[Reason]:
    """Find how those are that consume its queues: one that is ill degrades it, none that is well takes it down."""
    if isinstance(evidence.workers, Unknown):
        yield unknown("workers", evidence.workers.why)
        return
    if isinstance(evidence.consumers, Unknown):
        return
    known = {worker.name: worker for worker in evidence.workers.value}
    for rhythm in rhythms:
        names = evidence.consumers.value.of_queue.get(rhythm.name, frozenset())
        yield from _workers(evidence, [known.get(name) or _stranger(name) for name in sorted(names)])


def api(evidence: Evidence, pair: Pair) -> tuple[Reason, ...]:
    """Find how its platform answers and what it says of our token; nothing for a module that reads no platform."""
    if not pair.module.reads:
        return ()
    return (*_client(evidence, pair), *_platform(evidence, pair))


def _cell(cell: Cell) -> Iterator[Reason]:
    slot, facts = cell.slot, cell.runs
    where = f"{cell.rhythm.cycle.name} of {slot.account}"
    if isinstance(slot.now, Unknown):
        yield unknown("clock", f"the platform's time for {slot.account}: {slot.now.why}")
        return
    yield _freshness(cell, where)
    if slot.view is not None:
        missed = slot.view.missed
        text = (
            f"{len(missed)} slots of {where} passed unclaimed, the last at {missed[-1]:%m-%d %H:%M}Z" if missed else ""
        )
        yield measured("missed_slots", len(missed), text)
    if facts.last_state == RunState.FAILED:
        yield degraded("last_failed", f"the last run of {where} failed: {(facts.last_error or '')[:_LONG]}")
    if facts.open_for_s is not None:
        yield measured("cycle_s", facts.open_for_s, f"run {facts.open_run} of {where} takes {span(facts.open_for_s)}")


def _freshness(cell: Cell, where: str) -> Reason:
    """Judge the age of the last success.

    Past three intervals it is offline, unless it is planned again only since less than one and a half: then whatever
    kept it is over (a stop, a pause, a night without power), and it has not had its chance yet.
    """
    age, tried = cell.success_age_intervals, cell.tried_for_intervals
    limit = thresholds.row("success_age")
    if age is None:
        text = f"{where} has not succeeded yet"
        if tried is None:
            return unknown("first_success", f"{text}; nothing was planned")
        found = measured("success_age", tried, f"{text}, after {tried:.1f} intervals")
        return found if found.status is not ModuleStatus.ONLINE else unknown("first_success", text)
    every_s = cell.rhythm.cycle.every.total_seconds()
    text = f"the last success of {where} is {age:.1f} intervals old ({span(age * every_s)})"
    found = measured("success_age", age, text)
    is_tried_lately = tried is not None and limit.status(tried) is ModuleStatus.ONLINE
    if found.status is ModuleStatus.OFFLINE and is_tried_lately:
        return Reason(name="success_age", status=ModuleStatus.DEGRADED, text=f"{text}; it runs again", value=age)
    return found


def _rates(evidence: Evidence, rhythms: Sequence[Rhythm]) -> Iterator[Reason]:
    facts = facts_of(evidence, rhythms)
    if not facts:
        return
    total = tally(facts)
    yield measured("errors_24h", total.errors, f"{total.errors} errors in 24 h")
    if ended(total) >= thresholds.FEWEST_RUNS:
        rate = total.succeeded / ended(total)
        yield measured("success_rate", rate, f"{rate:.0%} of {ended(total)} runs in 24 h succeeded")


def _consumed(evidence: Evidence, consumers: Consumers, rhythm: Rhythm) -> Iterator[Reason]:
    if consumers.of_queue.get(rhythm.name):
        return
    silent = sorted({name for name in consumers.silent if lane_of(name) is rhythm.cycle.lane} - house.dead(evidence))
    if silent:
        yield unknown("consumers", f"{', '.join(silent)} does not answer, and no other worker consumes {rhythm.name}")
    else:
        yield offline("consumers", f"no worker consumes {rhythm.name}")


def _stranger(name: str) -> WorkerFacts:
    """Stand in for a worker that consumes and has given no sign of life."""
    return WorkerFacts(
        name=name, age_s=float("inf"), canary_age_s=None, rss_mb=None, cpu_pct=None, db_connections=None,
        at_work=None, concurrency=None, child=None, version=None,
    )  # fmt: skip


def _workers(evidence: Evidence, found: Sequence[WorkerFacts]) -> Iterator[Reason]:
    of_each = [
        (unknown("workers", f"{worker.name} consumes and gives no sign of life"),)
        if worker.age_s == float("inf")
        else house.worker_reasons(evidence, worker)
        for worker in found
    ]
    is_one_well = any(worst(reasons) is ModuleStatus.ONLINE for reasons in of_each)
    for reasons in of_each:
        for row in reasons:
            if row.status is ModuleStatus.OFFLINE and is_one_well:
                yield degraded(row.name, row.text)
            elif row.status is not ModuleStatus.UNKNOWN or not is_one_well:
                yield row


def _client(evidence: Evidence, pair: Pair) -> Iterator[Reason]:
    if isinstance(evidence.client, Unknown):
        yield unknown("client", evidence.client.why)
        return
    client: ClientFacts = evidence.client.value
    calls = client.of_pair.get(pair.slug, CallFacts())
    if calls.calls >= thresholds.FEWEST_CALLS:
        rate = calls.errors / calls.calls
        yield measured("api_error_rate", rate, f"{rate:.0%} of {calls.calls} calls in 24 h were answered with an error")
    quota = client.quota.get(pair.platform.slug, QuotaFacts(usage=None, breakers=()))
    if quota.usage is not None:
        yield measured("api_usage", quota.usage, f"{quota.usage:.0%} of {pair.platform.title}'s call budget is used")
    if quota.breakers:
        yield degraded("breaker", f"calls are broken off: {', '.join(quota.breakers)}; see `stakazo quota show`")


def _platform(evidence: Evidence, pair: Pair) -> Iterator[Reason]:
    for name, reading in (("accounts", evidence.modes), ("platform", evidence.platforms)):
        if isinstance(reading, Unknown):
            yield unknown(name, reading.why)
    if isinstance(evidence.modes, Unknown) or isinstance(evidence.platforms, Unknown):
        return
    title, slug = pair.platform.title, pair.platform.slug
    mode = evidence.modes.value.get(slug)
    facts = next((row for row in evidence.platforms.value if (row.platform, row.mode) == (slug, mode)), None)
    if facts is None:
        yield unknown("platform", f"{title} has not been asked yet what it thinks of our token")
        return
    limit = thresholds.row("facts_age_s").degraded
    if limit is not None and facts.age_s > limit:
        yield unknown("platform", f"{title} was asked {span(facts.age_s)} ago what it thinks of our token")
        return
    yield from _said(facts, title)


def _said(facts: PlatformFacts, title: str) -> Iterator[Reason]:
    if facts.is_token_valid is None:
        yield unknown("platform", f"{title} did not say whether our token is valid ({facts.error or 'no reason'})")
    elif not facts.is_token_valid:
        way_out = "`stakazo secret set` stores a new one, `stakazo schedules run api_client` asks again"
        yield offline("token", f"{title} says that our token is not valid; {way_out}")
    if facts.token_left_s is not None:
        yield measured("token_left_s", facts.token_left_s, f"our token for {title} ends in {span(facts.token_left_s)}")
    if facts.version_left_days is not None:
        text = f"version {facts.version} of {title}'s API ends in {facts.version_left_days} days"
        yield measured("version_left_days", facts.version_left_days, text)
    if facts.round_trip_ms is not None:
        yield measured("round_trip_ms", facts.round_trip_ms, f"{title} answers after {facts.round_trip_ms:.0f} ms")
