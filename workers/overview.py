"""What runs, where, since when, and how it is: from runtime.json, Postgres and the broker, what is missing in words.

Health is judged anew at each look, from evidence: what the tower wrote down last may be as old as its death.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.exc import DBAPIError

from control_tower import health
from control_tower.evidence import Evidence, Known
from control_tower.health import Checked
from control_tower.judging import ModuleHealth, SystemHealth
from control_tower.shaping import sign_of
from domain import catalogue
from domain.actions import ActionState
from domain.errors import NotReadyError
from domain.health import SystemStatus
from domain.slots import next_slot
from embedded.runtime import ChildRecord, Runtime, read_runtime
from models import accounts, heartbeats, incidents, ledger_counts, module_states, run_history, status_spans, stops
from models.accounts import Account
from models.engine import db_now
from models.heartbeats import Heartbeat, ProcessKind
from models.incidents import Incident
from models.runs import Run
from models.status_spans import StatusSpan
from models.stops import Stop
from workers.bootstrap import House
from workers.health import sources_of

TOWER_SILENT_S = 60.0  # it beats every few seconds; a minute is not a pause of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """An account beside its platform's clock, which is None where it cannot be read."""

    account: Account
    platform_now: datetime | None
    next_full_cycle_at: datetime | None
    last_full_cycle: Run | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What Postgres knows."""

    now: datetime
    accounts: tuple[AccountView, ...] = ()
    open_runs: tuple[Run, ...] = ()
    actions: Mapping[ActionState, int]
    heartbeats: tuple[Heartbeat, ...] = ()
    stopped: frozenset[str] = frozenset()
    stops: tuple[Stop, ...] = ()  # that keep a fence closed
    incidents: tuple[Incident, ...] = ()  # open ones, the gravest first
    spans: Mapping[str, StatusSpan] = field(default_factory=dict)  # as the tower wrote them down


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """How the system is, by this very look. `since` = since when the tower has seen it so, None if it did not."""

    system: SystemHealth
    modules: tuple[ModuleHealth, ...]
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One queue: how many messages wait (None = the broker is away), and who consumes it."""

    name: str
    waiting: int | None
    workers: tuple[str, ...]
    oldest_s: float | None = None  # how long the oldest message waits, where that is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One look at the whole house; `problems` says what should live and does not."""

    runtime: Runtime | None
    remembered: Remembered | None
    queues: tuple[Queue, ...]
    problems: tuple[str, ...]
    judged: Judged | None = None  # None = there is no database to judge from

    @property
    def is_well(self) -> bool:
        """Whether everything lives that should."""
        return not self.problems


def look(house: House) -> Overview:
    """Look at everything; what cannot be reached is a problem in the answer, not an error."""
    problems: list[str] = []
    runtime = read_runtime(house.settings.home)
    problems.extend(_process_problems(house, runtime))
    remembered = _remembered(house, problems)
    if remembered is None:
        return Overview(runtime=runtime, remembered=None, queues=(), problems=tuple(problems))
    checked = health.judged(sources_of(house))
    queues = queues_of(checked.evidence)
    if problem := tower_problem(remembered.heartbeats):
        problems.append(problem)
    problems.extend(map(_closed, remembered.stops))
    if queues:
        is_halted = any(stop.halts and stop.account_id is None for stop in remembered.stops)
        problems.extend(() if is_halted else _queue_problems(queues, remembered.stopped))
    else:
        problems.append("Redis does not answer; start it with `stakazo up`, or look at REDIS_URL")
    return Overview(
        runtime=runtime,
        remembered=remembered,
        queues=queues,
        problems=tuple(problems),
        judged=_judged(checked, remembered),
    )


def _judged(checked: Checked, held: Remembered) -> Judged:
    span = held.spans.get(status_spans.SYSTEM)
    since = span.since if span and span.status == checked.system.status else None
    stopped_at = min((stop.closed_at for stop in held.stops if stop.account_id is None), default=None)
    if checked.system.status is SystemStatus.EMERGENCY_STOP and stopped_at is not None:
        since = stopped_at  # however often the tower was started since
    return Judged(system=checked.system, modules=checked.modules, since=since)


def queues_of(evidence: Evidence) -> tuple[Queue, ...]:
    """What waits and who consumes it, by queue; nothing where the broker did not answer."""
    if not isinstance(evidence.queues, Known):
        return ()
    consumers = evidence.consumers.value.of_queue if isinstance(evidence.consumers, Known) else {}
    return tuple(
        Queue(
            name=name,
            waiting=facts.length,
            workers=tuple(sorted(consumers.get(name, ()))),
            oldest_s=facts.oldest_s,
        )
        for name, facts in evidence.queues.value.items()
    )


