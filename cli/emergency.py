"""`stakazo emergency-stop` and `stakazo resume`: everything stands still, and what stood still goes on."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, NoReturn

import typer
from sqlalchemy import Connection

from actions import spending_limits, stop
from actions.stop import Order
from cli.console import AsJson, say
from cli.ringing import ring_all
from cli.session import AccountFilter, actor, chosen_or_all, opened, principal, transaction
from cli.stopping import Reason, Timeout, chosen, pause, pausing_of, say_estimate, scope_of, show, show_plan, worded
from cli.waiting import wait_for_actions
from cli.wording import change_of, state_of
from control_tower import emergency, resuming
from control_tower.emergency import Ordered
from control_tower.resuming import Stage, Walked, Wish
from domain import catalogue
from domain.actions import Action, ActionState
from domain.errors import BadInputError, NotReadyError
from domain.ids import AccountId, StopId
from domain.permissions import Principal
from models import accounts, run_stops, stop_limits
from models.stops import Stop
from workers.alerts import tell_beside
from workers.bootstrap import House
from workers.emergencies import reader_of, resuming_of, stopping_of, why_unwell

_TELL_S = 20.0  # for the alerts, once all else is done
PlatformFilter = Annotated[
    str | None, typer.Option("--platform", metavar="NAME", help="Every account of this platform, such as meta.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("emergency-stop")(emergency_stop)
    app.command("resume")(resume)


def emergency_stop(  # noqa: PLR0917 - typer hands options over by name
    reason: Reason,
    account: AccountFilter = None,
    platform: PlatformFilter = None,
    stop_schedulers: Annotated[
        bool, typer.Option(help="End the cycles at work and let none begin; of all accounts only.")
    ] = True,
    pause_campaigns: Annotated[
        bool, typer.Option(help="Also pause every campaign that is switched on, what spends most first.")
    ] = True,
    send_alerts: Annotated[bool, typer.Option(help="Tell people on every alert channel.")] = True,
    spending_limit: Annotated[
        bool,
        typer.Option("--spending-limit", help="Also hold each account at what it has spent, until `stakazo resume`."),
    ] = False,
    timeout: Timeout = 300.0,
    as_json: AsJson = False,
) -> None:
    """Stop everything now: nothing is sent, no cycle runs, what spends is paused. Needs Postgres alone.

    Nothing can be sent from the first instant on, and stays so through restarts until `stakazo resume`. Exit
    status 0 once the fence is closed, also while pauses go on: the tower finishes them, `stakazo fence status` tells.

    Example: stakazo emergency-stop --reason 'spend ten times its usual hour'
    """
    with opened() as house:
        with transaction(house) as conn:
            scopes = _scopes(conn, account, platform)
        wanted = Order(
            reason=worded(reason), actor=actor(), pauses=pause_campaigns, halts=stop_schedulers, alerts=send_alerts
        )
        closed = stop.order(house.engine, scopes, wanted)  # first of all: what follows may take its time to load
        done = emergency.answer(stopping_of(house), closed)
        telling = tell_beside(house) if send_alerts else None
        for one in done:
            _say_stopped(house, one)
        if spending_limit:
            _hold_down(house, done)
        held = _pause_all(house, done, timeout) if pause_campaigns else [one.stop for one in done]
        show(house, held, as_json=as_json)
        if not spending_limit:
            say("a second lever holds when everything of ours is dead: the account's spending limit on the platform;")
            say("the same order once more with --spending-limit sets it to what is spent, resume gives the former back")
        if telling is not None and not telling.wait(_TELL_S):
            say("the alerts are still being sent; the tower goes on with them")


def resume(  # noqa: PLR0917 - typer hands options over by name
    reason: Reason = "",
    stop_id: Annotated[int | None, typer.Option("--stop", metavar="ID", help="Which, where several are open.")] = None,
    resume_schedulers: Annotated[
        bool, typer.Option(help="Let modules run again; else every one is wanted stopped until a person starts it.")
    ] = True,
    resume_campaigns: Annotated[
        bool, typer.Option(help="Switch on again exactly what this stop switched off and nobody touched since.")
    ] = True,
    is_staged: Annotated[
        bool, typer.Option("--staged", help="10 %, then 50 %, then all; what spends least first.")
    ] = False,
    stage_wait: Annotated[float, typer.Option(min=0, max=86_400, help="Seconds between two stages.")] = 60.0,
    health_check: Annotated[bool, typer.Option(help="Look at every module's health after each stage.")] = True,
    is_planned: Annotated[bool, typer.Option("--plan", help="Only show what it would do; nothing is written.")] = False,
    timeout: Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """End a stop: open its fence, let modules run, switch on what it switched off. Exit status 0 if all of that is so.

    Example: stakazo resume --reason 'the figures were late' --staged
    """
    with opened() as house:
        with transaction(house) as conn:
            held, by = chosen(conn, stop_id), principal(conn)
        if is_planned:
            steps = resuming.plan(resuming_of(house), held.id) if resume_campaigns else ()
            _say_limits(house, held)
            show_plan(held, steps, (), as_json=as_json)
            return
        stages = resuming.STAGES if is_staged and resume_campaigns else resuming.AT_ONCE
        wish = Wish(reason=worded(reason), schedulers=resume_schedulers, campaigns=resume_campaigns, stages=stages)
        walk = _Walk(house=house, by=by, wish=wish, timeout_s=timeout, wait_s=stage_wait, is_checked=health_check)
        walked = walk.through(held.id)
        if health_check and walked.held_back is None:
            say(why_unwell(house, by.name) or "the check of health finds nothing critical")
    if not resume_schedulers:
        say("every module is wanted stopped; `stakazo modules start MODULE` starts one")
    last = walked.stages[-1]
    show_plan(last.done.stop, last.steps, walk.rows, as_json=as_json)
    _leave(walked, walk.rows)


def _say_limits(house: House, held: Stop) -> None:
    with transaction(house) as conn:
        for row in stop_limits.to_give_back(conn, held.id):
            account = accounts.get(conn, row.account_id)
            change = change_of(row, account.currency)
            say(f"{account.name}: {change} was this stop's, and resuming with campaigns gives the former one back")


def _scopes(conn: Connection, account: str | None, platform: str | None) -> tuple[AccountId | None, ...]:
    """The accounts whose fences are to close; None = the one of all."""
    if account is not None and platform is not None:
        raise BadInputError("say --account or --platform, not both")
    if platform is None:
        only = chosen_or_all(conn, account)
        return (None,) if only is None else (only.id,)
    slug = catalogue.platform(platform).slug
    found = tuple(row.id for row in accounts.listing(conn) if row.platform == slug)
    if not found:
        raise NotReadyError(f"no account of {slug} is open, so that there is nothing to stop; `stakazo account list`")
    return found


def _say_stopped(house: House, one: Ordered) -> None:
    held = one.stop
    if not one.is_new:
        say(f"it was closed already, by stop {held.id} of {held.actor}; this order only adds to it")
    took_s = ((held.quiet_at or held.fenced_at or held.closed_at) - held.closed_at).total_seconds()
    state = f"and quiet after {took_s:.2f} s" if held.quiet_at else "but not quiet yet"
    say(f"stop {held.id}: the fence of {scope_of(held)} is closed {state}")
    if not held.halts:
        with transaction(house) as conn:
            busy = len(run_stops.at_work(conn, held.account_id))
        if busy:
            say(f"{busy} runs of it are at work: each ends at its next step, and nothing that it wants is sent")
    for row in held.halted:
        if row["advice"]:
            say(f"worker {row['worker']} does not answer: {row['advice']}")


def _hold_down(house: House, done: Sequence[Ordered]) -> None:
    """One write an account, and it stops the whole of it: before the pauses, which may take their time."""
    for one in done:
        pausing = pausing_of(house, one.stop)
        for lever in spending_limits.order_of_stop(pausing, one.stop.id, reader_of(house)):
            if lever.action is None:
                say(f"{lever.account.name}: {lever.why}")
            else:
                change, why = change_of(lever.action, lever.account.currency), lever.action.state_reason
                say(f"{lever.account.name}: {change}: {state_of(lever.action)}{f' ({why})' if why else ''}")


def _pause_all(house: House, done: Sequence[Ordered], timeout_s: float) -> list[Stop]:
    held = []
    for one in done:
        say_estimate(house, one.stop)
        held.append(pause(house, one.stop, timeout_s, is_asked_again=not one.is_new))
    return held


@dataclass(slots=True, kw_only=True)
class _Walk:
    """Resuming as one person does it here: waits for outcomes, looks at the house's health between stages."""

    house: House
    by: Principal
    wish: Wish
    timeout_s: float
    wait_s: float
    is_checked: bool
    rows: list[Action] = field(default_factory=list)

    def through(self, stop_id: StopId) -> Walked:
        """Walk through all stages, as far as each is well."""
        return resuming.walk(
            resuming_of(self.house), stop_id, self.by, self.wish, settle=self._settle, check=self._check
        )

    def _settle(self, stage: Stage) -> str | None:
        proposed = stage.done.proposed
        ring_all(self.house, [ring for one in proposed for ring in one.rings])
        rows = wait_for_actions(self.house, [row.id for one in proposed for row in one.actions], self.timeout_s)
        self.rows.extend(rows)
        on = sum(row.state is ActionState.APPLIED for row in rows)
        if len(self.wish.stages) > 1:
            say(f"{stage.share:.0%}: {on} of {len(rows)} switched on")
        return None if on == len(rows) else f"{len(rows) - on} of {len(rows)} changes are not applied"

    def _check(self) -> str | None:
        time.sleep(self.wait_s)
        return why_unwell(self.house, self.by.name) if self.is_checked else None


def _leave(walked: Walked, rows: Sequence[Action]) -> NoReturn:
    """Exit 0 if all that was to run again does."""
    if walked.held_back is not None:
        say(f"resuming was held back {walked.held_back}; `stakazo resume --stop ID --staged` goes on from there")
    is_fine = walked.held_back is None and all(row.state is ActionState.APPLIED for row in rows)
    raise typer.Exit(0 if is_fine else 1)
