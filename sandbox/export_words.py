"""Writes headers, values and numbers as an export of a language and number form has them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from sandbox.report_form import Decimal
from sandbox.report_headers import BREAKDOWNS, HEADINGS

_SWAP: Final = str.maketrans(".,", ",.")
_HUNDRED: Final = 100


class Language(StrEnum):
    """What the person who exports has set in Ads Manager."""

    EN = "en"
    ES = "es"


# Spanish values are assumed where report_headers.py says so; delivery words stay English, as seen in Spanish exports.
_SPANISH: Final[Mapping[str, str]] = {
    "female": "Mujer", "male": "Hombre", "unknown": "Desconocido", "daily": "Diario", "lifetime": "Total",
    "ongoing": "Continuo", "campaign": "Usando el presupuesto de la campaña",
    "ad_set": "Usando el presupuesto del conjunto de anuncios",
}  # fmt: skip
_ENGLISH: Final[Mapping[str, str]] = {
    "daily": "Daily", "lifetime": "Lifetime", "ongoing": "Ongoing", "campaign": "Using campaign budget",
    "ad_set": "Using ad set budget",
}  # fmt: skip
_DELIVERY: Final[Mapping[str, str]] = {
    "ACTIVE": "active", "PAUSED": "inactive", "ADSET_PAUSED": "adset_off", "CAMPAIGN_PAUSED": "campaign_off",
    "ARCHIVED": "archived", "DELETED": "deleted",
}  # fmt: skip


class Words:
    """One export's way of writing."""

    def __init__(self, language: Language, decimal: Decimal, *, offset: int) -> None:
        self._values = _SPANISH if language is Language.ES else _ENGLISH
        self._language = language
        self._is_comma = decimal is Decimal.COMMA
        self._offset = offset

    def header(self, field: str) -> str:
        """Return a field's or breakdown's header, without a currency."""
        heading = HEADINGS.get(field) or BREAKDOWNS[field]
        return heading.english[0] if self._language is Language.EN else (*heading.spanish, *heading.assumed)[0]

    def value(self, word: str) -> str:
        """Return a cell's word."""
        return self._values.get(word, word)

    def elsewhere(self, level: str) -> str:
        """Return what stands for a budget that another level carries."""
        return self._values[level]

    def delivery(self, effective_status: str) -> str:
        """Return the word for a status."""
        return _DELIVERY.get(effective_status, "not_delivering")

    def count(self, number: int) -> str:
        """Return a whole number; with a decimal comma, thousands have dots."""
        return self._form(f"{number:,}") if self._is_comma else str(number)

    def money(self, minor: int) -> str:
        """Return minor units as an amount, exactly."""
        if self._offset == 1:
            return self.count(minor)
        whole, cents = divmod(minor, _HUNDRED)
        return self._form(f"{whole:,}.{cents:02d}") if self._is_comma else f"{whole}.{cents:02d}"

    def ratio(self, number: float) -> str:
        """Return a ratio with six decimals."""
        return self._form(f"{number:,.6f}") if self._is_comma else f"{number:.6f}"

    def _form(self, text: str) -> str:
        return text.translate(_SWAP)
