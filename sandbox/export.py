"""Writes an account's figures as Ads Manager exports them: headers, values and number forms of either language.

Names stand in the file verbatim, as in Ads Manager's own: a name that begins with `=`, `+`, `-` or `@` is a formula to
a spreadsheet, and escaping it here would make another name of it. Import such columns as text.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np

from sandbox.account import Account
from sandbox.export_figures import Figures, Ints, objects_of, read_figures
from sandbox.export_parts import AGE_GENDER, split
from sandbox.export_words import Language, Words
from sandbox.nodes import Node
from sandbox.report_form import Decimal

_BLANK_WHO: Final = ("", "", "", "", "", "")
_OBJECT_FIELDS: Final = (
    "ad_delivery", "campaign_budget", "campaign_budget_type", "ad_set_budget", "ad_set_budget_type",
)  # fmt: skip
_METRIC_FIELDS: Final = (
    "impressions", "reach", "frequency", "link_clicks", "clicks", "spend", "purchases", "value", "roas",
)  # fmt: skip
_BLOCK: Final = 4_096  # rows that are split at a time
Row = list[str]


class Days(StrEnum):
    """Whether a row is about a day or the whole time."""

    DAILY = "daily"
    PERIOD = "period"


class Breakdown(StrEnum):
    """Whether rows are cut further."""

    NONE = "none"
    AGE_GENDER = "age_gender"


class Encoding(StrEnum):
    """The text's encoding; the one ending in sig and utf-16 begin with a byte order mark."""

    UTF_8 = "utf-8"
    UTF_8_SIG = "utf-8-sig"
    UTF_16 = "utf-16"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportForm:
    """How the file is written; `delimiter` None is what a spreadsheet of that decimal mark expects."""

    language: Language = Language.EN
    days: Days = Days.DAILY
    breakdown: Breakdown = Breakdown.NONE
    encoding: Encoding = Encoding.UTF_8
    decimal: Decimal = Decimal.DOT
    delimiter: str | None = None

    @property
    def mark(self) -> str:
        """The delimiter in force."""
        return self.delimiter or ("," if self.decimal is Decimal.DOT else ";")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written: sums of all rows, money in minor units, the totals row left out."""

    rows: int
    ads: int
    totals: dict[str, int]


def export_account(
    account: Account, path: Path, *, first: date, last: date, cutoff_s: float, form: ExportForm
) -> Exported:
    """Write the days from first to last (both included, in the account's zone) as known at the cutoff.

    Ads without any figure in a row's days have no such row.

    Raises:
        ValueError: the days hold nothing.
        OSError: the file cannot be written.
    """
    table = read_figures(account, first=first, last=last, cutoff_s=cutoff_s, daily=form.days is Days.DAILY)
    if not len(table.ad):
        message = f"nothing was delivered from {first} to {last}"
        raise ValueError(message)
    writer = _Writer(account, table, form, first=first, last=last)
    with path.open("w", encoding=form.encoding, newline="") as file:
        out = csv.writer(file, delimiter=form.mark, lineterminator="\n")
        out.writerow(writer.header())
        out.writerow(writer.totals())
        rows = 0
        for row in writer.rows():
            out.writerow(row)
            rows += 1
    return Exported(rows=rows, ads=len(set(table.ad.tolist())), totals=table.sums())


class _Writer:
    """Makes the rows of one export."""

    def __init__(self, account: Account, table: Figures, form: ExportForm, *, first: date, last: date) -> None:
        self._account, self._table, self._form = account, table, form
        self._words = Words(form.language, form.decimal, offset=account.offset)
        self._first, self._last = first.isoformat(), last.isoformat()
        self._about: dict[int, tuple[Row, Row, Row]] = {}
        self._by = ("age", "gender") if form.breakdown is Breakdown.AGE_GENDER else ()
        self._is_daily = form.days is Days.DAILY

    def header(self) -> Row:
        """Return the headers."""
        name, currency = self._words.header, self._account.spec.currency
        money = {"spend", "campaign_budget", "ad_set_budget"}
        day = ["day"] if self._is_daily else []
        who = ["campaign", "ad_set", "ad", "campaign_id", "ad_set_id", "ad_id"]
        fields = ["reporting_starts", "reporting_ends", *day, *who, *self._by, *_OBJECT_FIELDS, *_METRIC_FIELDS]
        return [f"{name(one)} ({currency})" if one in money else name(one) for one in [*fields, "starts", "ends"]]

    def totals(self) -> Row:
        """Return the row that sums all; reach is left blank, for people are counted in several rows."""
        sums = self._table.sums()
        metrics = self._metrics([sums[name] for name in ("impressions", "clicks", "link_clicks", "spend")],
                                sums["purchases"], sums["value"], reach=None)  # fmt: skip
        day = [""] if self._is_daily else []
        blanks = ["" for _ in (*self._by, *_OBJECT_FIELDS)]
        return [self._first, self._last, *day, *_BLANK_WHO, *blanks, *metrics, "", ""]

    def rows(self) -> Iterator[Row]:
        """Yield the rows by ad, day and part."""
        table = self._table
        for start in range(0, len(table.ad), _BLOCK):
            block = slice(start, start + _BLOCK)
            cut = self._cut({name: values[block] for name, values in table.columns.items()})
            for ad, day, parts in zip(table.ad[block].tolist(), table.day[block].tolist(), cut, strict=True):
                who, objects, life = self._about.get(ad) or self._about.setdefault(ad, self._describe(ad))
                on = [date.fromordinal(day).isoformat()] if self._is_daily else []
                for by, figures in parts:
                    metrics = self._metrics_of(figures)
                    yield [self._first, self._last, *on, *who, *by, *objects, *metrics, *life]

    def _cut(self, columns: Mapping[str, Ints]) -> Iterator[list[tuple[Sequence[str], dict[str, int]]]]:
        """Yield each row's parts that have any figure; without a breakdown, the row itself."""
        names = list(columns)
        if not self._by:
            for row in zip(*(columns[name].tolist() for name in names), strict=True):
                yield [((), dict(zip(names, row, strict=True)))]
            return
        parts = split(columns).figures
        table = np.stack([parts[name] for name in names], axis=-1).tolist()  # (rows, parts, figures)
        labels = [(age, self._words.value(gender)) for age, gender in AGE_GENDER]
        for row in table:
            yield [(by, dict(zip(names, part, strict=True))) for by, part in zip(labels, row, strict=True) if any(part)]

    def _metrics_of(self, figures: dict[str, int]) -> Row:
        seen = [figures[name] for name in ("impressions", "clicks", "link_clicks", "spend")]
        return self._metrics(seen, figures["purchases"], figures["value"], reach=figures["reach"])

    def _metrics(self, seen: Sequence[int], purchases: int, value: int, *, reach: int | None) -> Row:
        impressions, clicks, link_clicks, spend = seen
        words = self._words
        return [
            words.count(impressions),
            "" if reach is None else words.count(reach),
            words.ratio(impressions / reach) if reach else "",
            words.count(link_clicks),
            words.count(clicks),
            words.money(spend),
            words.count(purchases) if purchases else "",
            words.money(value) if value else "",
            words.ratio(value / spend) if value and spend else "",
        ]

    def _describe(self, index: int) -> tuple[Row, Row, Row]:
        ad, ad_set, campaign = objects_of(self._account, index)
        words = self._words
        who = [campaign.name, ad_set.name, ad.name, campaign.id, ad_set.id, ad.id]
        is_shared = _budget_of(campaign) is not None
        objects = [
            words.delivery(ad.effective_status()),
            *(self._budget(campaign) if is_shared else (words.elsewhere("ad_set"), "")),
            *((words.elsewhere("campaign"), "") if is_shared else self._budget(ad_set)),
        ]
        return who, objects, [self._day(ad_set.created_s), words.value("ongoing")]

    def _budget(self, node: Node) -> tuple[str, str]:
        minor = _budget_of(node)
        kind = "daily" if node.daily_budget is not None else "lifetime"
        return ("", "") if minor is None else (self._words.money(minor), self._words.value(kind))

    def _day(self, at_s: int) -> str:
        return date.fromordinal(self._account.calendar.day_at(at_s)).isoformat()


def _budget_of(node: Node) -> int | None:
    return node.lifetime_budget if node.daily_budget is None else node.daily_budget
