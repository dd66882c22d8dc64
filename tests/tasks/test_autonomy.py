"""Module 7: what is advised is on record; a step back is done at once, told to the audit and to the tower."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from control_tower.alerts_of_business import Business, module_demoted
from decisions.promotion import Advice, Move
from domain.actions import Level
from models import module_levels, promotions
from tasks import autonomy


@pytest.fixture
def failed_runs(house, account):
    """Let a cycle have failed so many times today."""

    def fail(task, times):
        with house.engine.begin() as conn:
            for minute in range(times):
                conn.execute(
                    text(
                        "INSERT INTO runs (task, account_id, slot_at, now_at, mode, level, triggered_by, state)"
                        " VALUES (:task, :account, :at, :at, 'stub', 'auto', 'schedule', 'failed')"
                    ).bindparams(task=task, account=account.id, at=datetime(2026, 3, 10, 8, minute, tzinfo=UTC))
                )

    return fail


def test_a_look_advises_on_every_acting_module_and_changes_nothing_of_a_young_account(do, house, account):
    run = do(autonomy.run, "meta.autonomy")
    assert run.stats_snapshot["demoted"] == []
    with house.engine.begin() as conn:
        kept = promotions.current(conn, account.id)
        assert {"full_cycle", "optimization"} <= set(kept)
        assert module_levels.listing(conn, account.id) == {}
    assert kept["full_cycle"].move is Move.KEEP


def test_faults_set_a_module_back_at_once_and_the_tower_tells(do, house, account, failed_runs):
    failed_runs("meta.full_cycle", 3)
    run = do(autonomy.run, "meta.autonomy")
    assert run.stats_snapshot["demoted"] == ["full_cycle"]
    with house.engine.begin() as conn:
        assert module_levels.of(conn, account.id, "full_cycle") is Level.APPROVE
        (found,) = module_demoted(Business(demoted=promotions.demoted(conn)))
    assert "3 faults in 7 days" in found.text


def test_the_same_faults_cost_no_second_level_however_often_it_looks(do, house, account, failed_runs):
    failed_runs("meta.full_cycle", 3)
    do(autonomy.run, "meta.autonomy")
    again = do(autonomy.run, "meta.autonomy")
    assert again.stats_snapshot["demoted"] == []
    with house.engine.begin() as conn:
        assert module_levels.of(conn, account.id, "full_cycle") is Level.APPROVE


def test_a_second_look_of_a_day_is_no_second_day_of_a_streak(do, house, account):
    advice = Advice(
        module="optimization", move=Move.KEEP, level=Level.PROPOSE, to=Level.PROPOSE, reasons=(), missing=(),
        earned=True, evidence={},
    )  # fmt: skip
    now = house.clock_of(account).now()
    with house.engine.begin() as conn:
        for at, streak in ((now - timedelta(days=1), 1), (now, 2), (now, 2)):
            kept = promotions.current(conn, account.id).get("optimization")
            record = autonomy.record_of(conn, account, "optimization", at, kept)
            assert record.streak + 1 == streak
            promotions.keep(conn, account.id, advice, streak=record.streak + 1, now=at)
