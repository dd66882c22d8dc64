"""The four usage headers, as Meta sends them and as it should not."""

import json

import pytest

from domain.ports import Usage
from meta_client.usage import NOTHING_KNOWN, merge, read_usage
from tests.meta_client.scripted import ACCOUNT, ACCOUNT_NODE, Kit, Scripted

_CASES = {
    "111": [
        {"type": "ads_management", "call_count": 40, "total_cputime": 95, "total_time": 1},
        {"type": "ads_insights", "call_count": 20, "total_cputime": 2, "total_time": 3},
    ]
}
_HEADERS = {
    "x-app-usage": '{"call_count":28,"total_time":25,"total_cputime":25}',
    "X-Ad-Account-Usage": '{"acc_id_util_pct":9.67,"reset_time_duration":120}',
    "X-Business-Use-Case-Usage": json.dumps(_CASES),
    "X-FB-Ads-Insights-Throttle": '{"app_id_util_pct":55,"acc_id_util_pct":10}',
}


def test_each_header_fills_its_figure_with_the_fullest_of_its_parts() -> None:
    reading = read_usage(_HEADERS)
    assert (reading.account, reading.business, reading.insights) == (0.0967, 0.95, 0.55)
    assert reading.regain_s == 0


def test_an_account_that_is_not_full_has_nothing_to_wait_for() -> None:
    assert read_usage({"X-Ad-Account-Usage": '{"acc_id_util_pct":99,"reset_time_duration":120}'}).regain_s == 0
    assert read_usage({"X-Ad-Account-Usage": '{"acc_id_util_pct":100,"reset_time_duration":120}'}).regain_s == 120


def test_the_hourly_limit_counts_its_wait_in_minutes() -> None:
    case = {"1": [{"type": "ads_management", "call_count": 100, "estimated_time_to_regain_access": 3}]}
    assert read_usage({"X-Business-Use-Case-Usage": json.dumps(case)}).regain_s == 180


@pytest.mark.parametrize("text", ["", "x", "[]", "null", '{"1": 5}', '{"1": [5, null]}', '{"acc_id_util_pct": "9"}'])
def test_an_odd_header_counts_as_none(text: str) -> None:
    reading = read_usage(dict.fromkeys(_HEADERS, text))
    assert (reading.account, reading.business, reading.insights, reading.regain_s) == (None, None, None, 0.0)


def test_an_answer_that_is_silent_about_a_figure_leaves_the_known_one() -> None:
    known = merge(NOTHING_KNOWN, read_usage(_HEADERS))
    later = merge(known, read_usage({"X-Ad-Account-Usage": '{"acc_id_util_pct":12}'}))
    assert later == Usage(account=0.12, business=0.95, insights=0.55, regain_at_s=0.0)


def test_the_reader_tells_the_usage_of_its_newest_answer(server: Scripted, kit: Kit) -> None:
    assert kit.reader.usage() == NOTHING_KNOWN
    server.answer(ACCOUNT_NODE, headers=_HEADERS)
    kit.reader.account(ACCOUNT)
    assert kit.reader.usage() == Usage(account=0.0967, business=0.95, insights=0.55, regain_at_s=0.0)


def test_an_absurd_regain_time_closes_an_account_for_a_day_at_most():
    case = {"1": [{"type": "ads_management", "call_count": 100, "estimated_time_to_regain_access": 10**12}]}
    assert read_usage({"X-Business-Use-Case-Usage": json.dumps(case)}).regain_s == 24 * 3600
