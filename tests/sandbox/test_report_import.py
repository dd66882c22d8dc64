"""A report becomes a twin: its history to the cent, its objects as told, the rest fitted or assumed and said so."""

import json
import urllib.parse
import urllib.request
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from sandbox.account import Account
from sandbox.fit_report import How
from sandbox.nodes import Kind
from sandbox.process import start
from sandbox.report_import import import_report
from sandbox.report_problems import ReportError
from sandbox.scenario import load_scenario
from sandbox.world import World

REPORTS = Path(__file__).parent / "reports"
HEADER = (
    "Day,Campaign name,Ad set name,Ad name,Impressions,Link clicks,Amount spent (EUR),Purchases,"
    "Purchases conversion value,Campaign budget,Ad set budget,Ad set delivery,Ad delivery"
)


def import_text(tmp_path, *rows, header=HEADER, **options):
    path = tmp_path / "shop.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return import_report(path, **options)


def only_account(imported):
    [account] = imported.scenario.accounts
    return account


def get_insights(graph, token, account_id, **query):
    """Return the rows of one insights read, as a client gets them."""
    parameters = {name: value if isinstance(value, str) else json.dumps(value) for name, value in query.items()}
    url = f"{graph}/v24.0/act_{account_id}/insights?{urllib.parse.urlencode(parameters)}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["data"]


def purchases_of(row, field):
    return sum(float(one["value"]) for one in row.get(field, []) if one["action_type"] == "omni_purchase")


@pytest.fixture
def served(tmp_path):
    """Serve the twin of a report and return a reader of its insights."""
    processes = []

    def serve(report, **options):
        imported = import_report(REPORTS / report, **options)
        imported.write(tmp_path / "twin.json")
        process = start(tmp_path / "data", scenario=str(tmp_path / "twin.json"), speed=0)
        processes.append(process)
        credentials = json.loads((tmp_path / "data" / "credentials.json").read_text())
        account = credentials["account_ids"][0]
        fields = "ad_id,ad_name,impressions,clicks,inline_link_clicks,spend,actions,action_values"
        return lambda **query: get_insights(
            process.graph, credentials["access_token"], account, level="ad", fields=fields, limit="500", **query
        )

    yield serve
    for process in processes:
        process.stop()


def test_a_daily_reports_figures_come_back_over_http_to_the_cent(served):
    read = served("daily.csv", zone="Europe/Madrid")
    rows = read(time_increment="1", time_range={"since": "2026-10-01", "until": "2026-10-03"})
    told = [
        (row["ad_id"][-3:], row["date_start"], row["impressions"], row["clicks"], row["inline_link_clicks"],
         row["spend"], purchases_of(row, "actions"), purchases_of(row, "action_values"))
        for row in rows
    ]  # fmt: skip
    assert sorted(told) == [
        ("301", "2026-10-01", "1000", "14", "10", "10.01", 1, 60.00),
        ("301", "2026-10-02", "1500", "25", "20", "15.02", 1, 75.50),
        ("301", "2026-10-03", "1500", "31", "20", "15.03", 0, 0),
        ("302", "2026-10-01", "2000", "40", "30", "20.06", 2, 140.00),
        ("303", "2026-10-02", "3000", "50", "40", "30.50", 2, 145.00),
    ]


def test_a_period_reports_totals_come_back_over_http_to_the_cent(served):
    read = served("period.csv", zone="America/New_York")
    rows = read(time_range={"since": "2026-10-01", "until": "2026-10-14"})
    told = [
        (row["ad_name"], row["impressions"], row["inline_link_clicks"], row["spend"], purchases_of(row, "actions"),
         purchases_of(row, "action_values"))
        for row in rows
    ]  # fmt: skip
    assert sorted(told) == [
        ("Carousel — spring", "12345", "151", "139.57", 14, 593.17),  # 4.25 x 139.57
        ("Reel 7", "4001", "39", "40.13", 3, 124.40),  # 3.1 x 40.13
        ("Reel 7", "6007", "77", "63.01", 5, 315.05),
    ]


def test_the_scenario_file_reads_back_as_what_was_imported(tmp_path):
    imported = import_report(REPORTS / "daily.csv", zone="Europe/Madrid")
    imported.write(tmp_path / "twin.json")
    assert load_scenario(str(tmp_path / "twin.json")) == imported.scenario
    assert [path.name for path in tmp_path.iterdir()] == ["twin.json"]


