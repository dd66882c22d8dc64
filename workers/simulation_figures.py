"""The figures of a simulation, gathered from Postgres, the platform's log and the notes. Nothing is drawn or judged."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select, text

from models.accounts import Account
from models.tables import actions, runs
from workers import simulation_memory, simulation_replay
from workers.simulation_checks import Seen, longest_go, standing_of
from workers.simulation_folder import Plan, SimulationFolder
from workers.simulation_futures import MATURED, UNTOUCHED, DayFigures, days_of
from workers.simulation_memory import Slope
from workers.simulation_notes import day_figures
from workers.simulation_troubles import Troubles

_STEPS = text(
    "SELECT task, step ->> 'step' AS step, sum((step ->> 'ms')::bigint) / 1000.0 AS seconds, count(*) AS times"
    " FROM runs, jsonb_array_elements(steps_executed) AS step GROUP BY 1, 2 ORDER BY 3 DESC"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyDay:
    """A day's spend and revenue in minor units of one currency, summed over its accounts.

    `known`: as reports told it an hour after the day's end. `matured`: once nothing is restated any more. `untouched`:
    matured, had nobody changed anything since the beginning.
    """

    currency: str
    day: date
    spend_minor: int
    revenue_known_minor: int
    revenue_matured_minor: int
    purchases_matured: int
    untouched_spend_minor: int
    untouched_revenue_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLine:
    """The daily budget of one object over time, in minor units."""

    id: str
    name: str
    currency: str
    points: tuple[tuple[datetime, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionCount:
    """How many actions of a kind, decided on a day (the account's), stand in a state."""

    day: date
    kind: str
    state: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCount:
    """How many runs of a cycle ended in a state, and how long they took on average."""

    task: str
    state: str
    count: int
    mean_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTime:
    """Real seconds that all runs together spent in a step."""

    task: str
    step: str
    seconds: float
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceDay:
    """Real seconds that a simulated day took, and what went into them."""

    day: int
    slots: int
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySample:
    """Resident megabytes of each process at an instant of the platform."""

    at: datetime
    rss_mb: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything that the report shows."""

    plan: Plan
    accounts: tuple[str, ...]
    money: tuple[MoneyDay, ...]
    budgets: tuple[BudgetLine, ...]
    actions: tuple[ActionCount, ...]
    blocked: Mapping[str, int]  # guardrail → proposals that it stopped
    runs: tuple[RunCount, ...]
    steps: tuple[StepTime, ...]
    pace: tuple[PaceDay, ...]
    memory: tuple[MemorySample, ...]
    slopes: tuple[Slope, ...]
    troubles: Troubles


def gather(seen: Seen, futures: Mapping[str, Sequence[DayFigures]]) -> Figures:
    """Gather everything at the end of a simulation."""
    with seen.house.engine.connect() as conn:
        return Figures(
            plan=seen.plan,
            accounts=tuple(account.name for account in seen.people),
            money=tuple(_money(conn, seen, futures)),
            budgets=tuple(_budgets(conn, seen)),
            actions=tuple(_actions(conn, seen.people)),
            blocked=_blocked(conn),
            runs=tuple(_runs(conn)),
            steps=tuple(
                StepTime(task=row.task, step=row.step, seconds=round(float(row.seconds), 3), times=row.times)
                for row in conn.execute(_STEPS)
            ),
            pace=pace_of(seen.folder),
            memory=tuple(_memory(seen.folder)),
            slopes=simulation_memory.slopes(longest_go(tuple(seen.folder.notes("memory")))),
            troubles=seen.troubles,
        )


def pace_of(folder: SimulationFolder) -> tuple[PaceDay, ...]:
    """Sum the notes of pace by simulated day; a day that was interrupted has several."""
    slots: Counter[int] = Counter()
    seconds: dict[int, dict[str, float]] = {}
    for note in folder.notes("pace"):
        slots[note["day"]] += note["slots"]
        day = seconds.setdefault(note["day"], {})
        for name, value in note["seconds"].items():
            day[name] = round(day.get(name, 0.0) + value, 4)
    return tuple(PaceDay(day=day, slots=slots[day], seconds=seconds[day]) for day in sorted(seconds))


def _money(conn: Connection, seen: Seen, futures: Mapping[str, Sequence[DayFigures]]) -> Iterator[MoneyDay]:
    known = {(note["account"], note["day"]): note for note in seen.folder.notes("known")}
    sums: dict[tuple[str, date], Counter[str]] = {}
    later = {name: {(row.account, row.day): row for row in rows} for name, rows in futures.items()}
    for account in seen.people:
        for day in days_of(account, seen.plan):
            row = sums.setdefault((account.currency, day), Counter())
            told = known.get((account.id, day.isoformat())) or day_figures(conn, account, day)
            matured, untouched = (later[name][account.id, day] for name in (MATURED, UNTOUCHED))
            row["revenue_known_minor"] += told["revenue_minor"]
            row["spend_minor"] += matured.spend_minor
            row["revenue_matured_minor"] += matured.revenue_minor
            row["purchases_matured"] += matured.purchases
            row["untouched_spend_minor"] += untouched.spend_minor
            row["untouched_revenue_minor"] += untouched.revenue_minor
    for (currency, day), row in sorted(sums.items()):
        yield MoneyDay(
            currency=currency,
            day=day,
            spend_minor=row["spend_minor"],
            revenue_known_minor=row["revenue_known_minor"],
            revenue_matured_minor=row["revenue_matured_minor"],
            purchases_matured=row["purchases_matured"],
            untouched_spend_minor=row["untouched_spend_minor"],
            untouched_revenue_minor=row["untouched_revenue_minor"],
        )


def _budgets(conn: Connection, seen: Seen) -> Iterator[BudgetLine]:
    plan = seen.plan
    for account in seen.people:
        own = str(account.platform_account_id).removeprefix("act_")
        effects = [effect for effect in seen.effects if effect.account_id == own]
        standing = standing_of(conn, account)
        names = {row.id: row.name for row in standing}
        lines = simulation_replay.budgets_over_time(effects, standing, plan.begin_at, plan.end_at)
        for object_id, points in lines.items():
            yield BudgetLine(id=object_id, name=names[object_id], currency=account.currency, points=points)


def _actions(conn: Connection, people: Sequence[Account]) -> Iterator[ActionCount]:
    counts: Counter[tuple[date, str, str]] = Counter()
    for account in people:
        zone = ZoneInfo(account.zone)
        columns = (actions.c.decided_at, actions.c.kind, actions.c.state)
        for at, kind, state in conn.execute(select(*columns).where(actions.c.account_id == account.id)):
            counts[at.astimezone(zone).date(), kind, state] += 1
    for (day, kind, state), count in sorted(counts.items()):
        yield ActionCount(day=day, kind=kind, state=state, count=count)


def _blocked(conn: Connection) -> Mapping[str, int]:
    """Count stops by the guardrail that is named first; several may have stopped one proposal."""
    first = func.split_part(actions.c.blocked_by, ",", 1)
    rows = conn.execute(select(first, func.count()).where(actions.c.blocked_by.is_not(None)).group_by(first))
    return {str(name): int(count) for name, count in sorted(rows, key=lambda row: -row[1])}


def _runs(conn: Connection) -> Iterator[RunCount]:
    columns = (runs.c.task, runs.c.state)
    counted = select(*columns, func.count().label("times"), func.avg(runs.c.duration_ms).label("mean_ms"))
    for row in conn.execute(counted.group_by(*columns).order_by(*columns)):
        mean_ms = None if row.mean_ms is None else round(float(row.mean_ms), 1)
        yield RunCount(task=row.task, state=row.state, count=row.times, mean_ms=mean_ms)


def _memory(folder: SimulationFolder) -> Iterator[MemorySample]:
    for note in folder.notes("memory"):
        sizes = {process: round(size / 1024**2, 1) for process, size in note["rss"].items()}
        yield MemorySample(at=datetime.fromisoformat(note["at"]), rss_mb=sizes)
