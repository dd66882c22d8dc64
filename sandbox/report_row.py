"""Reads one row of a report: its place in the tree, its days and its figures, each checked against the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final, TypeVar

from sandbox.report_breakdowns import PartReader
from sandbox.report_cells import minor_digits, parse_count, parse_day, parse_id, parse_money, parse_ratio
from sandbox.report_columns import Columns
from sandbox.report_form import Form
from sandbox.report_headers import BUDGET_ELSEWHERE, ENDLESS, EVERYTHING, LIFETIME, TOTALS, plain_words
from sandbox.report_problems import CellError, Collector, shown
from sandbox.report_tree import Found, Level, Tree, TreeError, made_names

_OTHER_CLICKS_TENTHS: Final = 3  # per link click; what the market's kernel makes too (an assumption)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalsRow:
    """A row that sums others; `spend` is None where it does not tell."""

    line: int
    spend: int | None


class RowReader:
    """Reads the rows of one report in turn; what is wrong goes into `problems`."""

    def __init__(self, columns: Columns, *, currency: str | None, form: Form, problems: Collector) -> None:
        self.tree = Tree()
        self.parts = PartReader(columns)
        self.currency = currency  # None until a row tells it
        self.totals: list[TotalsRow] = []
        self.present = frozenset(level for level in Level if level in columns.at or f"{level}_id" in columns.at)
        self.account_name = ""
        self.account_id: str | None = None
        self._columns = columns
        self._at = columns.at
        self._problems = problems
        self._count = partial(parse_count, decimal=form.decimal)
        self._ratio = partial(parse_ratio, decimal=form.decimal)
        self._day = partial(parse_day, order=form.days)
        self._decimal = form.decimal
        self._late_clicks = 0
        self._rounded = 0
        self._other_results: dict[str, int] = {}
        self._line = 0
        self._cells: Sequence[str] = ()
        self._who = [columns.at[name] for level in Level for name in (level, f"{level}_id") if name in columns.at]
        self._known: dict[tuple[str, ...], Found] = {}  # by those cells: an ad has a row for every day
        self._tells_account = bool({"account", "account_id", "currency"} & columns.at.keys())

    @property
    def digits(self) -> int:
        """Decimals of the currency's minor unit."""
        return minor_digits(self.currency or "")

    def notes(self) -> tuple[str, ...]:
        """Return what was done to figures on the way."""
        told = []
        if self._late_clicks:
            told.append(
                f"{self._late_clicks} rows have more clicks than impressions (clicks that came late); kept as told"
            )
        if self._rounded:
            told.append(f"{self._rounded} amounts have more decimals than {self.currency} has and were rounded")
        for indicator, count in sorted(self._other_results.items()):
            told.append(f"results of {count} rows are {shown(indicator)}, not purchases, and were left out")
        return tuple(told)

    def read(self, line: int, cells: list[str]) -> dict[str, int] | None:
        """Return a row's figures, or None for a totals row and where something is wrong."""
        width = len(self._columns.headers)
        if len(cells) < width or any(cell.strip() for cell in cells[width:]):
            self._problems.add(line, "", f"the row has {len(cells)} cells, the header {width}")
            return None
        self._line, self._cells = line, cells
        before = self._problems.total
        who = tuple([cells[index] for index in self._who])
        ad = self._known.get(who)
        if ad is None and self._is_totals():
            self._keep_totals()
            return None
        if self._tells_account:
            self._check_account()
        days = self._days()
        figures = self._figures()
        ad = ad or self._place()
        if ad is not None and days is not None:
            self._known[who] = ad
            self._describe_path(ad, days[1].toordinal())
        if ad is None or days is None or self._problems.total > before:
            return None
        when = {"first": days[0].toordinal(), "last": days[1].toordinal()}
        return {"line": line, "ad": ad.index, "part": self.parts.number(cells), **when, **figures}

    # Cells.

    def _text(self, field: str) -> str:
        index = self._at.get(field)
        return "" if index is None else self._cells[index]

    def _cell(self, field: str, parse: Callable[[str], T], default: T) -> T:
        index = self._at.get(field)
        if index is None:
            return default
        try:
            return parse(self._cells[index])
        except CellError as error:
            self._fault(field, str(error))
            return default

    def _fault(self, field: str, reason: str) -> None:
        self._problems.add(self._line, self._columns.header(field), reason)

    def _money(self, field: str) -> int:
        minor, rounded = self._cell(field, lambda text: parse_money(text, self.digits, self._decimal), (0, False))
        self._rounded += rounded
        return minor

    # Who: the account and the place in the tree.

    def _is_totals(self) -> bool:
        told = [text for level in self.present for name in (level, f"{level}_id") if (text := self._text(name).strip())]
        if not told or (len(told) == 1 and TOTALS.fullmatch(told[0]) is not None):
            return True
        lowest = max(self.present, key=list(Level).index)  # "All" ads of an ad set: a subtotal, unless it has an id
        return self._text(lowest).strip().casefold() in EVERYTHING and not self._text(f"{lowest}_id").strip()

    def _keep_totals(self) -> None:
        try:
            told = self._text("spend").strip() if self.currency else ""
            spend = parse_money(told, self.digits, self._decimal)[0] if told else None
        except CellError:
            spend = None
        self.totals.append(TotalsRow(line=self._line, spend=spend))

    def _check_account(self) -> None:
        name, code = self._text("account"), self._text("currency").strip().upper()
        account_id = self._cell("account_id", lambda text: parse_id(text.strip().removeprefix("act_")), None)
        self.currency = self.currency or code or None
        if (code and code != self.currency) or self.currency is None:
            self._fault("currency", f"{shown(code)}, where the report is in {self.currency or 'no known currency'}")
        if self.account_id not in (None, account_id) or (self.account_name and name != self.account_name):
            self._fault("account_id" if "account_id" in self._at else "account", "another account than the rows above")
            return
        self.account_name, self.account_id = name, account_id

    def _place(self) -> Found | None:
        names = {level: self._text(level) for level in Level}
        ids: dict[Level, str | None] = {level: self._cell(f"{level}_id", parse_id, None) for level in Level}
        for level in self.present:
            if not names[level].strip() and ids[level] is None:
                self._fault(level, f"the {level.replace('_', ' ')} has no name")
                return None
            names[level] = names[level] or ids[level] or ""
        try:
            return self.tree.place(made_names(names, self.present), ids, line=self._line)
        except TreeError as error:
            self._fault(f"{error.level}_id" if f"{error.level}_id" in self._at else error.level, str(error))
            return None

    def _describe_path(self, ad: Found, on: int) -> None:
        ad_set = self.tree.found[Level.AD_SET][ad.parent]
        for found in (ad, ad_set, self.tree.found[Level.CAMPAIGN][ad_set.parent]):
            if on > found.seen_on:
                self._describe(found, on)

    def _describe(self, found: Found, on: int) -> None:
        """Keep what the latest day says about an object, by its first row of that day."""
        level = found.level
        found.seen_on = on
        found.delivery = self._text(f"{level}_delivery").strip()
        if level is Level.AD_SET:
            found.starts = self._optional_day("starts")
            found.ends = self._optional_day("ends")
        if f"{level}_budget" not in self._at:
            return
        budget = self._text(f"{level}_budget")
        found.is_budget_elsewhere = BUDGET_ELSEWHERE.fullmatch(budget.strip()) is not None
        found.budget_minor = None if found.is_budget_elsewhere else self._money(f"{level}_budget") or None
        found.is_lifetime = plain_words(self._text(f"{level}_budget_type")) in LIFETIME

    def _optional_day(self, field: str) -> date | None:
        text = self._text(field).strip()
        if text in ("", "-", "—") or plain_words(text) in ENDLESS:
            return None
        return self._cell(field, self._day, None)

    # When.

    def _days(self) -> tuple[date, date] | None:
        before = self._problems.total
        starts = self._cell("reporting_starts", self._day, None)
        ends = self._cell("reporting_ends", self._day, None)
        day = self._cell("day", self._day, None)
        if self._problems.total > before:
            return None
        if starts and ends and ends < starts:
            self._fault("reporting_ends", f"{ends} is before the start, {starts}")
            return None
        if day is not None:
            if (starts and day < starts) or (ends and day > ends):
                self._fault("day", f"{day} is outside the report's own period")
                return None
            return day, day
        return (starts, ends) if starts and ends else None

    # What.

    def _figures(self) -> dict[str, int]:
        before = self._problems.total
        impressions = self._cell("impressions", self._count, 0)
        clicks, link_clicks = self._clicks(impressions)
        spend = self._money("spend")
        purchases = self._purchases()
        value = self._money("value") if "value" in self._at else round(self._cell("roas", self._ratio, 0.0) * spend)
        reach = self._cell("reach", self._count, 0)
        if "reach" not in self._at and (frequency := self._cell("frequency", self._ratio, 0.0)):
            reach = round(impressions / frequency)
        figures = {
            "impressions": impressions, "clicks": clicks, "link_clicks": link_clicks, "spend": spend,
            "purchases": purchases, "value": value, "reach": reach,
        }  # fmt: skip
        if self._problems.total == before:
            self._check(figures)
        return figures

    def _check(self, figures: dict[str, int]) -> None:
        """Hold the figures of a row against each other. A click may come on the day after its impression."""
        self._late_clicks += max(figures["link_clicks"], figures["clicks"]) > figures["impressions"]
        if figures["value"] and not figures["purchases"]:
            self._fault("value" if "value" in self._at else "roas", "a value of purchases without purchases")

    def _clicks(self, impressions: int) -> tuple[int, int]:
        link_clicks = self._count_or_rate("link_clicks", "link_ctr", impressions)
        clicks = self._count_or_rate("clicks", "ctr", impressions)
        if link_clicks is None:
            all_clicks = clicks or 0
            return all_clicks, round(all_clicks * 10 / (10 + _OTHER_CLICKS_TENTHS))
        if clicks is None:
            others = round(link_clicks * _OTHER_CLICKS_TENTHS / 10)
            return max(min(link_clicks + others, impressions), link_clicks), link_clicks
        return clicks, link_clicks

    def _count_or_rate(self, field: str, rate_field: str, impressions: int) -> int | None:
        if field in self._at:
            return self._cell(field, self._count, 0)
        if rate_field in self._at:
            return round(self._cell(rate_field, self._ratio, 0.0) / 100 * impressions)
        return None

    def _purchases(self) -> int:
        if "purchases" in self._at:
            return self._cell("purchases", self._count, 0)
        results = self._cell("results", self._count, 0)
        indicator = self._text("result_indicator")
        if any(word in indicator.casefold() for word in ("purchase", "compra")):
            return results
        if results:
            self._other_results[indicator] = self._other_results.get(indicator, 0) + 1
        return 0
