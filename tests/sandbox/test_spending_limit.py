"""An account's spending limit: told in major units, read in minor ones, and nothing delivers beyond it."""

import pytest

from tests.sandbox.stranger import Stranger

FIELDS = "spend_cap,amount_spent"


def limit_and_spent(stranger: Stranger) -> tuple[int, int]:
    shown = stranger.get(stranger.account, fields=FIELDS)
    return int(shown["spend_cap"]), int(shown["amount_spent"])


def test_it_is_told_in_major_units_and_read_in_minor_ones(stranger: Stranger) -> None:
    assert stranger.post(stranger.account, spend_cap="91234.56") == {"success": True}
    assert limit_and_spent(stranger)[0] == 9_123_456
    assert stranger.post(stranger.account, spend_cap_action="delete") == {"success": True}
    assert limit_and_spent(stranger)[0] == 0
    stranger.post(stranger.account, spend_cap="5")
    stranger.post(stranger.account, spend_cap="0")  # 0 = there is none
    assert limit_and_spent(stranger)[0] == 0


def test_an_account_that_reaches_its_limit_delivers_nothing_more(stranger: Stranger) -> None:
    """A day costs about 200 EUR here; with 30 EUR left, 30 EUR are spent, and the rest of the day nothing."""
    _, before = limit_and_spent(stranger)
    stranger.post(stranger.account, spend_cap=f"{(before + 3_000) / 100:.2f}")
    stranger.process.ask("POST", "/advance", {"hours": 36})
    limit, spent = limit_and_spent(stranger)
    assert before < spent <= limit
    stranger.process.ask("POST", "/advance", {"hours": 24})
    assert limit_and_spent(stranger) == (limit, spent)
    stranger.post(stranger.account, spend_cap_action="delete")
    stranger.process.ask("POST", "/advance", {"hours": 24})
    assert limit_and_spent(stranger)[1] > spent + 3_000


def test_the_history_of_the_account_tells_of_a_change_once(stranger: Stranger) -> None:
    def told() -> list[dict[str, str]]:
        rows = stranger.get(f"{stranger.account}/activities", fields="event_type,object_id,object_type")["data"]
        return [row for row in rows if row["object_type"] == "ACCOUNT"]

    before = told()
    stranger.post(stranger.account, spend_cap="77777")
    stranger.post(stranger.account, spend_cap="77777.00")  # nothing changes
    line = {
        "event_type": "ad_account_update_spend_limit",
        "object_id": stranger.account.removeprefix("act_"),
        "object_type": "ACCOUNT",
    }
    assert told() == [line, *before]
    stranger.post(stranger.account, spend_cap_action="delete")


@pytest.mark.parametrize(
    "form",
    [
        {"spend_cap": "much"},
        {"spend_cap": "-1"},
        {"spend_cap": "1.234"},
        {"spend_cap_action": "reset"},
        {"spend_cap_action": "delete", "spend_cap": "5"},
        {"currency": "USD"},
    ],
)
def test_what_makes_no_sense_is_refused_without_effect(stranger: Stranger, form: dict[str, str]) -> None:
    limit, _ = limit_and_spent(stranger)
    assert stranger.call("POST", stranger.account, data=form).json()["error"]["code"] == 100
    assert limit_and_spent(stranger)[0] == limit
