"""What holds of the limits whatever is called when: never more than allowed, and headers that do not lie."""

import json
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.meta.limits.ledger import Hour, Ledger
from sandbox.meta.limits.table import HOURLY, LIMITED_ACCESS, MUTATIONS_PER_SECOND, SCORES, Size
from sandbox.meta.limits.usage import Usage
from sandbox.meta.protocol.errors import GraphError
from sandbox.meta.route import AUDIENCES, INSIGHTS, MANAGEMENT

ACCOUNT = "710"
SIZE = Size(active_ads=1, audiences=2)
START_S = 1_795_188_600.0
Burst = tuple[float, int, str, bool]  # seconds before it, calls, use case, whether they write
BURSTS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.4, 7.0, 59.0, 61.0, 300.0, 301.0, 900.0, 3_599.0]),
        st.integers(min_value=1, max_value=90),
        st.sampled_from([MANAGEMENT, INSIGHTS]),
        st.booleans(),
    ),
    min_size=1, max_size=40,
)  # fmt: skip


def opened(**more: object) -> Usage:
    return Usage(LIMITED_ACCESS, size_of=lambda _: SIZE, **more)  # type: ignore[arg-type]


def calls(bursts: list[Burst]) -> Iterator[tuple[float, str, bool]]:
    now_s = START_S
    for gap_s, count, use_case, is_write in bursts:
        now_s += gap_s
        for n in range(count):
            yield now_s + n * 0.001, use_case, is_write
        now_s += count * 0.001


def takes(usage: Usage, now_s: float, use_case: str = MANAGEMENT, *, is_write: bool = False) -> bool:
    try:
        usage.charge(ACCOUNT, is_write=is_write, now_s=now_s, use_case=use_case)
    except GraphError:
        return False
    return True


def told(usage: Usage, now_s: float, use_case: str) -> tuple[float, float]:
    """The fullest percentage that the headers tell of a call of that use case, and the longest wait in seconds."""
    headers = {name: json.loads(text) for name, text in usage.headers(ACCOUNT, now_s=now_s)}
    score = headers["X-Ad-Account-Usage"]
    (case,) = [row for row in headers["X-Business-Use-Case-Usage"][ACCOUNT] if row["type"] == use_case]
    is_blocked = score["acc_id_util_pct"] >= 100
    wait_s = max(score["reset_time_duration"] if is_blocked else 0, 60 * case["estimated_time_to_regain_access"])
    return max(score["acc_id_util_pct"], case["call_count"]), wait_s


@given(BURSTS)
def test_no_rolling_hour_serves_more_calls_than_the_hour_allows(bursts: list[Burst]) -> None:
    usage = opened()
    served: dict[str, list[float]] = {MANAGEMENT: [], INSIGHTS: []}
    for now_s, use_case, is_write in calls(bursts):
        if takes(usage, now_s, use_case, is_write=is_write):
            served[use_case].append(now_s)
    for use_case, instants in served.items():
        most = HOURLY[use_case, LIMITED_ACCESS].calls(active=SIZE.active_ads, errors=0)
        assert all(later - first >= 3_600 for first, later in zip(instants, instants[most:], strict=False))


@given(BURSTS)
def test_a_header_says_a_hundred_exactly_where_the_next_call_is_refused(bursts: list[Burst]) -> None:
    usage = opened()
    for now_s, use_case, is_write in calls(bursts):
        percent, wait_s = told(usage, now_s, use_case)
        assert 0 <= percent <= 100
        assert takes(usage, now_s, use_case, is_write=is_write) == (percent < 100)
        assert (percent < 100) == (wait_s == 0)


@given(BURSTS)
def test_whoever_waits_as_long_as_told_is_served(bursts: list[Burst]) -> None:
    usage, waited_s = opened(), 0.0
    for at_s, use_case, is_write in calls(bursts):
        now_s = at_s + waited_s
        if takes(usage, now_s, use_case, is_write=is_write):
            continue
        waited_s += told(usage, now_s, use_case)[1]
        assert takes(usage, at_s + waited_s, use_case, is_write=is_write)


@given(BURSTS)
def test_no_call_is_served_while_the_score_is_full_nor_within_its_block(bursts: list[Burst]) -> None:
    usage, limit, blocked_until_s, points, before_s = opened(), SCORES[LIMITED_ACCESS], 0.0, 0.0, START_S
    for now_s, use_case, is_write in calls(bursts):
        points = max(0.0, points - (now_s - before_s) * limit.most / 300)
        before_s = now_s
        if not takes(usage, now_s, use_case, is_write=is_write):
            continue
        assert now_s >= blocked_until_s
        assert points < limit.most
        points += 3 if is_write and use_case != INSIGHTS else 1
        blocked_until_s = now_s + limit.block_s if points >= limit.most else blocked_until_s


