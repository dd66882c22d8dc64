"""`stakazo approvals`, `approve` and `reject`: what waits for a person, and their answer."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated

import typer
from sqlalchemy import Connection

from actions import approvals as answers
from actions.approvals import ANSWER_WITHIN, LIFE, Given
from actions.request import fingerprint
from cli import wording
from cli.console import AsJson, ago, compact, instant, print_facts, print_json, say
from cli.ringing import ring_all
from cli.session import AccountFilter, chosen_or_all, opened, principal, transaction
from domain.actions import Action
from domain.errors import BadInputError, StakazoError
from domain.ids import ActionId
from models import accounts, approvals
from models.accounts import Account
from models.engine import db_now
from workers.bootstrap import House

app = typer.Typer(no_args_is_help=True)

_Ids = Annotated[list[int], typer.Argument(metavar="ID...", help="As `stakazo approvals list` shows them.")]
_Reason = Annotated[str, typer.Option(help="Why; kept with the answer for good.")]


def register(root: typer.Typer) -> None:
    """Add `stakazo approve` and `stakazo reject`."""
    root.command("approve")(approve)
    root.command("reject")(reject)


@app.command("list")
def list_(account: AccountFilter = None, as_json: AsJson = False) -> None:
    """List what waits for a person: the exact change, why it waits, on which figures, and until when.

    Example: stakazo approvals list --account 1
    """
    with opened() as house, transaction(house) as conn:
        chosen = chosen_or_all(conn, account)
        rows = approvals.waiting(conn, None if chosen is None else chosen.id)
        of = {row.id: row for row in accounts.listing(conn)}
        now = db_now(conn)
    if as_json:
        print_json({"approvals": [_document(row, of[row.account_id]) for row in rows]})
        return
    for row in rows:
        print_facts(f"Action {row.id} waits for approval", _facts(row, of[row.account_id], now))
    if not rows:
        say("nothing waits for approval")


@app.command("withdraw")
def withdraw(
    action_id: Annotated[int, typer.Argument(metavar="ID", help="The action whose approval is taken back.")],
    reason: _Reason = "",
    as_json: AsJson = False,
) -> None:
    """Take an approval back while nothing was sent; the change is cancelled.

    Example: stakazo approvals withdraw 12
    """
    with opened() as house, transaction(house) as conn:
        action = answers.withdraw(conn, principal(conn), ActionId(action_id), reason=reason)
    _print_answers([action], [], as_json=as_json)


def approve(
    action_ids: _Ids,
    reason: _Reason,
    hours: Annotated[float, typer.Option(min=0.01, max=168, help="How long the approval lives.")] = LIFE
    / timedelta(hours=1),
    as_json: AsJson = False,
) -> None:
    """Say yes to changes, each exactly as it is listed, once; who proposed one cannot approve it.

    Caps and data are judged again as it is sent; `stakazo actions show ID` tells what became of it.

    Example: stakazo approve 12 13 --reason "the spring sale"
    """
    _require(reason)
    given: list[Given] = []

    def give(conn: Connection, action_id: ActionId) -> Action:
        one = answers.give(conn, principal(conn), action_id, reason=reason, life=timedelta(hours=hours))
        given.append(one)
        return one.action

    with opened() as house:
        done, failed = _each(house, action_ids, give)
        ring_all(house, [one.ring for one in given if one.action in done])  # those whose transaction ended well
    _print_answers(done, failed, as_json=as_json)


def reject(action_ids: _Ids, reason: _Reason, as_json: AsJson = False) -> None:
    """Say no to changes: each is cancelled, and the same rule does not ask again for a day.

    Example: stakazo reject 12 --reason "it is the founder's"
    """
    _require(reason)
    with opened() as house:
        done, failed = _each(
            house, action_ids, lambda conn, one: answers.reject(conn, principal(conn), one, reason=reason)
        )
    _print_answers(done, failed, as_json=as_json)


def _require(reason: str) -> None:
    if not reason.strip():
        raise BadInputError("an answer wants a reason: --reason 'agreed with Marta'")


def _each(
    house: House, ids: Sequence[int], answer: Callable[[Connection, ActionId], Action]
) -> tuple[list[Action], list[StakazoError]]:
    """Answer one after the other, each for itself: one that cannot be answered does not unmake the others."""
    done: list[Action] = []
    failed: list[StakazoError] = []
    for one in dict.fromkeys(ids):
        try:
            with transaction(house) as conn:
                action = answer(conn, ActionId(one))
            done.append(action)
        except StakazoError as error:
            failed.append(error)
    if failed and not done:
        raise failed[0]
    return done, failed


def _print_answers(done: list[Action], failed: list[StakazoError], *, as_json: bool) -> None:
    if as_json:
        print_json({"actions": done, "failed": [str(error) for error in failed]})
    else:
        for action in done:
            because = f": {action.state_reason}" if action.state_reason else ""
            say(f"action {action.id} {wording.state_of(action)}{because}")
    for error in failed:
        say(f"stakazo: {error}")
    if failed:
        raise typer.Exit(1)


def _document(action: Action, account: Account) -> dict[str, object]:
    return {
        "action": action,
        "request": fingerprint(action, account.platform_account_id),
        "expires_at": action.created_at + ANSWER_WITHIN,
    }


def _facts(action: Action, account: Account, now: datetime) -> list[tuple[str, object]]:
    return [
        ("account", f"{account.id}, {account.name}"),
        ("object", wording.object_of(action)),
        ("change", wording.change_of(action, account.currency)),
        ("wanted by", f"{action.proposed_by} ({action.rule}, priority {action.priority})"),
        ("because", action.reason),
        ("waits because", action.state_reason),
        ("evidence", compact(action.evidence)),
        ("asked", ago(action.created_at, now)),
        ("ends unanswered", instant(action.created_at + ANSWER_WITHIN)),
        ("exact request", fingerprint(action, account.platform_account_id)),
    ]
