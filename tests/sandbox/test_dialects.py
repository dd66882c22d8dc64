"""The boundary between the market and the languages in which it is spoken to, shown by a second dialect."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.dialects import DIALECTS, DialectRow, open_dialects, row_of
from sandbox.platform import Platform
from tests.sandbox.stranger import Stranger, minor, open_shop

TOY = "toy=tests.sandbox.toy_dialect:open_dialect"


class Toy:
    """A caller of the second dialect."""

    def __init__(self, stranger: Stranger) -> None:
        self.url = stranger.process.addresses["toy"]

    def get(self, path: str) -> Any:
        return requests.get(self.url + path, timeout=30).json()

    def move(self, group: str, daily_minor: int) -> Any:
        return requests.post(f"{self.url}/groups/{group}", json={"daily_minor": daily_minor}, timeout=30).json()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    """A shop that speaks Meta's language and the toy's."""
    with open_shop(tmp_path_factory.mktemp("both"), dialect=TOY) as process:
        yield Stranger(process)


def test_both_dialects_tell_the_same_spend_of_the_same_market(both: Stranger) -> None:
    (account,) = Toy(both).get("/accounts")
    (row,) = both.insights(date_preset="maximum", fields="spend")
    assert account["id"] == both.account.removeprefix("act_")
    assert account["spent_minor"] == minor(row["spend"]) > 0
    both.advance(hours=7)
    (later,) = Toy(both).get("/accounts")
    (row,) = both.insights(date_preset="maximum", fields="spend")
    assert later["spent_minor"] == minor(row["spend"]) > account["spent_minor"]


def test_a_budget_moved_in_one_dialect_is_seen_in_the_other_and_in_the_log(both: Stranger) -> None:
    gifts = both.named("adsets", "Gifts")
    assert Toy(both).move(gifts, 7_700) == {"id": gifts, "daily_minor": 7_700}
    assert both.get(gifts, fields="daily_budget") == {"daily_budget": "7700", "id": gifts}
    line = both.oracle()[-1]
    assert (line["path"], line["actor"], line["change"]["daily_budget"][1]) == (f"/groups/{gifts}", "toy", 7_700)
    both.post(gifts, daily_budget="8800")
    groups = Toy(both).get(f"/groups?account={both.account.removeprefix('act_')}")
    assert {row["id"]: row["daily_minor"] for row in groups}[gifts] == 8_800


def test_the_admin_address_speaks_to_the_dialect_that_is_named_else_to_the_first(both: Stranger) -> None:
    gifts = both.named("adsets", "Gifts")
    edit = {"dialect": "toy", "object_id": gifts, "changes": {"daily_minor": 6_600}, "actor": "Eva"}
    both.process.ask("POST", "/human_edit", edit)
    assert both.oracle()[-1]["actor"] == "Eva"
    both.process.ask("POST", "/human_edit", {"object_id": gifts, "changes": {"daily_budget": 6_500}})
    assert both.get(gifts, fields="daily_budget")["daily_budget"] == "6500"
    assert both.process.ask("POST", "/tier", {"tier": "toy", "dialect": "toy"}) == {"tier": "toy"}
    with pytest.raises(ValueError, match="dialect is meta or toy"):
        both.process.ask("POST", "/tier", {"tier": "toy", "dialect": "tiktok"})


@pytest.mark.parametrize("text", ["toy", "toy=", "toy=module", "a toy=module:function", "=module:function"])
def test_a_dialect_is_given_as_a_name_and_a_function_of_a_module(text: str) -> None:
    with pytest.raises(ValueError, match="NAME=module:function"):
        row_of(text)


@pytest.mark.parametrize("opener", ["nowhere:open", "json:nothing", ":", "json"])
def test_a_dialect_that_cannot_be_opened_is_refused_by_name(tmp_path: Path, opener: str) -> None:
    platform = Platform(tmp_path, scenario="generated:2")
    with pytest.raises(ValueError, match="dialect 'odd'"):
        open_dialects((DialectRow(name="odd", opener=opener, address="odd"),), platform)
    platform.close()


def test_two_dialects_of_one_name_are_refused(tmp_path: Path) -> None:
    platform = Platform(tmp_path, scenario="generated:2")
    with pytest.raises(ValueError, match="a name of its own"):
        open_dialects((*DIALECTS, *DIALECTS), platform)
    platform.close()
