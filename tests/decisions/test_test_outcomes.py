"""What follows from verdicts: losers pause once the arm that goes on runs, and never leave an ad set empty."""

import pytest

from decisions import test_outcomes
from decisions.policy import AccountLimits, MaturedPolicy
from domain.actions import ActionKind, Priority
from domain.evidence import Evidence
from domain.evidence import TestState as Standing
from domain.evidence import TestVerdict as Said
from domain.snapshot import Snapshot
from tests.decisions.frames import ad, ad_set, snapshot

LIMITS = AccountLimits(minimum_daily_budget_minor=100)


def verdict(state: Standing = Standing.CLAIMED, keep: str = "a", drop: str = "b", ad_set_id: str = "s1") -> Said:
    return Said(
        experiment_id=3, ad_set_id=ad_set_id, state=state, keep=tuple(keep), drop=tuple(drop),
        words="ad a is better", evidence={"log_e": 4.0},
    )  # fmt: skip


def wanted(seen: Snapshot, *tests: Said) -> list[tuple[str, ActionKind]]:
    found = test_outcomes.decide(seen, MaturedPolicy(), LIMITS, Evidence(tests=tests))
    assert all(row.rule == "test_outcome" and row.priority is Priority.AB_WINNER for row in found)
    return [(row.object_id, row.kind) for row in found]


def shop(**of_b: object) -> Snapshot:
    return snapshot([ad_set(id="s1", is_ab_test=True)], [ad(id="a"), ad(id="b", **of_b), ad(id="c")])


@pytest.mark.parametrize("state", [Standing.CLAIMED, Standing.PICKED, Standing.EQUIVALENT, Standing.RUNNING])
def test_the_ads_that_a_test_dropped_are_paused(state: Standing) -> None:
    assert wanted(shop(), verdict(state)) == [("b", ActionKind.PAUSE)]


@pytest.mark.parametrize("state", [Standing.UNDECIDED, Standing.STOPPED])
def test_a_test_that_concluded_nothing_changes_nothing(state: Standing) -> None:
    assert wanted(shop(), verdict(state)) == []


def test_an_ad_that_is_paused_already_is_left() -> None:
    assert wanted(shop(is_active=False), verdict()) == []


def test_a_paused_winner_is_activated_first_and_the_loser_waits() -> None:
    seen = snapshot([ad_set(id="s1")], [ad(id="a", is_active=False), ad(id="b")])
    assert wanted(seen, verdict()) == [("a", ActionKind.ACTIVATE)]


def test_a_winner_that_is_fatigued_or_gone_leaves_the_loser_running() -> None:
    tired = snapshot([ad_set(id="s1")], [ad(id="a", is_active=False, is_marked_fatigued=True), ad(id="b")])
    assert wanted(tired, verdict()) == []
    assert wanted(snapshot([ad_set(id="s1")], [ad(id="b")]), verdict()) == []


def test_tests_of_ad_sets_that_are_off_or_elsewhere_change_nothing() -> None:
    off = snapshot([ad_set(id="s1", is_active=False)], [ad(id="a"), ad(id="b")])
    assert wanted(off, verdict()) == []
    assert wanted(shop(), verdict(ad_set_id="s9")) == []
    assert wanted(snapshot(), verdict()) == []


def test_the_reason_and_the_evidence_are_those_of_the_test() -> None:
    (found,) = test_outcomes.decide(shop(), MaturedPolicy(), LIMITS, Evidence(tests=(verdict(),)))
    assert "experiment 3" in found.reason
    assert "ad a is better" in found.reason
    assert (found.evidence["winner_id"], found.evidence["log_e"]) == ("a", 4.0)
    assert (dict(found.expected_before), dict(found.target)) == ({"status": "active"}, {"status": "paused"})
