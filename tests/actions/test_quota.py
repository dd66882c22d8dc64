"""The rule of calls, as a table and as properties."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.quota import (
    LIMITS,
    POINTS,
    READS_AT_ONCE,
    SMALLEST_SCORE,
    Breaker,
    Go,
    Standing,
    Wait,
    judge,
    most_writes,
    opens,
    pause_s,
)
from domain.ports import CallClass, CallKind

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FULL = Standing(now=NOW, score_limit=9_000.0, reported_at=NOW, taken=1.0)
COLLECT, DOOR, EMERGENCY = CallClass.COLLECT, CallClass.DOOR, CallClass.EMERGENCY
READ, WRITE, INSIGHTS = CallKind.READ, CallKind.WRITE, CallKind.INSIGHTS


def in_s(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("share", "call_class", "goes"),
    [
        (0.59, COLLECT, True),
        (0.60, COLLECT, False),  # 0.60 and the call itself is more than 0.60
        (0.60, DOOR, True),
        (0.79, DOOR, True),
        (0.80, DOOR, False),
        (0.80, EMERGENCY, True),
        (0.99, EMERGENCY, True),
        (1.00, EMERGENCY, False),
    ],
)
def test_each_class_stops_at_its_own_share(share: float, call_class: CallClass, goes: bool) -> None:
    assert isinstance(judge(replace(FULL, account=share), READ, call_class), Go) is goes


@pytest.mark.parametrize(("kind", "goes"), [(READ, True), (WRITE, True), (INSIGHTS, False)])
def test_the_share_of_insights_holds_back_insights_only(kind: CallKind, goes: bool) -> None:
    assert isinstance(judge(replace(FULL, insights=0.95), kind, DOOR), Go) is goes


def test_a_fuller_business_case_holds_back_everything() -> None:
    for kind in CallKind:
        assert isinstance(judge(replace(FULL, account=0.1, business=0.9), kind, DOOR), Wait)


def test_a_reported_share_decays_evenly_over_five_minutes() -> None:
    """0.9 * (1 - 60/300) = 0.72 is under 0.80; after 30 s it is 0.81."""
    reported = replace(FULL, account=0.9)
    assert isinstance(judge(replace(reported, now=in_s(30)), READ, DOOR), Wait)
    assert isinstance(judge(replace(reported, now=in_s(60)), READ, DOOR), Go)


def test_what_insights_used_of_their_hour_comes_back_over_an_hour() -> None:
    """0.9 * (1 - 300/3600) = 0.825 is over 0.80: over five minutes it was taken for nothing used at all."""
    reported = replace(FULL, insights=0.9)
    assert isinstance(judge(replace(reported, now=in_s(300)), CallKind.INSIGHTS, DOOR), Wait)
    assert isinstance(judge(replace(reported, now=in_s(480)), CallKind.INSIGHTS, DOOR), Go)


def test_the_wait_ends_when_the_share_has_come_down() -> None:
    """(0.90 - 0.80) / 0.90 of 300 s is 33 s, and a little for the call's own point."""
    verdict = judge(replace(FULL, account=0.9), READ, DOOR)
    assert isinstance(verdict, Wait)
    assert 33.0 < (verdict.until - NOW).total_seconds() < 34.0
    assert "90% of the account's calls are used, door calls may use 80%" in verdict.why


def test_calls_under_way_count_although_nobody_has_reported_them() -> None:
    """18 points in flight are 30 % of limited access' 60, but may be 72 % of its hourly count."""
    busy = Standing(now=NOW, taken=18.0)
    assert isinstance(judge(busy, READ, DOOR), Go)
    assert isinstance(judge(busy, READ, COLLECT), Wait)


def test_an_ordinary_write_leaves_room_for_its_read_back() -> None:
    """20 points may be the 80 % of the door: with 20 in flight a write would leave none to look afterwards."""
    assert isinstance(judge(Standing(now=NOW, taken=20.0), READ, DOOR), Go)
    assert isinstance(judge(Standing(now=NOW, taken=20.0), WRITE, DOOR), Wait)
    assert isinstance(judge(Standing(now=NOW, taken=20.0), WRITE, EMERGENCY), Go)


def test_the_largest_batch_fits_into_an_account_at_rest() -> None:
    assert most_writes(None) == 6
    assert most_writes(9_000.0) > 50
    at_rest = Standing(now=NOW, taken=most_writes(None) * POINTS[WRITE])
    assert isinstance(judge(at_rest, WRITE, DOOR), Go)


