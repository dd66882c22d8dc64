"""Times every decision of one account in a process of its own: `python -m benchmarks.decisions.speed_case ADS SEED`.

Prints JSON. Times are CPU time, the best of three. The peak memory is the whole process's, with its account.
"""

import gc
import json
import resource
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeVar

import numpy as np

from benchmarks.decisions.speed_account import Account, but_last, hour, made, rows_of, settled, tests, with_marks
from decisions import life_memory, loss_stops, tired_ads
from decisions.allocation import allocate
from decisions.anomalies import begin, observe
from decisions.cell_shifts import ShiftRules
from decisions.cells import Cells
from decisions.experiments import advance, fold, look
from decisions.life_cycle import study, tell
from decisions.policy import AccountLimits, MaturedPolicy
from decisions.roas_posterior import Sums, day_weights, estimate_sums, pace_of, weigh
from decisions.segments import decide
from domain.actions import ObjectKind
from domain.evidence import AdStage, Evidence, RoasEvidence
from estimators import maturity
from estimators.hierarchy import shrink
from estimators.response import fit

T = TypeVar("T")
POLICY, LIMITS = MaturedPolicy(), AccountLimits(minimum_daily_budget_minor=500, margin=0.5)
_WARM_HOURS = 3
_ONCE_IS_ENOUGH_S = 2.0
_NEWLY_TIRED = 100
_PART_ADS = 20_000
ANEW, A_DAY = "life-cycle of ads anew, from 27 days", "life-cycle of ads, a day"