@given(st.lists(st.sampled_from([0.0, 0.001, 0.02, 0.3, 0.99, 1.0]), min_size=1, max_size=400))
def test_no_second_takes_more_than_a_hundred_writes(gaps_s: list[float]) -> None:
    usage = Usage("standard_access")
    now_s, taken = START_S, list[float]()
    for gap_s in gaps_s:
        now_s += gap_s
        if takes(usage, now_s, is_write=True):
            taken.append(now_s)
    assert all(
        later - first >= 1 for first, later in zip(taken, taken[MUTATIONS_PER_SECOND:], strict=False)
    )  # fmt: skip
    refused = len(gaps_s) - len(taken)
    assert refused == 0 or len(taken) >= MUTATIONS_PER_SECOND


@given(BURSTS)
def test_what_is_full_is_as_full_after_a_kill(bursts: list[Burst]) -> None:
    texts: list[str] = []
    usage = opened(keep=texts.append)
    for now_s, use_case, is_write in calls(bursts):
        takes(usage, now_s, use_case, is_write=is_write)
    again = opened(kept=texts[-1] if texts else None)
    for use_case in (MANAGEMENT, INSIGHTS):
        before, after = (told(one, now_s, use_case) for one in (usage, again))
        assert (before[0] >= 100) == (after[0] >= 100)
        assert before[1] == after[1]


def test_an_hour_s_books_stay_small_however_long_they_are_kept() -> None:
    hour = Hour()
    for second in range(0, 7 * 86_400, 20):
        hour.add(START_S + second)
        assert hour.count(START_S + second) <= 61 * 3
    assert len(hour.dump()) <= 61
    ledger = Ledger()
    ledger.mutations.extend(range(1_000))
    assert len(ledger.mutations) == MUTATIONS_PER_SECOND


@pytest.mark.parametrize(
    ("use_case", "tier", "active", "errors", "allowed"),
    [
        (MANAGEMENT, "standard_access", 10, 0, 100_400),  # 100,000 + 40 x 10
        (MANAGEMENT, "development_access", 10, 0, 700),  # 300 + 40 x 10
        (INSIGHTS, "standard_access", 3, 0, 191_200),  # 190,000 + 400 x 3
        (INSIGHTS, "development_access", 3, 0, 1_800),  # 600 + 400 x 3
        (INSIGHTS, "development_access", 3, 2_500, 1_797),  # - 0.001 x 2,500
        (AUDIENCES, "standard_access", 5, 0, 190_200),  # 190,000 + 40 x 5
        (AUDIENCES, "standard_access", 50_000, 0, 700_000),  # at most
        (AUDIENCES, "development_access", 5, 0, 5_200),  # 5,000 + 40 x 5
    ],
)
def test_an_hour_allows_what_the_platform_documents(
    use_case: str, tier: str, active: int, errors: int, allowed: int
) -> None:
    assert HOURLY[use_case, tier].calls(active=active, errors=errors) == allowed


@pytest.mark.parametrize(("use_case", "code"), [(MANAGEMENT, 80_004), (INSIGHTS, 80_000), (AUDIENCES, 80_003)])
def test_a_full_hour_is_refused_by_the_code_of_its_use_case_and_tells_minutes(use_case: str, code: int) -> None:
    usage, now_s = opened(), START_S
    most = HOURLY[use_case, LIMITED_ACCESS].calls(active=SIZE.active(use_case), errors=0)
    hour = usage._ledger(ACCOUNT).hour(use_case)  # by hand: the score bites long before it is full
    for _ in range(most):
        hour.add(now_s)
    with pytest.raises(GraphError) as refused:
        usage.charge(ACCOUNT, is_write=False, now_s=now_s, use_case=use_case)
    assert refused.value.code == code
    percent, wait_s = told(usage, now_s, use_case)
    assert (percent, wait_s) == (100, 61 * 60)  # a call counts for between 60 and 61 minutes
    assert takes(usage, now_s + wait_s, use_case)


def test_calls_about_no_account_fill_the_hour_of_the_app() -> None:
    usage, percents = opened(), list[int]()
    most = HOURLY["app", LIMITED_ACCESS].calls(active=0, errors=0)
    for _ in range(most):
        usage.charge_app(now_s=START_S)
        percents.append(json.loads(usage.headers(None, now_s=START_S)[0][1])["call_count"])
    assert percents[-2:] == [99, 100]
    assert all(before <= after for before, after in pairwise(percents))
    with pytest.raises(GraphError) as refused:
        usage.charge_app(now_s=START_S)
    assert refused.value.code == 4
    assert takes(usage, START_S)  # an account's calls are counted for the account
