"""Meta's money against ours, in whole numbers only: no float ever holds an amount.

Meta counts budgets in units of its own offset table, and insights in decimals of major units; the house counts ISO
4217 minor units.
"""

import re
from decimal import ROUND_HALF_EVEN, Decimal

from domain.errors import RefusedError
from domain.money import Money, exponent

# facts/meta_graph_api.md §7: 100 units to a major unit everywhere, but 1 for these.
_OFFSET_ONE = frozenset({"CLP", "COP", "CRC", "HUF", "ISK", "IDR", "JPY", "KRW", "PYG", "TWD", "VND"})
_CENTS = 2
MOST_MINOR = 2**63 - 1  # what a bigint holds
# Python reads more as a number than Meta writes: "1_0.00", digits of other scripts, "NaN".
_AMOUNT = re.compile(r"[+-]?(?:[0-9]{1,16}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?:[eE][+-]?[0-9]{1,2})?")


def offset(currency: str) -> int:
    """How many of Meta's units make one major unit."""
    return 1 if currency in _OFFSET_ONE else 100


def step_minor(currency: str) -> int:
    """The smallest step of a budget that Meta can hold, in ISO minor units: 100 for HUF, 1 for USD."""
    return max(1, _scale(currency) // offset(currency))


def _scale(currency: str) -> int:
    scale: int = 10 ** exponent(currency)
    return scale


def from_meta(units: int, currency: str) -> int:
    """Meta's units → ISO minor units, exactly.

    Raises:
        RefusedError: the amount has no whole number of minor units (only where ISO counts coarser than Meta), or is
            none that anybody has.
    """
    minor, rest = divmod(units * _scale(currency), offset(currency))
    if abs(minor) > MOST_MINOR:
        raise RefusedError("Meta tells an amount of more than 18 digits")
    if rest:
        raise RefusedError(f"Meta's amount of {units} units has no whole number of {currency} minor units")
    return minor


def to_meta(minor: int, currency: str) -> int:
    """ISO minor units → Meta's units, exactly.

    Raises:
        RefusedError: the amount is finer than Meta counts in this currency; nothing was sent.
    """
    units, rest = divmod(minor * offset(currency), _scale(currency))
    if rest:
        step = Money(step_minor(currency), currency)
        raise RefusedError(f"{Money(minor, currency)} cannot be told to Meta: it counts in steps of {step}; round it")
    return units


def major_units(minor: int, currency: str) -> str:
    """ISO minor units → a decimal of major units ("12.34"), as an account's spending limit is told (and not read).

    Raises:
        RefusedError: the amount is finer than Meta counts in this currency; nothing was sent.
    """
    return str(Decimal(to_meta(minor, currency)) / offset(currency))


def minor_of(decimal: str, currency_exponent: int) -> int:
    """An insights decimal of major units ("12.34") → minor units, half to even where it is finer than those.

    Raises:
        ValueError: it is not a number.
    """
    if _AMOUNT.fullmatch(decimal) is None:
        raise ValueError("not an amount")
    if currency_exponent == _CENTS and decimal[-3:-2] == ".":
        return int(decimal[:-3] + decimal[-2:])  # the usual case, a tenth of the cost of a Decimal
    minor = int(Decimal(decimal).scaleb(currency_exponent).to_integral_value(rounding=ROUND_HALF_EVEN))
    if abs(minor) > MOST_MINOR:
        raise ValueError("an amount that nobody has")
    return minor
