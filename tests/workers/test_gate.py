"""The gate over real books: what processes share, what answers teach it, and what it does without Postgres."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from actions.quota import LAST_CALLS
from domain.actions import Mode
from domain.calls import calling, calling_for
from domain.errors import NotSentError, RefusedError, ThrottledError, TransientError, UnknownOutcomeError
from domain.ids import PlatformAccountId
from domain.ports import CallClass, CallKind, Usage
from models import quota
from models.engine import make_engine
from models.quota import Key
from workers.gate import QuotaGate, gate_engine

ACCOUNT = PlatformAccountId("act_7")
KEY = Key(platform="meta", mode=Mode.STUB, account=ACCOUNT)
READ, WRITE, INSIGHTS = CallKind.READ, CallKind.WRITE, CallKind.INSIGHTS


def used(share: float, *, wait_s: float = 0.0, score_limit: float | None = 9_000.0) -> Usage:
    return Usage(account=share, business=None, insights=None, regain_at_s=wait_s, score_limit=score_limit)


@pytest.fixture
def books(database_url):
    engine = gate_engine(database_url, "test")
    yield engine
    engine.dispose()


@pytest.fixture
def gate(books):
    return QuotaGate(lambda: books, "meta", Mode.STUB)


@pytest.fixture
def other(database_url):
    """The gate of another process."""
    engine = gate_engine(database_url, "other")
    yield QuotaGate(lambda: engine, "meta", Mode.STUB)
    engine.dispose()


def call(gate, kind=READ, usage=None, error=None):
    gate.leave(gate.enter(ACCOUNT, kind), usage, error)


def row(books):
    with books.connect() as conn:
        return quota.find(conn, KEY)


def pass_time(books, seconds):
    """Make everything that was noted so many seconds older."""
    with books.connect() as conn:
        age = {"age": seconds}
        conn.execute(
            text(
                "UPDATE quotas SET reported_at = reported_at - :age * interval '1 s',"
                " regain_at = regain_at - :age * interval '1 s', taken_epoch = taken_epoch - floor(:age / 120)::bigint"
            ),
            age,
        )
        conn.execute(text("UPDATE breakers SET probe_at = probe_at - :age * interval '1 s'"), age)


def test_what_one_process_is_told_holds_for_the_other(gate, other) -> None:
    call(gate, usage=used(0.79))
    call(other)
    call(gate, usage=used(0.85))
    with pytest.raises(ThrottledError, match=r"85% of the account's calls are used, door calls may use 80%") as refusal:
        other.enter(ACCOUNT, READ)
    assert refusal.value.code is None
    assert 15 < refusal.value.retry_after_s < 25


def test_the_class_is_that_of_the_caller(gate) -> None:
    call(gate, usage=used(0.7))
    with calling(CallClass.COLLECT), pytest.raises(ThrottledError, match="collect calls may use 60%"):
        gate.enter(ACCOUNT, READ)
    call(gate)
    call(gate, usage=used(0.9))
    with calling(CallClass.EMERGENCY):
        call(gate)


def test_accounts_and_modes_have_budgets_of_their_own(gate, books) -> None:
    call(gate, usage=used(1.0))
    with pytest.raises(ThrottledError):
        gate.enter(ACCOUNT, READ)
    others = [
        gate.enter(PlatformAccountId("act_8"), READ),
        gate.enter(None, READ),
        QuotaGate(lambda: books, "meta", Mode.LIVE).enter(ACCOUNT, READ),
    ]
    assert [(held.account, held.points) for held in others] == [("act_8", 1.0), (None, 1.0), (ACCOUNT, 1.0)]


@pytest.mark.parametrize("call_class", list(CallClass))
def test_after_a_throttle_nobody_calls_before_the_regain_time(gate, other, books, call_class) -> None:
    error = ThrottledError("no", retry_after_s=300, code=613, subcode=1487742)
    call(gate, usage=used(0.2), error=error)
    with calling(call_class), pytest.raises(ThrottledError, match=r"takes no calls \(it answered 613/1487742\)"):
        other.enter(ACCOUNT, WRITE)
    pass_time(books, 290)
    with pytest.raises(ThrottledError):
        gate.enter(ACCOUNT, READ)
    pass_time(books, 11)
    call(other)


def test_the_regain_time_is_never_moved_back(gate, books) -> None:
    call(gate, error=ThrottledError("no", retry_after_s=300, code=17))
    first = row(books).regain_at
    pass_time(books, 400)
    call(gate, usage=used(0.1, wait_s=60))
    assert (row(books).regain_at - row(books).now).total_seconds() < 61
    assert row(books).regain_reason == "its usage headers say so"
    assert first is not None


@pytest.mark.parametrize("is_of_account", [False, True])
def test_only_a_limit_of_the_account_holds_the_account(gate, is_of_account) -> None:
    error = ThrottledError("its budget", retry_after_s=3600, code=613, subcode=1487632, is_of_account=is_of_account)
    call(gate, WRITE, error=error)
    if not is_of_account:
        call(gate, WRITE)
        return
    with pytest.raises(ThrottledError):
        call(gate, WRITE)


def test_calls_under_way_everywhere_count(gate, other) -> None:
    """Limited access: 20 points under way may be 80 % of its hourly count; nothing was reported yet."""
    held = [(gate, other)[turn % 2].enter(ACCOUNT, READ) for turn in range(20)]
    with pytest.raises(ThrottledError):
        gate.enter(ACCOUNT, READ)
    gate.leave(held[0], used(0.0, score_limit=60.0), None)
    call(gate)


def test_what_many_take_at_once_is_never_more_than_there_is(gate, other) -> None:
    def take(turn):
        with suppress(ThrottledError):
            return (gate, other)[turn % 2].enter(ACCOUNT, READ)

    with ThreadPoolExecutor(4) as pool:
        held = [one for one in pool.map(take, range(120)) if one is not None]
    assert 15 <= len(held) <= 20


def test_points_of_a_process_that_died_are_forgotten(gate, books) -> None:
    for _ in range(20):
        gate.enter(ACCOUNT, READ)
    pass_time(books, 240)
    call(gate)


def test_a_call_without_a_report_counts_until_it_decays(gate, books) -> None:
    call(gate, usage=used(0.5, score_limit=60.0))
    call(gate, WRITE, error=UnknownOutcomeError("?"))
    assert row(books).account_share == pytest.approx(0.55, abs=0.005)
    assert row(books).taken == 0


def test_an_answer_that_is_older_than_the_last_report_does_not_lower_it(gate, books) -> None:
    early = gate.enter(ACCOUNT, READ)
    call(gate, usage=used(0.5))
    gate.leave(early, used(0.1), None)
    assert row(books).account_share == pytest.approx(0.5, abs=0.005)
    call(gate, usage=used(0.1))
    assert row(books).account_share == pytest.approx(0.1)


def test_ten_broken_calls_break_off_and_one_read_finds_out(gate, other, books) -> None:
    for _ in range(LAST_CALLS // 2):
        call(gate, error=TransientError("reset"))
    with pytest.raises(ThrottledError, match="too many read calls broke lately"):
        other.enter(ACCOUNT, READ)
    call(other, INSIGHTS)  # another kind
    pass_time(books, 31)
    probe = gate.enter(ACCOUNT, READ)
    with pytest.raises(ThrottledError):
        other.enter(ACCOUNT, READ)
    gate.leave(probe, None, TransientError("still", http_status=502))
    with pytest.raises(ThrottledError):
        other.enter(ACCOUNT, READ)
    pass_time(books, 31)
    with pytest.raises(ThrottledError):  # the second pause is twice as long
        other.enter(ACCOUNT, READ)
    pass_time(books, 30)
    call(other)
    call(gate)
    assert not row(books).breakers[READ].is_open


def test_three_unknown_writes_stop_writes_until_a_read_succeeds(gate, books) -> None:
    for _ in range(3):
        call(gate, WRITE, error=UnknownOutcomeError("?"))
    pass_time(books, 3600)
    with pytest.raises(ThrottledError, match="a read must succeed first"):
        gate.enter(ACCOUNT, WRITE)
    call(gate, READ, error=TransientError("reset"))  # it does not work yet: the pause begins anew
    call(gate, READ)
    with pytest.raises(ThrottledError):
        gate.enter(ACCOUNT, WRITE)
    pass_time(books, 61)
    call(gate, READ)
    call(gate, WRITE)


def test_refusals_break_nothing_off(gate) -> None:
    for _ in range(LAST_CALLS):
        call(gate, WRITE, usage=used(0.0), error=RefusedError("no", code=100))
    call(gate, WRITE)


def test_connections_refused_break_off_too(gate) -> None:
    for _ in range(LAST_CALLS // 2):
        call(gate, WRITE, error=NotSentError("refused"))
    with pytest.raises(ThrottledError):
        gate.enter(ACCOUNT, WRITE)


def test_twenty_repeats_and_one_more_for_ten_successes(gate, other) -> None:
    call(gate)
    assert sum(gate.may_repeat(ACCOUNT) for _ in range(30)) == 20
    for _ in range(10):
        call(other)
    assert [other.may_repeat(ACCOUNT), gate.may_repeat(ACCOUNT)] == [True, False]


def test_without_postgres_nothing_goes_out_and_no_answer_is_lost(gate, books, database_url) -> None:
    held = gate.enter(ACCOUNT, READ)
    away = gate_engine(database_url.rsplit("/", 1)[0] + "/nowhere", "test")
    blind = QuotaGate(lambda: away, "meta", Mode.STUB)
    for kind in CallKind:
        with pytest.raises(ThrottledError, match="the budget of calls cannot be read"):
            blind.enter(ACCOUNT, kind)
    assert blind.may_repeat(ACCOUNT) is False
    blind.leave(held, used(0.5), None)
    away.dispose()


def test_a_connection_that_went_away_in_the_pool_is_no_trouble(gate, books) -> None:
    call(gate)
    with books.connect() as conn:
        conn.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
        killer = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
    assert killer
    call(gate)


def test_every_connection_of_the_pool_may_have_gone_away_at_once(gate, books) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _turn: call(gate), range(20)))
    with books.connect() as one, books.connect():  # both are taken out, so that both lie in the pool when they are back
        pids = [
            row.pid
            for row in one.execute(text("SELECT pid FROM pg_stat_activity WHERE application_name = 'test-gate'"))
        ]
    killer = make_engine(books.url.render_as_string(hide_password=False))
    with killer.begin() as conn:
        conn.execute(text("SELECT pg_terminate_backend(pid) FROM unnest(CAST(:pids AS int[])) AS pid"), {"pids": pids})
    killer.dispose()
    assert len(pids) == 2
    call(gate)


def counted(books):
    with books.connect() as conn:
        found = conn.execute(text("SELECT account, pair, calls, errors, total_ms, slowest_ms FROM call_counts"))
        return {(row.account, row.pair): (row.calls, row.errors, row.total_ms, row.slowest_ms) for row in found}


def test_every_call_is_counted_in_the_name_of_the_pair_that_made_it(gate, books) -> None:
    call(gate)
    with calling_for("meta.full_cycle"):
        call(gate)
        call(gate, error=TransientError("down", http_status=503))
        gate.leave(gate.enter(None, READ), None, None)

    found = counted(books)

    assert {key: value[:2] for key, value in found.items()} == {
        (ACCOUNT, ""): (1, 0), (ACCOUNT, "meta.full_cycle"): (2, 1), ("", "meta.full_cycle"): (1, 0),
    }  # fmt: skip
    assert all(slowest <= total for _calls, _errors, total, slowest in found.values())


def test_writes_are_broken_off_also_while_calls_cannot_be_counted(gate, books, owner_database_url) -> None:
    owner = make_engine(owner_database_url)
    with owner.begin() as conn:
        conn.execute(text("ALTER TABLE call_counts RENAME TO call_counts_away"))
    owner.dispose()
    for _ in range(3):
        call(gate, WRITE, error=UnknownOutcomeError("no answer"))
    with pytest.raises(ThrottledError):
        gate.enter(ACCOUNT, WRITE)


def test_a_call_that_was_kept_back_is_none(gate, books) -> None:
    call(gate, usage=used(0.99))
    with pytest.raises(ThrottledError):
        gate.enter(ACCOUNT, READ)
    assert counted(books)[ACCOUNT, ""][0] == 1


def test_the_time_of_a_call_is_that_between_leave_to_make_it_and_its_end(gate, books) -> None:
    held = gate.enter(ACCOUNT, READ)
    gate.leave(replace(held, entered_at=held.entered_at - timedelta(seconds=3)), None, None)
    (_calls, _errors, total_ms, slowest_ms) = counted(books)[ACCOUNT, ""]
    assert 3000 <= total_ms == slowest_ms < 60_000
