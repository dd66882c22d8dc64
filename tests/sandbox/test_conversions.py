"""Conversions API: what is received, what is refused with its place, counted once, and that nobody is kept."""

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.stranger import PIXEL, START, Stranger, open_shop

NOW_S = int(datetime.fromisoformat(f"{START}+00:00").timestamp())


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def event(**more: Any) -> dict[str, Any]:
    person = {"em": [sha("ana@shop.example")], "client_user_agent": "Mozilla/5.0"}
    return {
        "event_name": "AddToCart", "event_time": NOW_S - 60, "action_source": "website", "user_data": person,
        "event_source_url": "https://shop.example/a", **more,
    }  # fmt: skip


def send(stranger: Stranger, *events: Any, **more: Any) -> dict[str, Any]:
    return stranger.post(f"{PIXEL}/events", data=json.dumps(events), **more)


def counted(stranger: Stranger) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in stranger.rows(f"{PIXEL}/stats", aggregation="event"):
        for part in row["data"]:
            found[part["value"]] = found.get(part["value"], 0) + part["count"]
    return found


@pytest.fixture(autouse=True)
def _stand_still(stranger: Stranger) -> None:
    assert stranger.process.ask("GET", "/clock")["platform_at"].startswith(START)


def test_events_are_received_and_counted_by_name_and_hour(stranger: Stranger) -> None:
    purchase = event(event_name="Purchase", custom_data={"currency": "EUR", "value": "12.50"}, event_time=NOW_S - 7_300)
    answer = send(stranger, event(), json.dumps(event()), purchase, test_event_code="TEST123")
    assert answer["events_received"] == 3
    assert answer["messages"] == []
    assert answer["fbtrace_id"]
    assert counted(stranger) == {"AddToCart": 2, "Purchase": 1}
    rows = stranger.rows(f"{PIXEL}/stats", aggregation="event")
    assert [row["start_time"] for row in rows] == ["2026-11-20T15:00:00+0000", "2026-11-20T13:00:00+0000"]
    (total,) = stranger.rows(f"{PIXEL}/stats", aggregation="event_total_counts", event="Purchase")
    assert total["data"] == [{"value": "Purchase", "count": 1}]
    assert stranger.refused("GET", f"{PIXEL}/stats", aggregation="browser_type") == (100, None)


def test_the_same_event_counts_once(stranger: Stranger) -> None:
    again = event(event_name="Lead", event_id="order-17")
    assert send(stranger, again, again)["events_received"] == 2
    assert send(stranger, again)["events_received"] == 1
    send(stranger, event(event_name="Contact", event_id="order-17"), event(event_name="Lead", event_id="order-18"))
    assert {name: counted(stranger)[name] for name in ("Lead", "Contact")} == {"Lead": 2, "Contact": 1}


BAD: dict[str, tuple[Any, int | None]] = {
    "no object": ("[1]", None),
    "no name": (event(event_name=""), None),
    "no action source": (event(action_source=None), None),
    "unknown action source": (event(action_source="web"), None),
    "no time": (event(event_time=None), None),
    "milliseconds": (event(event_time=NOW_S * 1_000), None),
    "the future": (event(event_time=NOW_S + 600), 2_804_004),
    "too old": (event(event_time=NOW_S - 7 * 86_400 - 1), 2_804_003),
    "too old for a shop": (event(event_time=NOW_S - 63 * 86_400, action_source="physical_store"), 2_804_003),
    "nobody": (event(user_data=None), 2_804_050),
    "too little of somebody": (event(user_data={"ge": sha("f"), "client_user_agent": "x"}), 2_804_050),
    "a raw address": (event(user_data={"em": "ana@shop.example"}), None),
    "a raw address among digests": (event(user_data={"em": [sha("a"), "ana@shop.example"]}), None),
    "a raw number": (event(user_data={"ph": "34600112233", "em": sha("a")}), None),
    "a purchase without value": (event(event_name="Purchase", custom_data={"currency": "EUR"}), None),
    "a currency that is none": (event(custom_data={"currency": "EURO"}), None),
    "a value that is none": (event(custom_data={"value": "much"}), None),
    "an id that is none": (event(event_id=[1]), None),
}


@pytest.mark.parametrize("case", BAD)
def test_one_bad_event_fails_the_whole_request_and_is_named(stranger: Stranger, case: str) -> None:
    wrong, subcode = BAD[case]
    before = stranger.effects()
    form = {"data": json.dumps([event(), event(), wrong, event()])}
    error = stranger.call("POST", f"{PIXEL}/events", data=form).json()["error"]
    assert (error["code"], error.get("error_subcode")) == (100, subcode)
    assert "data[2]" in error["error_user_msg"]
    assert "ana@shop" not in json.dumps(error)
    assert "34600112233" not in json.dumps(error)
    assert stranger.effects() == before


@pytest.mark.parametrize("data", ["[]", "{}", "x", json.dumps([event()] * 1_001)])
def test_a_request_without_events_or_with_too_many_is_refused(stranger: Stranger, data: str) -> None:
    assert stranger.refused("POST", f"{PIXEL}/events", data=data) == (100, None)
    assert stranger.refused("POST", f"{PIXEL}/events") == (100, None)


def test_a_thousand_events_and_a_late_sale_in_a_shop_are_received(stranger: Stranger) -> None:
    assert send(stranger, *[event(event_name="PageView")] * 1_000)["events_received"] == 1_000
    late = event(event_time=NOW_S - 40 * 86_400, action_source="physical_store", event_name="Visit")
    assert send(stranger, late)["events_received"] == 1


def test_what_is_only_odd_is_received_with_a_word(stranger: Stranger) -> None:
    odd = event(event_source_url=None)
    odd["user_data"]["shoe_size"] = "42"
    assert len(send(stranger, odd)["messages"]) == 2


def test_events_survive_a_kill_and_nothing_on_disk_names_anybody(tmp_path: Path) -> None:
    """Ids, addresses and user agents of what was received and of what was refused are on no file of the folder."""
    person = {
        "em": sha("hidden@private.example"),
        "external_id": "crm-person-4711",
        "client_ip_address": "203.0.113.77",
    }
    with open_shop(tmp_path) as process:
        stranger = Stranger(process)
        send(stranger, event(user_data=person, event_id="basket-of-4711"))
        stranger.refused(
            "POST", f"{PIXEL}/events", data=json.dumps([event(user_data={"em": "hidden@private.example"})])
        )
        process.kill()
        process.restart()
        stranger = Stranger(process)
        send(stranger, event(user_data=person, event_id="basket-of-4711"))
        assert counted(stranger) == {"AddToCart": 1}
    held = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    for secret in ("hidden@private", sha("hidden@private.example"), "crm-person", "203.0.113.77", "basket-of"):
        assert secret.encode() not in held