def test_the_history_is_the_file_and_the_clock_starts_after_it():
    imported = import_report(REPORTS / "daily.csv", zone="Europe/Madrid")
    history = only_account(imported).history
    assert sum(row.spend_minor for row in history) == 9_062
    assert sum(row.value_minor for row in history) == 42_050
    assert {row.day for row in history} == {date(2026, 10, 1), date(2026, 10, 2), date(2026, 10, 3)}
    assert imported.scenario.start == datetime(2026, 10, 3, 23, tzinfo=UTC)  # 01:00 in Madrid, an hour into the 4th


def test_names_are_kept_verbatim():
    campaign = only_account(import_report(REPORTS / "daily.csv")).campaigns[0]
    assert [one.name for one in campaign.ad_sets] == ["Lookalike 1 %", "Broad\nES"]
    assert campaign.ad_sets[0].ads[1].name == "=cmd|'/C calc'!A0"


def test_the_market_starts_at_the_fitted_rates():
    """Undoing fatigue, rhythm and the price of spending leaves what was fitted."""
    imported = import_report(REPORTS / "daily.csv", zone="Europe/Madrid")
    world = World(imported.scenario, start_us=int(imported.scenario.start.timestamp() * 1e6))
    [account] = world.accounts.values()
    fits = {fit.ad_id: fit for fit in imported.fit_report.ads}
    for ad in account.nodes[Kind.AD]:
        truth = account.market.truth(ad.market_index)
        assert truth["ctr_now"] == pytest.approx(fits[ad.id].click_rate.mean, rel=0.06)  # the rhythm's mean is 1.03
        assert truth["cvr"] == pytest.approx(fits[ad.id].conversion_rate.mean, rel=0.06)
        assert truth["order_value_minor"] == pytest.approx(fits[ad.id].order_value_minor.mean, abs=0.5)


def test_a_twin_goes_on_much_as_its_report_ended():
    """Thirty days of 20 ads at known rates; the fortnight after it has about the same prices and rates."""
    imported = import_report(REPORTS / "steady.csv", zone="Europe/Madrid")
    world = World(imported.scenario, start_us=int(imported.scenario.start.timestamp() * 1e6))
    [account] = world.accounts.values()
    begin = imported.scenario.start.timestamp()
    world.catch_up(begin + 15 * 86_400)
    past, future = sums_between(account, begin - 30 * 86_400, begin), sums_between(account, begin, begin + 14 * 86_400)
    assert future["spend"] / 14 == pytest.approx(past["spend"] / 30, rel=0.15)
    assert future["spend"] / future["impressions"] == pytest.approx(past["spend"] / past["impressions"], rel=0.15)
    assert future["link"] / future["impressions"] == pytest.approx(past["link"] / past["impressions"], rel=0.2)


def sums_between(account: Account, since_s: float, until_s: float):
    calendar, ads = account.calendar, account.market.ads
    first, end = calendar.hour_at(since_s), calendar.hour_at(until_s)
    impressions, _, link, spend = account.market.grid.sums(first, end, ads=ads).sum(axis=1).tolist()
    return {"impressions": impressions, "link": link, "spend": spend}


def test_budgets_are_read_shared_divided_or_assumed_as_the_report_tells():
    [campaign] = only_account(import_report(REPORTS / "period.csv")).campaigns
    broad, lookalike = campaign.ad_sets
    assert campaign.daily_budget_minor is None  # the report names no campaign that could carry one
    assert broad.daily_budget_minor == round((13_957 + 4_013) / 14 * 1.1)
    assert lookalike.daily_budget_minor == 1_000  # 300 for a life of unknown start: over 30 days
    assert [ad.status for ad in broad.ads] == ["ACTIVE", "PAUSED"]


def test_a_campaign_budget_is_carried_by_the_campaign(tmp_path):
    told = import_text(
        tmp_path,
        "2026-10-01,C,S,A,1000,10,5.00,1,20.00,75.00,Using campaign budget,active,active",
        "2026-10-01,D,T,B,1000,10,5.00,1,20.00,,Using campaign budget,active,active",
        "2026-10-01,E,U,X,1000,10,5.00,1,20.00,Using ad set budget,12.00,active,active",
    )
    budgets = [
        (campaign.daily_budget_minor, campaign.ad_sets[0].daily_budget_minor)
        for campaign in only_account(told).campaigns
    ]
    assert budgets == [(7_500, None), (550, None), (None, 1_200)]