def tower_problem(signs: Iterable[Heartbeat]) -> str | None:
    """Say what is wrong with the tower that leads, None if it lives; one that waits for its turn does nothing."""
    age_s = sign_of(tuple(signs), ProcessKind.TOWER).age_s
    if age_s is None:
        return "the tower has never given a sign of life; start `stakazo tower` (`stakazo up` does)"
    if age_s > TOWER_SILENT_S:
        return f"the tower is silent for {age_s:.0f} s; start `stakazo tower` (`stakazo up` does)"
    return None


def read_queues(house: House) -> tuple[Queue, ...]:
    """Read how long each queue is and who consumes it; silence of all takes two seconds.

    Raises:
        NotReadyError: there is no broker to speak to.
    """
    names = [name for lane in catalogue.lanes() for name in catalogue.queues(lane)]
    lengths = house.switchboard.queue_lengths(names)
    if not lengths:
        raise NotReadyError("Redis does not answer; start it with `stakazo up`, or look at REDIS_URL")
    consuming = house.switchboard.consuming()
    return tuple(
        Queue(
            name=name,
            waiting=lengths.get(name),
            workers=tuple(sorted(worker for worker, queues in consuming.items() if name in queues)),
        )
        for name in names
    )


def down(runtime: Runtime) -> tuple[ChildRecord, ...]:
    """Children of a living supervisor that do not live."""
    return tuple(child for child in runtime.children if not child.alive) if runtime.alive else ()


def _closed(stop: Stop) -> str:
    scope = "ALL ACCOUNTS" if stop.account_id is None else f"ACCOUNT {stop.account_id}"
    return (
        f"THE FENCE OF {scope} IS CLOSED since {stop.closed_at:%Y-%m-%d %H:%M:%S}Z by {stop.actor} ({stop.reason}):"
        f" nothing is sent; `stakazo fence status` says more, `stakazo resume --stop {stop.id}` opens it"
    )


def _process_problems(house: House, runtime: Runtime | None) -> Iterator[str]:
    is_external = house.settings.database_url and house.settings.redis_url
    if runtime is None or not runtime.alive:
        if not is_external:
            yield f"nothing runs in {house.settings.home}; start it with `stakazo up`"
        return
    for child in down(runtime):
        yield f"{child.name} does not live ({child.restarts} restarts); see {child.log_path}"


def _remembered(house: House, problems: list[str]) -> Remembered | None:
    try:
        with house.engine.begin() as conn:
            people = accounts.listing(conn)
            found = Remembered(
                now=db_now(conn),
                open_runs=run_history.open_runs(conn),
                actions=ledger_counts.by_state(conn),
                heartbeats=heartbeats.listing(conn),
                stopped=module_states.stopped(conn),
                stops=stops.listing(conn, only_open=True),
                incidents=incidents.listing(conn),
                spans=status_spans.current(conn),
                accounts=tuple(
                    AccountView(
                        account=account,
                        platform_now=None,
                        next_full_cycle_at=None,
                        last_full_cycle=run_history.last(
                            conn, task=f"{account.platform}.full_cycle", account_id=account.id
                        ),
                    )
                    for account in people
                ),
            )
    except NotReadyError as error:
        problems.append(str(error))
        return None
    except DBAPIError as error:
        problems.append(f"Postgres cannot be used ({first_line(error.orig)}); `stakazo doctor` says more")
        return None
    return replace(found, accounts=tuple(_with_clock(house, view) for view in found.accounts))


def first_line(error: BaseException | None) -> str:
    """What a driver says, in one line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _with_clock(house: House, view: AccountView) -> AccountView:
    try:
        now = house.clock_of(view.account).now()
    except NotReadyError:
        return view
    name = f"{view.account.platform}.full_cycle"
    cycle = next((rhythm.cycle for rhythm in catalogue.RHYTHMS if rhythm.name == name), None)
    return replace(
        view,
        platform_now=now,
        next_full_cycle_at=None if cycle is None else next_slot(cycle, view.account.zone, now),
    )


def _queue_problems(queues: Iterable[Queue], stopped: frozenset[str]) -> Iterator[str]:
    pair_of = {rhythm.name: rhythm.pair.slug for rhythm in catalogue.RHYTHMS}
    for queue in queues:
        if not queue.workers and pair_of.get(queue.name) not in stopped:
            yield f"no worker consumes {queue.name}; `stakazo up` starts one per lane"
