"""Estimates of reach and delivery: narrower is never larger, money buys more but ever less, and what is refused."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.market.response import outlay
from sandbox.market.truth import Audience
from tests.sandbox.stranger import Stranger

SPAIN: dict[str, Any] = {"geo_locations": {"countries": ["ES"]}}
WIDER = (
    ({"geo_locations": {"countries": ["ES", "FR"]}}, SPAIN),
    (SPAIN, {"geo_locations": {"regions": [{"key": "3"}]}}),
    ({"geo_locations": {"cities": [{"key": "3", "radius": 40}]}}, {"geo_locations": {"cities": [{"key": "3"}]}}),
    (SPAIN, {**SPAIN, "age_min": 25, "age_max": 44}),
    ({**SPAIN, "age_min": 25, "age_max": 54}, {**SPAIN, "age_min": 25, "age_max": 44}),
    (SPAIN, {**SPAIN, "genders": [1]}),
    (SPAIN, {**SPAIN, "interests": [{"id": "6003", "name": "Cooking"}]}),
    ({**SPAIN, "interests": [{"id": "6003"}, {"id": "6004"}]}, {**SPAIN, "interests": [{"id": "6003"}]}),
    ({**SPAIN, "interests": [{"id": "6003"}]},
     {**SPAIN, "flexible_spec": [{"interests": [{"id": "6003"}]}, {"behaviors": [{"id": "7"}]}]}),
    (SPAIN, {**SPAIN, "exclusions": {"interests": [{"id": "6003"}]}}),
    (SPAIN, {**SPAIN, "publisher_platforms": ["messenger"]}),
    ({**SPAIN, "publisher_platforms": ["facebook", "instagram"]}, {**SPAIN, "publisher_platforms": ["facebook"]}),
    (SPAIN, {**SPAIN, "device_platforms": ["desktop"]}),
    (SPAIN, {**SPAIN, "locales": [23]}),
    ({"geo_locations": {"countries": ["ES", "FR"]}},
     {"geo_locations": {"countries": ["ES", "FR"]}, "excluded_geo_locations": {"countries": ["FR"]}}),
)  # fmt: skip


def reach(stranger: Stranger, spec: Any) -> tuple[int, int]:
    found = stranger.get(f"{stranger.account}/reachestimate", targeting_spec=json.dumps(spec))["data"]
    assert found["estimate_ready"] is True
    return found["users_lower_bound"], found["users_upper_bound"]


def delivery(stranger: Stranger, path: str, **params: Any) -> dict[str, Any]:
    (row,) = stranger.get(f"{path}/delivery_estimate", **params)["data"]
    return dict(row)


@pytest.mark.parametrize(("wide", "narrow"), WIDER)
def test_a_narrower_targeting_reaches_fewer(stranger: Stranger, wide: dict[str, Any], narrow: dict[str, Any]) -> None:
    (low, high), (fewer_low, fewer_high) = reach(stranger, wide), reach(stranger, narrow)
    assert fewer_low < low
    assert fewer_high < high
    assert 1_000 <= fewer_low <= fewer_high


def test_a_custom_audience_bounds_what_is_reached(stranger: Stranger) -> None:
    form = {"name": "Buyers", "subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY"}
    audience = stranger.post(f"{stranger.account}/customaudiences", **form)["id"]
    users = json.dumps({"schema": "EMAIL", "data": [f"n{n}@shop.example" for n in range(5_000)]})
    stranger.post(f"{audience}/users", payload=users)
    assert reach(stranger, {**SPAIN, "custom_audiences": [{"id": audience}]}) == (2_970, 3_500)
    assert reach(stranger, {"custom_audiences": [{"id": audience}]}) == (2_970, 3_500)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, (100, None)),
        ({"targeting_spec": "everybody"}, (100, None)),
        ({"targeting_spec": "{}"}, (100, 1_885_364)),
        ({"targeting_spec": '{"geo_locations":["ES"]}'}, (100, None)),
        ({"targeting_spec": json.dumps({**SPAIN, "age_min": 50, "age_max": 20})}, (100, None)),
        ({"targeting_spec": json.dumps({**SPAIN, "custom_audiences": [{"id": "17"}]})}, (100, 1_870_065)),
        ({"targeting_spec": json.dumps(SPAIN), "colour": "red"}, (100, None)),
    ],
)
def test_a_targeting_that_cannot_be_estimated_is_refused(
    stranger: Stranger, params: dict[str, str], code: tuple[int, int | None]
) -> None:
    assert stranger.refused("GET", f"{stranger.account}/reachestimate", **params) == code


def test_a_delivery_estimate_has_a_curve_that_rises_ever_slower(stranger: Stranger) -> None:
    spec = json.dumps(SPAIN)
    row = delivery(stranger, stranger.account, targeting_spec=spec, optimization_goal="OFFSITE_CONVERSIONS")
    assert 0 < row["estimate_dau"] <= row["estimate_mau_lower_bound"] <= row["estimate_mau_upper_bound"]
    curve = row["daily_outcomes_curve"]
    for less, more in itertools.pairwise(curve[1:]):
        assert less["reach"] <= less["impressions"]
        for name in ("reach", "impressions", "actions"):
            assert less[name] < more[name]
        assert more["impressions"] * less["spend"] < (less["impressions"] + 1) * more["spend"]
    assert curve[0] == {"spend": 0, "reach": 0, "impressions": 0, "actions": 0}


def test_an_account_s_delivery_estimate_needs_a_goal(stranger: Stranger) -> None:
    path = f"{stranger.account}/delivery_estimate"
    assert stranger.refused("GET", path, targeting_spec=json.dumps(SPAIN)) == (100, None)
    fields = {"targeting_spec": json.dumps(SPAIN), "optimization_goal": "REACH", "fields": "estimate_dau"}
    assert stranger.get(path, **fields)["data"][0].keys() == {"estimate_dau"}
    assert stranger.refused("GET", path, **{**fields, "fields": "bid_estimate"}) == (100, None)


def test_an_ad_set_s_estimate_is_of_its_own_people(stranger: Stranger) -> None:
    ad_set = stranger.named("adsets", "Cooks")
    row = delivery(stranger, ad_set)
    assert (row["estimate_mau_lower_bound"], row["estimate_mau_upper_bound"]) == (765_000, 900_000)
    wanted = {"targeting_spec": json.dumps(SPAIN), "optimization_goal": "LINK_CLICKS"}
    assert delivery(stranger, ad_set, **wanted)["estimate_mau_upper_bound"] > 900_000


AMOUNTS = st.integers(min_value=0, max_value=10**9)  # minor units
PEOPLE = st.integers(min_value=100, max_value=10**8)


@given(less=AMOUNTS, more=AMOUNTS, few=PEOPLE, many=PEOPLE)
@settings(max_examples=200, deadline=None)
def test_more_money_and_more_people_never_buy_less(less: int, more: int, few: int, many: int) -> None:
    audience = Audience(size=300_000, cpm_minor=1_200.0, saturation_daily_minor=18_000.0)
    (less, more), (few, many) = sorted((less, more)), sorted((few, many))
    low, high = (outlay(audience, spend_minor=spend, people=few) for spend in (less, more))
    wide = outlay(audience, spend_minor=more, people=many)
    assert low.impressions <= high.impressions * (1 + 1e-9)
    assert low.reach <= high.reach * (1 + 1e-9)
    assert high.impressions <= wide.impressions * (1 + 1e-9)
    assert high.reach <= wide.reach * (1 + 1e-9)
    assert wide.reach <= many * (1 + 1e-9)
