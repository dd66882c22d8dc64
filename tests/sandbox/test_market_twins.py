"""The market in process and the very same behind HTTP: identical insight rows for random worlds, edits and advances."""

import json
import urllib.parse
import urllib.request
from datetime import datetime, timedelta

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sandbox.market.local import LocalMarket
from sandbox.process import start
from sandbox.scenario import Scenario
from tests.sandbox.shops import FIELDS, START, rows, shop

ADS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["Film", "Still", "Ölfilm"]), "ctr": st.floats(0.005, 0.05),
            "cvr": st.floats(0.01, 0.3), "order_value_minor": st.integers(500, 20_000), "fatigue": st.floats(0, 2),
        }
    ), min_size=1, max_size=3,
)  # fmt: skip
AD_SETS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.just("Set"), "ads": ADS, "daily_budget_minor": st.integers(500, 50_000),
            "audience_size": st.integers(5_000, 900_000), "audience": st.sampled_from([None, "shared"]),
            "delivery": st.sampled_from(["appeal", "even"]),
        }
    ), min_size=1, max_size=3,
)  # fmt: skip
ACCOUNTS = st.fixed_dictionaries(
    {
        "timezone": st.sampled_from(["UTC", "Europe/Madrid", "America/Los_Angeles", "Asia/Kolkata"]),
        "currency": st.sampled_from(["EUR", "JPY", "KWD"]),
        "people": st.sampled_from([[], [{"name": "Ana", "edits_per_day": 4.0}]]),
    }
)
EDITS = st.one_of(
    st.fixed_dictionaries({"daily_budget": st.integers(1_000, 60_000)}),
    st.fixed_dictionaries({"status": st.sampled_from(["PAUSED", "ACTIVE"])}),
)
STEPS = st.lists(st.tuples(st.integers(1, 5 * 24 * 60), st.integers(0, 2), EDITS), min_size=2, max_size=4)
SPLITS = st.sampled_from([(), ("age", "gender"), ("country",), ("publisher_platform", "platform_position")])


@given(st.tuples(AD_SETS, ACCOUNTS, st.integers(1, 10**6)), STEPS, SPLITS)
@settings(max_examples=4, phases=[Phase.generate], deadline=None, derandomize=True, database=None)
def test_both_tell_the_same_rows(tmp_path_factory, world, steps, split):
    ad_sets, account, seed = world
    scenario = shop(*ad_sets, account=account, seed=seed, history_days=3)
    file = tmp_path_factory.mktemp("twins") / "world.json"
    file.write_text(scenario.model_dump_json(), encoding="utf-8")
    market = LocalMarket(Scenario.model_validate_json(file.read_text(encoding="utf-8")), start=START)
    with start(file.parent / "data", scenario=str(file), speed=0, start_at=START.isoformat()) as served:
        for minutes, place, change in steps:
            market.advance(timedelta(minutes=minutes))
            served.ask("POST", "/advance", {"minutes": minutes})
            target = market.account(market.accounts[0]).nodes["adset"][place % len(ad_sets)].id
            market.edit(target, **change)
            served.ask("POST", "/human_edit", {"object_id": target, "changes": change})
            here, there = local_rows(market, split), served_rows(served, market, split)
            assert here == there
            assert here


def span(market):
    zone = market.account(market.accounts[0]).calendar.zone
    return (START - timedelta(days=3)).astimezone(zone).date(), datetime.fromtimestamp(
        market.now.timestamp(), zone
    ).date()


def local_rows(market, split):
    first, last = span(market)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    account = market.account(market.accounts[0])
    return rows(market, account, level="ad", periods=[(day, day) for day in days], breakdowns=split)


def served_rows(served, market, split):
    first, last = span(market)
    params = {
        "level": "ad", "fields": ",".join(FIELDS), "time_increment": "1", "limit": "5000",
        "time_range": json.dumps({"since": first.isoformat(), "until": last.isoformat()}),
        "access_token": served.token, **({"breakdowns": ",".join(split)} if split else {}),
    }  # fmt: skip
    url = f"{served.graph}/v26.0/act_{market.accounts[0]}/insights?{urllib.parse.urlencode(params)}"
    with urllib.request.urlopen(url, timeout=60) as answer:
        document = json.load(answer)
    assert "next" not in document.get("paging", {})
    return document["data"]
