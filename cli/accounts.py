"""`stakazo account`: what an account may do by itself, its caps, its pause switch."""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from actions import limits
from cli import goals
from cli.console import AsJson, ago, instant, print_facts, print_json, print_table
from cli.session import actor, choose_account, opened, principal, transaction
from domain import catalogue
from domain.actions import Level, Mode
from domain.errors import BadInputError
from domain.money import Money
from domain.objects import AccountInfo
from models import accounts, stops
from models.accounts import Account
from models.cleaning import clean_text
from models.engine import db_now
from models.stops import Stop

app = typer.Typer(no_args_is_help=True)

_COUNTRY = re.compile(r"^[A-Z]{2}$")
_UNSET = "none"
_Amount = Annotated[str | None, typer.Option(metavar="AMOUNT", help='In the account\'s currency: "500 USD"; or none.')]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the accounts that are open.

    Example: stakazo account list
    """
    with opened() as house, transaction(house) as conn:
        rows, stopped, now = accounts.listing(conn), stops.listing(conn, only_open=True), db_now(conn)
    if as_json:
        print_json({"accounts": rows})
        return
    print_table(
        "Accounts",
        ("id", "platform id", "name", "mode", "level", "state", "cap a day", "cap an ad set", "tree read", "opened"),
        [
            (
                *(row.id, f"{row.platform}:{row.platform_account_id}", row.name, row.mode, row.level),
                state_of(row, stopped),
                *(cap_of(row, row.max_total_daily_spend_minor), cap_of(row, row.max_daily_budget_per_ad_set_minor)),
                *(instant(row.tree_read_at), ago(row.opened_at, now)),
            )
            for row in rows
        ],
        empty="none is open; `stakazo up` opens those of the sandbox",
    )


@app.command("open")
def open_(
    wanted: Annotated[
        str | None, typer.Argument(metavar="ID", help="The platform's id; none lists what there is.")
    ] = None,
    platform: Annotated[str | None, typer.Option(help="May be left out while one only has a client.")] = None,
    as_json: AsJson = False,
) -> None:
    """Open a live account at level observe, or list those that the token sees.

    Example: stakazo account open --platform meta act_1234567890
    """
    with opened() as house:
        slug = catalogue.platform(platform).slug if platform else catalogue.built_platforms()[0].slug
        seen = house.client(slug, Mode.LIVE).reader.accounts()
        if wanted is None:
            _print_seen(slug, seen, as_json=as_json)
            return
        info = next((info for info in seen if wanted in {info.id, info.id.removeprefix("act_")}), None)
        if info is None:
            raise BadInputError(f'the token sees no account "{wanted}"; `stakazo account open` lists what it sees')
        with transaction(house) as conn:
            is_new = accounts.find(conn, slug, info.id, Mode.LIVE) is None
            account_id = accounts.open_account(
                conn, platform=slug, info=info, mode=Mode.LIVE, level=Level.OBSERVE, actor=actor()
            )  # fmt: skip
            row = accounts.get(conn, account_id)
    if as_json:
        print_json({"account": row, "is_new": is_new})
        return
    print_facts(
        f"Account {row.id} is {'opened' if is_new else 'open already'}",
        [
            *(("name", row.name), ("level", row.level), ("currency", row.currency), ("zone", row.zone)),
            ("next", "`stakazo doctor --live` says what is missing; `stakazo digest` what it would have done"),
        ],
    )


def _print_seen(platform: str, seen: Sequence[AccountInfo], *, as_json: bool) -> None:
    if as_json:
        print_json({"platform": platform, "accounts": seen})
        return
    print_table(
        f"Accounts of {platform} that the token sees",
        ("platform id", "name", "currency", "zone", "status"),
        [(info.id, info.name, info.currency, info.zone, info.status_text) for info in seen],
        empty="none; give the token's user access to one",
    )


@app.command("set")
def set_(  # noqa: PLR0917 - typer hands options over by name
    account: Annotated[str, typer.Argument(help="Our id, or the platform's (act_...).")],
    level: Annotated[Level | None, typer.Option(help="How far it may go by itself; see `stakazo level show`.")] = None,
    max_daily_budget_per_adset: _Amount = None,
    max_daily_budget_per_campaign: _Amount = None,
    max_total_daily_spend: _Amount = None,
    max_worst_day: _Amount = None,
    max_change_without_approval: _Amount = None,
    paused: Annotated[
        bool | None, typer.Option("--paused/--resumed", help="Stop the account, or let it go on.")
    ] = None,
    page: Annotated[str | None, typer.Option(help="Page that creates use where a request names none.")] = None,
    pixel: Annotated[str | None, typer.Option(help="Pixel that creates use where a request names none.")] = None,
    countries: Annotated[str | None, typer.Option(metavar="ES,PT", help="Countries that creates use.")] = None,
    goal_roas: goals.GoalRoas = None,
    goal_cpa: goals.GoalCpa = None,
    margin: goals.Margin = None,
    month_budget: goals.MonthBudget = None,
    clear: goals.Clear = None,
    as_json: AsJson = False,
) -> None:
    """Change an account; nothing else of it changes.

    Example: stakazo account set 1 --max-total-daily-spend "900 EUR"
    """
    with opened() as house, transaction(house) as conn:
        before = choose_account(conn, account)
        caps = {
            "max_daily_budget_per_ad_set_minor": max_daily_budget_per_adset,
            "max_daily_budget_per_campaign_minor": max_daily_budget_per_campaign,
            "max_total_daily_spend_minor": max_total_daily_spend,
            "max_worst_day_minor": max_worst_day,
            "max_change_without_approval_minor": max_change_without_approval,
        }
        own = {
            "level": level,
            "is_paused": paused,
            "page_id": clean_text(page),
            "pixel_id": clean_text(pixel),
            "countries": None if countries is None else _countries(countries),
        }
        wanted: dict[str, object] = {name: value for name, value in own.items() if value is not None}
        wanted |= {name: _cap(before, text) for name, text in caps.items() if text is not None}
        wanted |= goals.read_goals(before, goal_roas, goal_cpa, margin, month_budget, clear)
        if not wanted:
            raise BadInputError("nothing to set; name at least one option, such as --level observe (see --help)")
        after = limits.change_account(conn, principal(conn), before, **wanted)
    _print_changed(before, after, wanted, as_json=as_json)


def _print_changed(before: Account, after: Account, names: Iterable[str], *, as_json: bool) -> None:
    changed = {
        name: {"before": getattr(before, name), "after": getattr(after, name)}
        for name in names
        if getattr(before, name) != getattr(after, name)
    }
    if as_json:
        print_json({"account": after, "changed": changed})
        return
    print_table(
        f"Account {after.id}",
        ("field", "before", "after"),
        [
            (name, _shown(after, name, row["before"]), _shown(after, name, row["after"]))
            for name, row in changed.items()
        ],
        empty="it was so already",
    )


@app.command("show")
def show(
    account: Annotated[
        str | None, typer.Argument(help="Our id, or the platform's; may be left out for the only one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show everything of one account.

    Example: stakazo account show act_1234567890
    """
    with opened() as house, transaction(house) as conn:
        row = choose_account(conn, account)
    if as_json:
        print_json({"account": row})
        return
    names = (name for name in Account.__dataclass_fields__ if name != "id")
    print_facts(f"Account {row.id}", [(name, _shown(row, name, getattr(row, name))) for name in names])


