"""`stakazo actions orphans`: what carries our mark on the platform and is in no ledger as a result."""

from typing import Annotated

import typer

from cli.console import AsJson, instant, print_json, print_table
from cli.session import AccountFilter, chosen_or_all, opened, transaction
from domain.money import Money
from models import accounts, orphans
from models.orphans import Orphan


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("orphans")(list_)


def list_(
    account: AccountFilter = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List orphans that the hourly sweep found: whose they likely are, why, and whether they are put away.

    Example: stakazo actions orphans
    """
    with opened() as house, transaction(house) as conn:
        chosen = chosen_or_all(conn, account)
        rows = orphans.listing(conn, None if chosen is None else chosen.id, limit)
        currencies = {row.id: row.currency for row in accounts.listing(conn)}
    if as_json:
        print_json({"orphans": rows})
        return
    print_table(
        "Orphans",
        ("object", "status", "made", "spent", "of action", "why", "put away"),
        [
            (
                f"{row.object_kind.replace('_', ' ')} {row.object_name} ({row.object_id})",
                *(row.status, instant(row.made_at), Money(row.spend_minor, currencies[row.account_id])),
                *(row.action_id or "none known", row.why, _put_away(row)),
            )
            for row in rows
        ],
        empty="none was found; the sweep looks every hour",
    )


def _put_away(row: Orphan) -> str:
    if row.archive_action_id is None:
        return "no: look at it"
    return f"action {row.archive_action_id} is {row.archive_state}"
