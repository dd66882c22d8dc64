"""Levels of autonomy on evidence: when a module has earned the next one, and when it must step back. Pure.

Going up is only recommended, a person confirms; going down is safe and acts at once. What brings a module up is more
than what keeps it there, so that a module near a limit does not swing: see `RULES`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.actions import Json, Level

_RISING: Final = tuple(Level)


class Move(StrEnum):
    """What is advised. Written to disk."""

    KEEP = "keep"
    PROMOTE = "promote"  # recommended: a person confirms
    DEMOTE = "demote"  # done


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestGain:
    """What a backtest of the account's policy gained over the one it was compared with; 95 % interval, minor units."""

    gain_minor: float
    low_minor: float | None
    high_minor: float | None
    age_days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleRecord:
    """What is known of a module on an account. Counts are of the last 28 days; None = nothing is on record."""

    module: str
    level: Level  # the one in force: the lower of its own and the account's
    account_level: Level
    runs: int  # that ended
    failed_week: int  # runs that failed, and actions whose executor died, in 7 days and since the last demotion
    answered: int  # proposals that a person approved or rejected
    approved: int
    forecasts: int  # of ROAS, settled
    held: int  # and within their 80 % interval
    settled: int  # budget changes whose gain is settled
    predicts: bool  # whether its changes carry a predicted gain at all
    predicted_minor: float
    realised_minor: float
    backtest: BacktestGain | None
    streak: int  # evenings in a row on which promotion was earned, before this one
    days_since_demotion: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What each step takes. A bar to go up is always higher than the one to stay."""

    runs: int = 14
    answered: int = 20
    approved_share: float = 0.8
    rejected_share: float = 0.5  # from there down
    rejected_of: int = 10
    forecasts: int = 30
    held_low: float = 0.70  # of 80 % intervals
    held_high: float = 0.90
    settled: int = 10
    realised_share: float = 0.5  # of what was predicted
    faults_up: int = 0
    faults_down: int = 3
    faults_out: int = 6  # all the way down
    backtest_days: float = 30.0
    streak: int = 3
    rest_days: float = 14.0  # after a demotion
    again_days: float = 7.0  # after it, until the same record may cost another level; new faults may sooner


RULES: Final = Rules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What is advised for a module; `missing` is what the next level still takes, in words."""

    module: str
    move: Move
    level: Level
    to: Level
    reasons: tuple[str, ...]
    missing: tuple[str, ...]
    earned: bool  # whether everything for the next level is there, but for its having lasted
    evidence: dict[str, Json]


def judge(record: ModuleRecord, rules: Rules = RULES) -> Advice:
    """Advise on one module. Never above the account's level; at most one level up at a time."""
    faults = tuple(_against(record, rules))
    if faults and record.level is not Level.OBSERVE:
        is_out = record.failed_week >= rules.faults_out
        to = Level.OBSERVE if is_out else _RISING[_RISING.index(record.level) - 1]
        return _advice(record, Move.DEMOTE, to, faults, ())
    following = _next(record)
    if following is None:
        top = "it goes as far as its account" if record.level is not Level.AUTO else "it is at the highest level"
        return _advice(record, Move.KEEP, record.level, (top,), ())
    missing = tuple(_missing(record, following, rules))
    if missing:
        return _advice(record, Move.KEEP, record.level, (), missing)
    if record.streak + 1 < rules.streak:
        lasting = f"the same for {rules.streak - record.streak - 1} more days"
        return _advice(record, Move.KEEP, record.level, (), (lasting,), earned=True)
    return _advice(record, Move.PROMOTE, following, tuple(_speaks_for(record)), (), earned=True)


def _next(record: ModuleRecord) -> Level | None:
    place = _RISING.index(record.level) + 1
    if place > _RISING.index(record.account_level) or place >= len(_RISING):
        return None
    return _RISING[place]


