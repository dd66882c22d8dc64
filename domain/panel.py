"""Daily figures of many objects side by side: what estimators learn from. Built by `models/panels.py` or the twin."""

from dataclasses import dataclass
from datetime import date

from domain.actions import ObjectKind
from domain.snapshot import Floats, Ints, Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Figures of n objects over d complete days of the account's zone, oldest first, as they are known now.

    Counts and money have shape (n, d); rows are ordered by id. `age_days` (d,) counts from each day to the day of the
    reading: yesterday is 1. Days are whole days of the account, of 23, 24 or 25 hours. `parent` (n,) points into the
    panel of the next higher kind, -1 where that is not known. Money is int64 minor units of `currency`.
    `day_share` is the part of the day of the reading that had passed: how much of yesterday could have arrived.
    """

    kind: ObjectKind
    currency: str
    first_day: date
    object_id: Texts
    parent: Ints
    age_days: Ints
    impressions: Ints
    clicks: Ints
    spend_minor: Ints
    purchases: Ints
    revenue_minor: Ints
    day_share: float = 1.0

    def __len__(self) -> int:
        return len(self.object_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaturityCurve:
    """Share of a day's purchases that has arrived by its age: index = age in days, 0 = on the day itself.

    Never falls, never 0, ends at 1.0; beyond its last age everything has arrived. An age stands for its last reading,
    as figures are read: today and yesterday all day long, older days once, when a new day has begun.
    """

    share: Floats
    cohorts: float  # purchases from which it was learnt; 0 = the prior alone

    def at(self, age_days: Ints) -> Floats:
        """Return the share for each age; ages beyond the curve are mature, those before it count as its first."""
        taken: Floats = self.share[age_days.clip(0, len(self.share) - 1)]
        return taken
