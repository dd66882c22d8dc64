"""Run rows: one per slot, one worker at a time, at most three attempts, whoever delivers how often."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from domain.actions import Level, Mode
from domain.errors import LostClaimError
from domain.health import RunState
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from models import accounts, run_history, run_rings, runs
from models.engine import make_engine
from models.run_history import LogEntry
from models.runs import Refusal

SLOT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
TASK = "meta.full_cycle"


@pytest.fixture
def engine(database_url):
    engine = make_engine(database_url, pool_size=8)
    yield engine
    engine.dispose()


@pytest.fixture
def account_id(engine):
    info = AccountInfo(
        id=PlatformAccountId("act_1"),
        name="Shop",
        currency="USD",
        zone="Europe/Madrid",
        is_active=True,
        status_text="active",
        minimum_daily_budget_minor=100,
    )
    with engine.begin() as conn:
        return accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)


def _plan(engine, account_id, slot_at=SLOT, task=TASK, now_at=None):
    now_at = slot_at if now_at is None else now_at
    with engine.begin() as conn:
        return runs.plan(
            conn, task=task, account_id=account_id, mode=Mode.STUB, level=Level.AUTO, slot_at=slot_at, now_at=now_at
        )


def _claim(engine, run_id, owner="one", lease_s=60.0, after=()):
    with engine.begin() as conn:
        return runs.claim(conn, run_id, owner, lease_s, after=after)


def _finish(engine, run_id, owner="one", state=RunState.SUCCEEDED, **values):
    with engine.begin() as conn:
        runs.finish(conn, run_id, owner, state=state, **values)


def _get(engine, run_id):
    with engine.begin() as conn:
        return run_history.get(conn, run_id)


def test_a_slot_is_planned_once_however_many_ask(engine, account_id):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: _plan(engine, account_id), range(16)))

    assert sum(run_id is not None for run_id in found) == 1


def test_of_many_deliveries_at_once_one_claims(engine, account_id):
    run_id = _plan(engine, account_id)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda name: _claim(engine, run_id, owner=f"w{name}"), range(16)))

    assert sum(claim is Refusal.BUSY for claim in found) == 15
    assert _get(engine, run_id).attempts == 1


def test_a_run_that_has_ended_is_left_alone(engine, account_id):
    run_id = _plan(engine, account_id)
    _claim(engine, run_id)
    _finish(engine, run_id, stats={"ads_active": 3})

    assert _claim(engine, run_id) is Refusal.CLOSED
    ended = _get(engine, run_id)
    assert (ended.state, ended.attempts, ended.stats_snapshot) == (RunState.SUCCEEDED, 1, {"ads_active": 3})
    assert ended.duration_ms is not None


def test_of_a_cycle_and_account_one_run_is_worked_on_at_a_time(engine, account_id):
    first, second = _plan(engine, account_id), _plan(engine, account_id, SLOT + timedelta(minutes=30))
    _claim(engine, first)

    assert _claim(engine, second, owner="two") is Refusal.BUSY
    _finish(engine, first)
    assert _claim(engine, second, owner="two").id == second


def test_a_lost_worker_s_run_is_claimed_again_and_the_lost_one_can_write_no_more(engine, account_id):
    run_id = _plan(engine, account_id)
    _claim(engine, run_id, owner="lost", lease_s=-1.0)  # its lease is over
    _claim(engine, run_id, owner="next")

    with pytest.raises(LostClaimError):
        _finish(engine, run_id, owner="lost")
    with pytest.raises(LostClaimError), engine.begin() as conn:
        runs.extend(conn, run_id, "lost")
    _finish(engine, run_id, owner="next")


def test_after_three_attempts_a_run_is_recorded_as_failed(engine, account_id):
    run_id = _plan(engine, account_id)
    for attempt in range(3):
        assert _claim(engine, run_id, owner=f"w{attempt}", lease_s=-1.0).attempts == attempt + 1

    assert _claim(engine, run_id) is Refusal.EXHAUSTED
    assert _get(engine, run_id).state is RunState.FAILED
    assert "3 attempts" in _get(engine, run_id).reason


def test_a_run_put_back_for_a_busy_platform_keeps_its_attempts(engine, account_id):
    run_id = _plan(engine, account_id)
    _claim(engine, run_id)
    with engine.begin() as conn:
        runs.put_back(conn, run_id, "one", delay_s=30.0, reason="throttled", counts=False)

    assert (_get(engine, run_id).state, _get(engine, run_id).attempts) == (RunState.PLANNED, 0)
    assert _claim(engine, run_id).attempts == 1


def test_a_cycle_waits_for_the_one_before_it_at_the_same_slot_only(engine, account_id):
    collector = _plan(engine, account_id, task="meta.collector")
    later_collector = _plan(engine, account_id, SLOT + timedelta(minutes=30), task="meta.collector")
    cycle = _plan(engine, account_id)

    assert _claim(engine, cycle, after=("meta.collector",)) is Refusal.WAITING
    _claim(engine, collector)
    assert _claim(engine, cycle, owner="two", after=("meta.collector",)) is Refusal.WAITING
    _finish(engine, collector)
    assert _claim(engine, cycle, owner="two", after=("meta.collector",)).id == cycle
    assert _get(engine, later_collector).state is RunState.PLANNED


def test_a_slot_that_is_served_late_waits_for_what_comes_before_it_at_that_instant_and_is_rung_by_it(
    engine, account_id
):
    """On the first day a daily slot of the morning is served at noon, beside the collector's first run."""
    noon = SLOT + timedelta(hours=8)
    collector = _plan(engine, account_id, noon, task="meta.collector")
    later = _plan(engine, account_id, noon + timedelta(minutes=30), task="meta.collector")
    daily = _plan(engine, account_id, now_at=noon)

    assert _claim(engine, daily, after=("meta.collector",)) is Refusal.WAITING
    run = _claim(engine, collector)
    _finish(engine, collector)
    with engine.begin() as conn:
        assert [row.id for row in run_rings.take_waiting(conn, run, [TASK])] == [daily]
    assert _claim(engine, daily, owner="two", after=("meta.collector",)).id == daily
    assert _get(engine, later).state is RunState.PLANNED


