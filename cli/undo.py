"""`stakazo undo`: what taking changes back would do, and doing it; through the same door as every change."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, NoReturn

import typer
from sqlalchemy import Connection

from actions import undoing
from actions.undo import Fate, Step, without_lone_resumes
from actions.undoing import UndoPlan
from cli.actions import print_actions
from cli.console import AsJson, print_facts, print_json, print_table, say
from cli.ringing import ring_all
from cli.session import AccountChoice, actor, choose_account, opened, reading, transaction
from cli.waiting import wait_for_actions
from domain import catalogue
from domain.actions import TERMINAL, Action, ActionState, Json
from domain.errors import BadInputError
from domain.ids import ActionId, RunId
from domain.money import Money
from models import accounts, effects, ledger_reads, run_history
from models.accounts import Account
from models.engine import db_now
from workers.bootstrap import House, limits_of

app = typer.Typer(no_args_is_help=True)

_Apply = Annotated[
    bool, typer.Option("--apply/--plan", help="Do it; without this it is only planned and nothing is written.")
]
_Reason = Annotated[str | None, typer.Option(help="Why; needed to apply, and kept with every change.")]
_Timeout = Annotated[float, typer.Option(min=1, max=3600, help="Seconds to wait for the outcomes.")]
_MOST_ROUNDS: Final = 3  # a budget and a switch of one object go one after the other
_SHOWN: Final = (Fate.RESTORE, Fate.DRIFTED, Fate.OVERTAKEN, Fate.UNKNOWN, Fate.ALREADY, Fate.CANNOT)
_Choose = Callable[[Connection, Account], tuple[Action, ...]]


@app.command("action")
def action(
    action_id: Annotated[int, typer.Argument(metavar="ID", help="As `stakazo actions list` shows it.")],
    apply: _Apply = False,
    reason: _Reason = None,
    timeout: _Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Take back one change.

    Example: stakazo undo action 12 --apply --reason 'the sale goes on'
    """
    wanted = ActionId(action_id)

    def account_of(conn: Connection) -> Account:
        found = ledger_reads.get(conn, wanted)
        if found is None:
            raise BadInputError(f"no action {action_id}; `stakazo actions list` shows them")
        return accounts.get(conn, found.account_id)

    _undo(
        account_of,
        lambda conn, account: effects.of_actions(conn, account.id, [wanted]),
        apply=apply, reason=reason, timeout=timeout, as_json=as_json,
    )  # fmt: skip


