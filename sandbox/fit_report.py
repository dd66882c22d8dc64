"""What an import read, fitted and assumed, as values to print or to write as JSON. No arithmetic here."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class How(StrEnum):
    """Where a quantity of the twin comes from."""

    READ = "read"  # stands in the report as it is
    FITTED = "fitted"  # estimated from the report's counts
    ASSUMED = "assumed"  # the report does not tell


@dataclass(frozen=True, slots=True, kw_only=True)
class FitLine:
    """One quantity: what it rests on, the range of its values over the account, and the source of its formula."""

    name: str
    how: How
    based_on: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A fitted value and its 90 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AdFit:
    """What was fitted for one ad; the order value is in minor units."""

    ad_id: str
    name: str
    click_rate: Interval
    conversion_rate: Interval
    order_value_minor: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakdownPart:
    """What a report told of one part of an ad set's people or places over all its days, as read; money in minor units.

    `by` names the kinds of breakdown, `values` what the cells say, in the report's language.
    """

    ad_set_id: str
    by: tuple[str, ...]
    values: tuple[str, ...]
    impressions: int
    clicks: int
    link_clicks: int
    spend_minor: int
    purchases: int
    value_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FitReport:
    """Everything that the twin is made of; `breakdowns` is empty where the report has none."""

    lines: tuple[FitLine, ...]
    ads: tuple[AdFit, ...]
    breakdowns: tuple[BreakdownPart, ...] = ()

    def of(self, how: How) -> tuple[FitLine, ...]:
        """Return the quantities of one origin."""
        return tuple(line for line in self.lines if line.how is how)

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries and lists."""
        return {
            "lines": [asdict(line) for line in self.lines],
            "ads": [asdict(ad) for ad in self.ads],
            "breakdowns": [asdict(part) for part in self.breakdowns],
        }
