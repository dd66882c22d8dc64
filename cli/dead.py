"""`stakazo actions dead`: actions whose executors died too often, and giving one another life."""

from typing import Annotated

import typer

from actions import dead
from actions.wording import ring
from cli import wording
from cli.console import AsJson, compact, instant, print_facts, print_json, print_table, say
from cli.ringing import ring_all
from cli.session import AccountFilter, chosen_or_all, opened, principal, transaction
from domain.errors import BadInputError
from domain.ids import ActionId
from models import accounts
from models import dead as letters
from models.dead import Letter

app = typer.Typer(no_args_is_help=True)

_Id = Annotated[int, typer.Argument(metavar="ID", help="As `stakazo actions dead list` shows it.")]


@app.command("list")
def list_(
    account: AccountFilter = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List dead letters: what was wanted, whether the platform may have it, when its executor died last.

    Example: stakazo actions dead list
    """
    with opened() as house, transaction(house) as conn:
        chosen = chosen_or_all(conn, account)
        rows = letters.listing(conn, None if chosen is None else chosen.id, limit)
        currencies = {row.id: row.currency for row in accounts.listing(conn)}
    if as_json:
        print_json({"dead": rows})
        return
    print_table(
        "Dead letters",
        ("id", "object", "change", "may be on the platform", "died", "why"),
        [
            (
                *(row.action.id, wording.object_of(row.action)),
                wording.change_of(row.action, currencies[row.action.account_id]),
                *(_sent(row), instant(row.died_at), row.action.state_reason),
            )
            for row in rows
        ],
        empty="none",
    )


@app.command("show")
def show(action_id: _Id, as_json: AsJson = False) -> None:
    """Show one dead letter with every time an executor began with it, and the last that the platform said.

    Example: stakazo actions dead show 12
    """
    with opened() as house, transaction(house) as conn:
        row = letters.get(conn, ActionId(action_id))
        if row is None:
            raise BadInputError(f"action {action_id} is not dead; `stakazo actions dead list` shows those that are")
        account = accounts.get(conn, row.action.account_id)
    if as_json:
        print_json({"dead": row})
        return
    print_facts(
        f"Dead letter {row.action.id}",
        [
            ("account", f"{account.name} ({account.platform}:{account.platform_account_id}, {account.mode})"),
            ("object", wording.object_of(row.action)),
            ("change", wording.change_of(row.action, account.currency)),
            ("dead because", row.action.state_reason),
            ("died", instant(row.died_at)),
            ("may be on the platform", _sent(row)),
            ("last error", compact(row.last_error) if row.last_error else "none"),
            ("requeued, it is", "read back first, and never sent again" if row.was_sent else "judged again, then sent"),
        ],
    )
    print_table(
        "Begun with",
        ("at", "by", "epoch"),
        [(instant(one.at), one.actor, one.epoch) for one in row.deaths],
        empty="no record is left",
    )


@app.command("requeue")
def requeue(
    action_id: _Id,
    reason: Annotated[str, typer.Option(help="What was found and mended; kept on record.")],
    as_json: AsJson = False,
) -> None:
    """Give a dead letter another life: sent if it never was, read back first if it may have been.

    Example: stakazo actions dead requeue 12 --reason 'the worker had no memory; it has now'
    """
    with opened() as house:
        with transaction(house) as conn:
            action = dead.requeue(conn, principal(conn), ActionId(action_id), reason=reason)
            account = accounts.get(conn, action.account_id)
        ring_all(house, [ring(action, account.platform, account.platform_account_id)])
    if as_json:
        print_json({"action": action})
        return
    say(f"action {action.id} is {action.state} again; `stakazo actions show {action.id}` follows it")


def _sent(row: Letter) -> str:
    return "yes" if row.was_sent else "no, it was never sent"