def state_of(account: Account, stopped: Sequence[Stop]) -> str:
    """Whether the account may act: such as "runs", "paused", "fence closed: a spike"; `stopped` are all open stops."""
    held = next((stop for stop in stopped if stop.account_id in {None, account.id}), None)
    if held is not None:
        return f"fence closed{' for all' if held.account_id is None else ''}: {held.reason}"
    if account.fence_closed:
        return f"fence closed: {account.fence_reason}"
    return "paused" if account.is_paused else "runs"


def cap_of(account: Account, minor: int | None) -> str:
    """A cap as an amount, or where it comes from."""
    return "the setting" if minor is None else str(Money(minor, account.currency))


def _shown(account: Account, name: str, value: object) -> object:
    if name in goals.FIELDS.values() and value is None:
        return "none"
    if name.endswith("_minor"):
        return cap_of(account, value if isinstance(value, int) else None)
    return ", ".join(value) if isinstance(value, tuple) else value


def _cap(account: Account, text: str) -> int | None:
    """Read a cap, or that there is none."""
    if text.strip().lower() == _UNSET:
        return None
    return goals.amount_in(account, text, "cap")


def _countries(text: str) -> tuple[str, ...]:
    codes = tuple(part.strip().upper() for part in text.split(",") if part.strip())
    wrong = [code for code in codes if not _COUNTRY.match(code)]
    if wrong or not codes:
        raise BadInputError(f'"{text}" is no list of countries; write two-letter codes such as ES,PT')
    return codes