def _against(record: ModuleRecord, rules: Rules) -> Iterator[str]:
    """Reasons to step back."""
    if record.failed_week >= rules.faults_down:
        yield f"{record.failed_week} faults in 7 days; {rules.faults_down} are too many"
    if record.days_since_demotion is not None and record.days_since_demotion < rules.again_days:
        return
    rejected = record.answered - record.approved
    if record.answered >= rules.rejected_of and rejected >= rules.rejected_share * record.answered:
        yield f"people turned down {rejected} of {record.answered} proposals"
    if record.settled >= rules.settled and record.predicted_minor > 0 > record.realised_minor:
        yield f"{record.settled} settled changes lost money where a gain was predicted"
    test = record.backtest
    if (
        test is not None
        and test.age_days <= rules.backtest_days
        and test.high_minor is not None
        and test.high_minor < 0
    ):
        yield "its policy loses in the backtest, beyond chance"


def _missing(record: ModuleRecord, following: Level, rules: Rules) -> Iterator[str]:
    """What the next level still takes. To be seen by people it takes runs; to act, evidence."""
    if record.runs < rules.runs:
        yield f"{rules.runs - record.runs} more runs (of {rules.runs})"
    if record.failed_week > rules.faults_up:
        yield f"a week without faults ({record.failed_week} now)"
    since = record.days_since_demotion
    if since is not None and since < rules.rest_days:
        yield f"{rules.rest_days - since:.0f} more days since it was set back"
    if following is Level.PROPOSE:
        return
    yield from _people(record, rules)
    yield from _statistics(record, rules)


def _people(record: ModuleRecord, rules: Rules) -> Iterator[str]:
    if record.answered < rules.answered:
        yield f"{rules.answered - record.answered} more proposals answered by people (of {rules.answered})"
    elif record.approved < rules.approved_share * record.answered:
        share = record.approved / record.answered
        yield f"{rules.approved_share:.0%} of the proposals approved ({share:.0%} now)"


def _statistics(record: ModuleRecord, rules: Rules) -> Iterator[str]:
    test = record.backtest
    if test is None or test.age_days > rules.backtest_days:
        yield f"a backtest of the last {rules.backtest_days:.0f} days (`stakazo backtest --account`)"
    elif test.low_minor is None or test.low_minor <= 0:
        yield "a backtest whose gain is above 0 with 95 % certainty"
    if record.forecasts < rules.forecasts:
        yield f"{rules.forecasts - record.forecasts} more settled forecasts (of {rules.forecasts})"
    elif not rules.held_low <= record.held / record.forecasts <= rules.held_high:
        held = record.held / record.forecasts
        yield f"forecasts that hold {rules.held_low:.0%} to {rules.held_high:.0%} of the time ({held:.0%} now)"
    if not record.predicts:
        return
    if record.settled < rules.settled:
        yield f"{rules.settled - record.settled} more settled budget changes (of {rules.settled})"
    elif record.realised_minor < rules.realised_share * record.predicted_minor:
        yield f"at least {rules.realised_share:.0%} of the predicted gain realised"


def _speaks_for(record: ModuleRecord) -> Iterator[str]:
    yield f"{record.runs} runs, no fault in 7 days"
    if record.answered:
        yield f"{record.approved} of {record.answered} proposals approved"
    if record.forecasts:
        yield f"{record.held} of {record.forecasts} forecasts within their 80 % interval"


def _advice(
    record: ModuleRecord, move: Move, to: Level, reasons: tuple[str, ...], missing: tuple[str, ...], *,
    earned: bool = False,
) -> Advice:  # fmt: skip
    test = record.backtest
    evidence: dict[str, Json] = {
        "counts": {
            "runs": record.runs, "faults": record.failed_week, "answered": record.answered,
            "approved": record.approved, "forecasts": record.forecasts, "held": record.held, "settled": record.settled,
        },
        "predicted_minor": round(record.predicted_minor), "realised_minor": round(record.realised_minor),
        "backtest": None if test is None else {
            "gain_minor": round(test.gain_minor),
            "low_minor": None if test.low_minor is None else round(test.low_minor),
            "high_minor": None if test.high_minor is None else round(test.high_minor),
            "age_days": round(test.age_days, 1),
        },
    }  # fmt: skip
    return Advice(
        module=record.module, move=move, level=record.level, to=to, reasons=reasons, missing=missing, earned=earned,
        evidence=evidence,
    )  # fmt: skip
