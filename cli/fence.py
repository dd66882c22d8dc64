"""`stakazo fence`: stop everything that writes, see how that stands, and open again what was stopped."""

from collections.abc import Sequence
from typing import Annotated, Final, NoReturn

import typer
from sqlalchemy import Connection

from actions import pauses, resume, stop
from actions.pauses import Pausing, Progress
from actions.resume import Fate, Step
from cli.actions import print_actions
from cli.console import AsJson, err, instant, print_facts, print_json, print_table, say, span
from cli.ringing import ring_all
from cli.session import AccountFilter, actor, chosen_or_all, opened, principal, transaction
from cli.waiting import wait_for_actions
from domain.actions import Action, ActionState
from domain.errors import BadInputError
from domain.ids import StopId
from models import accounts, stop_items, stops
from models.stops import Stop
from workers.bootstrap import House, limits_of

app = typer.Typer(no_args_is_help=True)

_Reason = Annotated[str, typer.Option(help="Why; everybody reads it, and it is kept.")]
_Timeout = Annotated[
    float, typer.Option(min=1, max=86_400, help="Seconds to go on here; the tower goes on with the rest.")
]
_CALLS: Final = 3  # of a pause: look, write, look again
_CALL_S: Final = 0.4  # what a call takes on a good day; after the first pause the estimate is measured


@app.command("close")
def close(
    reason: _Reason,
    account: AccountFilter = None,
    pause_campaigns: Annotated[
        bool, typer.Option(help="Also pause every campaign that is switched on, what spends most first.")
    ] = False,
    timeout: _Timeout = 300.0,
    as_json: AsJson = False,
) -> None:
    """Let nothing be sent any more, for all accounts or one. Needs Postgres alone: no broker, no worker.

    Ads that run go on running unless --pause-campaigns says otherwise.

    Example: stakazo fence close --reason 'spend looks wrong' --pause-campaigns
    """
    with opened() as house:
        with transaction(house) as conn:
            chosen = chosen_or_all(conn, account)
        scope = None if chosen is None else chosen.id
        done = stop.close(house.engine, account_id=scope, reason=_worded(reason), actor=actor(), pauses=pause_campaigns)
        held = done.stop
        if not done.is_new:
            say(f"it was closed already, by stop {held.id} of {held.actor}; nothing was added to that")
        if held.pauses:
            say(f"the fence is closed (stop {held.id}); now what spends is paused")
            held = _pause(house, held, timeout, is_asked_again=pause_campaigns and not done.is_new)
        _show(house, [held], as_json=as_json)


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
        _show(house, rows, as_json=as_json)
    raise typer.Exit(1 if any(row.opened_at is None for row in rows) else 0)