class Stopwatch:
    """Keeps the best of three times of each step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def take(self, name: str, step: Callable[[], T]) -> T:
        """Run a step three times, a long one once, and return its value."""
        best = np.inf
        for _ in range(3):
            gc.collect()
            begun = time.process_time()
            value = step()
            best = min(best, time.process_time() - begun)
            if best > _ONCE_IS_ENOUGH_S:
                break
        self.seconds[name] = float(best)
        return value


def main() -> None:
    """Time one size."""
    ads, seed = int(sys.argv[1]), int(sys.argv[2])
    account, watch = made(ads, seed), Stopwatch()
    before = _peak_mib()
    said = _decide(account, watch)
    result = {"ads": ads, "seconds": watch.seconds, "peak_mib": _peak_mib(), "account_mib": before, **said}
    sys.stdout.write(json.dumps(result) + "\n")


def _decide(account: Account, watch: Stopwatch) -> dict[str, Any]:
    sums, pace = _weighed(account, watch)
    estimate = watch.take(
        "ROAS of ads, ad sets, campaigns", lambda: estimate_sums(*sums, account_id="1", pace=pace, order_cv2=0.25)
    )
    leaves = sums[0]
    watch.take(
        "posterior of the ads' rates alone",
        lambda: shrink(leaves.purchases, leaves.exposure, (leaves.parent, sums[1].parent), (0.25, 0.1, 0.1)),
    )
    roas = RoasEvidence(made_at=account.snapshot.now, frames=estimate.frames)
    frame = estimate.frames[ObjectKind.AD_SET]
    responses = watch.take(
        "response curves of ad sets",
        lambda: fit(account.ad_sets, maturity.PRIOR, frame, half_life_days=POLICY.half_life_days),
    )
    snapshot, curves = settled(account.snapshot, responses)
    plan = watch.take("allocation", lambda: allocate(snapshot, POLICY, LIMITS, roas, {ObjectKind.AD_SET: curves}))
    worst = watch.take(
        "allocation where nearly every budget moves",
        lambda: allocate(account.snapshot, POLICY, LIMITS, roas, {ObjectKind.AD_SET: responses}),
    )
    evidence = Evidence(roas=roas)
    stops = watch.take("stops of losing ads", lambda: loss_stops.decide(account.snapshot, POLICY, LIMITS, evidence))
    found = _life_cycles(account, watch)
    tired = Evidence(stages=found, ages={"creative_intelligence": account.snapshot.now})
    known = with_marks(account.snapshot, {stage.ad_id for stage in found[_NEWLY_TIRED:]})
    marks = watch.take("marks of tired ads", lambda: tired_ads.decide(known, POLICY, LIMITS, tired))
    opened = _watch_hours(account, watch)
    verdicts = watch.take("looks at tests", lambda: _looks(account))
    shifted = watch.take("segments (each campaign's ad sets a level)", lambda: _segments(account))
    return {
        "steps": len(plan.proposals), "stops": len(stops), "marks": len(marks), "findings": len(plan.findings),
        "worst_steps": len(worst.proposals), "declining": len(found),
        "anomalies": opened, "tests": len(verdicts), "segments": shifted,
    }  # fmt: skip


def _weighed(account: Account, watch: Stopwatch) -> tuple[tuple[Sums, Sums, Sums], Any]:
    """Weigh days by age: in production the database does so (`models/panels.py: load_sums`), so it is told apart."""
    curve = maturity.PRIOR
    pace = watch.take("the account's pace", lambda: pace_of(account.ad_sets, curve))

    def step() -> tuple[Sums, Sums, Sums]:
        weights = day_weights(account.ads.age_days, curve, account.ads.day_share, POLICY.half_life_days, pace)
        return weigh(account.ads, weights), weigh(account.ad_sets, weights), weigh(account.campaigns, weights)

    return watch.take("weighing 28 days", step), pace


def _life_cycles(account: Account, watch: Stopwatch) -> tuple[AdStage, ...]:
    """Of parts of the ads, as in production: all days but the last anew, then the last from what stood before it."""
    found = list[AdStage]()
    watch.seconds |= {ANEW: 0.0, A_DAY: 0.0}
    for at in range(0, account.size, _PART_ADS):
        part = rows_of(account.ads, slice(at, at + _PART_ADS))
        begun = time.process_time()
        stood = study(but_last(part), POLICY)
        watch.seconds[ANEW] += time.process_time() - begun
        taken = []
        for _ in range(3):
            memory = deepcopy(stood)
            begun = time.process_time()
            life_memory.advance(memory, part.clicks[:, -1], part.impressions[:, -1], part.spend_minor[:, -1])
            cycles = tell(memory)
            taken.append(time.process_time() - begun)
        watch.seconds[A_DAY] += min(taken)
        found.extend(cycles.tired())
    return tuple(found)


def _watch_hours(account: Account, watch: Stopwatch) -> int:
    state = begin(ObjectKind.AD_SET)
    for number in range(_WARM_HOURS):
        state, _ = observe(state, hour(account, number), fdr=POLICY.spike_fdr)
    figures = hour(account, _WARM_HOURS)
    _, seen = watch.take("anomalies of an hour of ad sets", lambda: observe(state, figures, fdr=POLICY.spike_fdr))
    return len(seen.opened)


def _looks(account: Account) -> list[Any]:
    found = []
    for plan, state, strata in tests(account):
        ready = advance(plan, fold(state, strata), days=float(len(strata.day)))
        found.append(look(plan, ready, days=float(len(strata.day))))
    return found


def _segments(account: Account) -> int:
    panel = account.ad_sets
    many = len(panel)
    codes = np.stack([np.arange(many) % 25, np.arange(many) // 25 % 8, np.arange(many) // 200 % 5], axis=1)
    spend = panel.spend_minor.sum(axis=1)
    cells = Cells(
        object_kind=ObjectKind.AD_SET, object_id=panel.object_id, features=codes, feature_names=("geo", "age", "place"),
        level_names=tuple(tuple(str(level) for level in range(count)) for count in (25, 8, 5)),
        purchases=panel.purchases.sum(axis=1), spend_minor=spend, revenue_minor=panel.revenue_minor.sum(axis=1),
        maturity=np.full(many, 0.95), budget_minor=account.snapshot.ad_sets.daily_budget_minor, currency="USD",
        days=28.0,
    )  # fmt: skip
    return int((decide(cells, rules=ShiftRules(), break_even=2.0).target_minor != cells.budget_minor).sum())


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
