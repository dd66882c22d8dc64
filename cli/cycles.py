"""`stakazo plan` and `stakazo cycle`: what the next cycle would do, running one now, and what past ones did."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeVar

import typer
from sqlalchemy import Connection

from cli.actions import print_actions
from cli.console import AsJson, compact, err, instant, print_facts, print_json, print_table, safe, say
from cli.session import AccountChoice, actor, choose_account, chosen_or_all, opened, transaction
from domain import catalogue
from domain.actions import IN_FLIGHT, Action, ActionState
from domain.errors import BadInputError, NotReadyError
from domain.health import OPEN_RUN_STATES, RunState
from domain.ids import RunId
from models import accounts, ledger_reads, run_history
from models.accounts import Account
from models.runs import Run
from workers.bootstrap import House

app = typer.Typer(no_args_is_help=True)

_POLL_S = 0.5
_SETTLE_S = 60.0
_Read = TypeVar("_Read")
_Cycle = Annotated[
    str,
    typer.Option("--cycle", metavar="CYCLE", help="A built cycle of the account's platform: full_cycle, collector."),
]
_Timeout = Annotated[float, typer.Option(min=1, help="Seconds to wait at most; the run goes on after that.")]


class Step(StrEnum):
    """The steps that can be tried alone."""

    COLLECTION = "collection"
    DECISIONS = "decisions"
    API_ACTIONS = "api_actions"
    FINALIZE = "finalize"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run that somebody waited for, with the actions it proposed."""

    account: Account
    run: Run
    actions: tuple[Action, ...]

    @property
    def is_fine(self) -> bool:
        """Whether it did all it set out to do."""
        return self.run.state is RunState.SUCCEEDED


def register(root: typer.Typer) -> None:
    """Add `stakazo plan`."""
    root.command("plan")(plan)


def plan(account: AccountChoice = None, as_json: AsJson = False) -> None:
    """Show what the next full cycle would do, what it would leave and why; does nothing.

    Example: stakazo plan
    """
    from cli import rehearsals  # late: it loads the decisions and Celery, which reading commands do without

    rehearsals.show_plan(account, as_json=as_json)


@app.command("run")
def run(
    account: AccountChoice = None,
    cycle: _Cycle = "full_cycle",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for its end, or only ask for it.")] = True,
    timeout: _Timeout = 600.0,
    as_json: AsJson = False,
) -> None:
    """Run a cycle now, beside its schedule. Exit status 0 if it succeeded.

    Example: stakazo cycle run --account 1 --no-wait
    """
    with opened() as house:
        chosen, run_id = _ask(house, account, cycle)
        if not wait:
            _print_asked(_must_read(house, run_id), as_json=as_json)
            return
        ended = _wait(house, chosen, run_id, timeout)
    _print_ended(ended, as_json=as_json)
    raise typer.Exit(0 if ended.is_fine else 1)


@app.command("last")
def last(account: AccountChoice = None, cycle: _Cycle = "full_cycle", as_json: AsJson = False) -> None:
    """Show the newest run of an account with what it changed.

    Example: stakazo cycle last
    """
    with opened() as house, transaction(house) as conn:
        chosen = choose_account(conn, account)
        newest = run_history.last(conn, task=_task(chosen, cycle), account_id=chosen.id)
        rows = () if newest is None else ledger_reads.of_run(conn, newest.id)
    if newest is None:
        if as_json:
            print_json({"run": None, "actions": []})
        else:
            say(f"no {cycle} of account {chosen.id} has run yet; `stakazo cycle run`")
        return
    _print_ended(Ended(account=chosen, run=newest, actions=rows), as_json=as_json)


