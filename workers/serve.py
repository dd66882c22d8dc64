"""One delivery of a run, from claim to recorded outcome. Safe under 0, 1 or n deliveries, also at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg
import structlog
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from control_tower.planner import dependents, predecessors
from domain.calls import calling_for
from domain.catalogue import Rhythm
from domain.errors import LostClaimError, NotReadyError, StakazoError, ThrottledError, TransientError
from domain.health import RunState
from domain.ids import RunId
from models import accounts, run_rings, runs
from models.runs import MOST_ATTEMPTS, Refusal, Run
from workers.log import redact_text
from workers.work import Parts, RunRestarted, RunStopped, Work, why_stop

RETRY_S = 15.0
_PASSING = (TransientError, NotReadyError, OperationalError, InterfaceError, psycopg.OperationalError)
_SHUTDOWN_RETRY_S = 1.0
_LONGEST_THROTTLE_S = 3600.0

log = structlog.get_logger(__name__)

Body = Callable[[Work], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What a delivery came to: the run's new state, or why it was left alone (`state` is None)."""

    state: RunState | None
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.state or 'left alone'}{': ' if self.reason else ''}{self.reason}"


def serve(house: Parts, run_id: RunId, body: Body, *, rhythm: Rhythm, rhythms: Sequence[Rhythm], owner: str) -> Served:
    """Claim the run, do its body, record the outcome, then ring for the runs that waited for it.

    The body writes through `Work`; whatever it raises becomes an outcome, but for what ends the process.
    """
    work = _claim(house, rhythm, run_id, owner)
    if isinstance(work, Refusal):
        log.info("run left alone", run=run_id, why=work)
        return Served(state=None, reason=work)
    run = work.run
    with structlog.contextvars.bound_contextvars(
        run=run_id, task=run.task, account=work.account.name, slot=run.slot_at.isoformat(), attempt=run.attempts
    ):
        try:
            served = _do(work, body)
        except LostClaimError as error:
            log.warning("claim lost", cause=str(error))
            return Served(state=None, reason="claim lost")
        except BaseException:
            _hand_over(work)
            raise
        log.info("run ended", state=served.state, reason=served.reason, **_figures(work))
    _ring_waiting(house, run, dependents(rhythms, run.task))
    return served


def _claim(house: Parts, rhythm: Rhythm, run_id: RunId, owner: str) -> Work | Refusal:
    with house.engine.begin() as conn:
        run = runs.claim(conn, run_id, owner, after=predecessors(rhythm))
        if isinstance(run, Refusal):
            return run
        account = accounts.get(conn, run.account_id)
        stop = why_stop(conn, rhythm, account)  # the first look at the desired state is part of the claim
        return Work(house=house, rhythm=rhythm, run=run, account=account, owner=owner, stop=stop)


def _do(work: Work, body: Body) -> Served:
    """Do the body and record what came of it.

    Raises:
        LostClaimError: another worker has the run.
    """
    if work.stop is not None:
        return _record(work, RunStopped(work.stop))
    try:
        with calling_for(work.rhythm.pair.slug):
            body(work)
    except LostClaimError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a body raises is an outcome to record, bugs included
        return _record(work, error)
    if work.errors:
        return _finish(work, RunState.PARTIAL, f"{len(work.errors)} errors, see them in the run")
    return _finish(work, RunState.SUCCEEDED, "")


def _record(work: Work, error: Exception) -> Served:
    match error:
        case RunStopped():
            return _finish(work, RunState.STOPPED, str(error))
        case RunRestarted():
            return _put_back(work, str(error), 0.0, counts=False)
        case ThrottledError() if _waited_s(work.run) < _LONGEST_THROTTLE_S:
            whose = "kept back by our quota" if error.code is None else "throttled by the platform"
            reason = f"{whose}: {error}"
            return _put_back(work, reason, error.retry_after_s, counts=False)
        case _ if isinstance(error, _PASSING) and work.run.attempts < MOST_ATTEMPTS:
            return _put_back(work, _words(error), RETRY_S * work.run.attempts, counts=True)
        case StakazoError():
            pass
        case _:
            log.error("run raised", exc_info=error)
    work.errors.append({"step": "", "error": type(error).__name__, "message": redact_text(str(error))})
    return _finish(work, RunState.FAILED, _words(error))


def _waited_s(run: Run) -> float:
    return (run.started_at - run.created_at).total_seconds() if run.started_at else 0.0


def _put_back(work: Work, reason: str, delay_s: float, *, counts: bool) -> Served:
    with work.house.engine.begin() as conn:
        runs.put_back(conn, work.run.id, work.owner, delay_s=delay_s, reason=redact_text(reason), counts=counts)
    return Served(state=RunState.PLANNED, reason=f"again in {delay_s:.0f} s: {redact_text(reason)}")


def _finish(work: Work, state: RunState, reason: str) -> Served:
    reason = redact_text(reason)
    with work.house.engine.begin() as conn:
        runs.finish(
            conn, work.run.id, work.owner, state=state, reason=reason, stats=work.stats, errors=work.errors
        )  # fmt: skip
    return Served(state=state, reason=reason)


def _hand_over(work: Work) -> None:
    """This process is told to end, or Postgres went away: let another attempt begin soon, if that can be written."""
    try:
        with work.house.engine.begin() as conn:
            reason = "its worker was stopped in mid-run"
            runs.put_back(conn, work.run.id, work.owner, delay_s=_SHUTDOWN_RETRY_S, reason=reason)
    except (SQLAlchemyError, LostClaimError) as error:
        log.warning("run left to its lease", cause=type(error).__name__)


def _ring_waiting(house: Parts, run: Run, tasks: Sequence[str]) -> None:
    with house.engine.begin() as conn:
        waiting = (*run_rings.take_waiting(conn, run, tasks), *run_rings.take_next(conn, run))
    for due in waiting:
        house.doorbell.ring_run(due.task, due.id, about=due.about)


def _words(error: Exception) -> str:
    return redact_text(f"{type(error).__name__}: {error}".splitlines()[0])


def _figures(work: Work) -> dict[str, object]:
    return {key: value for key, value in work.stats.items() if isinstance(value, int | float | str)}
