"""What an hour of anomalies comes to, as values: stores take them without what works them out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

from domain.actions import Json, ObjectKind
from domain.evidence import Cause


class Metric(IntEnum):
    """What is watched, in the order of the arrays' first axis."""

    SPEND = 0  # given the daily budget and the hour
    CPM = 1  # impressions given spend: fewer is dearer
    CTR = 2  # clicks given impressions
    PURCHASES = 3  # given clicks, and how much of them has arrived


NAMES: Final = ("spend", "cpm", "ctr", "purchases")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One anomaly as it stands after an hour; money and counts as they are, prices per thousand impressions."""

    object_kind: ObjectKind
    object_id: str
    metric: str
    is_up: bool
    cause: Cause
    since: datetime
    expected: float
    low: float
    high: float
    seen: float
    q_value: float
    counts: Mapping[str, Json]
    is_calm: bool = False  # the hour was as usual, or nothing was expected of it: its figures tell of no anomaly


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What the hour should have cost, of all objects together: with a 90 % interval, and the usual price."""

    spend_minor: float = 0.0
    low_minor: float = 0.0
    high_minor: float = 0.0
    cpm_minor: float = 0.0
