"""Money as integer minor units with its currency; adding two currencies is an error, never a guess."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Self

from domain.errors import BadInputError

# ISO 4217 minor-unit exponents that are not 2 (list one of the standard, amendment 179).
_EXPONENTS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV"), 0),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
_CODE = re.compile(r"^[A-Z]{3}$")
_TEXT = re.compile(r"^\s*([0-9][0-9.]*)\s+([A-Z]{3})\s*$")


def exponent(currency: str) -> int:
    """How many decimal places the currency's minor unit has (2 unless ISO 4217 says otherwise)."""
    return _EXPONENTS.get(currency, 2)


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount of `minor` units (cents, yen, fils) of `currency` (ISO 4217, upper case)."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"money is a whole number of minor units, not {self.minor!r}")
        if not _CODE.match(self.currency):
            raise ValueError(f"not a currency code: {self.currency!r}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an amount as people set it: `"5000 USD"`, `"12.50 EUR"`.

        Raises:
            BadInputError: no currency, an unknown form, or more decimals than the currency has.
        """
        match = _TEXT.match(text)
        if match is None:
            raise BadInputError(f'"{text}" is not an amount with its currency; write it like "5000 USD"')
        return cls.from_major(match[1], match[2])

    @classmethod
    def from_major(cls, amount: str | Decimal, currency: str) -> Self:
        """Convert major units (dollars) exactly.

        Raises:
            BadInputError: not a number, or it has more decimals than the currency.
        """
        try:
            scaled = Decimal(amount).scaleb(exponent(currency))
        except InvalidOperation:
            raise BadInputError(f'"{amount}" is not an amount') from None
        if not scaled.is_finite() or scaled != scaled.to_integral_value():
            raise BadInputError(f"{amount} {currency} has more decimals than {currency} knows")
        return cls(int(scaled), currency)

    def scaled(self, factor: float) -> Self:
        """Multiply, rounding half to even on the minor unit."""
        product = (Decimal(self.minor) * Decimal(str(factor))).to_integral_value(rounding=ROUND_HALF_EVEN)
        return type(self)(int(product), self.currency)

    def _same(self, other: "Money") -> int:
        if self.currency != other.currency:
            raise ValueError(f"cannot combine {self.currency} with {other.currency}")
        return other.minor

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other), self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        return self.minor > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        return self.minor >= self._same(other)

    def __str__(self) -> str:
        places = exponent(self.currency)
        return f"{Decimal(self.minor).scaleb(-places):,.{places}f} {self.currency}"
