"""`stakazo change account`: its spending limit on the platform, which holds when everything of ours is dead."""

from typing import Annotated, Final, NoReturn

import typer

from actions import door, spending_limits
from cli import goals
from cli.changes import app, leave
from cli.console import AsJson, say
from cli.ringing import ring_all
from cli.session import choose_account, opened, principal, transaction
from cli.waiting import wait_for_actions
from domain.errors import BadInputError, NotReadyError
from domain.money import Money
from domain.objects import AccountInfo
from domain.permissions import Permission, require
from models import accounts
from models.accounts import Account
from workers.bootstrap import House, limits_of

_RULE: Final = "person"
_Limit = Annotated[
    str | None,
    typer.Option("--spending-limit", metavar="AMOUNT", help='What it may spend in its life, as "12000 EUR".'),
]
_AtSpent = Annotated[
    bool, typer.Option("--spending-limit-at-spent", help="What it has spent so far: from there on nothing delivers.")
]
_NoLimit = Annotated[bool, typer.Option("--no-spending-limit", help="Take the limit away.")]
_Margin = Annotated[str | None, typer.Option("--margin", metavar="AMOUNT", help='Added to what is spent, as "5 EUR".')]


@app.command("account")
def account(  # noqa: PLR0917 - typer hands options over by name
    account_id: Annotated[str, typer.Argument(metavar="ID", help="Our id of the account, or the platform's.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the change for good.")],
    spending_limit: _Limit = None,
    at_spent: _AtSpent = False,
    no_limit: _NoLimit = False,
    margin: _Margin = None,
    timeout: Annotated[float, typer.Option(min=1, max=3600, help="Seconds to wait for the outcome.")] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Set an account's spending limit: once its life's spend reaches it, the platform delivers nothing more.

    It counts everything that the account ever spent, not a day or a month. Exit status 0 once it is applied.

    Example: stakazo change account 1 --spending-limit-at-spent --margin "50 EUR" --reason "closed until Monday"
    """
    if [spending_limit is not None, at_spent, no_limit].count(True) != 1:
        raise BadInputError("say one thing: --spending-limit AMOUNT, --spending-limit-at-spent or --no-spending-limit")
    if margin is not None and not at_spent:
        raise BadInputError("--margin is added to what is spent: it goes with --spending-limit-at-spent")
    if not reason.strip():
        raise BadInputError("a change wants a reason: --reason 'closed until Monday'")
    with opened() as house:
        with transaction(house) as conn:
            chosen = choose_account(conn, account_id)
        wanted = None if spending_limit is None else _amount(chosen, spending_limit, "spending limit")
        spare = 0 if margin is None else _amount(chosen, margin, "margin")
        info = house.client_of(chosen).reader.account(chosen.platform_account_id)
        target = 0 if no_limit else wanted or spending_limits.at_spent(chosen, info, margin_minor=spare)
        _tell_what_it_does(chosen, info, target)
        _ask(house, chosen, info.spend_cap_minor or 0, target, reason.strip(), timeout, as_json=as_json)


def _amount(account: Account, text: str, what: str) -> int:
    minor = goals.amount_in(account, text, what)
    if minor <= 0:
        raise BadInputError(f"a {what} of {text!r} means nothing; --no-spending-limit takes the limit away")
    return minor


def _tell_what_it_does(account: Account, info: AccountInfo, target: int) -> None:
    if (info.spend_cap_minor or 0) == target:
        words = "no spending limit" if target == 0 else f"a spending limit of {Money(target, account.currency)}"
        raise NotReadyError(f"account {account.id} has {words} already; nothing was asked for")
    if target and info.spent_minor is not None:
        spent, limit = Money(info.spent_minor, account.currency), Money(target, account.currency)
        left = target - info.spent_minor
        then = "nothing delivers from then on" if left <= 0 else f"{Money(left, account.currency)} are left"
        say(f"{account.name} has spent {spent} in its life; with a limit of {limit} {then}")


def _ask(  # noqa: PLR0917 - what was asked for, of what
    house: House, account: Account, before: int, target: int, reason: str, timeout: float, *, as_json: bool
) -> NoReturn:
    now = house.clock_of(account).now()
    with transaction(house) as conn:
        who = principal(conn)
        require(who, Permission.PROPOSE)
        chosen = accounts.get(conn, account.id)
        wanted = spending_limits.proposal(chosen, before, target, rule=_RULE, reason=reason)
        proposed = door.propose(
            conn, account=chosen, run_id=None, now=now, proposals=[wanted], actor=who.name,
            limits=limits_of(house.settings),
        )  # fmt: skip
    ring_all(house, proposed.rings)
    (action,) = wait_for_actions(house, [row.id for row in proposed.actions], timeout)
    leave(action, chosen, as_json=as_json)
