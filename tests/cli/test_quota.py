"""`stakazo quota` as people use it."""

import re

import pytest
from sqlalchemy import text

from domain.actions import Level, Mode
from domain.errors import ThrottledError, TransientError
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from domain.ports import CallKind, Usage
from models import accounts
from workers.gate import QuotaGate, gate_engine

SHOP = PlatformAccountId("act_5")


@pytest.fixture
def gate(database_url, engine):
    info = AccountInfo(
        id=SHOP,
        name="Shop",
        currency="USD",
        zone="Europe/Madrid",
        is_active=True,
        status_text="active",
        minimum_daily_budget_minor=100,
    )
    with engine.begin() as conn:
        accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
    books = gate_engine(database_url, "test")
    yield QuotaGate(lambda: books, "meta", Mode.STUB)
    books.dispose()


def call(gate, share, error=None):
    usage = Usage(account=share, business=None, insights=None, regain_at_s=0.0, score_limit=9_000.0)
    gate.leave(gate.enter(SHOP, CallKind.READ), usage, error)


def test_before_any_call_it_says_so(on_database) -> None:
    done = on_database("quota", "show")
    assert done.code == 0
    assert "nobody has called a platform yet" in done.out


def test_it_shows_what_is_used_and_who_may_still_call(on_database, gate) -> None:
    call(gate, 0.72)
    (row,) = on_database("quota", "show", "--json").document["quotas"]
    assert row["platform_account_id"] == "act_5"
    assert 0.7 < row["used"]["account"] <= 0.72
    assert row["may_call"] == ["door", "emergency"]
    assert row["retry_tokens"] == 20
    table = on_database("quota", "show").out
    assert "door, emergency" in table
    assert "Shop" in table


def test_it_names_the_regain_time_and_why(on_database, gate) -> None:
    call(gate, 0.2, ThrottledError("no", retry_after_s=300, code=613, subcode=1487742))
    out = on_database("quota", "show", "--account", "act_5").out
    assert "it answered 613/1487742" in out
    assert "nobody" in out


def test_a_breaker_is_reset_by_a_person_and_on_record(on_database, gate, engine) -> None:
    refused = on_database("quota", "reset-breaker", "read", "--reason", "solved")
    assert refused.code == 2
    assert "are not broken off" in refused.err
    for _ in range(10):
        call(gate, 0.1, TransientError("reset"))
    assert re.search(r"read \(a read may try in \d+ s\)", on_database("quota", "show").out)
    assert on_database("quota", "reset-breaker", "read", "--reason", " ").code == 2
    assert on_database("quota", "reset-breaker", "read", "--reason", "solved").code == 0
    call(gate, 0.1)
    with engine.begin() as conn:
        events = conn.execute(text("SELECT detail ->> 'reason' FROM audit WHERE event = 'breaker.reset'")).scalars()
        assert list(events) == ["solved"]
