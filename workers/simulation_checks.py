"""What must hold after a simulation, checked against the platform's own log and the slots' own arithmetic.

Each check yields sentences about what is broken; none is fine. The ledger is compared, never believed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, select

from actions.quota import LIMITS
from domain import catalogue
from domain.actions import ObjectKind
from domain.catalogue import Rhythm
from domain.health import OPEN_RUN_STATES, RunState
from domain.money import Money
from domain.objects import AdSet, Campaign, Status
from domain.ports import CallClass
from domain.slots import latest_slot, next_slot
from models import accounts, mirror
from models.accounts import Account
from models.runs import SCHEDULE
from models.tables import runs
from workers import addresses, oracle, sandbox_admin, simulation_memory, simulation_replay, simulation_troubles
from workers.bootstrap import House
from workers.schedule import wanted_rhythms
from workers.simulation_folder import Plan, SimulationFolder
from workers.simulation_replay import Caps, Effect, Standing
from workers.simulation_troubles import Troubles

_NUMBERS = (
    "campaigns_active", "adsets_active", "ads_active", "total_spend_today", "proposed", "actions_taken",
)  # fmt: skip
_MOST_NAMED = 20
_BUDGET = "daily_budget_minor"
_WELL = frozenset({RunState.SUCCEEDED, RunState.SKIPPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must hold, and what breaks it (at most twenty sentences; `broken` counts all)."""

    name: str
    says: str
    broken: int
    violations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the checks look at."""

    house: House
    folder: SimulationFolder
    plan: Plan
    people: tuple[Account, ...]
    effects: tuple[Effect, ...]
    troubles: Troubles


def look(house: House, folder: SimulationFolder, plan: Plan) -> Seen:
    """Read the platform's log and the plan's accounts, and count what went wrong."""
    admin_url = addresses.sandbox_admin_url(house.settings)
    lines = oracle.lines(admin_url, after=plan.first_effect)
    faults, usage_peak = simulation_troubles.fired(sandbox_admin.faults(admin_url)), sandbox_admin.usage_peak(admin_url)
    with house.engine.connect() as conn:
        return Seen(
            house=house,
            folder=folder,
            plan=plan,
            people=tuple(row for row in accounts.listing(conn) if not row.is_paused),
            effects=simulation_replay.effects_of(lines),
            troubles=simulation_troubles.of(conn, faults=faults, usage_peak=usage_peak),
        )


def check_all(seen: Seen) -> tuple[Check, ...]:
    """Check everything."""
    with seen.house.engine.connect() as conn:
        return (
            _check("ledger equals oracle", "every applied action has one effect, and no other", _ledger(seen)),
            _check("every slot accounted for", "each slot was run, or is recorded as skipped", _slots(conn, seen)),
            _check(
                "runs ended well",
                "no run failed or had errors but by the platform's fault",
                _runs(conn, seen),
            ),
            _check("figures are numbers", "no figure of a run is missing or not a number", _figures(conn)),
            _check("steps", "no budget step of ours is wider than 20 %", _steps(conn, seen)),
            _check("rests", "24 h between budget changes of an object, 72 h in learning", _rests(seen)),
            _check("caps", "no raise or activation of ours passed a cap", _caps(conn, seen)),
            _check("people", "nothing that people set was overwritten without being flagged", _overwrites(conn, seen)),
            _check("audit", "the audit's chains are whole", iter(seen.troubles.audit_problems)),
            _check("calls", "no account's calls were used up by over 80 %", _calls(seen)),
            _check("memory", "no process grows without end", _memory(seen.folder)),
        )


def expected_slots(rhythm: Rhythm, zone: str, begin_at: datetime, end_at: datetime) -> tuple[datetime, ...]:
    """Return every slot of a rhythm from the one in force at the beginning to the last not after the end."""
    slot = latest_slot(rhythm.cycle, zone, begin_at)
    found: list[datetime] = []
    while slot <= end_at:
        found.append(slot)
        slot = next_slot(rhythm.cycle, zone, slot)
    return tuple(found)


def standing_of(conn: Connection, account: Account) -> tuple[Standing, ...]:
    """Return campaigns and ad sets as the mirror has them."""
    found: list[Standing] = []
    for kind in (ObjectKind.CAMPAIGN, ObjectKind.AD_SET):
        for row in mirror.listing(conn, account.id, kind):
            if not isinstance(row, AdSet | Campaign):
                continue
            parent = str(row.campaign_id) if isinstance(row, AdSet) else None
            is_on, budget = row.status is Status.ACTIVE, row.daily_budget_minor
            found.append(Standing(id=str(row.id), name=row.name, parent=parent, budget=budget, is_on=is_on))
    return tuple(found)


def longest_go(notes: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Return the samples of memory of the longest go: after a resume all processes are new and start from nothing."""
    goes = [tuple(group) for _, group in groupby(notes, key=lambda note: note.get("go"))]
    return max(goes, key=len, default=())


def _check(name: str, says: str, violations: Iterator[str]) -> Check:
    found = tuple(violations)
    return Check(name=name, says=says, broken=len(found), violations=found[:_MOST_NAMED])


def _ledger(seen: Seen) -> Iterator[str]:
    settings = seen.house.settings
    found = oracle.compare(
        seen.house.engine, addresses.sandbox_admin_url(settings), after=seen.plan.first_effect
    )  # fmt: skip
    yield from (f"action {number} is applied and has no effect" for number in found.applied_without_effect)
    yield from (f"action {number} has an effect and is not applied" for number in found.effect_not_applied)
    yield from (f"action {number} has several effects" for number in found.effects_twice)
    if found.undecided:
        yield f"{found.undecided} actions are still sent or unknown, beyond every quarantine"


