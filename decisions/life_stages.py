"""Life-cycles of ads as values, and what they say to people: stages with reasons, findings with evidence."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from decisions.wording import percent
from domain.actions import Json, ObjectKind
from domain.evidence import AdStage, Finding, Stage
from domain.snapshot import Bools, Floats, Ints, Texts
from estimators.decay_outlook import HORIZON_DAYS, Outlook

STAGES: Final = tuple(Stage)
CODE: Final = {stage: code for code, stage in enumerate(STAGES)}
SEEN_OFTEN = "seen too often"
DEARER = "dearer auction"
NO_REASON = "no reason seen"
_CPM_DEARER: Final = 1.2
_EXPOSURES_GREW: Final = 3.0  # times the impressions of the first week
_FREQUENT: Final = 1.3  # earlier exposures per person after which 30 % of the clicks are gone (facts/domain.md §2a)
_DECLINING: Final = (CODE[Stage.TIRING], CODE[Stage.FATIGUED])
_MOST_UNDECIDED: Final = 2_000  # findings that only say so, those with the most impressions


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeCycles:
    """Life-cycles of n ads, rows of the panel; `stage` are indices into `STAGES`. Every number is finite."""

    ad_id: Texts
    stage: Ints
    probability: Floats  # P(under the policy's ratio of its own first week)
    certainty: float  # from which an ad is called fatigued
    limit: float  # the policy's ratio
    first_ctr: Floats
    outlook: Outlook
    since_day: Ints  # ordinal of the day its decline began, -1 = it does not decline
    fatigued_on: Ints  # ordinal of the day it was called fatigued, -1
    exposures_ratio: Floats  # impressions of all its days by those of its first week
    frequency: Floats  # impressions of its ad set by the audience's size, 0 = not known
    cpm_ratio: Floats  # of the last week by the first, 0 = not known
    needs_clicks: Ints  # until it can be told, 0 = it can
    needs_days: Ints
    recent_clicks: Ints  # of the last 7 days
    recent_impressions: Ints
    by_pool: Bools  # told with its creative's or ad set's other ads
    score: Floats  # CUSUM of the usual decline

    def __len__(self) -> int:
        return len(self.ad_id)

    def tired(self) -> tuple[AdStage, ...]:
        """Return the tiring and fatigued ads, by id."""
        return tuple(self.told(row) for row in np.flatnonzero(np.isin(self.stage, _DECLINING)).tolist())

    def told(self, row: int) -> AdStage:
        """Return one ad's stage with its reason and evidence."""
        stage = STAGES[self.stage.item(row)]
        return AdStage(
            ad_id=str(self.ad_id[row]), stage=stage, probability=round(self.probability.item(row), 4),
            reason=self.reason(row) if self.stage[row] in _DECLINING else "", words=_words(self, row),
            evidence=_evidence(self, row),
        )  # fmt: skip

    def reason(self, row: int) -> str:
        """Say what grew along with the decline, as far as covariates show it."""
        frequency = self.frequency.item(row)
        often = frequency >= _FREQUENT if frequency > 0 else self.exposures_ratio.item(row) >= _EXPOSURES_GREW
        reasons = ((SEEN_OFTEN, often), (DEARER, self.cpm_ratio.item(row) >= _CPM_DEARER))
        return ", ".join(word for word, is_so in reasons if is_so) or NO_REASON

    def findings(self) -> tuple[Finding, ...]:
        """Return what is worth saying: of ads that tire or rise, and of the largest that cannot be told yet."""
        says = np.isin(self.stage, (*_DECLINING, CODE[Stage.RISING]))
        unsure = np.flatnonzero((self.stage == CODE[Stage.UNKNOWN]) & (self.recent_impressions > 0))
        largest = unsure[np.argsort(-self.recent_impressions[unsure], kind="stable")][:_MOST_UNDECIDED]
        says[largest] = True
        return tuple(self._findings(np.flatnonzero(says)))

    def _findings(self, rows: Ints) -> Iterator[Finding]:
        for row in rows.tolist():
            told = self.told(row)
            verdict = "not_decidable" if told.stage is Stage.UNKNOWN else told.stage.value
            yield Finding(
                object_kind=ObjectKind.AD, object_id=told.ad_id, verdict=verdict, words=told.words,
                evidence=told.evidence,
            )  # fmt: skip


