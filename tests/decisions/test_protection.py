"""Pauses that cannot wait: each by its cause, with its evidence, and none without one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.protection import MOST, Carriers, History, Limit, Seen, protect, silent_suspects
from domain.actions import ActionKind, ObjectKind, Priority

NOON = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
NO_HISTORY = History(clicks=0, purchases=0)
ACCOUNT = History(clicks=100_000, purchases=2_000)


def carriers(*rows):
    """Rows of (budget, spent, spent an hour earlier, clicks, purchases), amounts in major units."""
    table = np.array(rows or np.zeros((0, 5)), np.int64).reshape(len(rows), 5)
    ids = [str(n + 1) for n in range(len(rows))]
    return Carriers(
        kind=[ObjectKind.AD_SET] * len(rows), object_id=np.array(ids, np.object_), name=np.array(ids, np.object_),
        budget_minor=table[:, 0] * 100, top_budget_minor=table[:, 0] * 100, spent_minor=table[:, 1] * 100,
        earlier_minor=table[:, 2] * 100, clicks=table[:, 3], purchases=table[:, 4],
    )  # fmt: skip


def seen(*rows, **values):
    base = {
        "now": NOON, "as_of": NOON - timedelta(minutes=15), "elapsed": 0.5,
        "earlier_as_of": NOON - timedelta(minutes=75), "earlier_elapsed": 0.46, "knows_budgets_of_day": True,
        "minimum_budget_minor": 100, "rate_minor": 1_000.0, "limits": (), "carriers": carriers(*rows),
        "account_clicks": 10_000, "account_purchases": 150, "amount": lambda minor: f"{minor / 100:.2f}",
    }  # fmt: skip
    return Seen(**{**base, **values})


def rules(found):
    return [(row.rule, row.object_id) for row in found.proposals]


def test_nothing_is_paused_where_all_is_as_ever():
    found = protect(seen((100, 50, 46, 900, 12), (100, 0, 0, 0, 0)), {}, ACCOUNT)
    assert (found.proposals, found.warnings) == ((), ())


def test_the_platform_s_good_right_is_no_cause():
    """175 of a budget of 100, and a correction of 1 %."""
    assert protect(seen((100, 176, 172, 900, 12)), {}, ACCOUNT).proposals == ()


def test_what_goes_beyond_the_platform_s_own_bound_is_paused():
    (one,) = protect(seen((100, 185, 180, 900, 12)), {}, ACCOUNT).proposals
    assert (one.rule, one.kind, one.priority) == ("protect_overspend", ActionKind.PAUSE, Priority.SAFETY)
    assert (dict(one.expected_before), dict(one.target)) == ({"status": "active"}, {"status": "paused"})
    assert "185.00 spent today, beyond 1.75 times" in one.reason
    assert one.evidence["threshold_minor"] == 17_500
    assert one.evidence["data_age_s"] == 900


def test_a_budget_that_was_higher_earlier_in_the_day_is_what_counts():
    rows = carriers((100, 185, 180, 900, 12))
    raised = replace(rows, top_budget_minor=np.array([15_000], np.int64))
    assert protect(seen(carriers=raised), {}, ACCOUNT).proposals == ()


def test_where_the_day_s_budgets_are_not_known_from_its_beginning_overspend_proves_nothing():
    unsure = seen((100, 185, 180, 900, 12), knows_budgets_of_day=False)
    assert protect(unsure, {}, ACCOUNT).proposals == ()


def test_cents_are_no_runaway():
    """4.00 of a budget of 1.00 where the least daily budget is 1.00: under five of those."""
    assert protect(seen((1, 4, 3, 90, 1)), {}, ACCOUNT).proposals == ()


def test_half_a_budget_within_an_hour_is_a_runaway():
    """4 % of a day is usual in that hour: 4.00 of 100. Here 90 went, and another hour like it ends at 230."""
    (one,) = protect(seen((100, 140, 50, 900, 12)), {}, ACCOUNT).proposals
    assert one.rule == "protect_velocity"
    assert "90.00 spent in 60 min" in one.reason


@pytest.mark.parametrize("earlier", [None, NOON - timedelta(minutes=16), NOON - timedelta(hours=5)])
def test_speed_is_judged_over_minutes_to_hours_only(earlier):
    assert protect(seen((100, 140, 50, 900, 12), earlier_as_of=earlier), {}, ACCOUNT).proposals == ()


def test_of_what_was_not_among_the_top_before_the_speed_is_not_known():
    rows = replace(carriers((100, 140, 0, 900, 12)), earlier_minor=np.array([-1], np.int64))
    assert protect(seen(carriers=rows), {}, ACCOUNT).proposals == ()


def test_the_fewest_that_keep_a_limit_are_paused_the_fastest_first():
    """An hour costs 300 and 200 are left: without the fastest, of 180 an hour, 120 go on."""
    limit = Limit(name="month", limit_minor=100_000, spent_minor=80_000, words="the month's budget")
    rows = ((1000, 100, 40, 9, 1), (1000, 200, 20, 9, 1), (1000, 90, 30, 9, 1))
    found = protect(seen(*rows, limits=(limit,), rate_minor=30_000.0), {}, ACCOUNT)
    assert rules(found) == [("protect_cap", "2")]
    assert ("month", "800.00 of 1000.00 of the month's budget are spent, and 300.00 an hour go on") in {
        (row.scope, row.words) for row in found.warnings
    }


def test_a_limit_that_is_passed_stops_all_that_spends():
    limit = Limit(name="day", limit_minor=50_000, spent_minor=60_000, words="the worst day")
    rows = ((1000, 100, 40, 9, 1), (1000, 200, 200, 9, 1), (1000, 90, 30, 9, 1))
    found = protect(seen(*rows, limits=(limit,), rate_minor=30_000.0), {}, ACCOUNT)
    assert {row.object_id for row in found.proposals} == {"1", "3"}  # the second rests


def test_a_limit_far_away_or_an_account_that_rests_warns_of_nothing():
    limit = Limit(name="day", limit_minor=50_000, spent_minor=60_000, words="the worst day")
    assert protect(seen((1000, 100, 40, 9, 1), limits=(limit,), rate_minor=0.0), {}, ACCOUNT).warnings == ()
    far = replace(limit, spent_minor=100)
    assert protect(seen((1000, 100, 40, 9, 1), limits=(far,)), {}, ACCOUNT).warnings == ()


def test_clicks_without_a_purchase_where_the_others_sell_are_a_broken_link():
    """1,500 clicks; the others sell 150 to 8,500, its own week sold as the account's: 26 were due."""
    one = seen((500, 100, 90, 1_500, 0))
    own = History(clicks=5_000, purchases=100)
    assert silent_suspects(one) == ("1",)
    (found,) = protect(one, {"1": own}, ACCOUNT).proposals
    assert found.rule == "protect_silent"
    assert found.evidence["expected_purchases"] == pytest.approx(1_500 * 150 / 8_500, abs=0.01)
    assert found.evidence["by_chance"] < 1e-7


