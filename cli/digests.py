"""`stakazo digest`: what a day's cycles would have done at level observe, what people did instead, what came of it."""

from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cli.console import AsJson, out, print_json, print_table
from cli.session import AccountChoice, choose_account, opened, transaction
from cli.wording import change_of, object_of
from control_tower.digest import Digest, Line, Span, tell
from domain import catalogue
from domain.errors import BadInputError, NotReadyError
from domain.money import Money
from models import digests
from models.accounts import Account


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("digest")(digest)


def digest(
    day: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="A day of the account's zone; else the last day it read.")
    ] = None,
    account: AccountChoice = None,
    as_json: AsJson = False,
) -> None:
    """Tell a day at level observe: what it would have done, what people did instead, and what came of it.

    Example: stakazo digest --day 2026-11-20
    """
    with opened() as house, transaction(house) as conn:
        chosen = choose_account(conn, account)
        zone = ZoneInfo(chosen.zone)
        if chosen.insights_read_at is None:
            raise NotReadyError(f"figures of account {chosen.id} were never read; `stakazo cycle run` reads them")
        last_day = chosen.insights_read_at.astimezone(zone).date()
        told = last_day if day is None else _day(day)
        since, until = (datetime.combine(told + timedelta(days=n), time(), tzinfo=zone) for n in (0, 1))
        wishes = digests.observed(conn, chosen.id, since, until)
        objects = [(row.object_kind, row.object_id) for row in wishes]
        found = tell(
            told,
            last_day,
            wishes,
            digests.standing(conn, chosen.id, objects),
            digests.figures(conn, chosen.id, objects, told - timedelta(days=1)),
            ours=digests.changed_by_us(conn, chosen.id, objects, since),
            restatement_days=catalogue.platform(chosen.platform).restatement_days,
        )
    if as_json:
        print_json(_document(chosen, found))
        return
    _print(chosen, found)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInputError(f'"{text}" is no day; write it like 2026-11-20') from None


def _print(account: Account, found: Digest) -> None:
    print_table(
        f"{found.day} of account {account.id}, {account.name}",
        ("object", "it would have", "rule", "people", "the day before", f"since, to {found.last_day}"),
        [
            (
                object_of(line.action),
                change_of(line.action, account.currency),
                line.action.rule,
                _did(line, account.currency),
                _shown(line.day_before, account.currency),
                _shown(line.since, account.currency),
            )
            for line in found.lines
        ],
        empty="nothing was only observed on that day",
    )
    if found.lines:
        out.print(found.caution, markup=False, soft_wrap=True)


def _did(line: Line, currency: str) -> str:
    values = [_value(name, value, currency) for name, value in line.now.items() if value is not None]
    return f"{line.instead} (now {', '.join(values)})" if values else str(line.instead)


def _value(name: str, value: object, currency: str) -> str:
    return str(Money(value, currency)) if name.endswith("_minor") and type(value) is int else str(value)


def _shown(span: Span, currency: str) -> str:
    if span.roas is None:
        return "nothing spent"
    return f"{Money(span.spend_minor, currency)}, ROAS {span.roas:.2f}, {span.purchases} purchases"


def _document(account: Account, found: Digest) -> dict[str, object]:
    return {
        "account": account.id,
        "day": found.day,
        "last_day": found.last_day,
        "currency": account.currency,
        "lines": [
            {
                "action": line.action.id,
                "object_kind": line.action.object_kind,
                "object_id": line.action.object_id,
                "rule": line.action.rule,
                "reason": line.action.reason,
                "before": line.action.expected_before,
                "target": line.action.target,
                "people": line.instead.name.lower(),
                "now": line.now,
                "day_before": _figures(line.day_before),
                "since": _figures(line.since),
            }
            for line in found.lines
        ],
        "caution": found.caution,
    }


def _figures(span: Span) -> dict[str, object]:
    names = ("days", "spend_minor", "revenue_minor", "purchases", "roas")
    return {name: getattr(span, name) for name in names}