def test_nobody_waits_for_ever(engine, account_id):
    _plan(engine, account_id, task="meta.collector")
    cycle = _plan(engine, account_id)
    with engine.begin() as conn:
        conn.execute(text("UPDATE runs SET created_at = created_at - interval '11 minutes'"))

    assert _claim(engine, cycle, after=("meta.collector",)).id == cycle


def test_due_runs_are_taken_once_in_half_a_minute(engine, account_id):
    run_id = _plan(engine, account_id)
    with engine.begin() as conn:
        assert run_rings.take_due(conn, [TASK], 10) == ()  # it was rung for when it was planned
        conn.execute(text("UPDATE runs SET ring_at = now() - interval '1 second'"))
    with engine.begin() as conn:
        (due,) = run_rings.take_due(conn, [TASK], 10)
        assert (due.id, due.about) == (run_id, "Shop, slot 2026-03-01 10:00Z")
        assert run_rings.take_due(conn, [TASK], 10) == ()


def test_runs_of_tasks_that_may_not_run_are_not_rung(engine, account_id):
    _plan(engine, account_id)
    with engine.begin() as conn:
        conn.execute(text("UPDATE runs SET ring_at = now() - interval '1 second'"))

        assert run_rings.take_due(conn, ["meta.collector"], 10) == ()


def test_a_claimed_run_is_due_again_when_its_lease_is_over(engine, account_id):
    run_id = _plan(engine, account_id)
    _claim(engine, run_id, lease_s=-1.0)
    with engine.begin() as conn:
        assert [due.id for due in run_rings.take_due(conn, [TASK], 10)] == [run_id]


def test_people_may_ask_twice_at_the_same_instant(engine, account_id):
    with engine.begin() as conn:
        asked = [
            runs.plan_asked(
                conn,
                task=TASK,
                account_id=account_id,
                mode=Mode.STUB,
                level=Level.AUTO,
                now_at=SLOT,
                asked_by="ana",
            )
            for _ in range(3)
        ]

    assert len(set(asked)) == 3
    with engine.begin() as conn:
        assert runs.last_slot(conn, TASK, account_id) is None  # what people ask for is no slot of the schedule


def test_older_slots_that_nobody_began_are_skipped_with_the_reason(engine, account_id):
    old, running = _plan(engine, account_id), _plan(engine, account_id, SLOT + timedelta(minutes=30))
    _claim(engine, running)
    with engine.begin() as conn:
        runs.supersede(conn, task=TASK, account_id=account_id, slot_at=SLOT + timedelta(hours=1))

    assert _get(engine, old).state is RunState.SKIPPED
    assert "next slot" in _get(engine, old).reason
    assert _get(engine, running).state is RunState.RUNNING


def test_steps_and_logs_are_kept_in_order(engine, account_id):
    run_id = _plan(engine, account_id)
    _claim(engine, run_id)
    with engine.begin() as conn:
        runs.note_step(conn, run_id, "one", {"step": "step_1_collection", "ms": 5})
        runs.note_step(conn, run_id, "one", {"step": "step_2_decisions", "ms": 7})
        run_history.write_logs(
            conn, run_id, [LogEntry(step="ab_decision", action="pause_loser", output_snapshot={"action": 4})]
        )
    with engine.begin() as conn:
        (log,) = run_history.logs(conn, run_id)

    assert [step["step"] for step in _get(engine, run_id).steps_executed] == ["step_1_collection", "step_2_decisions"]
    assert (log.step, log.action, log.output_snapshot) == ("ab_decision", "pause_loser", {"action": 4})


def test_what_people_named_strangely_can_be_recorded(engine, account_id):
    run_id = _plan(engine, account_id)
    _claim(engine, run_id)
    odd = "ad \x00 with \x1b[31m and a lone surrogate \ud800"
    with engine.begin() as conn:
        run_history.write_logs(
            conn, run_id, [LogEntry(step="s", action="a", output_snapshot={"name": odd}, error_message=odd)]
        )
    _finish(engine, run_id, state=RunState.FAILED, reason=odd, errors=[{"message": odd}], stats={"declined": odd})

    assert _get(engine, run_id).reason.startswith("ad ")
    assert "\x00" not in str(_get(engine, run_id).errors)
