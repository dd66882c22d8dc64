"""Which column of an Ads Manager export holds what: the usual English headers, and `--map FIELD=HEADER` for others."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.report_problems import Collector, shown

# Field -> its headers as Ads Manager writes them, the preferred first; a currency in brackets at the end is no part.
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "day": ("Day", "Date"),
    "reporting_starts": ("Reporting starts", "Reporting start", "Date start"),
    "reporting_ends": ("Reporting ends", "Reporting end", "Date stop"),
    "account": ("Account name",),
    "account_id": ("Account ID",),
    "currency": ("Currency", "Account currency"),
    "campaign": ("Campaign name", "Campaign"),
    "ad_set": ("Ad set name", "Ad set"),
    "ad": ("Ad name", "Ad"),
    "campaign_id": ("Campaign ID",),
    "ad_set_id": ("Ad set ID",),
    "ad_id": ("Ad ID",),
    "campaign_delivery": ("Campaign delivery", "Campaign status"),
    "ad_set_delivery": ("Ad set delivery", "Ad set status"),
    "ad_delivery": ("Ad delivery", "Ad status"),
    "campaign_budget": ("Campaign budget", "Campaign daily budget"),
    "campaign_budget_type": ("Campaign budget type",),
    "ad_set_budget": ("Ad set budget", "Ad set daily budget"),
    "ad_set_budget_type": ("Ad set budget type",),
    "impressions": ("Impressions",),
    "reach": ("Reach",),
    "frequency": ("Frequency",),
    "link_clicks": ("Link clicks", "Inline link clicks"),
    "clicks": ("Clicks (all)", "Clicks"),
    "link_ctr": ("CTR (link click-through rate)", "Link CTR"),
    "ctr": ("CTR (all)", "CTR"),
    "spend": ("Amount spent", "Spend", "Cost"),
    "purchases": ("Purchases", "Website purchases", "Meta purchases"),
    "value": (
        "Purchases conversion value",
        "Purchase conversion value",
        "Website purchases conversion value",
        "Website purchase conversion value",
        "Conversion value",
    ),
    "roas": (
        "Purchase ROAS (return on ad spend)",
        "Purchase ROAS",
        "Website purchase ROAS (return on ad spend)",
        "Website purchase ROAS (return on advertising spend)",
        "Website purchase ROAS",
    ),
    "results": ("Results",),
    "result_indicator": ("Result indicator", "Result type"),
    "starts": ("Starts", "Start date"),
    "ends": ("Ends", "End date"),
}
# Each row of such a report is a part of an ad's day: adding them to other rows would count people twice. A breakdown
# that is not listed is found by its rows: two of one ad and day.
BREAKDOWNS: Final = (
    "Age", "Gender", "Country", "Region", "DMA region", "Platform", "Placement", "Device", "Device platform",
    "Impression device", "Conversion device", "Platform & device", "Publisher platform", "Platform position",
    "Time of day (ad account time zone)", "Time of day (viewer's time zone)", "Hour of day", "Product ID",
    "Image, video and slideshow",
)  # fmt: skip
# What is needed: any one of the fields will do; the first is the one to name with --map.
_NEEDED: Final = (
    (("ad", "ad_id", "ad_set", "ad_set_id", "campaign", "campaign_id"), "the names of ads, ad sets or campaigns"),
    (("day", "reporting_starts"), "the day of a row"),
    (("impressions",), "impressions"),
    (("link_clicks", "clicks", "link_ctr", "ctr"), "clicks"),
    (("spend",), "the amount spent"),
    (("purchases", "results"), "purchases"),
    (("value", "roas"), "the value of purchases"),
)
_CURRENCY: Final = re.compile(r"\s*\(([A-Z]{3})\)\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where each field is found: its index in a row and its header as written."""

    at: dict[str, int]
    headers: tuple[str, ...]
    currencies: tuple[str, ...]  # as stated by the headers of money, each once

    def header(self, field: str) -> str:
        """Return the header that holds a field, or the field's name."""
        return self.headers[self.at[field]] if field in self.at else field


def recognised(headers: Sequence[str]) -> int:
    """Return how many headers are known, to tell one delimiter from another."""
    return sum(_plain(header) in _KNOWN for header in headers)


def resolve(headers: Sequence[str], mapping: Mapping[str, str], *, line: int, problems: Collector) -> Columns:
    """Find the fields among the headers; what is wrong goes into `problems`."""
    by_name: dict[str, list[int]] = {}
    for index, header in enumerate(headers):
        by_name.setdefault(_plain(header), []).append(index)
    at = {}
    for field, names in FIELDS.items():
        wanted = (mapping[field],) if field in mapping else names
        found = next((by_name[_plain(name)] for name in wanted if _plain(name) in by_name), None)
        if found is not None:
            at[field] = found[0]
        if found is not None and len(found) > 1:
            problems.add(line, headers[found[0]], f"{len(found)} columns have this header; which one is {field}?")
    mapped = {_plain(header) for header in mapping.values()}
    columns = Columns(at=at, headers=tuple(headers), currencies=_currencies(headers, at))
    _check_mapping(mapping, by_name, line, problems)
    _check_breakdowns(headers, mapped, line, problems)
    _check_needed(columns, line, problems)
    return columns


def _check_mapping(mapping: Mapping[str, str], by_name: dict[str, list[int]], line: int, problems: Collector) -> None:
    for field, header in mapping.items():
        if field not in FIELDS:
            problems.add(0, field, f"--map {shown(field)}: unknown field; the fields are {', '.join(FIELDS)}")
        elif _plain(header) not in by_name:
            problems.add(line, field, f"--map {field}={shown(header)}: the report has no such column")


def _check_breakdowns(headers: Sequence[str], mapped: set[str], line: int, problems: Collector) -> None:
    for header in headers:
        if _plain(header) in _BROKEN_DOWN and _plain(header) not in mapped:
            problems.add(
                line,
                header,
                "the report is broken down by this column: an ad has several rows a day and would be counted more than "
                "once; export it again without breakdowns other than Day",
            )


def _check_needed(columns: Columns, line: int, problems: Collector) -> None:
    for fields, what in _NEEDED:
        if not any(field in columns.at for field in fields):
            names = " or ".join(f'"{FIELDS[field][0]}"' for field in fields)
            problems.add(
                line, FIELDS[fields[0]][0], f"no column for {what} ({names}); name it with --map {fields[0]}=HEADER"
            )
    if "day" not in columns.at and "reporting_starts" in columns.at and "reporting_ends" not in columns.at:
        problems.add(line, "Reporting ends", "missing; name it with --map reporting_ends=HEADER, or export by Day")
    if "purchases" not in columns.at and "results" in columns.at and "result_indicator" not in columns.at:
        reason = (
            'results of what? There is neither "Purchases" nor "Result indicator"; if they are purchases, say so '
            f"with --map purchases={shown(columns.header('results'))}"
        )
        problems.add(line, columns.header("results"), reason)


def _currencies(headers: Sequence[str], at: Mapping[str, int]) -> tuple[str, ...]:
    money = [headers[at[field]] for field in ("spend", "value", "ad_set_budget", "campaign_budget") if field in at]
    codes = [match[1] for header in money if (match := _CURRENCY.search(header))]
    return tuple(dict.fromkeys(codes))


def _plain(header: str) -> str:
    return re.sub(r"[\s_\ufeff]+", "", _CURRENCY.sub("", header)).casefold()


_KNOWN: Final = frozenset(_plain(name) for names in FIELDS.values() for name in names)
_BROKEN_DOWN: Final = frozenset(_plain(name) for name in BREAKDOWNS)
