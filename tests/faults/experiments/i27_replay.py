"""I-27: the same inputs give the same plans, in this version as in the one that recorded them."""

import hashlib
import json
import random
from functools import partial
from pathlib import Path
from typing import Any

from actions.arbiter import arbitrate
from actions.guardrails import judge
from decisions.policy import AccountLimits, ClassicPolicy
from decisions.registry import decide
from domain.actions import RECORDED_ONLY
from domain.snapshot import Snapshot
from tests.actions.judging import facts
from tests.decisions.frames import NOW, ad, ad_set, campaign, snapshot
from tests.faults.guarantee import Guarantee, Outcome, Place

CORPUS = Path(__file__).parent.parent / "corpus" / "plans.json"
RECORDED = 1_000
_LIMITS = AccountLimits(minimum_daily_budget_minor=500)
Plan = list[dict[str, Any]]


def cycle(seed: int) -> Snapshot:
    """A small account, drawn from whole numbers only so that no library's floats decide what it looks like."""
    dice = random.Random(seed)
    sets = [_money(dice, ad_set) | {"is_ab_test": dice.random() < 1 / 4} for _ in range(dice.randrange(1, 6))]
    shared = [_money(dice, campaign) for _ in range(dice.randrange(3))]
    ads = [_ad(dice, len(sets)) for _ in range(dice.randrange(9))]
    return snapshot(sets, ads, shared)


def _money(dice: random.Random, row: Any) -> dict[str, Any]:
    spend, usual = dice.randrange(0, 40_000), dice.randrange(0, 5_000)
    figures: dict[str, Any] = row(
        daily_budget_minor=dice.choice([500, 1_234, 4_000, 40_001]), is_active=dice.random() < 0.9,
        is_learning=dice.random() < 0.3, spend_window=spend, revenue_window=spend * dice.randrange(0, 60) // 10,
        purchases_window=dice.randrange(20), clicks_window=dice.randrange(900), impressions_window=90_000,
        recent_spend=usual * dice.randrange(0, 40) // 10, recent_clicks=dice.randrange(0, 90),
        recent_revenue=usual * dice.randrange(0, 5), usual_spend=float(usual), usual_clicks=float(dice.randrange(40)),
        usual_revenue=float(usual * 2),
    )  # fmt: skip
    return figures


def _ad(dice: random.Random, sets: int) -> dict[str, Any]:
    place, seen = dice.randrange(sets), dice.randrange(500, 5_000)
    return ad(
        ad_set_index=place, ad_set_id=f"s{place + 1}", is_active=dice.random() < 0.8,
        age_hours=float(dice.randrange(99)),
        impressions_total=seen, clicks_total=dice.randrange(seen // 20), impressions_last=seen,
        clicks_last=dice.randrange(seen // 25), impressions_week=7 * seen, clicks_week=dice.randrange(7 * seen // 20),
    )  # fmt: skip


def plan(seed: int, policy: ClassicPolicy) -> Plan:
    """What would be done, in order, with the words that an operator reads; losers and blocks included."""
    decided = decide(cycle(seed), policy, _LIMITS, NOW - NOW.replace(hour=0))
    found = arbitrate(decided.proposals)
    rows: Plan = []
    for proposal in found.winners:
        judged = None if proposal.kind in RECORDED_ONLY else judge(proposal, facts())
        rows.append(
            {
                "do": [proposal.kind, proposal.object_kind, str(proposal.object_id), proposal.rule, proposal.priority],
                "target": dict(proposal.target if judged is None else judged.target),
                "reason": proposal.reason,
                "judged": None if judged is None else [judged.allowed, *judged.reasons],
            }
        )
    return [*rows, *({"loser": [str(row.proposal.object_id), row.reason]} for row in found.losers)]


def digest(rows: Plan) -> str:
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:16]


def record() -> None:
    """Write the corpus anew: run this file, read the difference, and say in the commit why plans changed."""
    CORPUS.parent.mkdir(exist_ok=True)
    found = [digest(plan(seed, ClassicPolicy())) for seed in range(RECORDED)]
    CORPUS.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")


def _run(policy: ClassicPolicy, place: Place, trials: int) -> Outcome:
    recorded = json.loads(CORPUS.read_text(encoding="utf-8"))
    first = place.seed % RECORDED if trials < RECORDED else 0
    seeds = [(first + place_in) % RECORDED for place_in in range(min(trials, RECORDED))]
    random.Random(place.seed).shuffle(seeds)
    plans = {seed: plan(seed, policy) for seed in seeds}
    changed = [
        f"cycle {seed}: recorded {recorded[seed]}, now {digest(rows)}: {json.dumps(rows)[:300]}"
        for seed, rows in sorted(plans.items())
        if digest(rows) != recorded[seed]
    ]
    figures: dict[str, float | str] = {
        "plans that want something": sum(bool(rows) for rows in plans.values()),
        "lines": sum(map(len, plans.values())),
    }
    return Outcome(trials=len(seeds), violations=tuple(changed), figures=figures)


GUARANTEE = Guarantee(
    id="I-27",
    statement="The same inputs give the same plans, word for word, whatever the order in which they are asked; a"
    " release that changes plans lists which.",
    enforced_at="decisions/registry.py: decide; actions/arbiter.py: arbitrate; actions/guardrails",
    refuted_by=f"{RECORDED:,} recorded cycles of small accounts, replayed in a shuffled order and compared with the"
    " recorded digests (tests/faults/corpus/plans.json; running this file records anew).",
    short=RECORDED,
    full=RECORDED,
    experiment=partial(_run, ClassicPolicy()),
    weaker={
        "a threshold moved by a hundredth": partial(_run, ClassicPolicy(roas_high=3.01)),
        "a step of another size": partial(_run, ClassicPolicy(spike_step_down=0.11)),
    },
    judge="the recorded digests",
)

if __name__ == "__main__":
    record()
