"""Whatever is sent, the sandbox answers in Meta's words: never a 500, and never half of a write."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sandbox.stranger import Stranger, ad_set_form

FUZZED = settings(max_examples=120)
ODD = st.sampled_from(
    ["", "null", "[]", "{}", "[[]]", "[null]", '[{"a":{}}]', "true", "-1", "0", "1e999", "nan", "inf", "1" * 50, "{'a'",
     "[1,2", "'", '"', "\x00", "\ud7ff", "🫒", "{" * 400, "[" * 4_000, "a{" * 900, "act_1", "../..", "%00", "(1,2)",
     "{1:2}", "[...]", "1970-01-01", "9999-12-31T23:59:59", "0001-01-01", '{"since":"9999-12-31","until":"9999-12-31"}',
     '{"since":"0001-01-01","until":"0001-01-02"}', '["PAUSED"]', '{"creative_id":{}}', '{"geo_locations":1}',
     '[{"name":{}}]', '[{"name":"x","x":"\\ud800"}]', '[{"field":"name","operator":"IN","value":[[]]}]',
     '[{"field":"updated_time","operator":"GREATER_THAN","value":' + "9" * 400 + "}]",
     '{"page_id":"104215550100771","link_data":{"call_to_action":"BUY"}}',
     '{"page_id":"104215550100771","link_data":[1]}'],
)  # fmt: skip
VALUES = st.one_of(ODD, st.text(max_size=40), st.integers().map(str), st.floats().map(str), st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=6).map(json.dumps))  # fmt: skip
READ_PARAMS = st.sampled_from(
    ["fields", "limit", "after", "before", "filtering", "effective_status", "status", "updated_since", "summary",
     "level", "time_range", "time_ranges", "time_increment", "date_preset", "breakdowns", "since", "until", "oid",
     "action_breakdowns", "action_attribution_windows", "sort", "method"]
)  # fmt: skip
WRITE_PARAMS = st.sampled_from(
    ["name", "status", "daily_budget", "lifetime_budget", "adlabels", "targeting", "promoted_object", "bid_strategy",
     "bid_amount", "bid_constraints", "attribution_spec", "end_time", "creative", "campaign_id", "adset_id",
     "objective", "special_ad_categories", "is_adset_budget_sharing_enabled", "object_story_spec", "asset_feed_spec",
     "tracking_specs", "execution_options", "spend_cap", "optimization_goal", "billing_event", "start_time",
     "adset_schedule", "frequency_control_specs", "pacing_type", "destination_type", "degrees_of_freedom_spec"]
)  # fmt: skip
READS = st.sampled_from(["campaigns", "adsets", "ads", "adcreatives", "insights", "activities", "adlabels", "", "x"])
CONTENT_TYPES = st.sampled_from(
    ["application/json", "application/x-www-form-urlencoded", "text/plain", "multipart/form-data"]
    + [f"multipart/form-data; boundary={boundary}" for boundary in ("x", '"', "--=_?")]
)
ITEMS = st.dictionaries(
    st.sampled_from(["method", "relative_url", "body", "access_token", "name"]),
    st.one_of(st.text(max_size=20), st.none(), st.integers(), st.lists(st.text(max_size=3), max_size=2), ODD),
)
EDGES = st.sampled_from(["campaigns", "adsets", "ads", "adcreatives"])


def answered_well(stranger: Stranger, method: str, path: str, **options: Any) -> bool:
    """Call; assert that the answer is Meta's, one way or the other, and say whether it was a success."""
    answer = stranger.call(method, path, **options)
    assert answer.status_code in (200, 400, 401, 403), (method, path, options, answer.text[:300])
    document = answer.json()
    assert answer.ok == ("error" not in document)
    return answer.ok


