"""What the verbs that stop and resume share: choosing a stop, pausing with progress, showing what came of it."""

from collections.abc import Sequence
from typing import Annotated, Final

import typer
from sqlalchemy import Connection

from actions import estimates, pauses
from actions.pauses import Pausing, Progress
from actions.resume import Fate, Step
from cli.actions import print_actions
from cli.console import err, instant, print_facts, print_json, print_table, say, span
from cli.session import actor, opened, transaction
from domain.actions import Action, ActionState
from domain.errors import BadInputError
from domain.ids import StopId
from models import accounts, stop_items, stops
from models.stops import Stop
from workers.bootstrap import House

Reason = Annotated[str, typer.Option(help="Why; everybody reads it, and it is kept.")]
Timeout = Annotated[
    float, typer.Option(min=1, max=86_400, help="Seconds to go on here; the tower goes on with the rest.")
]
_CALLS: Final = 3  # of a pause: look, write, look again
_CALL_S: Final = 0.4  # what a call takes on a good day; after the first pause the estimate is measured


def worded(reason: str) -> str:
    """The reason that was typed.

    Raises:
        BadInputError: it says nothing.
    """
    if not reason.strip():
        raise BadInputError("a reason is needed: --reason 'spend looks wrong'")
    return reason.strip()


def chosen(conn: Connection, stop_id: int | None) -> Stop:
    """Find the stop that a person named; without a name, the only one that is open.

    Raises:
        BadInputError: there is none of that id, none open, or several to choose from.
    """
    if stop_id is not None:
        return stops.get(conn, StopId(stop_id))
    found = stops.listing(conn, only_open=True)
    if not found:
        raise BadInputError(
            "no stop is open; `stakazo fence status --all` shows those that are over, and --stop ID names one of them"
        )
    if len(found) > 1:
        choices = "\n".join(f"  {row.id}  {scope_of(row)}  {row.reason}" for row in found)
        raise BadInputError(f"several stops are open; name one with --stop:\n{choices}")
    return found[0]


def pausing_of(house: House, held: Stop) -> Pausing:
    """What a stop needs to carry out its own actions in this process."""
    executor = house.executor(f"{actor()}/stop-{held.id}")
    return Pausing(engine=house.engine, executor=executor, clock_of=house.clock_of, progress=_tell)


def pause(house: House, held: Stop, timeout_s: float, *, is_asked_again: bool) -> Stop:
    """Pause what spends in the stop's scope, in this process, telling how far it is."""
    pausing = pausing_of(house, held)
    if is_asked_again and (count := pauses.ask_again(pausing, held.id)):
        say(f"{count} pauses had come to nothing and are tried again")
    done = pauses.pause_all(pausing, held.id, patience_s=timeout_s)
    if done.paused_at is None:
        say("not all is paused yet: the tower goes on; `stakazo fence status` shows how far it is")
    return done


def say_estimate(house: House, held: Stop) -> None:
    """Tell how long it will take until all is paused, at the pace that each account's quota allows."""
    with transaction(house) as conn:
        found = estimates.of_stop(conn, held.account_id)
    for row in found:
        say(f"{row.account_name}: {row.campaigns} campaigns to pause, what spends most first; {_pace(row)}")


def _pace(row: estimates.Estimate) -> str:
    tier = "its tier is not known, the smallest is assumed" if row.score_limit is None else "by its quota's own bound"
    if row.all_s < 1:
        return f"the quota holds nothing up ({tier})"
    most = f", {row.most_share:.0%} of the spend within {span(row.most_s)}" if row.most_s < row.all_s else ""
    return f"all within about {span(row.all_s)}{most} ({tier})"


def _tell(progress: Progress) -> None:
    left = progress.total - progress.settled
    if left == 0:
        say(f"{progress.settled} of {progress.total} settled")
        return
    left_s = left * _CALLS * _CALL_S if progress.left_s is None else progress.left_s
    err.print(f"{progress.settled} of {progress.total} settled, about {span(left_s)} to go", highlight=False)


def show(house: House, rows: Sequence[Stop], *, as_json: bool) -> None:
    """Print stops with what each paused."""
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
        ("fence of", scope_of(held)),
        ("why", held.reason),
        ("ordered by", held.actor),
        ("closed", instant(held.closed_at)),
        ("quiet", _reached(held, "quiet_at", "not yet: something is still at work")),
        ("fenced", _reached(held, "fenced_at", "not yet")),
        (
            "paused",
            _reached(held, "paused_at", "not yet" if held.pauses else "not asked for: ads that run go on running"),
        ),
        ("schedulers", "stand still" if held.halts else "as they were; what they propose is not sent"),
    ]
    if items:
        facts.append(("campaigns paused", f"{settled} of {len(items)}"))
    facts.append(("open again", "no" if held.opened_at is None else f"{instant(held.opened_at)} by {held.opened_by}"))
    print_facts(f"Stop {held.id}", facts)
    if held.halts:
        _show_workers(held)
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


def _show_workers(held: Stop) -> None:
    print_table(
        "Workers",
        ("worker", "what became of it", "runs ended", "what to do"),
        [
            (row["worker"] or "-", row["fate"], ", ".join(map(str, row["terminated"])) or "-", row["advice"] or "-")
            for row in held.halted
        ],
        empty="not told yet; the tower does it",
    )


def _reached(held: Stop, name: str, otherwise: str) -> str:
    at = getattr(held, name)
    if at is None:
        return otherwise
    return f"{instant(at)}, after {(at - held.closed_at).total_seconds():.2f} s"


def scope_of(held: Stop) -> str:
    """Whose fence it closed, in words."""
    return "all accounts" if held.account_id is None else f"account {held.account_id}"


def show_plan(held: Stop, steps: Sequence[Step], rows: Sequence[Action], *, as_json: bool) -> None:
    """Print what resuming would do, or did."""
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
        say(f"the fence of {scope_of(held)} is open again, as far as no other stop is")
    elif any(step.fate is Fate.RESTORE for step in steps):
        say("nothing was changed; without --plan it is done")
