"""The platform's limits: usage headers that grow, budget edits per hour, and the quota of a small app."""

import json
from collections.abc import Iterator

import pytest

from tests.sandbox.stranger import Stranger

HEADERS = ("X-App-Usage", "X-Ad-Account-Usage", "X-Business-Use-Case-Usage", "X-FB-Ads-Insights-Throttle")


@pytest.fixture
def small_app(stranger: Stranger) -> Iterator[Stranger]:
    """An app of limited access whose score is empty; the full access comes back afterwards."""
    stranger.advance(hours=1)
    stranger.process.ask("POST", "/tier", {"tier": "development_access"})
    yield stranger
    stranger.process.ask("POST", "/tier", {"tier": "standard_access"})
    stranger.advance(hours=1)


def used(stranger: Stranger) -> float:
    answer = stranger.call("GET", stranger.account)
    return float(json.loads(answer.headers["X-Ad-Account-Usage"])["acc_id_util_pct"])


def test_every_answer_about_an_account_carries_the_four_usage_headers(stranger: Stranger) -> None:
    account = stranger.account.removeprefix("act_")
    insights = stranger.call("GET", f"{stranger.account}/insights")
    for answer in (
        insights,
        stranger.call("GET", stranger.account),
        stranger.call("GET", f"{stranger.account}/colours"),
    ):
        shown = {name: json.loads(answer.headers[name]) for name in HEADERS}
        assert shown["X-App-Usage"].keys() == {"call_count", "total_time", "total_cputime"}
        assert {row["type"] for row in shown["X-Business-Use-Case-Usage"][account]} == {
            "ads_management",
            "ads_insights",
        }
        assert shown["X-FB-Ads-Insights-Throttle"]["ads_api_access_tier"] == "standard_access"
        assert answer.headers["facebook-api-version"] == "v26.0"


def test_usage_grows_with_calls_a_write_costs_three_reads_and_time_wears_it_off(small_app: Stranger) -> None:
    first = used(small_app)
    second = used(small_app)
    assert second - first == pytest.approx(100 / 60, abs=0.02)
    small_app.new_campaign()
    assert used(small_app) - second == pytest.approx(4 * 100 / 60, abs=0.02)
    small_app.advance(minutes=5)
    assert used(small_app) == pytest.approx(100 / 60, abs=0.02)


def test_the_largest_share_in_use_is_remembered_when_time_has_worn_it_off(small_app: Stranger) -> None:
    for _ in range(20):
        used(small_app)
    small_app.advance(minutes=5)
    used(small_app)
    assert small_app.process.ask("GET", "/health")["usage_peak"] >= 20 / 60


def test_an_app_beyond_its_score_is_throttled_for_five_minutes_and_has_no_effect_meanwhile(small_app: Stranger) -> None:
    ad_set, before = small_app.named("adsets", "Gifts"), small_app.effects()
    for _ in range(70):
        answer = small_app.call("GET", ad_set)
        if not answer.ok:
            break
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["error_subcode"], error["is_transient"]) == (17, 2446079, True)
    (entry, _) = json.loads(answer.headers["X-Business-Use-Case-Usage"])[small_app.account.removeprefix("act_")]
    assert entry["estimated_time_to_regain_access"] == 5
    assert "Retry-After" not in answer.headers
    assert small_app.refused("POST", ad_set, name="Other") == (17, 2446079)
    assert small_app.effects() == before
    small_app.advance(minutes=4, seconds=59)
    assert small_app.refused("GET", ad_set) == (17, 2446079)
    small_app.advance(seconds=2)
    assert small_app.get(ad_set) == {"id": ad_set}


def test_the_fifth_budget_edit_within_an_hour_is_refused_until_the_first_is_an_hour_old(stranger: Stranger) -> None:
    ad_set = stranger.new_ad_set(stranger.named("campaigns", "Own budgets"), status="PAUSED")
    for minor in (5_100, 5_200, 5_300, 5_400):
        stranger.post(ad_set, daily_budget=str(minor))
        stranger.advance(minutes=10)
    before = stranger.effects()
    assert stranger.refused("POST", ad_set, daily_budget="5500") == (613, 1487632)
    assert stranger.refused("POST", ad_set, daily_budget="5500", name="Other") == (613, 1487632)
    assert stranger.post(ad_set, daily_budget="5400") == {"success": True}  # no change, no edit
    assert stranger.effects() == before
    assert stranger.post(ad_set, name="Renamed") == {"success": True}
    stranger.advance(minutes=19, seconds=59)
    assert stranger.refused("POST", ad_set, daily_budget="5500") == (613, 1487632)
    stranger.advance(seconds=1)
    assert stranger.post(ad_set, daily_budget="5500") == {"success": True}
    assert stranger.refused("POST", ad_set, daily_budget="5600") == (613, 1487632)


def test_refused_and_only_validated_edits_do_not_use_up_the_hour(stranger: Stranger) -> None:
    ad_set = stranger.new_ad_set(stranger.named("campaigns", "Own budgets"), status="PAUSED")
    for _ in range(6):
        assert stranger.refused("POST", ad_set, daily_budget="1")[1] == 1487901
        stranger.post(ad_set, daily_budget="9000", execution_options='["validate_only"]')
    for minor in (5_100, 5_200, 5_300, 5_400):
        stranger.post(ad_set, daily_budget=str(minor))


def test_the_hour_s_edits_are_remembered_over_a_kill(stranger: Stranger) -> None:
    ad_set = stranger.new_ad_set(stranger.named("campaigns", "Own budgets"), status="PAUSED")
    for minor in (5_100, 5_200, 5_300, 5_400):
        stranger.post(ad_set, daily_budget=str(minor))
    stranger.process.kill()
    stranger.process.restart()
    assert stranger.refused("POST", ad_set, daily_budget="5500") == (613, 1487632)