@given(edge=READS, params=st.dictionaries(READ_PARAMS, VALUES, max_size=4))
@FUZZED
def test_no_read_crashes_or_writes(stranger: Stranger, edge: str, params: dict[str, str]) -> None:
    params.pop("method", None)
    before = stranger.effects()
    answered_well(stranger, "GET", f"{stranger.account}/{edge}".rstrip("/"), params=params)
    assert stranger.effects() == before


@given(edge=EDGES, drop=st.sets(WRITE_PARAMS, max_size=2), form=st.dictionaries(WRITE_PARAMS, VALUES, max_size=4))
@FUZZED
def test_a_create_is_whole_or_not_at_all(stranger: Stranger, edge: str, drop: set[str], form: dict[str, str]) -> None:
    before = stranger.effects()
    good = {**ad_set_form(stranger.named("campaigns", "Own budgets")), "status": "PAUSED", "objective": "OUTCOME_SALES",
            "special_ad_categories": "[]"}  # fmt: skip
    sent = {name: value for name, value in good.items() if name not in drop} | form
    is_done = answered_well(stranger, "POST", f"{stranger.account}/{edge}", data=sent)
    lines = stranger.oracle()[before:]
    only_checked = "validate_only" in sent.get("execution_options", "")
    assert len(lines) == int(is_done and not only_checked)
    for line in lines:
        assert stranger.get(line["object_id"], fields="id,name,status")["name"]
        stranger.delete(line["object_id"])


@given(kind=st.sampled_from(["campaigns", "adsets", "ads"]), form=st.dictionaries(WRITE_PARAMS, VALUES, max_size=3))
@FUZZED
def test_an_update_is_whole_or_not_at_all(stranger: Stranger, kind: str, form: dict[str, str]) -> None:
    node = stranger.named(kind, {"campaigns": "Resting", "adsets": "Old", "ads": "Worn"}[kind])
    form = {name: value for name, value in form.items() if name != "name"}
    before = stranger.effects()
    is_done = answered_well(stranger, "POST", node, data=form)
    assert len(stranger.oracle()[before:]) <= int(is_done)


@given(body=st.one_of(st.binary(max_size=200), VALUES.map(str.encode)), kind=CONTENT_TYPES)
@FUZZED
def test_no_body_crashes_the_parser(stranger: Stranger, body: bytes, kind: str) -> None:
    before = stranger.effects()
    headers = {"Content-Type": kind}
    answered_well(stranger, "POST", f"{stranger.account}/campaigns", data=body, headers=headers)
    wrapped = b'--x\r\nContent-Disposition: form-data; name="name"\r\n' + body + b"\r\n--x--\r\n"
    answered_well(stranger, "POST", f"{stranger.account}/campaigns", data=wrapped, headers=headers)
    assert stranger.effects() == before


@given(item=ITEMS, raw=VALUES)
@FUZZED
def test_no_item_breaks_its_batch(stranger: Stranger, item: dict[str, Any], raw: str) -> None:
    before = stranger.effects()
    good = {"method": "GET", "relative_url": "me"}
    rows = stranger.call("POST", "", data={"batch": json.dumps([item, good, raw])}).json()
    assert [row["code"] == 200 for row in rows][1:] == [True, False]
    assert rows[0]["code"] in (200, 400, 401, 403)
    json.loads(rows[0]["body"])
    assert stranger.effects() == before


@pytest.mark.parametrize(
    "path", ["", "%00", "a/b/c/d", "%ff", "act_", "act_%2e%2e", "me/x", "v1.0/v2.0", "?", "x" * 5_000]
)
def test_no_path_crashes(stranger: Stranger, path: str) -> None:
    assert not answered_well(stranger, "GET", path)


def test_fields_that_nest_without_end_are_refused(stranger: Stranger) -> None:
    node = stranger.named("ads", "Box")
    assert stranger.refused("GET", node, fields="adset{ads{" * 20 + "id" + "}}" * 20) == (100, None)
    assert stranger.get(node, fields="adset{campaign{adsets{ads{creative{id}}}}}")["adset"]["campaign"]["adsets"][
        "data"
    ]
