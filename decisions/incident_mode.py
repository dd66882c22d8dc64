"""When an account is in incident mode, and when no more: then nothing that spends more goes by itself.

It opens on what one module cannot have caused: unrelated objects dearer or faster at once, or purchases gone while
clicks are not. While it holds nothing of it is learnt as usual, for a day at most: what lasts longer is a new level.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from decisions.anomaly_values import Metric, Told
from domain.actions import ObjectKind
from domain.evidence import Cause

CLOSES_AFTER: Final = 3  # hours without a sign of it
LEAST_OBJECTS: Final = 2  # that show it, where the account as a whole does not
LEARNS_AGAIN_AFTER: Final = timedelta(hours=24)
VELOCITY: Final = 1.75  # times what an hour usually costs: more is stopped while the incident lasts (domain.md IN1)
CAUSES: Final = frozenset({Cause.PLATFORM, Cause.TRACKING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident that is under way; `quiet` hours have shown no sign of it."""

    cause: Cause
    since: datetime  # start of the first hour
    until: datetime  # end of the last hour that showed it
    quiet: int
    velocity_cap_minor: int  # what the account may spend in an hour
    words: str


def advance(
    incident: Incident | None, told: Sequence[Told], *, at: datetime, expected_hour_minor: float
) -> Incident | None:
    """Take an hour's anomalies, open ones included, of all kinds of objects; None = no incident, or it is over.

    `at` is the hour's start, `expected_hour_minor` what the account usually spends in it.
    """
    signs = [row for row in told if row.cause in CAUSES]
    # An ad set has too few purchases to prove an outage: sums do.
    signs = [row for row in signs if row.cause is not Cause.TRACKING or row.object_kind is not ObjectKind.AD_SET]
    cause = _cause(signs)
    cap = round(VELOCITY * max(expected_hour_minor, 1.0))
    end = at + timedelta(hours=1)
    if incident is None:
        if cause is None:
            return None
        since = min(row.since for row in signs if row.cause is cause)
        return Incident(
            cause=cause, since=since, until=end, quiet=0, velocity_cap_minor=cap, words=_words(cause, signs, since)
        )
    if cause is None:
        gone = incident.quiet + 1
        return None if gone >= CLOSES_AFTER else replace(incident, quiet=gone, velocity_cap_minor=cap)
    return replace(incident, until=end, quiet=0, velocity_cap_minor=cap)


def held(incident: Incident | None, at: datetime) -> frozenset[Metric]:
    """What is not learnt from in this hour."""
    if incident is None or at - incident.since >= LEARNS_AGAIN_AFTER:
        return frozenset()
    if incident.cause is Cause.TRACKING:
        return frozenset({Metric.PURCHASES})
    return frozenset({Metric.SPEND, Metric.CPM})


def is_lasting(incident: Incident | None, at: datetime) -> bool:
    """Whether purchases have been missing for so long that fewer of them are the new level."""
    is_tracking = incident is not None and incident.cause is Cause.TRACKING
    return is_tracking and incident is not None and at - incident.since >= LEARNS_AGAIN_AFTER


def is_over(spend_minor: int, velocity_cap_minor: int) -> bool:
    """Whether an hour's spend is over what the account may spend in an hour of an incident."""
    return spend_minor > velocity_cap_minor


def _cause(signs: Sequence[Told]) -> Cause | None:
    for cause in (Cause.PLATFORM, Cause.TRACKING):
        of = [row for row in signs if row.cause is cause]
        whole = any(row.object_kind is ObjectKind.ACCOUNT for row in of)
        if whole or len({(row.object_kind, row.object_id) for row in of}) >= LEAST_OBJECTS:
            return cause
    return None


def _words(cause: Cause, signs: Sequence[Told], since: datetime) -> str:
    of = [row for row in signs if row.cause is cause]
    objects = len({row.object_id for row in of if row.object_kind is ObjectKind.AD_SET}) or len(of)
    start = f"since {since:%Y-%m-%d %H:%M} UTC"
    if cause is Cause.TRACKING:
        return f"purchases are missing {start} while clicks go on: the tracking is out, or they are told late"
    worst = max(of, key=lambda row: row.seen / max(row.expected, 1e-9))
    times = worst.seen / max(worst.expected, 1e-9)
    what = "prices" if worst.metric == "cpm" else "spend"
    return f"{what} of {objects} unrelated objects rose {start}, up to {times:.1f} times the usual: a platform incident"
