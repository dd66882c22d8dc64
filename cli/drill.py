"""`stakazo drill`: stop the sandbox and resume it, as if it were earnest, and see that the same campaigns run after."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, NoReturn

import typer

from actions import stop
from actions.stop import Order
from cli.console import AsJson, print_facts, print_json, say
from cli.ringing import ring_all
from cli.session import actor, opened, principal, transaction
from cli.stopping import pause
from cli.waiting import wait_for_actions
from control_tower import emergency, resuming
from control_tower.resuming import Stage, Wish
from domain.actions import ActionState, Mode
from domain.errors import NotReadyError
from domain.ids import AccountId, StopId
from domain.objects import Status
from domain.permissions import Principal
from models import accounts, stops
from models.accounts import Account
from models.stops import Stop
from workers.bootstrap import House
from workers.emergencies import resuming_of, stopping_of

_Running = Mapping[AccountId, frozenset[str]]  # campaigns that are switched on, as the platform says


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("drill")(drill)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """What a drill came to; seconds are counted from the closing of the fence, or from the order to resume."""

    stop: StopId
    quiet_s: float | None
    fenced_s: float | None
    paused_s: float | None
    resumed_s: float
    campaigns_before: int
    running_while_stopped: int
    missing_after: tuple[str, ...]
    unwanted_after: tuple[str, ...]

    @property
    def is_passed(self) -> bool:
        """Whether all stood still, and exactly what ran before runs again."""
        is_timed = None not in {self.quiet_s, self.fenced_s, self.paused_s}
        return is_timed and not (self.running_while_stopped or self.missing_after or self.unwanted_after)


def drill(
    reason: Annotated[str, typer.Option(help="Why; it is kept with the stop.")] = "drill",
    send_alerts: Annotated[bool, typer.Option(help="Tell people on every alert channel, too.")] = False,
    timeout: Annotated[float, typer.Option(min=1, max=3600, help="Seconds to wait for pauses and resumes each.")] = 120,
    as_json: AsJson = False,
) -> None:
    """Stop everything on the sandbox and resume it; refused where an account is live. Exit status 0 if it passed.

    Example: stakazo drill --reason 'the weekly one'
    """
    with opened() as house:
        with transaction(house) as conn:
            by, people = principal(conn), accounts.listing(conn)
            _refuse(people, stops.listing(conn, only_open=True))
        before = _running(house, people)
        held = _stop(house, Order(reason=reason, actor=actor(), pauses=True, halts=True, alerts=send_alerts), timeout)
        during = _running(house, people)
        resumed_s = _timed(lambda: _resume(house, held.id, by, reason, timeout))
        done = _drilled(held, before, during, _running(house, people), resumed_s)
    _leave(done, as_json=as_json)


def _refuse(people: tuple[Account, ...], open_stops: tuple[Stop, ...]) -> None:
    live = [f"{row.id} ({row.name})" for row in people if row.mode is Mode.LIVE]
    if live:
        raise NotReadyError(
            f"account {', '.join(live)} is live: a drill would pause campaigns that earn; it is for the sandbox only,"
            " such as a second house on a STAKAZO_HOME of its own"
        )
    if not people:
        raise NotReadyError("no account is open, so that there is nothing to drill; `stakazo up` opens the sandbox's")
    if open_stops:
        raise NotReadyError(f"stop {open_stops[0].id} is open already; `stakazo resume` ends it, a drill never does")


def _stop(house: House, wanted: Order, timeout_s: float) -> Stop:
    ((stop_id, is_new),) = stop.order(house.engine, (None,), wanted)
    ((one),) = emergency.answer(stopping_of(house), ((stop_id, is_new),))
    return pause(house, one.stop, timeout_s, is_asked_again=False)


def _resume(house: House, stop_id: StopId, by: Principal, reason: str, timeout_s: float) -> None:
    def settle(stage: Stage) -> str | None:
        ring_all(house, [ring for one in stage.done.proposed for ring in one.rings])
        rows = wait_for_actions(house, [row.id for one in stage.done.proposed for row in one.actions], timeout_s)
        bad = [str(row.id) for row in rows if row.state is not ActionState.APPLIED]
        if bad:
            say(f"not switched on again: action {', '.join(bad)}; `stakazo actions show ID` says why")
        return None

    resuming.walk(resuming_of(house), stop_id, by, Wish(reason=reason), settle=settle, check=lambda: None)


def _running(house: House, people: tuple[Account, ...]) -> _Running:
    return {
        account.id: frozenset(
            row.id
            for page in house.client_of(account).reader.campaigns(account.platform_account_id)
            for row in page
            if row.status is Status.ACTIVE
        )
        for account in people
    }


def _drilled(held: Stop, before: _Running, during: _Running, after: _Running, resumed_s: float) -> Drilled:
    return Drilled(
        stop=held.id,
        quiet_s=_since(held, "quiet_at"),
        fenced_s=_since(held, "fenced_at"),
        paused_s=_since(held, "paused_at"),
        resumed_s=resumed_s,
        campaigns_before=sum(map(len, before.values())),
        running_while_stopped=sum(map(len, during.values())),
        missing_after=tuple(sorted(key for account, ids in before.items() for key in ids - after[account])),
        unwanted_after=tuple(sorted(key for account, ids in after.items() for key in ids - before[account])),
    )


def _since(held: Stop, name: str) -> float | None:
    at = getattr(held, name)
    return None if at is None else float((at - held.closed_at).total_seconds())


def _timed(do: Callable[[], None]) -> float:
    began_s = time.monotonic()
    do()
    return time.monotonic() - began_s


def _leave(done: Drilled, *, as_json: bool) -> NoReturn:
    if as_json:
        print_json({"passed": done.is_passed, "drill": done})
    else:
        print_facts(f"Drill, stop {done.stop}", [
            ("closed", "at once"),
            *((name, "not reached" if at_s is None else f"after {at_s:.2f} s")
              for name, at_s in (("quiet", done.quiet_s), ("fenced", done.fenced_s), ("paused", done.paused_s))),
            ("resumed", f"{done.resumed_s:.2f} s after it was asked for"),
            ("campaigns", f"{done.campaigns_before} ran before, {done.running_while_stopped} while stopped"),
            ("do not run again", ", ".join(done.missing_after) or "none"),
            ("run and did not before", ", ".join(done.unwanted_after) or "none"),
            ("verdict", "passed" if done.is_passed else "FAILED"),
        ])  # fmt: skip
    raise typer.Exit(0 if done.is_passed else 1)
