"""Meta's JSON in the house's words."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from domain.objects import InsightRow, Learning, Status
from meta_client import decode, wire

_TIMES = {"created_time": "2026-05-12T10:45:01-0700", "updated_time": "2026-05-13T00:00:00+0000"}
_COMMON = {
    "id": "1",
    "name": "Sale |op:7F3K9Q2M4XTBA",
    "status": "PAUSED",
    "effective_status": "CAMPAIGN_PAUSED",
    **_TIMES,
}


def _insight(**more: object) -> wire.Insight:
    row = {
        "ad_id": "1",
        "adset_id": "2",
        "campaign_id": "3",
        "date_start": "2026-11-20",
        "date_stop": "2026-11-20",
        "impressions": "1234",
        "inline_link_clicks": "56",
        "clicks": "99",
        "spend": "12.34",
    }
    return msgspec.convert(row | more, wire.Insight, strict=False)


def _actions(**values: str) -> list[dict[str, str]]:
    return [{"action_type": name.replace("__", "."), "value": value, "7d_click": "1"} for name, value in values.items()]


def test_a_day_of_an_ad_is_one_row() -> None:
    row = _insight(actions=_actions(purchase="3", link_click="9"), action_values=_actions(purchase="150.50"))
    assert decode.insight_rows([row], "USD") == [
        InsightRow("1", "2", "3", date(2026, 11, 20), -1, 1234, 56, 1234, 3, 15050)
    ]


def test_an_hour_of_an_ad_says_which() -> None:
    hours = [f"{hour:02}:00:00 - {hour:02}:59:59" for hour in (0, 9, 23)]
    rows = [_insight(hourly_stats_aggregated_by_advertiser_time_zone=hour) for hour in hours]
    assert [row.hour for row in decode.insight_rows(rows, "USD")] == [0, 9, 23]


@pytest.mark.parametrize(
    ("actions", "purchases"),
    [
        (_actions(offsite_conversion__fb_pixel_purchase="2", purchase="3", omni_purchase="5"), 5),
        (_actions(omni_purchase="5", purchase="3", offsite_conversion__fb_pixel_purchase="2"), 5),
        (_actions(offsite_conversion__fb_pixel_purchase="2", purchase="3"), 3),
        (_actions(offsite_conversion__fb_pixel_purchase="2", add_to_cart="9"), 2),
        (_actions(add_to_cart="9"), 0),
        ([], 0),
    ],
)
def test_purchases_are_told_under_several_names_and_counted_once(actions: object, purchases: int) -> None:
    (row,) = decode.insight_rows([_insight(actions=actions, action_values=actions)], "USD")
    assert (row.purchases, row.revenue_minor) == (purchases, purchases * 100)


def test_money_of_a_row_is_in_the_minor_units_of_the_account() -> None:
    row = _insight(spend="1234.50", actions=[], action_values=_actions(purchase="9000"))
    assert [(r.spend_minor, r.revenue_minor) for r in decode.insight_rows([row], "HUF")] == [(123450, 900000)]
    assert [(r.spend_minor, r.revenue_minor) for r in decode.insight_rows([row], "JPY")] == [(1234, 9000)]


def test_a_row_without_clicks_or_actions_counts_none() -> None:
    row = {"ad_id": "1", "adset_id": "2", "campaign_id": "3", "date_start": "2026-11-20", "impressions": "5"}
    (decoded,) = decode.insight_rows([msgspec.convert(row, wire.Insight, strict=False)], "USD")
    assert decoded[5:] == (5, 0, 0, 0, 0)


def test_an_amount_that_is_no_number_is_an_error_and_not_zero() -> None:
    with pytest.raises(ValueError, match="not an amount"):
        decode.insight_rows([_insight(spend="n/a")], "USD")


def test_a_campaign_is_shown_without_our_token_and_with_its_budget_in_minor_units() -> None:
    row = msgspec.convert(_COMMON | {"daily_budget": "5000", "lifetime_budget": "0"}, wire.Campaign, strict=False)
    campaign = decode.campaign(row, "HUF")
    assert campaign.name == "Sale"
    assert (campaign.status, campaign.effective_status) == (Status.PAUSED, "campaign_paused")
    assert (campaign.daily_budget_minor, campaign.lifetime_budget_minor) == (500_000, None)
    assert campaign.created_at == datetime(2026, 5, 12, 17, 45, 1, tzinfo=UTC)
    assert campaign.created_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("stage", "learning"),
    [
        ({"learning_stage_info": {"status": "LEARNING"}}, Learning.LEARNING),
        ({"learning_stage_info": {"status": "SUCCESS"}}, Learning.DONE),
        ({"learning_stage_info": {"status": "FAIL"}}, Learning.LIMITED),
        ({"learning_stage_info": {"status": "SOMETHING_NEW"}}, Learning.UNKNOWN),
        ({}, Learning.UNKNOWN),
    ],
)
def test_a_learning_stage_that_is_not_known_stays_unknown(stage: dict[str, object], learning: Learning) -> None:
    row = msgspec.convert(_COMMON | {"campaign_id": "9"} | stage, wire.AdSet, strict=False)
    assert decode.ad_set(row, "USD").learning is learning


def test_an_ad_set_keeps_its_labels() -> None:
    row = msgspec.convert(
        _COMMON | {"campaign_id": "9", "adlabels": [{"id": "1", "name": "ab_test"}]}, wire.AdSet, strict=False
    )
    assert decode.ad_set(row, "USD").labels == ("ab_test",)


def test_names_are_kept_as_they_are() -> None:
    for name in ("a\nb", "\x1b[31mred", "=HYPERLINK(1)", " ñ 🙂 "):
        row = msgspec.convert(_COMMON | {"name": name}, wire.Campaign, strict=False)
        assert decode.campaign(row, "USD").name == name


@pytest.mark.parametrize(("number", "is_active"), [(1, True), (9, True), (2, False), (3, False), (101, False)])
def test_an_account_is_active_while_it_can_spend(number: int, is_active: bool) -> None:
    row = wire.Account(id="act_1", currency="USD", timezone_name="UTC", account_status=number)
    assert decode.account_info(row).is_active is is_active


def test_a_state_has_only_the_keys_that_the_object_has() -> None:
    ad_set = wire.State(id="1", name="Sale", status="ACTIVE", daily_budget=5000)
    ad = wire.State(id="2", name="Clip", status="PAUSED")
    assert decode.object_state(ad_set, "USD").values == {"name": "Sale", "status": "active", "daily_budget_minor": 5000}
    assert decode.object_state(ad, "USD").values == {"name": "Clip", "status": "paused"}
