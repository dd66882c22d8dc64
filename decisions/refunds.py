"""Evidence for a refund claim: what was spent above what was to be expected, hour by hour, and what it bought."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountHour:
    """An hour of the account as it was seen, with what was expected before it was; money in minor units."""

    at: datetime
    spend_minor: int
    expected_minor: float
    low_minor: float  # of a 90 % interval
    high_minor: float
    impressions: int
    usual_cpm_minor: float

    @property
    def cpm_minor(self) -> float:
        """Price of a thousand impressions; 0 where there were none."""
        return 1000 * self.spend_minor / self.impressions if self.impressions else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What may be claimed for an incident. `excess` is spend above expectation, `dearer` what higher prices cost.

    The interval takes hours as going wrong together, which is the wider of the two ways to add them up.
    """

    since: datetime
    until: datetime
    spend_minor: int
    expected_minor: int
    excess_minor: int
    excess_low_minor: int
    excess_high_minor: int
    dearer_minor: int  # paid beyond the usual price for the impressions that came
    cpm_before_minor: float
    cpm_during_minor: float
    cpm_after_minor: float  # 0 = nothing yet
    hours: tuple[AccountHour, ...]  # of the incident

    @property
    def is_proven(self) -> bool:
        """Whether even the low end of the interval is above nothing."""
        return self.excess_low_minor > 0 or self.dearer_minor > 0.1 * self.spend_minor


def claim(hours: Sequence[AccountHour], *, since: datetime, until: datetime) -> Claim:
    """Sum up an incident from hours before, in and after it, oldest first; `until` is the end of its last hour."""
    before = [row for row in hours if row.at < since]
    during = [row for row in hours if since <= row.at < until]
    after = [row for row in hours if row.at >= until]
    spent, expected = sum(row.spend_minor for row in during), sum(row.expected_minor for row in during)
    low, high = sum(row.low_minor for row in during), sum(row.high_minor for row in during)
    paid_more = sum(
        max(row.spend_minor - row.impressions * row.usual_cpm_minor / 1000, 0.0) for row in during if row.impressions
    )
    return Claim(
        since=since,
        until=until,
        spend_minor=spent,
        expected_minor=round(expected),
        excess_minor=round(spent - expected),
        excess_low_minor=round(spent - high),
        excess_high_minor=round(spent - low),
        dearer_minor=round(paid_more),
        cpm_before_minor=_cpm(before),
        cpm_during_minor=_cpm(during),
        cpm_after_minor=_cpm(after),
        hours=tuple(during),
    )


def _cpm(hours: Sequence[AccountHour]) -> float:
    impressions = sum(row.impressions for row in hours)
    return 1000 * sum(row.spend_minor for row in hours) / impressions if impressions else 0.0
