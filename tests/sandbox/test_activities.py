"""The activities edge: what people and our application changed, newest first, as the oracle log has it."""

import json
from typing import Any

import pytest

from tests.sandbox.stranger import Stranger


@pytest.fixture
def ad_set(stranger: Stranger) -> str:
    return stranger.new_ad_set(stranger.named("campaigns", "Own budgets"), status="PAUSED")


def by_hand(stranger: Stranger, ad_set: str, actor: str = "Marta", **changes: Any) -> None:
    edit = {"object_id": ad_set, "changes": changes, "actor": actor}
    stranger.process.ask("POST", "/human_edit", edit)


def of(stranger: Stranger, ad_set: str, **params: Any) -> list[dict[str, Any]]:
    return stranger.rows(f"{stranger.account}/activities", oid=ad_set, **params)


def test_a_persons_edit_has_another_actor_and_no_application(stranger: Stranger, ad_set: str) -> None:
    by_hand(stranger, ad_set, daily_budget=5_500)
    (event, created) = of(stranger, ad_set)
    assert (event["event_type"], event["object_type"], event["object_id"]) == (
        "update_ad_set_budget",
        "AD_SET",
        ad_set,
    )
    assert event["actor_name"] == "Marta"
    assert "application_id" not in event
    assert json.loads(event["extra_data"]) == {"old_value": 5_000, "new_value": 5_500, "type": "daily_budget"}
    assert created["event_type"] == "create_ad_set"
    assert created["actor_id"] != event["actor_id"]


def test_our_own_writes_carry_the_application_of_our_token(stranger: Stranger, ad_set: str) -> None:
    stranger.post(ad_set, name="Renamed", daily_budget="5600")
    app = stranger.get("app")["id"]
    assert {row["application_id"] for row in of(stranger, ad_set)} == {app}
    assert {row["event_type"] for row in of(stranger, ad_set)} >= {"update_ad_set_name", "update_ad_set_budget"}


def test_two_people_are_two_actors_and_one_is_always_the_same(stranger: Stranger, ad_set: str) -> None:
    for actor, budget in (("Marta", 5_100), ("Iker", 5_200), ("Marta", 5_300)):
        by_hand(stranger, ad_set, actor=actor, daily_budget=budget)
    newest, iker, oldest, _ = of(stranger, ad_set)
    assert newest["actor_id"] == oldest["actor_id"] != iker["actor_id"]


def test_only_the_fields_that_were_asked_for_are_told(stranger: Stranger, ad_set: str) -> None:
    by_hand(stranger, ad_set, daily_budget=5_500)
    event, _ = of(stranger, ad_set, fields="event_type,date_time_in_timezone,application_id")
    assert event == {"event_type": "update_ad_set_budget", "date_time_in_timezone": "11/20/2026 at 4:30 PM"}
    assert stranger.refused("GET", f"{stranger.account}/activities", fields="nonsense") == (100, None)


def test_pages_follow_each_other_without_a_gap(stranger: Stranger, ad_set: str) -> None:
    for budget in range(5_001, 5_005):
        by_hand(stranger, ad_set, daily_budget=budget)
    paged = [json.loads(row["extra_data"]).get("new_value") for row in of(stranger, ad_set, limit=2)]
    assert paged == [5_004, 5_003, 5_002, 5_001, None]


def test_a_week_is_told_unless_more_is_asked_for(stranger: Stranger, ad_set: str) -> None:
    by_hand(stranger, ad_set, daily_budget=5_500)
    stranger.advance(days=8)
    by_hand(stranger, ad_set, name="Later")
    assert [row["event_type"] for row in of(stranger, ad_set)] == ["update_ad_set_name"]
    assert len(of(stranger, ad_set, since="2026-11-20")) == 3
    assert [row["event_type"] for row in of(stranger, ad_set, until="2026-11-21")] == [
        "update_ad_set_budget",
        "create_ad_set",
    ]


@pytest.mark.parametrize("since", ["1e19", "-1e300", "10000000000000"])
def test_an_instant_out_of_all_time_is_no_crash(stranger: Stranger, since: str) -> None:
    assert "data" in stranger.get(f"{stranger.account}/activities", since=since)


@pytest.mark.parametrize("since", ["nan", "inf", "tomorrow"])
def test_what_is_no_instant_is_refused(stranger: Stranger, since: str) -> None:
    assert stranger.refused("GET", f"{stranger.account}/activities", since=since) == (100, None)
