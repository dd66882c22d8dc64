"""`stakazo fence`: the bare fence: let nothing be sent, see how that stands, and open again what was closed.

`stakazo emergency-stop` and `stakazo resume` do this and see to the schedulers too.
"""

from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from actions import resume, stop
from cli.console import AsJson, say
from cli.ringing import ring_all
from cli.session import AccountFilter, actor, chosen_or_all, opened, principal, transaction
from cli.stopping import Reason, Timeout, chosen, pause, show, show_plan, worded
from cli.waiting import wait_for_actions
from domain.actions import Action, ActionState
from domain.errors import BadInputError
from models import stop_items, stops
from workers.bootstrap import House, limits_of

app = typer.Typer(no_args_is_help=True)


@app.command("close")
def close(
    reason: Reason,
    account: AccountFilter = None,
    pause_campaigns: Annotated[
        bool, typer.Option(help="Also pause every campaign that is switched on, what spends most first.")
    ] = False,
    timeout: Timeout = 300.0,
    as_json: AsJson = False,
) -> None:
    """Let nothing be sent any more, for all accounts or one. Needs Postgres alone: no broker, no worker.

    Ads that run go on running unless --pause-campaigns says otherwise.

    Example: stakazo fence close --reason 'spend looks wrong' --pause-campaigns
    """
    with opened() as house:
        with transaction(house) as conn:
            only = chosen_or_all(conn, account)
        scope = None if only is None else only.id
        done = stop.close(house.engine, account_id=scope, reason=worded(reason), actor=actor(), pauses=pause_campaigns)
        held = done.stop
        if not done.is_new:
            say(f"it was closed already, by stop {held.id} of {held.actor}; nothing was added to that")
        if held.pauses:
            say(f"the fence is closed (stop {held.id}); now what spends is paused")
            held = pause(house, held, timeout, is_asked_again=pause_campaigns and not done.is_new)
        show(house, [held], as_json=as_json)


@app.command("status")
def status(
    all_: Annotated[bool, typer.Option("--all", help="Also stops that are over.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the open stops: their four times, who was in doubt, what they paused. Exit status 1 while one is open.

    Example: stakazo fence status
    """
    with opened() as house:
        with transaction(house) as conn:
            rows = stops.listing(conn, only_open=not all_)
        show(house, rows, as_json=as_json)
    raise typer.Exit(1 if any(row.opened_at is None for row in rows) else 0)


@app.command("open")
def open_(  # noqa: PLR0917 - options of the command line, by name
    reason: Reason,
    stop_id: Annotated[int | None, typer.Option("--stop", metavar="ID", help="Which, where several are open.")] = None,
    is_resumed: Annotated[
        bool | None, typer.Option("--resume/--no-resume", help="Switch on again exactly what this stop switched off.")
    ] = None,
    is_planned: Annotated[bool, typer.Option("--plan", help="Only show what it would do; nothing is written.")] = False,
    share: Annotated[
        float, typer.Option(min=0.01, max=1.0, help="Of what can be resumed, 0..1; run it again for more.")
    ] = 1.0,
    timeout: Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Open the fence that a stop closed, and resume what that stop paused and nobody touched since.

    Example: stakazo fence open --resume --reason 'the figures were late' --plan
    """
    with opened() as house:
        with transaction(house) as conn:
            held, by = chosen(conn, stop_id), principal(conn)
            paused = len(stop_items.listing(conn, held.id))
        if paused and is_resumed is None and not is_planned:
            raise BadInputError(
                f"stop {held.id} paused {paused} objects: say --resume or --no-resume; --plan shows what can be resumed"
            )
        wants = paused > 0 and (is_planned or bool(is_resumed))
        steps = resume.plan(house.engine, held.id, lambda row: house.client_of(row).reader) if wants else ()
        if is_planned:
            show_plan(held, steps, (), as_json=as_json)
            return
        done = resume.apply(
            house.engine, held.id, steps, by, reason=worded(reason), clock_of=house.clock_of, share=share,
            limits=limits_of(house.settings),
        )  # fmt: skip
        rows = _carried_out(house, done, timeout)
    show_plan(done.stop, steps, rows, as_json=as_json)
    _leave(rows)


def _carried_out(house: House, done: resume.Resumed, timeout_s: float) -> tuple[Action, ...]:
    ring_all(house, [ring for one in done.proposed for ring in one.rings])
    return wait_for_actions(house, [row.id for one in done.proposed for row in one.actions], timeout_s)


def _leave(rows: Sequence[Action]) -> NoReturn:
    """Exit 0 if all that was to run again does."""
    raise typer.Exit(0 if all(row.state is ActionState.APPLIED for row in rows) else 1)
