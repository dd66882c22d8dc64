"""`stakazo allocations`: what the optimizer changed, what it expected of it, and what came of it."""

from typing import Annotated

import typer

from cli.console import AsJson, print_json, print_table
from cli.session import AccountFilter, chosen_or_all, opened, transaction
from domain.money import Money
from models import accounts, allocations
from models.allocations import SETTLE_DAYS, Kept


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("allocations")(allocations_)


def allocations_(
    account: AccountFilter = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List budget changes of the optimizer: gain a day as predicted, and as realised once it has matured.

    Example: stakazo allocations --limit 50
    """
    with opened() as house, transaction(house) as conn:
        chosen = chosen_or_all(conn, account)
        account_id = None if chosen is None else chosen.id
        rows = allocations.listing(conn, account_id, limit)
        shown = [chosen] if chosen is not None else accounts.listing(conn)
        currencies = {row.id: row.currency for row in shown}
        sums = {row.id: allocations.totals(conn, row.id) for row in shown}
    if as_json:
        print_json(
            {
                "allocations": [row._asdict() for row in rows],
                "totals": {str(key): row._asdict() for key, row in sums.items()},
            }
        )
        return
    print_table(
        "Budget changes that the optimizer asked for",
        ("day", "object", "budget", "to", "predicted a day", "realised a day", "days"),
        [_row(row, currencies[row.account_id]) for row in rows],
        empty="none yet; the optimizer runs once a day after the ROAS engine",
    )
    for key, total in sums.items():
        if total.changes or total.waiting:
            typer.echo(
                f"Account {key}: of {total.changes} changes in force, predicted"
                f" {Money(total.predicted_minor, currencies[key])}, realised"
                f" {Money(total.realised_minor, currencies[key])}; {total.waiting} wait for their {SETTLE_DAYS} days,"
                " and only then is it told which were let through (until then: `stakazo actions list`)"
            )


def _row(row: Kept, currency: str) -> tuple[object, ...]:
    return (
        row.planned_on,
        f"{row.object_kind.replace('_', ' ')} {row.object_id}",
        Money(row.budget_minor, currency),
        Money(row.target_minor, currency),
        f"{Money(row.gain_minor, currency)} ± {Money(row.noise_minor, currency)}",
        _realised(row, currency),
        row.days if row.days is not None else "",
    )


def _realised(row: Kept, currency: str) -> str:
    if row.settled_at is None:
        return "not matured yet"
    return "not in force" if row.realised_minor is None else str(Money(row.realised_minor, currency))
