"""A day at level observe, told afterwards, from values."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from control_tower.digest import Instead, tell
from domain.actions import Action, ActionKind, ActionState, ObjectKind
from domain.ids import AccountId, ActionId
from models.digests import DayFigures

DAY = date(2026, 3, 10)
AT = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
WISH = Action(
    id=ActionId(1), account_id=AccountId(1), run_id=None, kind=ActionKind.SET_DAILY_BUDGET,
    object_kind=ObjectKind.AD_SET, object_id="7", object_name="Set", expected_before={"daily_budget_minor": 4000},
    target={"daily_budget_minor": 4800}, rule="roas_high", priority=30, reason="ROAS 3.40", evidence={},
    state=ActionState.OBSERVED, state_reason="", op_token="T", proposed_by="meta.full_cycle, run 1",
    needs_approval=False, undoes=None, stop_id=None, epoch=0, attempts=0, crash_count=0,
    result_object_id=None, decided_at=AT, created_at=AT, sent_at=None, finished_at=AT,
)  # fmt: skip
KEY = (ObjectKind.AD_SET, "7")


def told(now=None, figures=(), wish=WISH, **more):
    standing = {} if now is None else {KEY: now}
    return tell(DAY, date(2026, 3, 12), [wish], standing, {KEY: figures}, restatement_days=28, **more)


STANDINGS = [
    (None, Instead.UNKNOWN),
    ({"status": "active", "daily_budget_minor": 4000}, Instead.NOTHING),
    ({"status": "active", "daily_budget_minor": 4800}, Instead.SAME),
    ({"status": "active", "daily_budget_minor": 9000}, Instead.OTHERWISE),
    ({"status": "deleted", "daily_budget_minor": 4000}, Instead.GONE),
]


@pytest.mark.parametrize(("now", "instead"), STANDINGS)
def test_what_people_did_is_read_from_how_the_object_stands(now, instead):
    (line,) = told(now).lines
    assert line.instead is instead


def test_a_change_of_our_own_is_not_told_as_people_s():
    (line,) = told({"daily_budget_minor": 4800}, ours=frozenset({KEY})).lines
    assert line.instead is Instead.OURS


def test_the_day_before_stands_beside_what_came_since():
    days = [DayFigures(day=date(2026, 3, day), spend_minor=spend, revenue_minor=revenue, purchases=1)
            for day, spend, revenue in ((9, 1000, 3000), (10, 1000, 2000), (12, 1000, 0))]  # fmt: skip
    (line,) = told({"daily_budget_minor": 4000}, days).lines
    assert (line.day_before.spend_minor, line.day_before.roas) == (1000, 3.0)
    assert (line.since.days, line.since.spend_minor, line.since.roas, line.since.purchases) == (2, 2000, 1.0, 2)


def test_nothing_spent_has_no_roas():
    (line,) = told().lines
    assert line.since.roas is None


def test_what_is_only_recorded_anyway_is_left_out():
    assert told(wish=replace(WISH, kind=ActionKind.MARK_FATIGUED)).lines == ()


def test_it_says_that_young_figures_rise_and_prove_nothing():
    caution = told().caution
    assert "cover 3 days and still rise" in caution
    assert "restated for up to 28 days" in caution
    assert "do not prove" in caution
