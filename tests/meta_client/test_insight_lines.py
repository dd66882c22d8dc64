"""The short way from Meta's bytes to a bulk load gives the very figures of the long way, or steps aside."""

import json
from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.insight_pages import InsightPage
from domain.objects import InsightRow
from meta_client import decode, wire
from meta_client.insight_lines import page_of

_LINES = msgspec.json.Decoder(list[wire.InsightLine], strict=False)
_ROWS = msgspec.json.Decoder(list[wire.Insight], strict=False)
_HOUR = "hourly_stats_aggregated_by_advertiser_time_zone"
_NAMES = (
    "omni_purchase", "purchase", "offsite_conversion.fb_pixel_purchase", "link_click", 'q"u\\ote',
    '{"action_type":"omni_purchase","value":"7"}',
)  # fmt: skip


def _row(**more: object) -> dict[str, object]:
    row = {"ad_id": "1", "adset_id": "2", "campaign_id": "3", "date_start": "2026-11-20", "impressions": "9"}
    return row | {"spend": "12.34", "date_stop": "2026-11-20"} | more


def _both(rows: list[dict[str, object]], currency: str = "USD", *, hourly: bool = False, spaced: bool = False):
    body = json.dumps(rows, separators=None if spaced else (",", ":")).encode()
    return page_of(_LINES.decode(body), currency, hourly=hourly), decode.insight_rows(_ROWS.decode(body), currency)


_amounts = st.one_of(
    st.integers(0, 10**9).map(lambda cents: f"{cents // 100}.{cents % 100:02}"),
    st.integers(0, 10**6).map(str),
    st.decimals(0, 10**6, places=4).map(str),
    st.just("-1.20"),
)
_actions = st.lists(
    st.fixed_dictionaries({"action_type": st.sampled_from(_NAMES), "value": _amounts}, optional={"7d_click": _amounts}),
    max_size=4,
)
_rows = st.lists(
    st.fixed_dictionaries(
        {"ad_id": st.integers(1, 10**17).map(str), "adset_id": st.just("2"), "campaign_id": st.just("3"),
         "date_start": st.dates(date(2020, 1, 1), date(2030, 1, 1)).map(str), "spend": _amounts},
        optional={"impressions": st.integers(0, 10**6).map(str), "inline_link_clicks": st.integers(0, 99).map(str),
                  "actions": _actions, "action_values": _actions},
    ),
    max_size=5,
)  # fmt: skip


@given(rows=_rows, currency=st.sampled_from(("USD", "HUF", "JPY", "KWD")), spaced=st.booleans())
def test_lines_say_what_rows_say(rows: list[dict[str, object]], currency: str, *, spaced: bool) -> None:
    fast, slow = _both(rows, currency, spaced=spaced)
    assert list(fast) == slow


def test_a_usual_page_takes_the_short_way() -> None:
    actions = [{"action_type": "omni_purchase", "value": "3"}]
    values = [{"action_type": "omni_purchase", "value": "99.50"}]
    fast, _ = _both([_row(actions=actions, action_values=values)] * 3)
    assert isinstance(fast, InsightPage)
    assert fast.lines == "1\t2\t3\t2026-11-20\t9\t0\t1234\t3\t9950\n" * 3
    assert len(fast) == 3
    assert fast[0] == InsightRow("1", "2", "3", date(2026, 11, 20), -1, 9, 0, 1234, 3, 9950)


def test_hours_are_told_between_the_day_and_the_figures() -> None:
    rows = [_row(**{_HOUR: f"{hour:02}:00:00 - {hour:02}:59:59"}) for hour in (0, 9, 23)]
    fast, slow = _both(rows, hourly=True)
    assert isinstance(fast, InsightPage)
    assert (list(fast), [row.hour for row in fast]) == (slow, [0, 9, 23])


@pytest.mark.parametrize("strange", ["a1", "", "1\t2", "ñ", "1\n", "12-3"])
def test_an_id_that_is_no_number_is_kept_as_it_is(strange: str) -> None:
    fast, slow = _both([_row(), _row(ad_id=strange)])
    assert not isinstance(fast, InsightPage)
    assert list(fast) == slow
    assert fast[1].ad_id == strange


@pytest.mark.parametrize(
    "broken",
    [{"spend": "n/a"}, {"date_start": "2026-13-45"}, {"impressions": "many"}, {"spend": ""},
     {"actions": [{"action_type": "purchase", "value": "x"}]}],
)  # fmt: skip
def test_what_is_no_figure_is_an_error_and_not_zero(broken: dict[str, object]) -> None:
    body = json.dumps([_row(), _row(**broken)]).encode()
    with pytest.raises(ValueError):  # noqa: PT011 - each has words of its own
        page_of(_LINES.decode(body), "USD", hourly=False)


def test_an_hour_that_is_none_does_not_pass_for_one() -> None:
    with pytest.raises(ValueError, match="cannot be"):
        _both([_row(**{_HOUR: "24:00:00 - 24:59:59"})], hourly=True)
