"""What evidence modules found out and acting modules read: plain values with their ages.

Arrays of a `RoasFrame` have one length and are ordered by object id, as the frames of a snapshot are; an object that
is missing there is not known. Every number is finite. Money is minor units of the account's currency.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.actions import JsonMap, ObjectKind
from domain.leeway import UNKNOWN, Leeway
from domain.snapshot import Floats, Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a module says of one object, decided or not; `words` are a sentence for people, without a full stop.

    `evidence` has, as far as they apply: `counts`, `posterior` (mean, low, high, certainty), `threshold`,
    `expected_gain_minor`, `data_age_s`, `maturity`, `blocked_by`, and `needs` (purchases, days) where it is not
    decidable yet.
    """

    object_kind: ObjectKind
    object_id: str
    verdict: str  # the module's own short word, such as "raise", "hold", "not_decidable", "fatigued"
    words: str
    evidence: JsonMap = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoasFrame:
    """Posterior of the matured ROAS of objects of one kind; n rows, ordered by id.

    The posterior is log-normal: P(ROAS > x) = Phi((log_median - ln x) / log_sd). `now` is revenue over spend as they
    stand, NaN never: 0 where nothing was spent. `maturity` is the share of the purchases expected to have arrived.
    """

    kind: ObjectKind
    object_id: Texts
    spend_minor: Floats  # of the history, days weighted by their age
    purchases: Floats  # the same, as arrived
    maturity: Floats
    now: Floats
    log_median: Floats
    log_sd: Floats

    def __len__(self) -> int:
        return len(self.object_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoasEvidence:
    """What the ROAS engine said last of an account."""

    made_at: datetime  # platform's clock
    frames: Mapping[ObjectKind, RoasFrame]  # AD, AD_SET, CAMPAIGN, ACCOUNT


class TestState(StrEnum):
    """Where an experiment stands."""

    RUNNING = "running"
    CLAIMED = "claimed"  # an arm is better, by an always-valid test
    PICKED = "picked"  # the best to go on with, without a claim
    EQUIVALENT = "equivalent"  # no difference worth having: the cheaper stays
    UNDECIDED = "undecided"  # its time is over, and neither of these
    STOPPED = "stopped"  # by a person


@dataclass(frozen=True, slots=True, kw_only=True)
class TestVerdict:
    """What a test of several ads says now."""

    experiment_id: int
    ad_set_id: str
    state: TestState
    keep: tuple[str, ...]  # ads that go on
    drop: tuple[str, ...]  # ads that have lost; empty while nothing is decided
    words: str
    evidence: JsonMap


class Cause(StrEnum):
    """Whose doing an anomaly is, as far as can be told."""

    OWN = "own"  # a change of ours or of a person's stands before it
    PLATFORM = "platform"  # many unrelated objects at once: a platform incident
    TRACKING = "tracking"  # purchases vanished while clicks did not
    MARKET = "market"  # the whole account's prices or demand moved
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """One open anomaly: what was expected, what was seen, since when, and how sure that is."""

    id: int
    object_kind: ObjectKind
    object_id: str
    metric: str  # "spend", "cpm", "cpc", "ctr", "purchases"
    is_up: bool
    cause: Cause
    since: datetime
    expected: float
    seen: float
    q_value: float  # false-discovery rate at which it would just be told
    words: str
    evidence: JsonMap


class Stage(StrEnum):
    """Life-cycle of a creative."""

    NEW = "new"  # not matured a week yet
    RISING = "rising"
    STEADY = "steady"
    TIRING = "tiring"
    FATIGUED = "fatigued"
    UNKNOWN = "unknown"  # too few impressions to tell


@dataclass(frozen=True, slots=True, kw_only=True)
class AdStage:
    """One ad's life-cycle, of those where there is something to say: tiring or fatigued."""

    ad_id: str
    stage: Stage
    probability: float  # P(its click rate is under the policy's ratio of its own first week)
    reason: str  # such as "seen too often", "dearer auction", "no reason seen"
    words: str
    evidence: JsonMap


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """A change of the optimizer's standing plan that came too early then, and has rested since."""

    object_kind: ObjectKind
    object_id: str
    budget_minor: int
    target_minor: int
    words: str
    evidence: JsonMap


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the evidence modules have on record of an account; a part that is None or empty was never made."""

    roas: RoasEvidence | None = None
    tests: tuple[TestVerdict, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()
    incident: str | None = None  # in words, while incident mode holds automation
    stages: tuple[AdStage, ...] = ()
    leeway: Leeway = UNKNOWN  # what the door's limits leave
    steps: tuple[PlannedStep, ...] = ()
    ages: Mapping[str, datetime] = field(default_factory=dict)  # by module slug: when its evidence was made


NO_EVIDENCE = Evidence()
