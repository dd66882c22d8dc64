"""`stakazo autonomy`: how far modules may go, what speaks for more, and what the next level still takes."""

from typing import Any

import typer

from cli.console import AsJson, print_json, print_table
from cli.session import AccountFilter, chosen_or_all, opened, transaction
from models import accounts, module_levels, promotions
from models.promotions import Kept


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("autonomy")(autonomy)


def autonomy(account: AccountFilter = None, as_json: AsJson = False) -> None:
    """Show what was last advised on each acting module's level. Raising one is yours: `stakazo level set`.

    A module is set back at once where its record speaks against it; it is never raised without a person.
    Example: stakazo autonomy --account 1
    """
    with opened() as house, transaction(house) as conn:
        chosen = chosen_or_all(conn, account)
        rows = [
            _row(one.level, module_levels.of(conn, one.id, module), kept)
            for one in ((chosen,) if chosen else accounts.listing(conn))
            for module, kept in sorted(promotions.current(conn, one.id).items())
        ]
    if as_json:
        print_json({"autonomy": rows})
        return
    print_table(
        "Autonomy",
        ("account", "module", "account's level", "its level", "advice", "why, or what is missing"),
        [
            (
                row["account"], row["module"], row["account_level"], row["level"] or "the account's", _said(row),
                "\n".join(row["reasons"] or row["missing"]),
            )
            for row in rows
        ],
        empty="nothing was weighed yet; module autonomy does it once a day",
    )  # fmt: skip


def _said(row: dict[str, Any]) -> str:
    match row["move"]:
        case "promote":
            return f"raise to {row['to']}: stakazo level set {row['to']} --module {row['module']} -a {row['account']}"
        case "demote":
            return f"set back to {row['to']}"
        case _:
            return "keep"


def _row(account_level: str, own: str | None, kept: Kept) -> dict[str, Any]:
    return {
        "account": kept.account_id, "module": kept.module, "account_level": account_level, "level": own,
        "move": kept.move, "to": kept.to, "advised_at": kept.advised_at, "streak": kept.streak,
        "demoted_at": kept.demoted_at, "reasons": kept.reasons, "missing": kept.missing, "evidence": kept.evidence,
    }  # fmt: skip
