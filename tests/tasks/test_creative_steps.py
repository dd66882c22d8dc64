"""Creative intelligence from one day to the next: a day is one step, and all is followed anew where it has to be."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from sqlalchemy import create_engine

from decisions.life_course import FirstWeek
from decisions.life_cycle import stages, tell
from decisions.policy import MaturedPolicy
from domain.actions import Level, Mode
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from models import accounts, creative_states
from models.creative_stages import History
from tasks.creative_intelligence import studied
from tests.decisions.test_life_cycle import drawn, panel

POLICY = MaturedPolicy()
CLICKS, SHOWN, _ = drawn(41, 2_000, ads=60, share=0.5)


@pytest.fixture
def record(database_url):
    """A connection whose work is undone, and an account in it."""
    engine = create_engine(database_url)
    with engine.connect() as conn:
        info = AccountInfo(id=PlatformAccountId("act_9"), name="A", currency="USD", zone="UTC", is_active=True,
                           status_text="", minimum_daily_budget_minor=100)  # fmt: skip
        yield conn, accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
        conn.rollback()
    engine.dispose()


def history(account_id, clicks=CLICKS, shown=SHOWN, *, days, ads=60, on_its_day=False):
    """The first days, ending such that the next ones are not (or the last one is) the account's day of the week."""
    until = date(2026, 3, 1)
    while (until.toordinal() + account_id) % 7 != (0 if on_its_day else days % 6 + 1):
        until += timedelta(days=1)
    found = panel(clicks[:ads, :days], shown[:ads, :days])
    found = replace(found, first_day=until - timedelta(days=days - 1))
    return History(
        panel=found, creative_id=np.array([""] * ads, object), first=FirstWeek(clicks=np.zeros(ads),
        impressions=np.zeros(ads)),
    )  # fmt: skip


def day_after_day(conn, account_id, histories, rules=POLICY):
    """Study each and keep what stands; return whether the last was followed anew, and its memory."""
    for seen in histories:
        ((_, memory, is_anew),) = studied(conn, account_id, seen, rules)
        creative_states.keep(conn, account_id, 0, memory)
    return is_anew, memory


def until(seen, last):
    """The same days of the calendar, the panel ending later."""
    return replace(seen, panel=replace(seen.panel, first_day=last - timedelta(days=seen.panel.clicks.shape[1] - 1)))


def test_the_next_day_is_one_step_and_tells_what_all_days_tell(record):
    conn, account_id = record
    before = history(account_id, days=24)
    after = until(history(account_id, days=25), before.until + timedelta(days=1))
    is_anew, memory = day_after_day(conn, account_id, [before, after])
    assert not is_anew
    assert (tell(memory).stage == stages(after.panel, POLICY).stage).all()
    assert memory.upto == after.until.toordinal()


def test_the_same_day_again_changes_nothing(record):
    conn, account_id = record
    seen = history(account_id, days=24)
    is_anew, memory = day_after_day(conn, account_id, [seen, seen])
    assert not is_anew
    assert memory.probability == pytest.approx(stages(seen.panel, POLICY).probability, abs=1e-3)


def test_new_ads_join_and_those_without_figures_leave(record):
    conn, account_id = record
    before = history(account_id, days=24, ads=50)
    after = until(history(account_id, days=25), before.until + timedelta(days=1))
    rows = np.arange(10, 60)
    after = after.of(after.panel.object_id[rows])
    is_anew, memory = day_after_day(conn, account_id, [before, after])
    assert not is_anew
    assert list(memory.ad_id) == [f"a{row:03}" for row in rows]
    assert memory.total[-10:].tolist() == SHOWN[50:60, 24].tolist()


def test_days_restated_by_more_than_a_little_are_followed_anew(record):
    conn, account_id = record
    before = history(account_id, days=24)
    clicks = CLICKS.copy()
    clicks[:, 20] //= 3
    after = until(history(account_id, clicks, days=25), before.until + timedelta(days=1))
    is_anew, memory = day_after_day(conn, account_id, [before, after])
    assert is_anew
    assert memory.probability == pytest.approx(stages(after.panel, POLICY).probability)


def test_another_policy_a_long_gap_and_the_day_of_the_week_are_followed_anew(record):
    conn, account_id = record
    before = history(account_id, days=20)
    next_day = until(history(account_id, days=21), before.until + timedelta(days=1))
    assert day_after_day(conn, account_id, [before, next_day], POLICY)[0] is False
    assert day_after_day(conn, account_id, [next_day], MaturedPolicy(fatigue_ratio=0.6))[0]
    weeks_later = until(next_day, next_day.until + timedelta(days=9))
    assert day_after_day(conn, account_id, [next_day, weeks_later])[0]
    its_day = history(account_id, days=21, on_its_day=True)
    assert day_after_day(conn, account_id, [its_day, its_day])[0]