@app.command("log")
def log(
    run_id: Annotated[int, typer.Argument(metavar="RUN_ID", help="As `stakazo cycle history` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Show everything that a run wrote down, step by step.

    Example: stakazo cycle log 7
    """
    wanted = RunId(run_id)
    with opened() as house, transaction(house) as conn:
        found, rows = run_history.get(conn, wanted), run_history.logs(conn, wanted)
        if found is None:
            raise BadInputError(f"no run {run_id}; `stakazo cycle history` shows them")
        chosen = accounts.get(conn, found.account_id)
    if as_json:
        print_json({"run": found, "log": rows})
        return
    _print_run(found, chosen)
    print_table(
        "Log",
        ("at", "step", "action", "ok", "object", "output", "error"),
        [
            (
                *(instant(row.created_at), row.step, row.action, "yes" if row.success else "no"),
                *(f"{row.entity_type or ''} {row.entity_id or ''}".strip(), compact(row.output_snapshot)),
                row.error_message or "",
            )
            for row in rows
        ],
        empty="nothing was written yet",
    )


@app.command("history")
def history(
    account: AccountChoice = None,
    cycle: Annotated[str | None, typer.Option("--cycle", metavar="CYCLE", help="Only this cycle: full_cycle.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List runs, newest slot first, skipped ones with the reason.

    Example: stakazo cycle history --limit 20
    """
    with opened() as house, transaction(house) as conn:
        chosen = chosen_or_all(conn, account)
        platforms = [chosen.platform] if chosen else [row.slug for row in catalogue.built_platforms()]
        tasks = [None] if cycle is None else [catalogue.rhythm(f"{slug}.{cycle}").name for slug in platforms]
        found = [
            row
            for task in tasks
            for row in run_history.history(conn, task=task, account_id=chosen.id if chosen else None, limit=limit)
        ]
    rows = sorted(found, key=lambda row: (row.slot_at, row.id), reverse=True)[:limit]
    if as_json:
        print_json({"runs": rows})
        return
    print_table(
        "Runs",
        ("id", "cycle", "account", "slot", "state", "took", "tries", "asked by", "actions", "reason"),
        [
            (
                *(row.id, row.task, row.account_id, instant(row.slot_at), row.state, _took(row), row.attempts),
                *(row.triggered_by, row.stats_snapshot.get("actions_taken", ""), row.reason),
            )
            for row in rows
        ],
        empty="none yet; `stakazo cycle run`",
    )


@app.command("step")
def step(
    name: Annotated[Step, typer.Argument(metavar="STEP", help=f"One of {', '.join(Step)}.")],
    account: AccountChoice = None,
    as_json: AsJson = False,
) -> None:
    """Try one step of the full cycle, to see what goes wrong.

    collection reads the platform into Postgres, here and now, recorded as a run. decisions, api_actions and finalize
    show the rules' proposals, the door's judgement and the run's figures on the data that is there; nothing is written
    or sent.

    Example: stakazo cycle step decisions
    """
    from cli import rehearsals  # late, as in `plan`

    rehearsals.show_step(name, account, as_json=as_json)


def _ask(house: House, account: str | None, cycle: str) -> tuple[Account, RunId]:
    from workers import planner  # late: reading commands do without the planner
    from workers.work import why_stop

    with transaction(house) as conn:
        chosen = choose_account(conn, account)
        hindrance = why_stop(conn, catalogue.rhythm(_task(chosen, cycle)), chosen)
    if hindrance:
        raise NotReadyError(f"{hindrance}; `stakazo modules start` and `stakazo account set --resumed` let it go on")
    return chosen, planner.ask(house, _task(chosen, cycle), chosen, asked_by=actor())


def _task(account: Account, cycle: str) -> str:
    return catalogue.rhythm(f"{account.platform}.{cycle}").name


def _wait(house: House, account: Account, run_id: RunId, timeout_s: float) -> Ended:
    """Wait for the run, then a while for its actions; unknown outcomes wait out a quarantine of minutes, we do not."""
    deadline_s = time.monotonic() + timeout_s
    told = 0
    with err.status(f"run {run_id}: waits for a worker") as status:

        def see(conn: Connection) -> Run | None:
            nonlocal told
            row = run_history.get(conn, run_id)
            if row is not None:
                status.update(f"run {run_id}: {row.state}, attempt {row.attempts} {safe(row.reason)}")
                for done in row.steps_executed[told:]:
                    say(f"  {done.get('step')} {done.get('ms')} ms")
                told = len(row.steps_executed)
            return row if row is not None and row.state not in OPEN_RUN_STATES else None

        ended = _until(house, see, deadline_s)
        if ended is None:
            raise NotReadyError(
                f"run {run_id} has not ended after {timeout_s:.0f} s; it goes on: see `stakazo cycle log {run_id}`, "
                "and `stakazo status` for whether workers live"
            )
        status.update(f"run {run_id}: its actions are on their way")
        _until(house, lambda conn: _settled(conn, run_id), min(deadline_s, time.monotonic() + _SETTLE_S))
    with transaction(house) as conn:
        return Ended(account=account, run=ended, actions=ledger_reads.of_run(conn, run_id))


def _until(house: House, look: Callable[[Connection], _Read | None], deadline_s: float) -> _Read | None:
    while True:
        with transaction(house) as conn:
            found = look(conn)
        if found is not None or time.monotonic() >= deadline_s:
            return found
        time.sleep(_POLL_S)


def _settled(conn: Connection, run_id: RunId) -> bool | None:
    moving = IN_FLIGHT - {ActionState.UNKNOWN}
    return None if any(row.state in moving for row in ledger_reads.of_run(conn, run_id)) else True


def _must_read(house: House, run_id: RunId) -> Run:
    with transaction(house) as conn:
        found = run_history.get(conn, run_id)
    if found is None:
        raise NotReadyError(f"run {run_id} has vanished")
    return found


def _print_asked(found: Run, *, as_json: bool) -> None:
    message = f"run {found.id} is asked for; `stakazo cycle log {found.id}` shows it"
    if as_json:
        print_json({"cycle_run_id": found.id, "status": found.state, "message": message, "run": found})
    else:
        say(message)


def _print_ended(ended: Ended, *, as_json: bool) -> None:
    found = ended.run
    if as_json:
        document = {
            "cycle_run_id": found.id,
            "status": found.state,
            "duration_ms": found.duration_ms,
            "stats_snapshot": found.stats_snapshot,
            "message": found.reason,
            "run": found,
            "actions": ended.actions,
        }
        print_json(document)
        return
    _print_run(found, ended.account)
    print_actions(
        "What it did", [(row, ended.account.currency) for row in ended.actions], empty="nothing had to change"
    )


def _print_run(found: Run, account: Account) -> None:
    steps = ", ".join(f"{row.get('step')} {row.get('ms')} ms" for row in found.steps_executed)
    errors = "; ".join(f"{row.get('step')}: {row.get('message')}" for row in found.errors)
    print_facts(
        f"Run {found.id}",
        [
            ("cycle", found.task),
            ("account", f"{account.id} {account.name} ({found.mode}, {found.level})"),
            ("slot", f"{instant(found.slot_at)} on the platform's clock"),
            ("state", f"{found.state}{': ' if found.reason else ''}{found.reason}"),
            ("took", _took(found) or "not ended"),
            ("asked by", found.triggered_by),
            ("attempts", found.attempts),
            ("steps", steps or "none yet"),
            ("errors", errors or "none"),
            ("figures", compact(found.stats_snapshot)),
        ],
    )


def _took(found: Run) -> str:
    return "" if found.duration_ms is None else f"{found.duration_ms / 1000:.1f} s"