@pytest.mark.parametrize(
    ("history", "purchases"),
    [
        (History(clicks=5_000, purchases=29), 150),  # too little of its own to know
        (History(clicks=50_000, purchases=100), 150),  # it sells a tenth of what others do
        (History(clicks=5_000, purchases=100), 19),  # nobody sells today: tracking, or the hour
    ],
)
def test_silence_proves_nothing_without_a_yardstick(history, purchases):
    one = seen((500, 100, 90, 1_500, 0), account_purchases=purchases)
    assert protect(one, {"1": history}, ACCOUNT).proposals == ()


def test_an_object_is_proposed_once_and_a_slot_no_more_than_the_door_lets_through():
    rows = [(100, 200 + n, 50, 900, 12) for n in range(40)]
    limit = Limit(name="day", limit_minor=1, spent_minor=2, words="the worst day")
    found = protect(seen(*rows, limits=(limit,)), {}, ACCOUNT)
    ids = [row.object_id for row in found.proposals]
    assert len(ids) == len(set(ids)) == MOST


def test_without_carriers_there_is_nothing_to_pause():
    assert protect(seen(), {}, NO_HISTORY).proposals == ()


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(-1, 10**7), st.integers(-10, 10**7), st.integers(-1, 10**7), st.integers(-5, 10**9),
            st.integers(-3, 10**6),
        ),
        max_size=6,
    ),
    clicks=st.integers(0, 10**9),
    purchases=st.integers(-2, 10**6),
    rate=st.floats(0, 1e9),
)  # fmt: skip
def test_whatever_the_figures_proposals_only_pause(rows, clicks, purchases, rate):
    limit = Limit(name="month", limit_minor=1_000, spent_minor=500, words="the month's budget")
    own = {str(n + 1): History(clicks=100, purchases=50) for n in range(len(rows))}
    one = seen(*rows, account_clicks=clicks, account_purchases=purchases, rate_minor=rate, limits=(limit,))
    for proposal in protect(one, own, ACCOUNT).proposals:
        assert (proposal.kind, proposal.priority) == (ActionKind.PAUSE, Priority.SAFETY)
        assert "nan" not in f"{proposal.reason}{dict(proposal.evidence)}"
