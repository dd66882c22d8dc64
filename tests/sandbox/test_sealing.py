"""Sealed calls: nothing personal is left in them, and they do what the open ones would have done."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.meta.people.people_keys import NORMALISERS, digest_of
from sandbox.meta.protocol.request import GraphCall
from sandbox.meta.protocol.sealing import sealed

NAME = "zoe.q"


def call(*path: str, **params: str) -> GraphCall:
    return GraphCall(method="POST", path=path, version="v26.0", params=params, token=None)


@pytest.mark.parametrize(
    "payload",
    [
        {"schema": "EMAIL", "data": [f"{NAME}@shop.example"]},
        {"schema": ["EMAIL", "FN"], "data": [[f"{NAME}@shop.example", NAME], [NAME, NAME], [NAME]]},
        {"schema": "SHOE", "data": [NAME]},
        {"schema": "EMAIL", "data": NAME},
        [NAME],
        NAME,
    ],
)
def test_a_customer_list_is_sealed(payload: Any) -> None:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    assert NAME not in json.dumps(sealed(call("1", "users", payload=text)).params)


def test_an_event_is_sealed_down_to_its_counts() -> None:
    person = {"em": NAME, "external_id": NAME, "ph": [hashlib.sha256(b"1").hexdigest()]}
    event = {"event_name": "Lead", "event_time": 5, "action_source": "website", "user_data": person,
             "event_source_url": f"https://a/?{NAME}", "event_id": NAME,
             "custom_data": {"value": 3, "note": NAME}}  # fmt: skip
    kept = sealed(call("1", "events", data=json.dumps([event, json.dumps(event), NAME]))).params["data"]
    assert NAME not in kept
    first, second, third = json.loads(kept)
    assert first == second
    assert (third, first["custom_data"], first["event_name"], first["event_time"]) == ("?", {"value": 3}, "Lead", 5)
    assert first["user_data"] == {"em": ["?"], "external_id": "-", "ph": person["ph"]}


def test_other_calls_are_kept_as_they_are() -> None:
    for other in (call("1", name="Anna"), call(batch="[1]"), call(batch="x"), call("act_1", "campaigns", name="Anna")):
        assert sealed(other).params == other.params


@given(key=st.sampled_from(sorted(NORMALISERS)), value=st.text(min_size=1, max_size=40))
def test_a_sealed_value_is_valid_where_the_open_one_was_and_has_its_digest(key: str, value: str) -> None:
    payload = json.dumps({"schema": [key], "data": [[value]]})
    ((kept,),) = json.loads(sealed(call("1", "users", payload=payload)).params["payload"])["data"]
    if digest_of(key, value) is None:
        assert kept == "?"
    else:
        assert digest_of(key, kept) == digest_of(key, value)
