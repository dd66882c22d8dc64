"""The store under levels of autonomy: backtests, advice, and the counts that advice rests on."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from decisions.promotion import Advice, Move
from domain.actions import Level, Mode
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from models import accounts, promotions
from models.engine import make_engine

NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)


@pytest.fixture
def conn(database_url):
    engine = make_engine(database_url)
    with engine.begin() as opened:
        yield opened
    engine.dispose()


@pytest.fixture
def account_id(conn):
    info = AccountInfo(
        id=PlatformAccountId("act_1"), name="Shop", currency="EUR", zone="Europe/Madrid",
        minimum_daily_budget_minor=100,
        is_active=True, status_text="",
    )  # fmt: skip
    return accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)


def _advice(move: Move, *, earned: bool = False) -> Advice:
    return Advice(
        module="optimization", move=move, level=Level.APPROVE, to=Level.PROPOSE, reasons=("too many faults",),
        missing=(), earned=earned, evidence={"counts": {"runs": 3}},
    )  # fmt: skip


def test_the_newest_backtest_of_a_policy_is_found_with_its_age(conn, account_id):
    for gain in (1.0, 2.0):
        promotions.save_backtest(
            conn, account_id, policy="matured", over="classic", cases=5, days=30, gain_minor=gain, low_minor=-1.0,
            high_minor=4.0, detail={},
        )  # fmt: skip
    latest = promotions.latest_backtest(conn, account_id, "matured")
    assert latest is not None
    assert (latest.gain_minor, latest.low_minor) == (2.0, -1.0)
    assert 0 <= latest.age_days < 0.1
    assert promotions.latest_backtest(conn, account_id, "classic") is None


def test_advice_replaces_what_was_said_before_and_remembers_the_last_demotion(conn, account_id):
    promotions.keep(conn, account_id, _advice(Move.DEMOTE), streak=0, now=NOW)
    assert [row.module for row in promotions.demoted(conn)] == ["optimization"]
    promotions.keep(conn, account_id, _advice(Move.KEEP), streak=1, now=NOW + timedelta(days=1))
    kept = promotions.current(conn, account_id)["optimization"]
    assert (kept.move, kept.streak, kept.demoted_at, kept.reasons) == (Move.KEEP, 1, NOW, ("too many faults",))
    assert promotions.demoted(conn) == ()


def test_only_the_modules_own_runs_and_faults_count(conn, account_id):
    for minute, state in enumerate(("succeeded", "failed", "partial")):
        conn.execute(
            text(
                "INSERT INTO runs (task, account_id, slot_at, now_at, mode, level, triggered_by, state)"
                " VALUES ('meta.optimization', :a, :at, :at, 'stub', 'auto', 'schedule', :s)"
            ).bindparams(a=account_id, at=NOW - timedelta(hours=1, minutes=minute), s=state)
        )
    counted = promotions.counts(conn, account_id, "optimization", ["meta.optimization"], NOW)
    assert (counted.runs, counted.failed_week, counted.answered, counted.approved) == (3, 1, 0, 0)
    assert promotions.counts(conn, account_id, "full_cycle", ["meta.full_cycle"], NOW).runs == 0