@app.command("object")
def object_(  # noqa: PLR0917 - options of the command line, by name
    object_id: Annotated[str, typer.Argument(metavar="OBJECT", help="The platform's id of a campaign, ad set or ad.")],
    since: Annotated[datetime | None, typer.Option(help="Only what was changed from then on, UTC.")] = None,
    account: AccountChoice = None,
    apply: _Apply = False,
    reason: _Reason = None,
    timeout: _Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Take back everything that we changed of one object, as far as nobody else changed it in between.

    Example: stakazo undo object 23850001 --plan
    """
    _undo(
        lambda conn: choose_account(conn, account),
        lambda conn, chosen: without_lone_resumes(effects.of_object(conn, chosen.id, object_id, since=_utc(since))),
        apply=apply, reason=reason, timeout=timeout, as_json=as_json,
    )  # fmt: skip


def _of_run(run_id: int, *, apply: bool, reason: str | None, timeout: float, as_json: bool) -> None:
    wanted = RunId(run_id)

    def account_of(conn: Connection) -> Account:
        found = run_history.get(conn, wanted)
        if found is None:
            raise BadInputError(f"no run {run_id}; `stakazo cycle history` shows them")
        return accounts.get(conn, found.account_id)

    _undo(
        account_of,
        lambda conn, account: effects.of_run(conn, account.id, wanted),
        apply=apply, reason=reason, timeout=timeout, as_json=as_json,
    )  # fmt: skip


@app.command("run")
def run(
    run_id: Annotated[int, typer.Argument(metavar="ID", help="As `stakazo cycle history` shows it.")],
    apply: _Apply = False,
    reason: _Reason = None,
    timeout: _Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Take back what one module's run changed.

    Example: stakazo undo run 7
    """
    _of_run(run_id, apply=apply, reason=reason, timeout=timeout, as_json=as_json)


@app.command("cycle")
def cycle(  # noqa: PLR0917 - options of the command line, by name
    run_id: Annotated[
        int | None, typer.Argument(metavar="[ID]", help="A run of the full cycle; the account's newest if left out.")
    ] = None,
    account: AccountChoice = None,
    apply: _Apply = False,
    reason: _Reason = None,
    timeout: _Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Take back a whole full cycle.

    Example: stakazo undo cycle --apply --reason 'the report was wrong'
    """
    if run_id is None:
        with opened() as house, transaction(house) as conn:
            chosen = choose_account(conn, account)
            task = catalogue.rhythm(f"{chosen.platform}.full_cycle").name
            newest = run_history.last(conn, task=task, account_id=chosen.id)
        if newest is None:
            raise BadInputError(f"no full cycle of account {chosen.id} has run yet")
        run_id = newest.id
    _of_run(run_id, apply=apply, reason=reason, timeout=timeout, as_json=as_json)


@app.command("window")
def window(  # noqa: PLR0917 - options of the command line, by name
    since: Annotated[datetime | None, typer.Option(help="From then on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before then, UTC; now if left out.")] = None,
    hours: Annotated[float | None, typer.Option(min=0.01, max=24 * 366, help="Or: the last so many hours.")] = None,
    account: AccountChoice = None,
    apply: _Apply = False,
    reason: _Reason = None,
    timeout: _Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Take back everything that we changed of an account in a span of time.

    Example: stakazo undo window --hours 6 --plan
    """
    if (since is None) == (hours is None):
        raise BadInputError("say from when on: --since 2026-11-20T08:00:00, or --hours 6")

    def choose(conn: Connection, chosen: Account) -> tuple[Action, ...]:
        start = _utc(since) if hours is None else db_now(conn) - timedelta(hours=hours)
        return () if start is None else without_lone_resumes(effects.of_window(conn, chosen.id, start, _utc(until)))

    _undo(
        lambda conn: choose_account(conn, account), choose,
        apply=apply, reason=reason, timeout=timeout, as_json=as_json,
    )  # fmt: skip


def _undo(
    account_of: Callable[[Connection], Account],
    choose: _Choose,
    *,
    apply: bool,
    reason: str | None,
    timeout: float,
    as_json: bool,
) -> None:
    if apply and not (reason or "").strip():
        raise BadInputError("taking changes back wants a reason: --apply --reason 'the sale goes on'")
    with opened() as house:
        with transaction(house) as conn:
            account = account_of(conn)
        plan = _plan(house, account, choose)
        if not apply:
            _show(plan, (), as_json=as_json)
            return
        done = _apply(house, plan, choose, str(reason), timeout)
    _show(plan, done, as_json=as_json)
    _leave(plan, done)


def _plan(house: House, account: Account, choose: _Choose) -> UndoPlan:
    reader = house.client_of(account).reader
    # No transaction: one that stands idle while the platform is slow to answer would be ended by Postgres.
    with reading(), house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        return undoing.make_plan(conn, account, reader, choose(conn, account))


def _apply(house: House, plan: UndoPlan, choose: _Choose, reason: str, timeout: float) -> tuple[Action, ...]:
    """Propose, ring and wait; then plan anew for what had to wait for its turn."""
    done: list[Action] = []
    account = plan.account
    for _ in range(_MOST_ROUNDS):
        if not plan.restorable:
            break
        now = house.clock_of(account).now()
        with transaction(house) as conn:
            proposed = undoing.apply(
                conn, plan, reason=reason, actor=actor(), now=now, limits=limits_of(house.settings)
            )
        ring_all(house, proposed.rings)
        ended = wait_for_actions(house, [row.id for row in proposed.actions], timeout)
        done += ended
        if any(row.state is not ActionState.APPLIED for row in ended):
            break
        plan = _plan(house, account, choose)
    return tuple(done)


def _show(plan: UndoPlan, done: Sequence[Action], *, as_json: bool) -> None:
    currency = plan.account.currency
    if as_json:
        print_json({"account": plan.account.id, "steps": plan.steps, "spent_minor": plan.spent_minor,
                    "currency": currency, "actions": done})  # fmt: skip
        return
    print_table(
        "What taking it back would do",
        ("object", "value", "ours before", "ours after", "theirs now", "verdict", "why"),
        [
            (
                f"{step.object_kind.replace('_', ' ')} {step.object_name} ({step.object_id})",
                step.key.removesuffix("_minor").replace("_", " "),
                *(_value(step, value, currency) for value in (step.ours_before, step.ours_after, step.theirs_now)),
                step.fate,
                _why(step),
            )
            for step in sorted(plan.steps, key=lambda step: _SHOWN.index(step.fate))
        ],
        empty="nothing of ours is there to take back",
    )
    if plan.steps:
        resets = sum(step.resets_learning for step in plan.steps)
        print_facts(
            "Beside that",
            [
                ("cannot be undone", f"{Money(plan.spent_minor, currency)} that these objects spent since that day"),
                ("put back into learning", f"{resets} of {len(plan.restorable)} restored"),
            ],
        )
    if done:
        print_actions("What was done", [(row, currency) for row in done], empty="nothing")
    elif plan.steps and not plan.restorable:
        say("there is nothing to take back")
    elif plan.restorable:
        say(f"nothing was changed; --apply --reason '...' takes {len(plan.restorable)} back")


def _leave(plan: UndoPlan, done: Sequence[Action]) -> NoReturn:
    """Exit 0 if all that could be restored is."""
    is_fine = all(row.state is ActionState.APPLIED for row in done) and bool(done or not plan.restorable)
    if any(row.state not in TERMINAL for row in done):
        say("not all outcomes are known yet; `stakazo actions list` shows them")
    raise typer.Exit(0 if is_fine else 1)


def _value(step: Step, value: Json, currency: str) -> str:
    if value is None or isinstance(value, bool | list | dict):
        return ""
    if step.key.endswith("_minor") and isinstance(value, int):
        return str(Money(value, currency))
    return str(value)


def _why(step: Step) -> str:
    learning = "puts it back into learning" if step.resets_learning else ""
    acts = f"takes back action {', '.join(map(str, step.undoes))}" if step.fate is Fate.RESTORE else ""
    return "; ".join(part for part in (acts, step.why, learning) if part)


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
