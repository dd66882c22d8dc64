"""Decides from all cells of a report how its numbers and dates are written; where they do not tell, it is asked for.

"1.234" may be a thousand or one and a bit, "03/04/2026" March or April: one cell that can only be read one way settles
the whole file, two that contradict each other, or none, refuse it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sandbox.report_columns import Columns
from sandbox.report_problems import Collector, shown

_COUNTS: Final = ("impressions", "reach", "link_clicks", "clicks", "purchases", "results")
_AMOUNTS: Final = ("spend", "value", "frequency", "roas", "ctr", "link_ctr", "ad_set_budget", "campaign_budget")
_DAYS: Final = ("day", "reporting_starts", "reporting_ends", "starts", "ends")
_MARKS: Final = re.compile(r"[.,]")
_SLASHED: Final = re.compile(r"\s*(\d{1,2})[/.-](\d{1,2})[/.-]\d{4}\b.*")
_GROUP: Final = 3
_MONTHS: Final = 12


class Decimal(StrEnum):
    """The mark between whole units and parts; the other one may stand between thousands."""

    DOT = "dot"
    COMMA = "comma"


class DayOrder(StrEnum):
    """The order of a date of numbers whose year comes last."""

    DMY = "dmy"
    MDY = "mdy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a report writes; `days` is None where no date needs it."""

    decimal: Decimal = Decimal.DOT
    days: DayOrder | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    line: int
    column: str
    text: str

    def __str__(self) -> str:
        return f"{shown(self.text)} on line {self.line}"


class _Evidence:
    """The first cell that tells each of two answers, and the first that leaves both open."""

    def __init__(self) -> None:
        self.first: dict[str | None, _Seen] = {}

    def note(self, answer: str | None, seen: _Seen) -> None:
        self.first.setdefault(answer, seen)

    def settle(self, option: str, answers: Sequence[str], what: str, problems: Collector) -> str | None:
        """Return the only answer, or None where no cell needs one; a doubt goes into `problems`."""
        told = [answer for answer in answers if answer in self.first]
        way_out = f"say which it is with --{option} {' or '.join(answers)}"
        if len(told) > 1:
            one, other = self.first[told[0]], self.first[told[1]]
            problems.add(other.line, other.column, f"{what} are written in two ways: {one} and {other}; {way_out}")
        if not told and None in self.first:
            open_ = self.first[None]
            reason = f"{what} like {open_} can be read in two ways and no cell of the report tells; {way_out}"
            problems.add(open_.line, open_.column, reason)
        return told[0] if told else None


def decide_form(
    lines: Iterable[tuple[int, list[str]]],
    columns: Columns,
    *,
    decimal: Decimal | None,
    days: DayOrder | None,
    problems: Collector,
) -> Form:
    """Return how the rows are written; what is told beforehand is taken as it is."""
    numbers, dates = _Evidence(), _Evidence()
    told_counts = [columns.at[name] for name in _COUNTS if name in columns.at]
    told_amounts = [columns.at[name] for name in _AMOUNTS if name in columns.at]
    told_days = [columns.at[name] for name in _DAYS if name in columns.at]
    width = len(columns.headers)
    if decimal is None or days is None:
        for line, cells in lines:
            if len(cells) < width:
                continue  # told when it is read
            for is_count, indices in ((True, told_counts), (False, told_amounts)):
                for index in indices:
                    if _MARKS.search(cells[index]):
                        _weigh_number(numbers, _Seen(line, columns.headers[index], cells[index]), is_count=is_count)
            for index in told_days:
                _weigh_day(dates, _Seen(line, columns.headers[index], cells[index]))
    found_decimal = None if decimal else numbers.settle("decimal", tuple(Decimal), "numbers", problems)
    found_days = None if days else dates.settle("dates", tuple(DayOrder), "dates", problems)
    return Form(
        decimal=decimal or Decimal(found_decimal or Decimal.DOT),
        days=days or (DayOrder(found_days) if found_days else None),
    )


def _weigh_number(evidence: _Evidence, seen: _Seen, *, is_count: bool) -> None:
    text = re.sub(r"[^\d.,]", "", seen.text).rstrip(".,")
    marks = _MARKS.findall(text)
    if not marks or not text[0].isdigit():
        return  # no number, or none of a usual form: told when it is read
    before, last, after = text.rpartition(marks[-1])
    if len(set(marks)) > 1:
        evidence.note(_NAMES[last], seen)
    elif len(marks) > 1 or (is_count and len(after) == _GROUP):  # thousands: the other mark is the decimal one
        evidence.note(_NAMES[_OTHER[last]], seen)
    elif len(after) == _GROUP and len(before) <= _GROUP and before.strip("0"):
        evidence.note(None, seen)
    elif after.strip("0") or not is_count:
        evidence.note(_NAMES[last], seen)


def _weigh_day(evidence: _Evidence, seen: _Seen) -> None:
    match = _SLASHED.fullmatch(seen.text)
    if match is None:
        return
    first, second = int(match[1]), int(match[2])
    if first > _MONTHS >= second:
        evidence.note(DayOrder.DMY, seen)
    elif second > _MONTHS >= first:
        evidence.note(DayOrder.MDY, seen)
    elif first != second:
        evidence.note(None, seen)


_NAMES: Final = {".": Decimal.DOT, ",": Decimal.COMMA}
_OTHER: Final = {".": ",", ",": "."}
