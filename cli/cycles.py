"""`stakazo plan` and `stakazo cycle`: what the next cycle would do, running one now, and what past ones did."""

from enum import StrEnum
from typing import Annotated

import typer

from cli.console import AsJson, compact, instant, print_json, print_table, say
from cli.runs import Ended, print_ended, print_run, took
from cli.session import AccountChoice, AccountFilter, actor, choose_account, chosen_or_all, opened, transaction
from cli.waiting import wait_for
from domain import catalogue
from domain.errors import BadInputError, NotReadyError
from domain.ids import RunId
from models import accounts, ledger_reads, run_history
from models.accounts import Account
from models.runs import Run
from workers.bootstrap import House

app = typer.Typer(no_args_is_help=True)

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
        ended = wait_for(house, chosen, run_id, timeout)
    print_ended(ended, as_json=as_json)
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
    print_ended(Ended(account=chosen, run=newest, actions=rows), as_json=as_json)


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
    print_run(found, chosen)
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
    account: AccountFilter = None,
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
                *(row.id, row.task, row.account_id, instant(row.slot_at), row.state, took(row), row.attempts),
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
        raise NotReadyError(
            f"{hindrance}; `stakazo resume` (or `stakazo fence open`), `stakazo account set {chosen.id} --resumed` or"
            f" `stakazo modules start {cycle}`, whichever fits, lets it go on"
        )
    return chosen, planner.ask(house, _task(chosen, cycle), chosen, asked_by=actor())


def _task(account: Account, cycle: str) -> str:
    return catalogue.rhythm(f"{account.platform}.{cycle}").name


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