def test_delivery_of_the_level_above_is_heeded_and_the_unknown_is_guessed_by_the_last_week(tmp_path):
    told = import_text(
        tmp_path,
        "2026-10-01,C,S,A,1000,10,5.00,1,20.00,,,active,adset_off",
        "2026-10-01,C,T,B,1000,10,5.00,1,20.00,,,active,",
        "2026-10-20,C,T,X,1000,10,5.00,1,20.00,,,active,marvellous",
    )
    ad_sets = only_account(told).campaigns[0].ad_sets
    assert [(one.status, [ad.status for ad in one.ads]) for one in ad_sets] == [
        ("PAUSED", ["ACTIVE"]),
        ("ACTIVE", ["PAUSED", "ACTIVE"]),
    ]


def test_ages_come_from_starts_and_from_the_first_day_seen():
    imported = import_report(REPORTS / "daily.csv", zone="UTC")
    [campaign] = only_account(imported).campaigns
    assert campaign.created_at == datetime(2026, 9, 15, tzinfo=UTC)
    assert campaign.ad_sets[1].created_at == datetime(2026, 9, 20, tzinfo=UTC)
    assert campaign.ad_sets[1].ads[0].created_at == datetime(2026, 10, 2, tzinfo=UTC)


def test_everything_fitted_and_assumed_is_listed():
    told = import_report(REPORTS / "period.csv").fit_report
    assert {line.name for line in told.of(How.FITTED)} == {"click rate", "conversion rate", "CPM", "order value"}
    assert {line.name for line in told.of(How.ASSUMED)} >= {
        "history", "time zone", "levels", "all clicks", "daily budget", "audience size", "response to spend",
        "conversion lag", "fatigue", "hour and weekday rhythm", "recent purchases",
    }  # fmt: skip
    clicks = next(line for line in told.lines if line.name == "click rate")
    assert clicks.based_on == "267 link clicks in 22,353 impressions of 3 ads"
    assert all(line.source for line in told.of(How.FITTED))
    assert json.loads(json.dumps(told.to_json()))["ads"][0]["click_rate"]["low"] > 0


def test_an_order_value_that_no_count_tells_is_assumed(tmp_path):
    told = import_text(tmp_path, "2026-10-01,C,S,A,1000,10,5.00,0,,,,active,active")
    assert "order value" in {line.name for line in told.fit_report.of(How.ASSUMED)}
    assert only_account(told).campaigns[0].ad_sets[0].ads[0].order_value_minor == 7_000


@pytest.mark.parametrize("zone", ["Europe/Madrid", "America/Sao_Paulo", "Asia/Kolkata", "Africa/Cairo"])
def test_days_are_meant_in_the_accounts_zone_across_daylight_saving(tmp_path, zone):
    rows = [f"2026-10-{day},C,S,A,1000,10,5.00,1,20.00,,,active,active" for day in (24, 25, 26)]
    imported = import_text(tmp_path, *rows, zone=zone)
    world = World(imported.scenario, start_us=int(imported.scenario.start.timestamp() * 1e6))
    [account] = world.accounts.values()
    for day in (24, 25, 26):
        hours = account.calendar.hours_of_day(date(2026, 10, day).toordinal())
        assert account.market.grid.sums(*hours, ads=1)[:, 0].tolist() == [1000, 13, 10, 500]


@pytest.mark.parametrize("zone", ["Madrid", "Australia/Lord_Howe", "../etc/passwd"])
def test_a_zone_that_cannot_be_used_is_refused(zone):
    with pytest.raises(ReportError) as caught:
        import_report(REPORTS / "daily.csv", zone=zone)
    assert caught.value.problems[0].column == "zone"


def test_a_report_of_nothing_is_refused(tmp_path):
    with pytest.raises(ReportError) as caught:
        import_text(tmp_path, "2026-10-01,C,S,A,0,0,0,0,,,,active,active")
    assert "nothing to fit" in caught.value.problems[0].reason


def test_the_same_report_gives_the_same_twin():
    first, second = (import_report(REPORTS / "daily.csv", zone="UTC") for _ in range(2))
    assert first == second
