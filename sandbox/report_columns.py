"""Which column of an Ads Manager export holds what: the headers that are known, and `--map FIELD=HEADER` for others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.report_headers import BREAKDOWNS, CURRENCY, HEADINGS, OVERLAPPING, plain_header
from sandbox.report_problems import Collector, shown

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {field: heading.names for field, heading in HEADINGS.items()}
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where each field is found: its index in a row and its header as written."""

    at: dict[str, int]
    headers: tuple[str, ...]
    currencies: tuple[str, ...]  # as stated by the headers of money, each once
    breakdowns: tuple[tuple[str, int], ...] = ()  # kind of breakdown, index; two columns may be of one kind

    def header(self, field: str) -> str:
        """Return the header that holds a field, or the field's name."""
        return self.headers[self.at[field]] if field in self.at else field


def recognised(headers: Sequence[str]) -> int:
    """Return how many headers are known, to tell one delimiter from another."""
    return sum(plain_header(header) in _KNOWN for header in headers)


def resolve(headers: Sequence[str], mapping: Mapping[str, str], *, line: int, problems: Collector) -> Columns:
    """Find the fields among the headers; what is wrong goes into `problems`."""
    by_name: dict[str, list[int]] = {}
    for index, header in enumerate(headers):
        by_name.setdefault(plain_header(header), []).append(index)
    at = {}
    for field, names in FIELDS.items():
        wanted = (mapping[field],) if field in mapping else names
        found = next((by_name[plain_header(name)] for name in wanted if plain_header(name) in by_name), None)
        if found is not None:
            at[field] = found[0]
        if found is not None and len(found) > 1:
            problems.add(line, headers[found[0]], f"{len(found)} columns have this header; which one is {field}?")
    free = [(index, header) for index, header in enumerate(headers) if index not in at.values()]
    columns = Columns(
        at=at, headers=tuple(headers), currencies=_currencies(headers, at), breakdowns=tuple(_breakdowns(free))
    )
    _check_mapping(mapping, by_name, line, problems)
    _check_overlapping(free, line, problems)
    _check_needed(columns, line, problems)
    return columns


def _breakdowns(headers: Sequence[tuple[int, str]]) -> Iterator[tuple[str, int]]:
    for index, header in headers:
        kind = _BREAKDOWN_OF.get(plain_header(header))
        if kind is not None:
            yield kind, index


def _check_mapping(mapping: Mapping[str, str], by_name: dict[str, list[int]], line: int, problems: Collector) -> None:
    for field, header in mapping.items():
        if field not in FIELDS:
            problems.add(0, field, f"--map {shown(field)}: unknown field; the fields are {', '.join(FIELDS)}")
        elif plain_header(header) not in by_name:
            problems.add(line, field, f"--map {field}={shown(header)}: the report has no such column")


def _check_overlapping(headers: Sequence[tuple[int, str]], line: int, problems: Collector) -> None:
    for _, header in headers:
        if plain_header(header) in _OVERLAPPING:
            problems.add(
                line,
                header,
                "the report is broken down by this column, whose rows overlap: one impression shows several products "
                "and would be counted more than once; export it again without this breakdown",
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
    codes = [match[1] for header in money if (match := CURRENCY.search(header))]
    return tuple(dict.fromkeys(codes))


_KNOWN: Final = frozenset(plain_header(name) for names in FIELDS.values() for name in names)
_BREAKDOWN_OF: Final = {plain_header(name): kind for kind, heading in BREAKDOWNS.items() for name in heading.names}
_OVERLAPPING: Final = frozenset(plain_header(name) for name in OVERLAPPING)
