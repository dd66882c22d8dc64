"""`stakazo level`: how far an account, and a module on it, may go by itself."""

from typing import Annotated

import typer
from sqlalchemy import Connection

from actions import levels, limits
from cli.console import AsJson, print_json, print_table
from cli.session import AccountChoice, AccountFilter, choose_account, chosen_or_all, opened, principal, transaction
from domain.actions import Level
from domain.errors import BadInputError
from domain.modules import MODULES
from models import accounts, module_levels
from models.accounts import Account

app = typer.Typer(no_args_is_help=True)

_NONE = "none"


@app.command("show")
def show(account: AccountFilter = None, as_json: AsJson = False) -> None:
    """Show the levels of accounts and of modules on them; the lower of the two holds.

    observe records and sends nothing; propose lets every change wait for approval; approve lets pauses and cuts go and
    what spends more wait; auto lets all go within the guardrails.

    Example: stakazo level show
    """
    with opened() as house, transaction(house) as conn:
        chosen = chosen_or_all(conn, account)
        rows = [row for one in ((chosen,) if chosen else accounts.listing(conn)) for row in _levels_of(conn, one)]
    _print(rows, as_json=as_json)


@app.command("set")
def set_(
    level: Annotated[str, typer.Argument(metavar="LEVEL", help=f"{', '.join(Level)}; none for a module's own.")],
    module: Annotated[str | None, typer.Option(metavar="MODULE", help="Only this module, such as full_cycle.")] = None,
    account: AccountChoice = None,
    as_json: AsJson = False,
) -> None:
    """Set the level of an account, or of one module on it; what is not sent yet is judged by it.

    Example: stakazo level set propose --module full_cycle --account 1
    """
    wanted = _read(level, module)
    with opened() as house, transaction(house) as conn:
        chosen = choose_account(conn, account)
        limits.set_level(conn, principal(conn), chosen.id, wanted, module=module)
        rows = _levels_of(conn, accounts.get(conn, chosen.id))
    _print(rows, as_json=as_json)


def _read(text: str, module: str | None) -> Level | None:
    if module is not None and module not in {row.slug for row in MODULES}:
        raise BadInputError(f'no module "{module}"; there are {", ".join(row.slug for row in MODULES)}')
    word = text.strip().lower()
    if word == _NONE and module is not None:
        return None
    if word not in set(Level):
        raise BadInputError(f'"{text}" is no level; write {", ".join(Level)}, or none with --module')
    return Level(word)


def _levels_of(conn: Connection, account: Account) -> list[dict[str, object]]:
    own = module_levels.listing(conn, account.id)
    first: dict[str, object] = {"account": account.id, "module": None, "level": account.level, "holds": account.level}
    return [
        first,
        *(
            {
                "account": account.id,
                "module": module,
                "level": level,
                "holds": levels.effective(account.level, level),
            }
            for module, level in sorted(own.items())
        ),
    ]


def _print(rows: list[dict[str, object]], *, as_json: bool) -> None:
    if as_json:
        print_json({"levels": rows})
        return
    print_table(
        "Levels",
        ("account", "module", "set to", "what holds"),
        [(row["account"], row["module"] or "all others", row["level"], row["holds"]) for row in rows],
        empty="no account is open; `stakazo up` opens those of the sandbox",
    )
