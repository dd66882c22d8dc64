"""Conversions API over a long test: what each request costs does not grow with how many came before it."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sandbox.records import RecordKind
from tests.sandbox.fuzzed_shop import Shop
from tests.sandbox.stranger import PIXEL
from tests.sandbox.test_conversions import event

FORM = "application/x-www-form-urlencoded"
HOUR_US = 3_600_000_000


class Counted(dict[str, Any]):
    """Values of a record that count how often the keys of its events are read."""

    reads = 0

    def __getitem__(self, name: str) -> Any:
        Counted.reads += name == "keys"
        return super().__getitem__(name)


def send(shop: Shop, event_id: str) -> None:
    body = urlencode({"data": json.dumps([event(event_id=event_id)]), "access_token": shop.platform.token}).encode()
    assert shop.send("POST", f"/v25.0/{PIXEL}/events", body=body, kind=FORM).document["events_received"] == 1


def requests(shop: Shop) -> list[Any]:
    return list(shop.platform.world.records.of(shop.account, RecordKind.EVENTS))


def counts(shop: Shop) -> list[Any]:
    return [request.values["counts"] for request in requests(shop)]


def test_each_request_is_read_once_however_many_follow_it(tmp_path: Path) -> None:
    """Every request read all those of two days before it: ten times as many took a hundred times as long."""
    shop, Counted.reads = Shop(tmp_path), 0
    for n in range(60):
        send(shop, f"order-{n}")
        newest = requests(shop)[-1]
        newest.values = Counted(newest.values)
    assert Counted.reads == 59  # all but the newest, which nobody came after
    send(shop, "order-0")
    assert counts(shop)[-1] == {}


def test_an_event_is_new_again_after_two_days_and_known_for_two_more(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    send(shop, "order-1")
    shop.platform.clock.advance_to(shop.platform.clock.now_us() + 47 * HOUR_US)
    send(shop, "order-1")
    shop.platform.clock.advance_to(shop.platform.clock.now_us() + HOUR_US)
    send(shop, "order-1")
    shop.platform.clock.advance_to(shop.platform.clock.now_us() + 47 * HOUR_US)
    send(shop, "order-1")
    assert [bool(row) for row in counts(shop)] == [True, False, True, False]
