"""Meta's own SDK reads figures, at once and by report runs; both tell what the market's own books tell."""

from decimal import Decimal

import pytest
from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adreportrun import AdReportRun
from facebook_business.adobjects.adsinsights import AdsInsights
from facebook_business.adobjects.campaign import Campaign
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError

from sandbox.process import SandboxProcess

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # the SDK's, about fields and enums newer than it
FIELDS = [
    AdsInsights.Field.ad_id,
    AdsInsights.Field.impressions,
    AdsInsights.Field.clicks,
    AdsInsights.Field.spend,
    AdsInsights.Field.actions,
]
RANGE = {"since": "2026-11-12", "until": "2026-11-18"}
DAILY = {"level": "ad", "time_increment": 1, "time_range": RANGE}
_POLLS = 200


def _finished(run: AdReportRun, shop: SandboxProcess) -> AdReportRun:
    """Poll as a user does; the platform's clock is moved on instead of slept on."""
    for _ in range(_POLLS):
        run = run.api_get()
        if run["async_status"] == "Job Completed" and run["async_percent_completion"] == 100:
            return run
        assert run["async_status"] in {"Job Not Started", "Job Started", "Job Running"}
        shop.ask("POST", "/advance", {"seconds": 5})
    raise AssertionError("the run does not end")


def _sorted(rows: object) -> list[dict]:
    plain = [row.export_all_data() for row in rows]
    return sorted(plain, key=lambda row: (row.get("date_start", ""), row.get("ad_id", "")))


def test_daily_rows_of_ads_are_paged_and_add_up_to_the_account(account: AdAccount):
    rows = list(account.get_insights(fields=FIELDS, params={**DAILY, "limit": 5}))
    assert len(rows) > 20
    assert len({(row["ad_id"], row["date_start"]) for row in rows}) == len(rows)
    (total,) = account.get_insights(fields=["impressions", "clicks", "spend"], params={"time_range": RANGE})
    assert sum(int(row["impressions"]) for row in rows) == int(total["impressions"]) > 0
    assert sum(int(row["clicks"]) for row in rows) == int(total["clicks"])
    assert sum(Decimal(row["spend"]) for row in rows) == Decimal(total["spend"])


def test_campaigns_and_ads_tell_their_own_figures(account: AdAccount):
    (own,) = (row for row in account.get_campaigns(fields=["name"]) if row["name"] == "Own budgets")
    below = Campaign(own["id"]).get_insights(fields=FIELDS, params={**DAILY, "limit": 100})
    by_ad = [row for row in account.get_insights(fields=[*FIELDS, "campaign_id"], params={**DAILY, "limit": 500})
             if row["campaign_id"] == own["id"]]  # fmt: skip
    assert sum(int(row["impressions"]) for row in below) == sum(int(row["impressions"]) for row in by_ad) > 0
    film = next(row for row in Campaign(own["id"]).get_ads(fields=["name"]) if row["name"] == "Film")
    (alone,) = Ad(film["id"]).get_insights(fields=["impressions", "ad_name"], params={"time_range": RANGE})
    assert alone["ad_name"] == "Film"
    assert int(alone["impressions"]) == sum(int(row["impressions"]) for row in by_ad if row["ad_id"] == film["id"])


@pytest.mark.parametrize(
    "breakdowns", [["age", "gender"], ["country"], ["publisher_platform", "platform_position", "impression_device"]]
)
def test_a_breakdown_adds_up_to_the_whole(account: AdAccount, breakdowns: list[str]):
    params = {"level": "account", "time_range": RANGE}
    parts = list(account.get_insights(fields=["impressions"], params={**params, "breakdowns": breakdowns}))
    (whole,) = account.get_insights(fields=["impressions"], params=params)
    assert all(breakdown in row for row in parts for breakdown in breakdowns)
    assert sum(int(row["impressions"]) for row in parts) == int(whole["impressions"])


def test_attribution_windows_stand_beside_the_value(account: AdAccount):
    params = {"time_range": RANGE, "action_attribution_windows": ["1d_click", "7d_click", "1d_view"]}
    (row,) = account.get_insights(fields=["actions", "action_values", "purchase_roas"], params=params)
    bought = next(action for action in row["actions"] if action["action_type"] == "purchase")
    assert int(bought["1d_click"]) <= int(bought["7d_click"])
    assert Decimal(bought["value"]) > 0


def test_figures_are_filtered_and_sorted(account: AdAccount):
    many = [{"field": "impressions", "operator": "GREATER_THAN", "value": 100}]
    params = {"level": "ad", "time_range": RANGE, "filtering": many, "sort": ["spend_descending"]}
    rows = list(account.get_insights(fields=["spend", "impressions"], params=params))
    spends = [Decimal(row["spend"]) for row in rows]
    assert spends == sorted(spends, reverse=True) != []
    assert all(int(row["impressions"]) > 100 for row in rows)


def test_a_report_run_ends_with_the_rows_that_a_plain_read_gives(account: AdAccount, shop: SandboxProcess):
    at_once = _sorted(account.get_insights(fields=FIELDS, params={**DAILY, "limit": 500}))
    run = account.get_insights_async(fields=FIELDS, params=DAILY)
    done = _finished(run, shop)
    assert (done["id"], done["account_id"]) == (run["id"], account["id"][4:])
    assert _sorted(done.get_insights(params={"limit": 6})) == at_once != []


def test_runs_are_polled_in_a_batch_as_pipelines_do(
    account: AdAccount, redirected: FacebookAdsApi, shop: SandboxProcess
):
    runs = [account.get_insights_async(fields=FIELDS, params={**DAILY, "time_range": {"since": day, "until": day}})
            for day in ("2026-11-14", "2026-11-15")]  # fmt: skip
    shop.ask("POST", "/advance", {"minutes": 1})
    told: list[dict] = []
    batch = redirected.new_batch()
    for run in runs:
        run.api_get(batch=batch, success=lambda answer: told.append(answer.json()))
    assert batch.execute() is None
    assert [row["async_status"] for row in told] == ["Job Completed"] * 2
    assert [{row["date_start"] for row in run.get_insights()} for run in runs] == [{"2026-11-14"}, {"2026-11-15"}]


def test_a_run_that_fails_says_why(account: AdAccount, shop: SandboxProcess):
    shop.ask("POST", "/faults", {"script": [{"do": "report_fails"}]})
    run = account.get_insights_async(fields=FIELDS, params=DAILY)
    shop.ask("POST", "/advance", {"minutes": 1})
    read = run.api_get()
    assert (read["async_status"], read["error_code"], read["error_subcode"]) == ("Job Failed", -2, 2_490_547)
    assert read["error_user_title"]
    assert read["error_user_msg"]


def test_a_run_read_before_its_end_is_refused_in_passing(account: AdAccount):
    run = account.get_insights_async(fields=FIELDS, params=DAILY)
    with pytest.raises(FacebookRequestError) as told:
        run.get_insights()
    assert told.value.http_status() == 400


def test_a_field_or_a_breakdown_that_does_not_exist_is_refused_at_once_and_as_a_run(account: AdAccount):
    for is_async in (False, True):
        with pytest.raises(FacebookRequestError) as told:
            account.get_insights(params={"fields": ["no_such_field"]}, is_async=is_async)
        assert told.value.api_error_code() == 100
        with pytest.raises(FacebookRequestError) as told:
            account.get_insights(fields=["spend"], params={"breakdowns": ["zodiac"]}, is_async=is_async)
        assert told.value.api_error_code() == 100
