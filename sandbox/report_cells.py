"""Turns the text of one cell into a value, exactly; knows nothing of columns or rows. Blank metrics are zero."""

import re
from datetime import date
from functools import lru_cache
from typing import Final

from sandbox.report_form import DayOrder, Decimal
from sandbox.report_problems import CellError, shown

# Currencies without a hundredth part, as the platform counts them (meta_graph_api.md §7); a test holds this equal to
# what the sandbox's accounts say.
WHOLE_CURRENCIES: Final = frozenset({"CLP", "COP", "CRC", "HUF", "ISK", "IDR", "JPY", "KRW", "PYG", "TWD", "VND"})
_NUMBER: Final = re.compile(r"(-?)(\d+|\d{1,3}(?:,\d{3})+)(?:\.(\d*))?")
_OTHER_DECIMAL: Final = re.compile(r"-?(?:\d{1,3}(?:\.\d{3})+|\d+),\d+")
_BLANKS: Final = frozenset({"", "-", "\u2013", "\u2014"})
_NOISE: Final = str.maketrans("", "", " \u00a0\u202f\u2009'\u2019$€£¥")
_ID: Final = re.compile(r"(?:[a-z]{1,3}:)?(\d{1,20})")
_SWAP: Final = str.maketrans(".,", ",.")
_ISO: Final = re.compile(r"(\d{4})[-/](\d{2})[-/](\d{2})(?:[T ].*)?")
_SLASHED: Final = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[T ].*)?")
_DAY_FIRST: Final = re.compile(r"(\d{1,2})(?: de)? ([^\W\d]{3,10})\.?,?(?: de| del)? (\d{4})", re.IGNORECASE)
_MONTH_FIRST: Final = re.compile(r"([^\W\d]{3,10})\.? (\d{1,2}),? (\d{4})", re.IGNORECASE)
_MONTHS: Final = (
    ("january", "enero"), ("february", "febrero"), ("march", "marzo"), ("april", "abril"), ("may", "mayo"),
    ("june", "junio"), ("july", "julio"), ("august", "agosto"), ("september", "septiembre", "setiembre"),
    ("october", "octubre"), ("november", "noviembre"), ("december", "diciembre"),
)  # fmt: skip
_MONTH_OF: Final = {
    short: number
    for number, names in enumerate(_MONTHS, start=1)
    for name in names
    for short in (name, name[:3], name[:4])
}
_MAX: Final = 2_000_000_000
_RATIO_DIGITS: Final = 9


def minor_digits(currency: str) -> int:
    """Return how many decimals the platform's minor unit has."""
    return 0 if currency in WHOLE_CURRENCIES else 2


def parse_scaled(text: str, digits: int, decimal: Decimal = Decimal.DOT) -> tuple[int, bool]:
    """Return a number times 10^digits, rounded half up, and whether rounding lost anything.

    Raises:
        CellError: not a number, negative, or beyond what an ad can have in a day.
    """
    plain = text if decimal is Decimal.DOT else text.translate(_SWAP)
    match = _NUMBER.fullmatch(plain) or _NUMBER.fullmatch(plain.translate(_NOISE))
    if match is None:
        return _refuse_number(text, plain, decimal)
    sign, whole, fraction = match[1], match[2].replace(",", ""), match[3] or ""
    kept, lost = fraction[:digits].ljust(digits, "0"), fraction[digits:]
    value = int(whole + kept) + (1 if lost[:1] >= "5" else 0)
    if sign and (value or lost.strip("0")):
        raise CellError(f"{shown(text)} is negative")
    if value > _MAX * 10**digits:
        raise CellError(f"{shown(text)} is too large for one row")
    return value, bool(lost.strip("0"))


def parse_count(text: str, decimal: Decimal = Decimal.DOT) -> int:
    """Return a whole number; blank is zero.

    Raises:
        CellError: not a whole number, or negative.
    """
    if text.isdecimal() and text.isascii() and len(text) <= 9:  # noqa: PLR2004  # below _MAX by length: most cells
        return int(text)
    if text.strip() in _BLANKS:
        return 0
    value, lost = parse_scaled(text, 0, decimal)
    if lost:
        raise CellError(f"{shown(text)} is not a whole number")
    return value


def parse_money(text: str, digits: int, decimal: Decimal = Decimal.DOT) -> tuple[int, bool]:
    """Return minor units and whether the cell had more decimals than the currency; blank is zero.

    Raises:
        CellError: not an amount, or negative.
    """
    return (0, False) if text.strip() in _BLANKS else parse_scaled(text, digits, decimal)


def parse_ratio(text: str, decimal: Decimal = Decimal.DOT) -> float:
    """Return a plain number such as ROAS, frequency or a rate in percent; blank is zero.

    Raises:
        CellError: not a number, or negative.
    """
    text = text.strip().removesuffix("%")
    return 0.0 if text.strip() in _BLANKS else parse_scaled(text, _RATIO_DIGITS, decimal)[0] / 10**_RATIO_DIGITS


@lru_cache(maxsize=4_096)
def parse_day(text: str, order: DayOrder | None = None) -> date:
    """Return a date; a time of day after it is left off. `order` is that of dates like 03/04/2026.

    Raises:
        CellError: not a date, or one that means two days depending on the country.
    """
    text = " ".join(text.split())
    if match := _ISO.fullmatch(text):
        return _day(text, match[1], match[2], match[3])
    if match := _SLASHED.fullmatch(text):
        if order is None and match[1] != match[2]:
            raise CellError(f"{shown(text)} is ambiguous; write dates as YYYY-MM-DD")
        month, day = (match[1], match[2]) if order is DayOrder.MDY else (match[2], match[1])
        return _day(text, match[3], month, day)
    if match := _DAY_FIRST.fullmatch(text):
        return _day(text, match[3], match[2], match[1])
    if match := _MONTH_FIRST.fullmatch(text):
        return _day(text, match[3], match[1], match[2])
    raise CellError(f"{shown(text)} is not a date; write it as YYYY-MM-DD" if text else "the date is missing")


def _day(text: str, year: str, month: str, day: str) -> date:
    try:
        number = int(month) if month.isdecimal() else _MONTH_OF[month.casefold()]
        return date(int(year), number, int(day))
    except (KeyError, ValueError):
        raise CellError(f"{shown(text)} is not a date; write it as YYYY-MM-DD") from None


def parse_id(text: str) -> str | None:
    """Return the digits of an id, or None where the cell is blank.

    Raises:
        CellError: not an id, or one that a spreadsheet has rounded.
    """
    text = text.strip().strip("'\"=")
    if text in _BLANKS:
        return None
    match = _ID.fullmatch(text)
    if match is None and re.fullmatch(r"\d(?:[.,]\d+)?[eE]\+?\d+", text):
        raise CellError(f"{shown(text)}: a spreadsheet has rounded this id; import the file as exported")
    if match is None:
        raise CellError(f"{shown(text)} is not an id (digits only)")
    return match[1]


def _refuse_number(text: str, plain: str, decimal: Decimal) -> tuple[int, bool]:
    if _OTHER_DECIMAL.fullmatch(plain.translate(_NOISE)):
        other, mine = ("comma", "dots") if decimal is Decimal.DOT else ("dot", "commas")
        raise CellError(f"{shown(text)} has a decimal {other}, where the report has decimal {mine}")
    raise CellError(f"{shown(text)} is not a number")