def _slots(conn: Connection, seen: Seen) -> Iterator[str]:
    for account in seen.people:
        for rhythm in wanted_rhythms(seen.house.settings, catalogue.RHYTHMS):
            if rhythm.pair.platform.slug != account.platform:
                continue
            is_its = (runs.c.task == rhythm.name, runs.c.account_id == account.id, runs.c.triggered_by == SCHEDULE)
            states = {row.slot_at: row for row in conn.execute(select(runs).where(*is_its))}
            wanted = expected_slots(rhythm, account.zone, seen.plan.begin_at, seen.plan.end_at)
            for slot in wanted:
                row = states.pop(slot, None)
                where = f"slot {slot.isoformat()} of {rhythm.name}, {account.name},"
                if row is None:
                    yield f"{where} has no run"
                elif row.state in OPEN_RUN_STATES:
                    yield f"{where} is still {row.state}"
                elif row.state == RunState.SKIPPED and not row.reason:
                    yield f"{where} was skipped without a reason"
            yield from (f"run {row.id} of {rhythm.name} stands at no slot ({slot})" for slot, row in states.items())


def _runs(conn: Connection, seen: Seen) -> Iterator[str]:
    for row in conn.execute(select(runs).where(runs.c.state.not_in(_WELL | OPEN_RUN_STATES)).order_by(runs.c.id)):
        if simulation_troubles.is_spoilt(row, is_well=not seen.troubles.faults):
            continue
        yield f"run {row.id} of {row.task} at {row.slot_at.isoformat()} {row.state}: {row.reason}"


def _figures(conn: Connection) -> Iterator[str]:
    """A return on spend may be missing where nothing was spent in the window, and only there."""
    cycles = [row.name for row in catalogue.RHYTHMS if row.cycle.name == "full_cycle"]
    ended = select(runs.c.id, runs.c.stats_snapshot).where(
        runs.c.task.in_(cycles), runs.c.state.in_((RunState.SUCCEEDED, RunState.PARTIAL))
    )
    for row in conn.execute(ended.order_by(runs.c.id)):
        stats: Mapping[str, Any] = row.stats_snapshot
        yield from (
            f"run {row.id}: {name} is {stats.get(name)}" for name in _NUMBERS if not _is_number(stats.get(name))
        )
        roas = stats.get("avg_roas")
        if not _is_number(roas) and not (roas is None and not stats.get("total_spend_today")):
            yield f"run {row.id}: avg_roas is {roas} although {stats.get('total_spend_today')} was spent today"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _steps(conn: Connection, seen: Seen) -> Iterator[str]:
    """A step that went over an edit in the moment of the sending is judged by what it stepped from: it is flagged."""
    over = simulation_troubles.believed(conn, simulation_troubles.flagged(conn))
    budgets = {number: int(held[_BUDGET]) for number, held in over.items() if held.get(_BUDGET) is not None}
    return simulation_replay.wide_steps(seen.effects, budgets)


def _overwrites(conn: Connection, seen: Seen) -> Iterator[str]:
    believed = simulation_troubles.believed(conn, {effect.action for effect in seen.effects if effect.action})
    flagged = simulation_troubles.flagged(conn)
    for account in seen.people:
        own = str(account.platform_account_id).removeprefix("act_")
        effects = [effect for effect in seen.effects if effect.account_id == own]
        until = account.activities_read_at or seen.plan.begin_at
        yield from simulation_replay.silent_overwrites(effects, believed, flagged, until)


def _calls(seen: Seen) -> Iterator[str]:
    peak = seen.troubles.usage_peak
    if peak > LIMITS[CallClass.DOOR]:
        yield f"an account's calls were used up by {peak:.1%}"


def _rests(seen: Seen) -> Iterator[str]:
    learning: dict[str, list[tuple[datetime, bool]]] = {}
    for note in seen.folder.notes("learning"):
        entry = (datetime.fromisoformat(note["at"]), bool(note["learning"]))
        learning.setdefault(str(note["ad_set"]), []).append(entry)
    return simulation_replay.hasty_changes(seen.effects, learning)


def _caps(conn: Connection, seen: Seen) -> Iterator[str]:
    for account in seen.people:
        own = str(account.platform_account_id).removeprefix("act_")
        effects = [effect for effect in seen.effects if effect.account_id == own]
        yield from simulation_replay.broken_caps(effects, standing_of(conn, account), _caps_of(seen.house, account))


def _caps_of(house: House, account: Account) -> Caps:
    def cap(own: int | None, setting: Money) -> int | None:
        return own if own is not None else setting.minor if setting.currency == account.currency else None

    return Caps(
        per_ad_set=cap(account.max_daily_budget_per_ad_set_minor, house.settings.max_daily_budget_per_adset),
        total=cap(account.max_total_daily_spend_minor, house.settings.max_total_daily_spend),
    )


def _memory(folder: SimulationFolder) -> Iterator[str]:
    for slope in simulation_memory.slopes(longest_go(tuple(folder.notes("memory")))):
        if not slope.is_flat:
            yield f"{slope.process} grew by {slope.growth_mb} MB ({slope.mb_per_day} MB a simulated day)"