def _words(cycles: LifeCycles, row: int) -> str:
    stage, look = STAGES[cycles.stage.item(row)], cycles.outlook
    if stage is Stage.NEW:
        return "its first week is not over yet"
    level = (
        f"click rate at {percent(look.ratio.item(row), 0)} of its own first week"
        f" ({percent(look.ratio_low.item(row), 0)} to {percent(look.ratio_high.item(row), 0)})"
    )
    if stage is Stage.UNKNOWN:
        more, days = cycles.needs_clicks.item(row), cycles.needs_days.item(row)
        return f"not decidable yet: {level}; about {more:,} more clicks or {days} days"
    if stage not in {Stage.TIRING, Stage.FATIGUED}:
        return f"{stage.value}: {level}"
    since = cycles.since_day.item(row)
    began = f", going down since {date.fromordinal(since).isoformat()}" if since > 0 else ""
    mates = ", told together with the small ads beside it" if cycles.by_pool[row] else ""
    sure = f"{percent(cycles.probability.item(row), 0)} sure that it is under {percent(cycles.limit)}"
    return f"{stage.value}: {level}{began}; {sure}{mates}; {cycles.reason(row)}{_grown(cycles, row)}"


def _grown(cycles: LifeCycles, row: int) -> str:
    frequency, cpm = cycles.frequency.item(row), cycles.cpm_ratio.item(row)
    times = f"{cycles.exposures_ratio.item(row):.1f} x its first week's impressions"
    seen = f"{frequency:.1f} impressions per person" if frequency > 0 else times
    price = f", CPM {cpm:.2f} x its first week's" if cpm > 0 else ""
    return f" ({seen}{price})"


def _evidence(cycles: LifeCycles, row: int) -> dict[str, Json]:
    look = cycles.outlook
    days = (values.item(row) for values in (look.days_low, look.days_left, look.days_high))
    found: dict[str, Json] = {
        "counts": {
            "clicks_7d": cycles.recent_clicks.item(row),
            "impressions_7d": cycles.recent_impressions.item(row),
        },
        "posterior": {
            "mean": round(look.ratio.item(row), 4),
            "low": round(look.ratio_low.item(row), 4),
            "high": round(look.ratio_high.item(row), 4),
            "certainty": round(cycles.probability.item(row), 4),
        },
        "threshold": {"ratio": cycles.limit, "certainty": round(cycles.certainty, 3)},
        "first_week_ctr": round(cycles.first_ctr.item(row), 6),
        "cusum": round(cycles.score.item(row), 2),
        "exposures_ratio": round(cycles.exposures_ratio.item(row), 2),
        "frequency": round(cycles.frequency.item(row), 2) or None,
        "cpm_ratio": round(cycles.cpm_ratio.item(row), 3) or None,
        "expected_ctr": [round(values.item(row), 6) for values in (look.rate_low, look.rate, look.rate_high)],
        "days_until_fatigue": [None if day < 0 else day for day in days],
        "horizon_days": HORIZON_DAYS,
        "told_with_mates": bool(cycles.by_pool[row]),
    }
    for name, day in (("since", cycles.since_day.item(row)), ("fatigued_on", cycles.fatigued_on.item(row))):
        if day > 0:
            found[name] = date.fromordinal(day).isoformat()
    if cycles.needs_clicks[row]:
        found["needs"] = {"clicks": cycles.needs_clicks.item(row), "days": cycles.needs_days.item(row)}
    return found
