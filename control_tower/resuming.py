"""The way back from a stop: schedulers as wanted, the fence opened, what it paused switched on again, in stages.

What may be resumed is decided in `actions.resume`; here is when, how much at once, and that workers hear of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from actions import resume
from actions.guardrails import Limits
from actions.resume import Resumed, Step
from control_tower import emergency_records, halting
from control_tower.halting import Floor
from domain import catalogue
from domain.clock import PlatformClock
from domain.ids import StopId
from domain.permissions import Permission, Principal, require
from domain.ports import PlatformReader
from models import heartbeats, incidents, module_states, stops
from models.accounts import Account
from models.heartbeats import ProcessKind
from models.module_states import Desired
from models.stops import Stop

AT_ONCE = (1.0,)
STAGES = (0.1, 0.5, 1.0)  # shares of what can be resumed, what spends least first


@dataclass(frozen=True, slots=True, kw_only=True)
class Resuming:
    """What resuming needs: workers, the platforms to read, their clocks, and the house's limits."""

    floor: Floor
    reader_of: Callable[[Account], PlatformReader]
    clock_of: Callable[[Account], PlatformClock]
    limits: Limits

    @property
    def engine(self) -> Engine:
        """Postgres."""
        return self.floor.engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to bring back. `stages` are rising shares of the campaigns, the last one 1."""

    reason: str
    schedulers: bool = True
    campaigns: bool = True
    stages: Sequence[float] = AT_ONCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage: what was planned, and what was proposed of it."""

    share: float
    steps: tuple[Step, ...]
    done: Resumed


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """How far resuming came; `held_back` says why it went no further, None = all stages are through."""

    stages: tuple[Stage, ...]
    held_back: str | None


def walk(
    resuming: Resuming,
    stop_id: StopId,
    by: Principal,
    wish: Wish,
    *,
    settle: Callable[[Stage], str | None],
    check: Callable[[], str | None],
) -> Walked:
    """Take every stage, as long as each is well; run again it goes on from where it was.

    `settle` waits for a stage's outcomes, `check` for the house to be well; either says what is wrong.
    """
    stages: list[Stage] = []
    for share in wish.stages:
        stages.append(take_stage(resuming, stop_id, by, wish, share))
        wrong = settle(stages[-1]) or (None if share == wish.stages[-1] else check())
        if wrong is not None and share != wish.stages[-1]:
            return Walked(stages=tuple(stages), held_back=f"after {share:.0%}: {wrong}")
    return Walked(stages=tuple(stages), held_back=None)


def plan(resuming: Resuming, stop_id: StopId) -> tuple[Step, ...]:
    """Say for every object of a stop what resuming would do; reads the platforms, writes nothing."""
    return resume.plan(resuming.engine, stop_id, resuming.reader_of)


def take_stage(resuming: Resuming, stop_id: StopId, by: Principal, wish: Wish, share: float) -> Stage:
    """Resume up to `share` of what can be, on fresh readings; the first stage opens the fence. May be repeated.

    Raises:
        NotAllowedError: `by` may not resume.
        PlatformError: the platform cannot be read; the fence is as it was.
    """
    require(by, Permission.RESUME)
    steps = plan(resuming, stop_id) if wish.campaigns else ()
    if not wish.schedulers:
        hold_schedulers(resuming.engine, stop_id, by)
    done = resume.apply(
        resuming.engine, stop_id, steps, by, reason=wish.reason, clock_of=resuming.clock_of, share=share,
        limits=resuming.limits, gives_back_limits=wish.campaigns,
    )  # fmt: skip
    with resuming.engine.begin() as conn:
        resumed = sum(len(one.actions) for one in done.proposed)
        emergency_records.record_resume(conn, done.stop, resumed=resumed, by=by.name)
    let_go(resuming, done.stop)
    return Stage(share=share, steps=steps, done=done)


def hold_schedulers(engine: Engine, stop_id: StopId, by: Principal) -> None:
    """Want every module stopped by itself, before the stop that held them all is over; a person starts them."""
    with engine.begin() as conn:
        if stops.get(conn, stop_id, hold=True).opened_at is not None:
            return
        states = module_states.listing(conn)
        running = [
            pair.slug
            for pair in catalogue.PAIRS
            if pair.is_built and (pair.slug not in states or states[pair.slug].desired is Desired.RUNNING)
        ]
        reason = f"stop {stop_id} was ended without its schedulers"
        module_states.set_desired(conn, running, Desired.STOPPED, reason=reason, changed_by=by.name)


def let_go(resuming: Resuming, held: Stop) -> None:
    """Tell people that it is over, and workers to consume again; the tower tells those who did not hear it."""
    with resuming.engine.begin() as conn:
        scope = "" if held.account_id is None else f"account {held.account_id}"
        incidents.resolve(conn, "emergency_stop", scope)
        signs = heartbeats.listing(conn, ProcessKind.WORKER)
    fresh = [sign.process for sign in signs if sign.age_s <= halting.FRESH_S and halting.is_ours(sign.process)]
    if fresh:
        resuming.floor.switchboard.apply_desired(fresh)