@app.command("open")
def open_(  # noqa: PLR0917 - options of the command line, by name
    reason: _Reason,
    stop_id: Annotated[int | None, typer.Option("--stop", metavar="ID", help="Which, where several are open.")] = None,
    is_resumed: Annotated[
        bool | None, typer.Option("--resume/--no-resume", help="Switch on again exactly what this stop switched off.")
    ] = None,
    is_planned: Annotated[bool, typer.Option("--plan", help="Only show what it would do; nothing is written.")] = False,
    share: Annotated[
        float, typer.Option(min=0.01, max=1.0, help="Of what can be resumed, 0..1; run it again for more.")
    ] = 1.0,
    timeout: _Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Open the fence that a stop closed, and resume what that stop paused and nobody touched since.

    Example: stakazo fence open --resume --reason 'the figures were late' --plan
    """
    with opened() as house:
        with transaction(house) as conn:
            held, by = _chosen(conn, stop_id), principal(conn)
            paused = len(stop_items.listing(conn, held.id))
        if paused and is_resumed is None and not is_planned:
            raise BadInputError(
                f"stop {held.id} paused {paused} objects: say --resume or --no-resume; --plan shows what can be resumed"
            )
        wants = paused > 0 and (is_planned or bool(is_resumed))
        steps = resume.plan(house.engine, held.id, lambda row: house.client_of(row).reader) if wants else ()
        if is_planned:
            _show_plan(held, steps, (), as_json=as_json)
            return
        done = resume.apply(
            house.engine, held.id, steps, by, reason=_worded(reason), clock_of=house.clock_of, share=share,
            limits=limits_of(house.settings),
        )  # fmt: skip
        rows = _carried_out(house, done, timeout)
    _show_plan(done.stop, steps, rows, as_json=as_json)
    _leave(rows)


def _pause(house: House, held: Stop, timeout_s: float, *, is_asked_again: bool) -> Stop:
    pausing = Pausing(
        engine=house.engine, executor=house.executor(f"{actor()}/stop-{held.id}"), clock_of=house.clock_of,
        progress=_tell,
    )  # fmt: skip
    if is_asked_again and (count := pauses.ask_again(pausing, held.id)):
        say(f"{count} pauses had come to nothing and are tried again")
    done = pauses.pause_all(pausing, held.id, patience_s=timeout_s)
    if done.paused_at is None:
        say("not all is paused yet: the tower goes on; `stakazo fence status` shows how far it is")
    return done


def _tell(progress: Progress) -> None:
    left = progress.total - progress.settled
    if left == 0:
        say(f"{progress.settled} of {progress.total} settled")
        return
    left_s = left * _CALLS * _CALL_S if progress.left_s is None else progress.left_s
    err.print(f"{progress.settled} of {progress.total} settled, about {span(left_s)} to go", highlight=False)


def _chosen(conn: Connection, stop_id: int | None) -> Stop:
    if stop_id is not None:
        return stops.get(conn, StopId(stop_id))
    found = stops.listing(conn, only_open=True)
    if not found:
        raise BadInputError(
            "no stop is open; `stakazo fence status --all` shows those that are over, and --stop ID names one of them"
        )
    if len(found) > 1:
        choices = "\n".join(f"  {row.id}  {_scope(row)}  {row.reason}" for row in found)
        raise BadInputError(f"several stops are open; name one with --stop:\n{choices}")
    return found[0]


def _carried_out(house: House, done: resume.Resumed, timeout_s: float) -> tuple[Action, ...]:
    ring_all(house, [ring for one in done.proposed for ring in one.rings])
    return wait_for_actions(house, [row.id for one in done.proposed for row in one.actions], timeout_s)


def _show(house: House, rows: Sequence[Stop], *, as_json: bool) -> None:
    with transaction(house) as conn:
        items = {row.id: stop_items.listing(conn, row.id) for row in rows}
    if as_json:
        print_json({"closed": any(row.opened_at is None for row in rows),
                    "stops": [{"stop": row, "items": items[row.id]} for row in rows]})  # fmt: skip
        return
    if not rows:
        say("no stop is open: what modules and people want may be sent")
    for row in rows:
        _show_one(row, items[row.id])


def _show_one(held: Stop, items: Sequence[stop_items.Item]) -> None:
    settled = sum(row.pause_state is ActionState.APPLIED for row in items)
    facts = [
        ("fence of", _scope(held)),
        ("why", held.reason),
        ("ordered by", held.actor),
        ("closed", instant(held.closed_at)),
        ("quiet", _reached(held, "quiet_at", "not yet: a sender is still at work")),
        ("fenced", _reached(held, "fenced_at", "not yet")),
        (
            "paused",
            _reached(held, "paused_at", "not yet" if held.pauses else "not asked for: ads that run go on running"),
        ),
    ]
    if items:
        facts.append(("campaigns paused", f"{settled} of {len(items)}"))
    facts.append(("open again", "no" if held.opened_at is None else f"{instant(held.opened_at)} by {held.opened_by}"))
    print_facts(f"Stop {held.id}", facts)
    print_table(
        "In doubt: may have reached the platform before or while the fence closed",
        ("action", "account", "kind", "object", "state", "why"),
        [
            (
                row["action"],
                row["account"],
                row["kind"],
                f"{row['object_kind']} {row['object']}",
                row["state"],
                row["why"],
            )
            for row in held.in_doubt
        ],
        empty="nothing",
    )


def _reached(held: Stop, name: str, otherwise: str) -> str:
    at = getattr(held, name)
    if at is None:
        return otherwise
    return f"{instant(at)}, after {(at - held.closed_at).total_seconds():.2f} s"


def _scope(held: Stop) -> str:
    return "all accounts" if held.account_id is None else f"account {held.account_id}"


def _show_plan(held: Stop, steps: Sequence[Step], rows: Sequence[Action], *, as_json: bool) -> None:
    if as_json:
        print_json({"stop": held, "steps": steps, "actions": rows})
        return
    print_table(
        f"What stop {held.id} paused",
        ("object", "before", "stop made it", "now", "becomes", "why"),
        [
            (
                f"{step.item.object_kind.replace('_', ' ')} {step.item.object_name} ({step.item.object_id})",
                *(step.before, step.ours, step.now or "gone or not asked", step.fate, step.why),
            )
            for step in steps
        ],
        empty="nothing, or nothing was to be resumed",
    )
    if rows:
        with opened() as house, transaction(house) as conn:
            currencies = {row.id: row.currency for row in accounts.listing(conn)}
        print_actions("What was done", [(row, currencies[row.account_id]) for row in rows], empty="nothing")
    if held.opened_at is not None:
        say(f"the fence of {_scope(held)} is open again, as far as no other stop is")
    elif any(step.fate is Fate.RESTORE for step in steps):
        say("nothing was changed; without --plan it is done")


def _worded(reason: str) -> str:
    if not reason.strip():
        raise BadInputError("a reason is needed: --reason 'spend looks wrong'")
    return reason.strip()


def _leave(rows: Sequence[Action]) -> NoReturn:
    """Exit 0 if all that was to run again does."""
    raise typer.Exit(0 if all(row.state is ActionState.APPLIED for row in rows) else 1)
