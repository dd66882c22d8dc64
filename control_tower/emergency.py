"""The emergency stop: closed by one commit, then workers halted and senders drained side by side, then answered.

Needs Postgres alone. Whoever dies after the commit leaves a stop that anybody finishes; what may run meanwhile is
read from the rows. The pauses of a stop are `actions.pauses`; the way back is `control_tower.resuming`.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from actions import pauses, spending_limits, stop
from actions.pauses import Pausing
from actions.stop import Order
from actions.timing import Timing
from control_tower import emergency_records, halting
from control_tower.halting import Floor, Worker
from domain.alerts import Finding
from domain.ids import AccountId, StopId
from models import incidents, run_stops, stops
from models.stops import Stop

_POLL_S = 0.02

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """What a stop needs: where the workers are, and how long senders are waited for."""

    floor: Floor
    timing: Timing = field(default_factory=Timing)
    monotonic_s: Callable[[], float] = time.monotonic
    rest: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """A stop as it stands once whoever ordered it has the answer. `is_new` False = it was open already."""

    stop: Stop
    is_new: bool


def order(stopping: Stopping, scopes: Sequence[AccountId | None], wanted: Order) -> tuple[Ordered, ...]:
    """Stop these accounts, or all (None), and answer within the send deadline + 1 s; who is silent costs a second.

    All fences close in one commit, before anything else is tried. `wanted.pauses` are left to `pauses.pause_all`, or
    to the tower.
    """
    return answer(stopping, stop.order(stopping.floor.engine, scopes, wanted))


def answer(stopping: Stopping, closed: Sequence[tuple[StopId, bool]]) -> tuple[Ordered, ...]:
    """Bring stops that were just closed as far as their answer."""
    return tuple(Ordered(stop=finish(stopping, stop_id), is_new=is_new) for stop_id, is_new in closed)


def finish(stopping: Stopping, stop_id: StopId) -> Stop:
    """Do what a closed stop still needs until it is answered and quiet; any process may, any number of times."""
    engine = stopping.floor.engine
    held, since = stop.look(engine, stop_id)
    if stop.is_finished(held):
        return held
    until_s = stopping.monotonic_s() + stop.drain_s(stopping.timing)
    is_quiet = _halt_and_drain(stopping, held, lambda: stop.drain(
        engine, held, since, timing=stopping.timing, monotonic_s=stopping.monotonic_s, rest=stopping.rest
    ))  # fmt: skip
    is_quiet = is_quiet and (not held.halts or _nothing_runs(stopping, until_s))
    answered = stop.answer(engine, stop_id, since, is_quiet=is_quiet)
    with engine.begin() as conn:
        emergency_records.record_stop(conn, answered)
        _alert(conn, answered)
    return answered


def finish_open(stopping: Stopping, pausing: Pausing, *, patience_s: float) -> int:
    """Go on with every open stop that needs something: halt, drain, answer, list, pause; how many there were."""
    gone_on = pauses.finish_open(
        pausing, timing=stopping.timing, patience_s=patience_s, finish=lambda stop_id: finish(stopping, stop_id)
    )
    return gone_on + spending_limits.finish_open(pausing)


def _halt_and_drain(stopping: Stopping, held: Stop, drain: Callable[[], bool]) -> bool:
    """Halt beside draining; executors that are silent are ended once nothing of theirs is on its way."""
    if not held.halts:
        return drain()
    with ThreadPoolExecutor(max_workers=1) as side:
        halted = side.submit(_halt, stopping.floor, held.id)
        is_drained = drain()
        found = halted.result()
    if found is None:
        return is_drained
    workers, executors = found
    ended = halting.close_runs(stopping.floor, held.id, halting.end(stopping.floor, executors))
    with stopping.floor.engine.begin() as conn:
        stops.note_halted(conn, held.id, halting.rows((*workers, *ended)))
    return is_drained


def _halt(floor: Floor, stop_id: StopId) -> tuple[tuple[Worker, ...], tuple[str, ...]] | None:
    """Halt what can be; the executors that did not answer are handed back. None = it came to nothing."""
    try:
        told = halting.tell(floor)
        executors = tuple(filter(halting.is_executor, told.silent))
        ended = halting.end(floor, [name for name in told.silent if name not in executors])
        workers = halting.close_runs(floor, stop_id, (*told.workers, *ended))
    except SQLAlchemyError:
        raise
    except Exception:  # the answer must come, whatever is wrong with workers; the tower goes on with the stop
        log.exception("workers could not be halted", stop=stop_id)
        return None
    log.info("workers told", stop=stop_id, workers=[row.told() for row in workers], purged=told.purged)
    return workers, executors


def _nothing_runs(stopping: Stopping, until_s: float) -> bool:
    """Wait for runs whose worker could not be reached: they end at their next look, or their claim runs out."""
    while True:
        with stopping.floor.engine.begin() as conn:
            left = run_stops.at_work(conn)
        if not left or stopping.monotonic_s() >= until_s:
            return not left
        stopping.rest(_POLL_S)


def _alert(conn: Connection, held: Stop) -> None:
    """Put the alert into its outbox with the answer; channels are others' business."""
    if not held.alerts or held.opened_at is not None:
        return
    scope = "" if held.account_id is None else f"account {held.account_id}"
    text = f"{held.actor} stopped {scope or 'everything'}: {held.reason}"
    detail = {
        "stop": held.id,
        "in_doubt": len(held.in_doubt),
        "pauses": held.pauses,
        "quiet": held.quiet_at is not None,
    }
    incidents.note(conn, Finding(kind="emergency_stop", scope=scope, text=text, detail=detail))
