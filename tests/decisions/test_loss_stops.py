"""What very likely loses is stopped, with stated certainty; what is young, alone or a test is not."""

from typing import Any

import numpy as np
import pytest

from decisions.loss_stops import decide
from decisions.policy import AccountLimits, MaturedPolicy
from decisions.waiting_room import fit
from domain.actions import ActionKind, ObjectKind, Proposal
from domain.evidence import NO_EVIDENCE, Evidence, RoasEvidence, RoasFrame
from domain.leeway import Leeway, StopRoom
from domain.snapshot import Hold
from tests.decisions.frames import NOW, ad, ad_set, snapshot

POLICY = MaturedPolicy()
LIMITS = AccountLimits(minimum_daily_budget_minor=500, margin=0.5)  # break-even ROAS 2


def frame(kind: ObjectKind, letter: str, roas: list[float], **over: Any) -> RoasFrame:
    n = len(roas)
    values: dict[str, Any] = {
        "object_id": np.array([f"{letter}{place}" for place in range(1, n + 1)], dtype=object),
        "spend_minor": np.full(n, 50_000.0), "purchases": np.full(n, 30.0), "maturity": np.full(n, 0.9),
        "now": np.array(roas), "log_median": np.log(roas), "log_sd": np.full(n, 0.2),
    }  # fmt: skip
    return RoasFrame(kind=kind, **(values | over))


def stops(
    ad_sets: list[Any], sets: RoasFrame, ads: list[Any] | None = None, of_ads: RoasFrame | None = None,
    *, room: StopRoom | None = None, limits: AccountLimits = LIMITS,
) -> list[Proposal]:  # fmt: skip
    frames = {ObjectKind.AD_SET: sets} | ({ObjectKind.AD: of_ads} if of_ads is not None else {})
    seen, leeway = snapshot(ad_sets, ads or []), Leeway(stops=room)
    evidence = Evidence(roas=RoasEvidence(made_at=NOW, frames=frames), leeway=leeway)
    return list(fit(decide(seen, POLICY, limits, evidence), seen, leeway).proposals)


def test_a_sure_loss_is_paused_and_a_likely_one_is_not() -> None:
    # P(ROAS < 2): at a median of 1.0 Phi(ln 2 / 0.2) = 0.9997; at 1.6 Phi(0.223 / 0.2) = 0.87
    (found,) = stops([ad_set(), ad_set()], frame(ObjectKind.AD_SET, "s", [1.0, 1.6]))
    assert (found.object_id, found.kind, found.rule) == ("s1", ActionKind.PAUSE, "loss_stop")
    assert found.evidence["posterior"]["certainty"] > 0.99  # type: ignore[index,call-overload,operator]


@pytest.mark.parametrize(
    ("row", "over"),
    [
        (ad_set(), {"maturity": np.array([0.5])}),
        (ad_set(), {"spend_minor": np.array([2_000.0])}),
        (ad_set(is_active=False), {}),
        (ad_set(is_ab_test=True), {}),
        (ad_set(hold=int(Hold.BID_LIMIT)), {}),
    ],
    ids=["immature", "hardly spent", "paused", "a test", "held by people"],
)
def test_it_is_left_alone(row: Any, over: dict[str, Any]) -> None:
    assert stops([row], frame(ObjectKind.AD_SET, "s", [1.0], **over)) == []


def test_without_evidence_nothing_stops() -> None:
    assert decide(snapshot([ad_set()]), POLICY, LIMITS, NO_EVIDENCE) == ()


def test_the_best_of_losing_ads_stays_where_none_else_would() -> None:
    ads = [ad(), ad()]
    found = stops([ad_set()], frame(ObjectKind.AD_SET, "s", [1.7]), ads, frame(ObjectKind.AD, "a", [0.8, 1.0]))
    assert [row.object_id for row in found] == ["a1"]


def test_a_losing_ad_stops_where_a_good_one_stays() -> None:
    ads = [ad(), ad()]
    found = stops([ad_set()], frame(ObjectKind.AD_SET, "s", [2.2]), ads, frame(ObjectKind.AD, "a", [3.0, 1.0]))
    assert [row.object_id for row in found] == ["a2"]


def test_ads_of_a_stopped_ad_set_are_not_stopped_as_well() -> None:
    ads = [ad(), ad()]
    found = stops([ad_set()], frame(ObjectKind.AD_SET, "s", [1.0]), ads, frame(ObjectKind.AD, "a", [3.0, 1.0]))
    assert [row.object_id for row in found] == ["s1"]


def losers(spends: list[int]) -> tuple[list[Any], RoasFrame]:
    """Ad sets that all lose alike, in the order in which they lost most."""
    rows = [ad_set(spend_window=spend) for spend in spends]
    return rows, frame(ObjectKind.AD_SET, "s", [1.0] * len(spends), spend_minor=np.array(spends, np.float64))


def test_what_a_day_has_room_for_stops_first_and_the_largest_loss_before_others() -> None:
    rows, known = losers([4_000, 9_000, 5_000, 82_000])
    room = StopRoom(objects=5, spend_share=0.10, alone=0.10)
    assert [row.object_id for row in stops(rows, known, room=room)] == ["s2"]  # 9 %; each of the others is too much
    assert stops(rows, known, room=StopRoom(objects=0, spend_share=1.0)) == []
    two = stops(rows, known, room=StopRoom(objects=2, spend_share=1.0))
    assert [row.object_id for row in two] == ["s4", "s2"]


def test_where_the_total_stays_a_person_is_asked_for_what_is_too_much() -> None:
    rows, known = losers([4_000, 96_000])
    limits = AccountLimits(minimum_daily_budget_minor=500)
    room = StopRoom(objects=5, spend_share=0.10, alone=0.10)
    (first,) = stops(rows, known, room=room, limits=limits)
    assert first.object_id == "s1"  # what has room goes by itself, and nobody is asked in the same cycle
    (asked,) = stops(rows[1:], frame(ObjectKind.AD_SET, "s", [1.0]), room=room, limits=limits)
    assert asked.evidence["asks"] == "mass_pause"
    assert stops(rows[1:], frame(ObjectKind.AD_SET, "s", [1.0]), room=room) == []  # left to the optimizer's cuts
