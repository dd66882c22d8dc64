"""Limits over the wire: in batches, per second, per day, for the app, and over a kill."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.meta.graph import Graph
from sandbox.meta.protocol.request import GraphCall
from sandbox.platform import Platform
from tests.sandbox.stranger import Stranger, open_shop


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Stranger]:
    """A shop of full access whose clock crawls: calls of a test fall into one second of it."""
    with open_shop(tmp_path, speed=0.001) as process:
        yield Stranger(process)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Stranger]:
    """A shop of limited access."""
    with open_shop(tmp_path, tier="development_access") as process:
        yield Stranger(process)


def batch(stranger: Stranger, method: str, path: str, calls: int = 50, **body: str) -> list[dict[str, Any]]:
    items = [{"method": method, "relative_url": path, **body}] * calls
    answer = stranger.call("POST", "", data={"batch": json.dumps(items)})
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()
    return rows


def error(row: dict[str, Any]) -> tuple[int, int | None]:
    found = json.loads(row["body"])["error"]
    return found["code"], found.get("error_subcode")


def header(row: dict[str, Any], name: str) -> Any:
    (found,) = [one["value"] for one in row["headers"] if one["name"].lower() == name.lower()]
    return json.loads(found)


def test_the_items_of_batches_fill_the_hour_until_they_are_refused_with_the_minutes_to_wait(small: Stranger) -> None:
    ads = small.rows(f"{small.account}/ads", fields="effective_status")
    active = sum(row["effective_status"] == "ACTIVE" for row in ads)
    small.advance(hours=2)
    most, served, refused = 300 + 40 * active, 0, []
    account = small.account.removeprefix("act_")
    for _ in range(12):
        rows = batch(small, "GET", small.account)
        served += sum(row["code"] == 200 for row in rows)
        refused = [row for row in rows if row["code"] != 200]
        if refused:
            break
        small.advance(minutes=4, seconds=10)
    assert served == most
    assert {error(row) for row in refused} == {(80_004, 2446079)}
    (entry, *_) = header(refused[-1], "X-Business-Use-Case-Usage")[account]
    assert (entry["type"], entry["call_count"]) == ("ads_management", 100)
    assert small.call("GET", f"{small.account}/insights").status_code == 200  # another use case has an hour of its own
    small.advance(minutes=entry["estimated_time_to_regain_access"])
    assert small.call("GET", small.account).status_code == 200


def test_the_hundred_and_first_write_of_a_second_is_refused_and_the_next_second_takes_it(slow: Stranger) -> None:
    ad_set, before = slow.named("adsets", "Gifts"), slow.effects()
    rows = [*batch(slow, "POST", ad_set, body="name=A"), *batch(slow, "POST", ad_set, body="name=B")]
    assert {row["code"] for row in rows} == {200}
    (refused,) = batch(slow, "POST", ad_set, calls=1, body="name=C")
    assert error(refused) == (613, 5044001)
    told = header(refused, "X-Ad-Account-Usage")
    assert (told["acc_id_util_pct"], told["reset_time_duration"]) == (100, 1)
    assert slow.get(ad_set, fields="name")["name"] == "B"  # a read is none of the writes
    assert slow.effects() == before + 2
    slow.advance(seconds=1)
    assert slow.post(ad_set, name="C") == {"success": True}


def test_the_eleventh_change_of_a_spending_limit_within_a_day_is_refused_also_after_a_kill(small: Stranger) -> None:
    for major in range(1_001, 1_011):
        small.post(small.account, spend_cap=str(major))
        small.advance(minutes=5)
    assert small.refused("POST", small.account, spend_cap="2000") == (17, 1885172)
    assert small.post(small.account, spend_cap="1010") == {"success": True}  # no change
    small.process.kill()
    small.process.restart()
    assert small.refused("POST", small.account, spend_cap="2000") == (17, 1885172)
    small.advance(hours=23, minutes=11)
    assert small.post(small.account, spend_cap="2000") == {"success": True}


def test_a_block_and_the_tier_outlive_a_kill(small: Stranger) -> None:
    batch(small, "GET", small.account)
    assert error(batch(small, "GET", small.account)[-1]) == (17, 2446079)
    small.process.kill()
    small.process.restart()
    assert small.refused("GET", small.account) == (17, 2446079)
    small.advance(minutes=5)
    assert small.get(small.account)
    assert small.process.ask("POST", "/tier", {"tier": "development_access"}) == {"tier": "development_access"}


def test_calls_about_no_account_count_for_the_app_and_carry_its_header_only(small: Stranger) -> None:
    shares = [json.loads(small.call("GET", "me").headers["X-App-Usage"])["call_count"] for _ in range(40)]
    assert (shares[0], shares[-1]) == (0, 2)  # 40 of 200 x 10 users
    answer = small.call("GET", "me")
    assert "X-Ad-Account-Usage" not in answer.headers


def test_an_insights_call_that_the_caller_got_wrong_is_counted_against_their_hour(tmp_path: Path) -> None:
    platform = Platform(tmp_path, scenario="generated:2", speed=0)
    graph, (account_id,) = Graph(platform), platform.world.accounts
    call = GraphCall(
        method="GET", path=(f"act_{account_id}", "insights"), version="v26.0", params={"level": "galaxy"},
        token=platform.token,
    )  # fmt: skip
    assert graph.answer(call).status == 400
    assert graph.usage.errors(account_id, now_s=platform.clock.now_s()) == 1
    platform.close()


@pytest.mark.parametrize("subcode", [1504022, 1504039])
def test_the_load_of_all_of_insights_is_told_by_its_own_header_when_a_fault_asks_for_it(
    small: Stranger, subcode: int
) -> None:
    fault = {"do": "throttle", "code": 4, "subcode": subcode, "match": {"path": "insights"}}
    small.process.ask("POST", "/faults", {"script": [fault]})
    answer = small.call("GET", f"{small.account}/insights")
    assert (answer.json()["error"]["code"], answer.json()["error"]["error_subcode"]) == (4, subcode)
    told = json.loads(answer.headers["X-FB-Ads-Insights-Throttle"])
    assert told == {"app_id_util_pct": 100, "acc_id_util_pct": 100, "ads_api_access_tier": "development_access"}