@pytest.mark.parametrize("call_class", list(CallClass))
@pytest.mark.parametrize("kind", list(CallKind))
def test_nobody_calls_before_the_regain_time(kind: CallKind, call_class: CallClass) -> None:
    blocked = replace(FULL, regain_at=in_s(60), regain_reason="it answered 613")
    verdict = judge(blocked, kind, call_class)
    assert verdict == Wait(until=in_s(60), why="the platform takes no calls (it answered 613)")
    assert isinstance(judge(replace(blocked, now=in_s(60)), kind, call_class), Go)


@pytest.mark.parametrize(
    ("recent", "kind", "is_open"),
    [
        ("", READ, False),
        ("x" * 9, READ, False),
        ("x" * 10, READ, True),
        ("x." * 10, READ, True),
        ("x" * 9 + "." * 11, READ, False),
        ("x" * 10 + "." * 20, READ, False),  # only the last 20 count
        ("uu", WRITE, False),
        ("uuu", WRITE, True),
        ("uu.u", WRITE, False),
        ("uux", WRITE, False),  # x was never sent: no doubt
    ],
)
def test_a_breaker_opens_at_half_of_twenty_or_three_unknown_writes(recent: str, kind: CallKind, is_open: bool) -> None:
    assert opens(Breaker(recent=recent), kind) is is_open


def broken_off(kind: CallKind, probe_in_s: float) -> Standing:
    return replace(FULL, breakers={kind: Breaker(is_open=True, probe_at=in_s(probe_in_s), openings=1)})


def test_an_open_breaker_lets_one_read_probe_after_its_pause() -> None:
    assert isinstance(judge(broken_off(READ, 5), READ, DOOR), Wait)
    assert judge(broken_off(READ, 0), READ, DOOR) == Go(is_probe=True)


def test_a_write_is_never_the_probe() -> None:
    verdict = judge(broken_off(WRITE, -3600), WRITE, DOOR)
    assert isinstance(verdict, Wait)
    assert "a read must succeed first" in verdict.why


def test_a_breaker_holds_back_its_own_kind_only_and_no_emergency() -> None:
    assert isinstance(judge(broken_off(WRITE, 5), READ, DOOR), Go)
    assert isinstance(judge(broken_off(WRITE, 5), WRITE, EMERGENCY), Go)


def test_the_pause_doubles_up_to_five_minutes() -> None:
    assert [pause_s(openings) for openings in (0, 1, 2, 3, 4, 99)] == [30, 60, 120, 240, 300, 300]


_SHARES = st.one_of(st.none(), st.floats(0, 1))
_STANDINGS = st.builds(
    Standing,
    now=st.just(NOW),
    account=_SHARES,
    business=_SHARES,
    insights=_SHARES,
    reported_at=st.floats(0, 600).map(lambda age_s: NOW - timedelta(seconds=age_s)),
    score_limit=st.sampled_from([None, 60.0, 9_000.0]),
    taken=st.floats(0, 100),
    regain_at=st.one_of(st.none(), st.floats(-60, 60).map(in_s)),
)


@given(_STANDINGS, st.sampled_from(list(CallKind)), st.sampled_from(list(CallClass)))
def test_what_goes_stays_within_its_class_and_past_the_regain_time(
    standing: Standing, kind: CallKind, call_class: CallClass
) -> None:
    verdict = judge(standing, kind, call_class)
    if isinstance(verdict, Wait):
        assert verdict.until > NOW
        return
    assert standing.regain_at is None or standing.regain_at <= NOW
    age_s = (NOW - standing.reported_at).total_seconds() if standing.reported_at else 0.0
    used = (standing.account or 0.0) * max(0.0, 1 - age_s / 300) + standing.taken / (
        standing.score_limit or SMALLEST_SCORE
    )
    assert used <= LIMITS[call_class] + 1e-9


@given(_STANDINGS, st.sampled_from(list(CallKind)))
def test_a_class_that_goes_first_may_whatever_the_others_may(standing: Standing, kind: CallKind) -> None:
    goes = [isinstance(judge(standing, kind, call_class), Go) for call_class in (COLLECT, DOOR, EMERGENCY)]
    assert goes == sorted(goes)


def test_what_a_plan_reads_at_once_passes_in_the_smallest_tier() -> None:
    """Seen as: a stop that paused 21 campaigns cannot be resumed with a token of limited access, ever."""
    resting = Standing(now=NOW, score_limit=SMALLEST_SCORE, reported_at=NOW, account=0.2, business=0.2)
    assert judge(replace(resting, taken=POINTS[READ] * READS_AT_ONCE), READ, DOOR) == Go()
