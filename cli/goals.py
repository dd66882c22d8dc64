"""What people type of an account's goal, margin and month budget, read into the fields of its row."""

import math
from collections.abc import Sequence
from typing import Annotated

import typer

from domain.errors import BadInputError
from domain.money import Money
from models.accounts import Account

GoalRoas = Annotated[
    float | None, typer.Option(metavar="RATIO", help="Revenue wanted per unit spent: 2.5. Stands in for a goal CPA.")
]
GoalCpa = Annotated[
    str | None, typer.Option(metavar="AMOUNT", help='Most wanted to pay per purchase: "18 EUR". Stands in for a ROAS.')
]
Margin = Annotated[
    float | None,
    typer.Option(metavar="SHARE", help="Share of the revenue that stays, 0..1: no rule raises below ROAS 1 / margin."),
]
MonthBudget = Annotated[
    str | None, typer.Option(metavar="AMOUNT", help='Most to spend in a calendar month: "3000 EUR". Bounds raises.')
]
Clear = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Take back goal-roas, goal-cpa, margin or month-budget; may be repeated."),
]

FIELDS = {
    "goal-roas": "goal_roas",
    "goal-cpa": "goal_cpa_minor",
    "margin": "margin",
    "month-budget": "month_budget_minor",
}
_MOST_ROAS = 1000.0


def read_goals(  # noqa: PLR0917 - one option each, as typed
    account: Account,
    goal_roas: float | None,
    goal_cpa: str | None,
    margin: float | None,
    month_budget: str | None,
    clear: Sequence[str] | None,
) -> dict[str, object]:
    """Return the fields to set; of the two goals, the one that is set takes the other's place.

    Raises:
        BadInputError: two goals at once, a number out of its range, another currency, or a name that is none.
    """
    if goal_roas is not None and goal_cpa is not None:
        raise BadInputError("an account has a goal ROAS or a goal CPA, not both; name one")
    found: dict[str, object] = dict.fromkeys(_cleared(clear or ()))
    if goal_roas is not None:
        found |= {"goal_roas": _within("goal ROAS", goal_roas, _MOST_ROAS), "goal_cpa_minor": None}
    if goal_cpa is not None:
        found |= {"goal_cpa_minor": _positive(account, goal_cpa, "goal CPA"), "goal_roas": None}
    if margin is not None:
        found["margin"] = _within("margin", margin, 1.0)
    if month_budget is not None:
        found["month_budget_minor"] = _positive(account, month_budget, "month budget")
    return found


def amount_in(account: Account, text: str, what: str) -> int:
    """Read an amount; it must be in the account's currency, since nothing here knows an exchange rate."""
    amount = Money.parse(text)
    if amount.currency != account.currency:
        raise BadInputError(
            f"account {account.id} is billed in {account.currency} and {amount} is not; "
            f'write the {what} in {account.currency}, such as "500 {account.currency}"'
        )
    return amount.minor


def _positive(account: Account, text: str, what: str) -> int:
    minor = amount_in(account, text, what)
    if minor <= 0:
        raise BadInputError(f'a {what} of "{text}" means nothing; write more than 0')
    return minor


def _cleared(names: Sequence[str]) -> list[str]:
    unknown = [name for name in names if name not in FIELDS]
    if unknown:
        raise BadInputError(f'"{unknown[0]}" cannot be cleared; there are {", ".join(FIELDS)}')
    return [FIELDS[name] for name in names]


def _within(what: str, value: float, most: float) -> float:
    if not math.isfinite(value) or not 0 < value <= most:
        raise BadInputError(f"a {what} of {value:g} makes no sense; write a number above 0, {most:g} at most")
    return value
