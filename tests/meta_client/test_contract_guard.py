"""The contract only reads: what may leave is judged by its content, and what stops it is said."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.contract import Bounds, Standing
from domain.errors import InvariantError, NotReadyError
from domain.objects import Ad, AdSet, Campaign, InsightRow, Learning, Status
from domain.ports import ClientOptions
from meta_client.contract import facts, figures, open_contract, recording
from meta_client.contract.guard import require_reading
from meta_client.contract.redaction import mask
from meta_client.contract.replay import Replay
from meta_client.contract.tape import Tape, TapedTransport
from tests.meta_client.contract_world import NOW, OF_THE_SANDBOX
from tests.meta_client.scripted import Scripted

DAY = date(2026, 11, 18)
AT = datetime(2026, 11, 1, tzinfo=UTC)


def _batch(*items: dict[str, str]) -> dict[str, str]:
    return {"batch": json.dumps(items), "include_headers": "true"}


def test_reads_batches_of_reads_and_orders_of_reports_may_leave() -> None:
    require_reading("GET", "act_1/ads", {"fields": "id"})
    require_reading("GET", "me/permissions", {})
    require_reading("POST", "", _batch({"method": "GET", "relative_url": "12345?fields=id%2Cname"}))
    require_reading("POST", "act_1/insights", {"level": "ad", "time_range": "{}"})


REFUSED = {
    "a write": ("write", "12345", {"status": "PAUSED"}),
    "an update by POST": ("POST", "12345", {"status": "PAUSED"}),
    "a create": ("POST", "act_1/campaigns", {"name": "x"}),
    "a delete": ("DELETE", "12345", {}),
    "a GET that says it is a POST": ("GET", "12345", {"method": "post", "status": "PAUSED"}),
    "a GET that carries a batch": ("GET", "", {"batch": "[]"}),
    "a report with a field that reports do not have": ("POST", "act_1/insights", {"level": "ad", "name": "x"}),
    "a report of what is no account": ("POST", "12345/insights", {"level": "ad"}),
    "a batch with a write": ("POST", "", _batch({"method": "POST", "relative_url": "12345"})),
    "a batch with a body": ("POST", "", _batch({"method": "GET", "relative_url": "12345", "body": "status=PAUSED"})),
    "a batch whose read is none": ("POST", "", _batch({"method": "GET", "relative_url": "12345?method=delete"})),
    "a batch to another host": ("POST", "", _batch({"method": "GET", "relative_url": "https://elsewhere.example/1"})),
    "a batch of nothing": ("POST", "", _batch()),
    "a batch that cannot be read": ("POST", "", {"batch": "{"}),
    "a batch with a token of its own": ("POST", "", _batch() | {"access_token": "x"}),
    "a path with more to it": ("GET", "12345/../../act_1", {}),
}


@pytest.mark.parametrize(("method", "path", "params"), REFUSED.values(), ids=REFUSED)
def test_nothing_else_may(method: str, path: str, params: dict[str, str]) -> None:
    with pytest.raises(InvariantError, match="only reads"):
        require_reading(method, path, params)


def test_the_contract_s_transport_sends_no_byte_of_a_write(server: Scripted) -> None:
    options = ClientOptions(base_url=server.url, token=lambda: "a-token", app_secret=lambda: None)
    transport = TapedTransport(options, Tape(10))
    with pytest.raises(InvariantError, match="was not sent"):
        transport.post("12345", {"status": "PAUSED"}, about="x", deadline_s=5, request_id=None)
    with pytest.raises(InvariantError, match="was not sent"):
        transport.ask("act_1/copies", {"deep": "1"}, about="x")
    assert server.requests == []


def test_it_stops_at_the_calls_that_it_may_make_and_says_so() -> None:
    with Replay(recording.read(OF_THE_SANDBOX).exchanges) as replay:
        contract = open_contract(ClientOptions(base_url=replay.url, token=lambda: "x", app_secret=lambda: None))
        account = recording.read(OF_THE_SANDBOX).account
        verdicts = list(contract.check(account, NOW, Bounds(calls=10)))
    assert sum(row.calls for row in verdicts) == 10
    left = [row for row in verdicts if row.standing is Standing.NOT_ASKED]
    assert left
    assert "--max-calls allows 10" in left[0].differs[0]


def test_it_asks_no_more_where_much_of_the_quota_is_used() -> None:
    made = recording.read(OF_THE_SANDBOX)
    full = json.dumps({"acc_id_util_pct": 75.0})
    exchanges = [
        one if one.clause != "account" else replace(one, headers={**one.headers, "x-ad-account-usage": full})
        for one in made.exchanges
    ]
    with Replay(exchanges) as replay:
        contract = open_contract(ClientOptions(base_url=replay.url, token=lambda: "x", app_secret=lambda: None))
        verdicts = list(contract.check(made.account, NOW, Bounds()))
    assert [row.clause for row in verdicts if row.standing is Standing.KEPT] == ["token", "accounts", "account"]
    assert "75% of the account's quota" in verdicts[3].differs[0]


def test_a_recording_is_never_written_over(tmp_path) -> None:
    (tmp_path / "kept").write_text("by somebody")
    with pytest.raises(NotReadyError, match="holds something already"):
        recording.write(recording.read(OF_THE_SANDBOX), tmp_path)


def test_a_mask_keeps_the_look_of_a_text_and_the_mark_of_our_token() -> None:
    assert mask("Été 2026: T-Shirt «Ana» |op:7F3K9") == "Xxx 9999: X-Xxxxx xXxxx |op:9X9X9"


def _row(**values: object) -> InsightRow:
    plain = InsightRow("10001", "10002", "10003", DAY, -1, 100, 5, 1000, 1, 4000)
    return plain._replace(**values)


def test_rows_that_cannot_be_are_named() -> None:
    def wrong(*rows: InsightRow) -> list[str]:
        return list(figures.bad_rows(rows, DAY, DAY, hourly=False))

    assert wrong(_row()) == []
    assert "outside the days" in wrong(_row(on=DAY + timedelta(days=1)))[0]
    assert "hour that is none" in wrong(_row(hour=3))[0]
    assert "more than once" in wrong(_row(), _row())[0]
    assert "below zero" in wrong(_row(spend_minor=-1))[0]
    assert "revenue without a purchase" in wrong(_row(purchases=0))[0]
    assert "not digits" in wrong(_row(ad_id="ad-1"))[0]


def test_hours_add_up_to_their_day_but_for_rounding_and_missing_purchases() -> None:
    hours = [
        _row(hour=hour, impressions=50, clicks=2, spend_minor=500, purchases=0, revenue_minor=0) for hour in (9, 10)
    ]
    assert list(figures.bad_sums([_row(clicks=4, spend_minor=1001)], hours)) == []
    assert "impressions of the parts add up to 100, the day says 120" in list(
        figures.bad_sums([_row(impressions=120, clicks=4)], hours)
    )
    more = [_row(hour=9, purchases=3)]
    assert any("purchases" in said for said in figures.bad_sums([_row()], more))


def test_a_report_tells_what_a_reading_tells() -> None:
    assert list(figures.bad_report([_row()], [_row()])) == []
    assert "read and not reported: 10001" in next(figures.bad_report([], [_row()]))
    assert "impressions 100 and 150" in next(figures.bad_report([_row(impressions=150)], [_row()]))


def test_trees_that_do_not_hang_together_are_named() -> None:
    shared = {"name": "n", "status": Status.ACTIVE, "effective_status": "active", "created_at": AT, "updated_at": AT}
    money = {"daily_budget_minor": 500, "lifetime_budget_minor": None}
    own = {"optimization_goal": "", "learning": Learning.DONE, "labels": ()}
    ad_set = AdSet(id="20001", campaign_id="30001", **money, **own, **shared)
    campaign = Campaign(id="30001", objective="", daily_budget_minor=None, lifetime_budget_minor=None, **shared)
    ad = Ad(id="10001", ad_set_id="20001", campaign_id="30001", creative_id="40001", **shared)
    assert list(facts.bad_parents([ad_set], [campaign])) == []
    assert "not listed: 20001" in next(facts.bad_parents([ad_set], []))
    costly = replace(campaign, daily_budget_minor=900)
    assert "though their campaign has one" in next(facts.bad_parents([ad_set], [costly]))
    assert list(facts.bad_places([ad], [ad_set])) == []
    astray = replace(ad, campaign_id="30009")
    assert "another campaign" in next(facts.bad_places([astray], [ad_set]))
    assert "not listed: 10001" in next(facts.bad_creatives([ad], []))
    off = replace(ad, status=Status.PAUSED)
    assert "switched off: 10001" in next(facts.bad_statuses("ads", [off]))
    born_later = replace(ad, created_at=AT + timedelta(days=1))
    assert "before they were made" in next(facts.bad_times("ads", [born_later], NOW))
    assert len(list(facts.bad_ids("ads", ["12ab", "10001", "10001"]))) == 2
