"""Meta's history of an account comes in the house's words: who, what, whether it was us; odd lines harm nothing."""

from datetime import UTC, datetime, timedelta
from itertools import chain

import msgspec
import pytest

from domain.actions import ObjectKind
from domain.ids import PlatformAccountId
from domain.objects import Activity
from domain.ports import Client
from meta_client.activities import Event, to_activity
from sandbox.process import SandboxProcess
from tests.meta_client.living import START, ad_set_at, budget, pause

AT = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


def read(client: Client, account: PlatformAccountId, object_id: str) -> list[Activity]:
    pages = client.reader.activities(account, START - timedelta(hours=1))
    return [row for row in chain.from_iterable(pages) if row.object_id == object_id]


def by_hand(platform: SandboxProcess, object_id: str, **changes: object) -> None:
    platform.ask("POST", "/human_edit", {"object_id": object_id, "changes": changes, "actor": "Marta"})


def line(**more: object) -> Event:
    values = {"event_type": "update_ad_set_budget", "event_time": AT, "object_id": "1", "object_type": "AD_SET"}
    return Event(**{**values, **more})


def told(**more: object) -> Activity | None:
    extra = more.pop("extra", {})
    return to_activity(line(extra_data=msgspec.json.encode(extra).decode(), **more), app_id="5", currency="EUR")


def test_a_persons_edit_is_told_with_its_values_and_ours_is_told_apart(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    ad_set = ad_set_at(client, account, 0)
    client.writer.write(account, budget(ad_set, 4_400), deadline_s=20)
    by_hand(platform, ad_set.id, daily_budget=4_900)
    hers, ours = read(client, account, ad_set.id)
    assert (hers.is_ours, hers.actor_name, hers.object_kind, hers.at) == (False, "Marta", ObjectKind.AD_SET, START)
    assert (hers.before, hers.after) == ({"daily_budget_minor": 4_400}, {"daily_budget_minor": 4_900})
    assert ours.is_ours
    assert ours.after == {"daily_budget_minor": 4_400}


def test_a_switch_by_hand_is_told_as_statuses_of_the_house(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    ad_set = ad_set_at(client, account, 1)
    client.writer.write(account, pause(ad_set.id), deadline_s=20)
    by_hand(platform, ad_set.id, status="ACTIVE")
    hers, _ = read(client, account, ad_set.id)
    assert (hers.before, hers.after) == ({"status": "paused"}, {"status": "active"})


def test_what_lies_before_the_instant_is_not_told(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    ad_set = ad_set_at(client, account, 2)
    by_hand(platform, ad_set.id, daily_budget=4_901)
    later = chain.from_iterable(client.reader.activities(account, START + timedelta(minutes=1)))
    assert list(later) == []


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("update_campaign_budget", ObjectKind.CAMPAIGN),
        ("update_ad_set_run_status", ObjectKind.AD_SET),
        ("update_ad_run_status", ObjectKind.AD),
        ("create_ad_creative", ObjectKind.CREATIVE),
        ("ad_review_approved", ObjectKind.AD_SET),
    ],
)
def test_the_kind_of_object_is_read_from_the_event(event: str, kind: ObjectKind) -> None:
    activity = told(event_type=event)
    assert activity is not None
    assert activity.object_kind is kind


@pytest.mark.parametrize(
    ("event", "extra"),
    [
        ("update_ad_set_budget", {"old_value": 100, "new_value": 200, "type": "lifetime_budget"}),
        ("update_ad_set_budget", {"old_value": 100, "new_value": 200}),
        ("update_ad_set_budget", {"old_value": None, "new_value": "soon", "type": "daily_budget"}),
        ("update_ad_set_run_status", {"old_value": 15, "new_value": 1}),
        ("update_ad_set_targeting", {"old_value": {}, "new_value": {}}),
        ("update_ad_set_budget", []),
    ],
)
def test_values_that_are_not_surely_known_are_left_out_and_the_edit_is_told_all_the_same(
    event: str, extra: object
) -> None:
    activity = told(event_type=event, extra=extra)
    assert activity is not None
    assert (activity.before, activity.after) == ({}, {})


def test_a_status_within_run_status_and_an_amount_in_digits_are_understood() -> None:
    switched = told(
        event_type="update_ad_run_status", extra={"run_status": {"old_value": "Active", "new_value": "Inactive"}}
    )
    moved = told(extra={"old_value": "100", "new_value": "200", "type": "daily_budget"})
    assert switched is not None
    assert moved is not None
    assert switched.after == {"status": "paused"}
    assert moved.after == {"daily_budget_minor": 200}


def test_without_an_application_or_with_another_one_it_was_not_us() -> None:
    whose = [told(application_id=app) for app in (None, "6", "5")]
    assert [row is not None and row.is_ours for row in whose] == [False, False, True]


def test_a_line_about_a_thing_that_we_do_not_know_is_left_out() -> None:
    assert told(event_type="ad_account_billing_charge", object_type="PAYMENT") is None
    assert told(object_id="") is None


def test_a_line_with_nulls_leaves_the_rest_of_the_history_readable() -> None:
    """Seen as: one line by the platform itself, and no rule may change anything for a week."""
    text = b'{"event_type":"update_ad_set_name","event_time":"2026-11-20T15:30:00+0000","object_id":"1",'
    nulls = b'"object_type":null,"actor_id":null,"actor_name":null,"application_id":null,"extra_data":null}'
    activity = to_activity(msgspec.json.decode(text + nulls, type=Event, strict=False), app_id="5", currency="EUR")
    assert activity is not None
    assert (activity.actor_name, activity.is_ours) == ("", False)
