"""The contract under faults: every answer of a troubled platform leaves the caller with the right next move."""

from pathlib import Path
from typing import Any

import pytest

from domain.actions import ObjectKind
from domain.errors import (
    GoneError,
    NeedsPersonError,
    NotSentError,
    RefusedError,
    ThrottledError,
    TransientError,
    UnknownOutcomeError,
)
from domain.ids import PlatformAccountId
from domain.ports import Client
from meta_client.writes import MetaWriter
from sandbox.process import SandboxProcess, start
from tests.meta_client.living import (
    LONG_AGO,
    ad_set_at,
    all_ad_sets,
    break_calls,
    budget,
    campaign,
    open_client_of,
    oracle,
    pause,
)
from tests.meta_client.scripted import open_kit, wait_until


@pytest.mark.parametrize(
    ("fault", "has_effect"),
    [
        ({"do": "drop_before_commit"}, False),
        ({"do": "commit_then_drop"}, True),
        ({"do": "error_5xx", "effect": False}, False),
        ({"do": "error_5xx", "effect": True}, True),
        ({"do": "html_502", "effect": True}, True),
        ({"do": "refuse", "code": 1}, False),
        ({"do": "slow", "seconds": 30}, True),
    ],
    ids=lambda value: value["do"] if isinstance(value, dict) else str(value),
)
def test_a_create_without_an_answer_to_trust_is_unknown_and_the_token_tells_what_became_of_it(
    client: Client, account: PlatformAccountId, platform: SandboxProcess, fault: dict[str, Any], has_effect: bool
) -> None:
    token = f"FAULT{fault['do'].replace('_', '').upper()}{has_effect}"
    break_calls(platform, **fault)
    with pytest.raises(UnknownOutcomeError):
        client.writer.write(account, campaign(token), deadline_s=1.5)
    found = client.reader.find_by_token(account, ObjectKind.CAMPAIGN, token, LONG_AGO)
    assert len(found) == int(has_effect)
    assert len([line for line in oracle(platform) if line["op_token"] == token]) == int(has_effect)


def test_a_late_commit_is_unknown_at_first_and_found_later(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    break_calls(platform, "late_commit", seconds=0.5)
    with pytest.raises(UnknownOutcomeError):
        client.writer.write(account, campaign("LATECOMMIT001"), deadline_s=5)

    def found() -> list[str]:
        return list(client.reader.find_by_token(account, ObjectKind.CAMPAIGN, "LATECOMMIT001", LONG_AGO))

    wait_until(lambda: len(found()) > 0)
    assert len(found()) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"do": "throttle", "code": 17, "subcode": 2446079}, ThrottledError),
        ({"do": "throttle", "code": 80004}, ThrottledError),
        ({"do": "throttle", "code": 613, "subcode": 1487742}, ThrottledError),
        ({"do": "throttle", "code": 4}, ThrottledError),
        ({"do": "refuse", "code": 190, "subcode": 463}, NeedsPersonError),
        ({"do": "refuse", "code": 200}, NeedsPersonError),
        ({"do": "refuse", "code": 10}, NeedsPersonError),
        ({"do": "refuse", "code": 100}, RefusedError),
        ({"do": "refuse", "code": 100, "subcode": 33}, GoneError),
    ],
    ids=lambda value: f"{value['code']}" if isinstance(value, dict) else value.__name__,
)
def test_a_refused_write_had_no_effect(
    client: Client, account: PlatformAccountId, platform: SandboxProcess, fault: dict[str, Any], kind: type[Exception]
) -> None:
    ad_set = ad_set_at(client, account, 1)
    before = oracle(platform)
    break_calls(platform, **fault, match={"method": "POST"})
    with pytest.raises(kind) as caught:
        client.writer.write(account, budget(ad_set, 4321), deadline_s=20)
    assert type(caught.value) is kind
    assert oracle(platform) == before


def test_a_budget_under_the_minimum_is_refused_in_words(client: Client, account: PlatformAccountId) -> None:
    with pytest.raises(RefusedError, match=r"under the minimum per day \(daily_budget\) \(code 100/1487901") as caught:
        client.writer.write(account, budget(ad_set_at(client, account, 2), 1), deadline_s=20)
    assert caught.value.trace_id


def test_the_fifth_budget_of_an_hour_is_throttled_for_an_hour(client: Client, account: PlatformAccountId) -> None:
    ad_set = ad_set_at(client, account, 3)
    for minor in (5001, 5002, 5003, 5004):
        client.writer.write(account, budget(ad_set, minor), deadline_s=20)
    with pytest.raises(ThrottledError) as caught:
        client.writer.write(account, budget(ad_set, 5005), deadline_s=20)
    assert caught.value.retry_after_s == 3600


def test_an_object_that_does_not_exist_is_gone(client: Client, account: PlatformAccountId) -> None:
    with pytest.raises(GoneError):
        client.reader.state(account, ObjectKind.AD, "999999999999")
    with pytest.raises(GoneError):
        client.writer.write(account, pause("999999999999"), deadline_s=20)


def test_a_wrong_token_needs_a_person_and_says_so(
    platform: SandboxProcess, client: Client, account: PlatformAccountId
) -> None:
    stranger = open_client_of(platform, token="EAAwrongtoken")
    with pytest.raises(NeedsPersonError, match="META_ACCESS_TOKEN"):
        stranger.reader.account(account)
    assert not stranger.reader.token().is_valid
    good = client.reader.token()
    assert good.is_valid
    assert {"ads_read", "ads_management"} <= set(good.scopes)


def test_a_read_that_fails_in_passing_is_repeated(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    break_calls(platform, "drop_before_commit", match={"method": "GET"}, times=1)
    assert client.reader.account(account).currency == "EUR"


def test_a_read_that_is_throttled_is_not_repeated(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    break_calls(platform, "throttle", code=80000, times=1)
    with pytest.raises(ThrottledError):
        client.reader.account(account)
    assert client.reader.account(account).currency == "EUR"


def test_the_usage_is_told_after_a_call(client: Client, account: PlatformAccountId) -> None:
    assert client.reader.usage().account is None
    client.reader.account(account)
    usage = client.reader.usage()
    assert usage.account is not None
    assert usage.business is not None
    assert 0 <= usage.account <= 1


def test_a_batch_pauses_many_and_a_dropped_item_is_unknown(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    writer = client.writer
    assert isinstance(writer, MetaWriter)
    ids = [ad_set_at(client, account, place).id for place in (4, 5, 6)]
    break_calls(platform, "commit_then_drop", match={"path": ids[1]})
    results = writer.write_many(account, [pause(i) for i in [*ids, "999999999999"]], deadline_s=20)
    assert [result if isinstance(result, str) else type(result) for result in results] == [
        ids[0],
        UnknownOutcomeError,
        ids[2],
        GoneError,
    ]
    for object_id in ids:
        assert client.reader.state(account, ObjectKind.AD_SET, object_id).values["status"] == "paused"


def test_a_killed_platform_leaves_writes_unsent_and_reads_transient_until_it_is_back(
    tmp_path: Path,
) -> None:
    with start(tmp_path, scenario="generated:5", speed=0, start_at="2026-11-20T15:30:00") as platform:
        account = PlatformAccountId(platform.account_ids[0])
        client = open_kit(platform.graph, token=platform.token)
        ad_set = ad_set_at(client, account, 0)
        platform.kill()
        with pytest.raises(NotSentError):
            client.writer.write(account, pause(ad_set.id), deadline_s=5)
        with pytest.raises(TransientError):
            client.reader.state(account, ObjectKind.AD_SET, ad_set.id)
        platform.restart()
        assert client.writer.write(account, pause(ad_set.id), deadline_s=20) == ad_set.id
        assert client.reader.state(account, ObjectKind.AD_SET, ad_set.id).values["status"] == "paused"


GARBLED = [
    {"do": "error_in_200", "effect": True},
    {"do": "error_in_200"},
    {"do": "truncated_json", "effect": True},
    {"do": "truncated_json"},
    {"do": "drip", "seconds": 30},
    {"do": "wrong_id"},
]


@pytest.mark.parametrize("fault", GARBLED, ids=lambda fault: f"{fault['do']}-{fault.get('effect', False)}")
def test_an_update_whose_answer_is_garbled_late_or_about_another_object_is_unknown(
    client: Client, account: PlatformAccountId, platform: SandboxProcess, fault: dict[str, Any]
) -> None:
    ad_set = all_ad_sets(client, account)[0]
    break_calls(platform, **fault, match={"method": "POST"})
    with pytest.raises(UnknownOutcomeError):
        client.writer.write(account, pause(ad_set.id), deadline_s=2)


@pytest.mark.parametrize("fault", GARBLED[:4:2], ids=lambda fault: str(fault["do"]))
def test_a_create_whose_answer_is_garbled_is_unknown_and_found_by_its_token(
    client: Client, account: PlatformAccountId, platform: SandboxProcess, fault: dict[str, Any]
) -> None:
    token = f"GARBLED{fault['do'].replace('_', '').upper()}"
    break_calls(platform, **fault, match={"method": "POST"})
    with pytest.raises(UnknownOutcomeError):
        client.writer.write(account, campaign(token), deadline_s=20)
    assert len(client.reader.find_by_token(account, ObjectKind.CAMPAIGN, token, LONG_AGO)) == 1


@pytest.mark.parametrize("fault", GARBLED[1:4:2] + GARBLED[5:], ids=lambda fault: str(fault["do"]))
def test_a_read_that_is_garbled_or_about_another_object_is_transient(
    client: Client, account: PlatformAccountId, platform: SandboxProcess, fault: dict[str, Any]
) -> None:
    ad_set = all_ad_sets(client, account)[0]
    break_calls(platform, **fault, times=None, match={"path": ad_set.id})
    with pytest.raises(TransientError):
        client.reader.state(account, ObjectKind.AD_SET, ad_set.id)
    with pytest.raises(TransientError):
        client.reader.states(account, ObjectKind.AD_SET, [ad_set.id])


def test_a_create_answered_with_another_id_is_found_by_its_token_alone(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    break_calls(platform, "wrong_id", match={"method": "POST"})
    answered = client.writer.write(account, campaign("WRONGID"), deadline_s=20)
    (made,) = client.reader.find_by_token(account, ObjectKind.CAMPAIGN, "WRONGID", LONG_AGO)
    assert made != answered


@pytest.mark.parametrize("code", [4, 17, 32, 613, *range(80000, 80007), 80008, 80009, 80014])
def test_every_limit_is_a_throttle_that_knows_when_to_come_back(
    client: Client, account: PlatformAccountId, platform: SandboxProcess, code: int
) -> None:
    ad_set = all_ad_sets(client, account)[0]
    before = oracle(platform)
    break_calls(platform, "throttle", code=code, seconds=240, times=2)
    with pytest.raises(ThrottledError) as written:
        client.writer.write(account, pause(ad_set.id), deadline_s=20)
    with pytest.raises(ThrottledError) as read:
        client.reader.state(account, ObjectKind.AD_SET, ad_set.id)
    assert oracle(platform) == before
    told = {written.value.retry_after_s, read.value.retry_after_s}
    assert told == ({60.0} if code == 4 else {240.0})  # the app's own limit tells no time: the tier's block stands


@pytest.mark.parametrize("subcode", [463, 467])
def test_an_expired_token_needs_a_person_whatever_is_asked(
    client: Client, account: PlatformAccountId, platform: SandboxProcess, subcode: int
) -> None:
    ad_set = all_ad_sets(client, account)[0]
    break_calls(platform, "expired_token", subcode=subcode, times=None)
    with pytest.raises(NeedsPersonError, match="META_ACCESS_TOKEN"):
        client.writer.write(account, pause(ad_set.id), deadline_s=20)
    with pytest.raises(NeedsPersonError):
        client.reader.state(account, ObjectKind.AD_SET, ad_set.id)


@pytest.mark.parametrize("effect", [False, True])
def test_a_batch_of_nulls_leaves_every_item_unknown(
    client: Client, account: PlatformAccountId, platform: SandboxProcess, effect: bool
) -> None:
    ids = [row.id for row in all_ad_sets(client, account)[:2]]
    for object_id in ids:
        platform.ask("POST", "/human_edit", {"object_id": object_id, "changes": {"status": "ACTIVE"}})
    break_calls(platform, "batch_null", effect=effect, match={"kind": "batch"})
    results = client.writer.write_many(account, [pause(object_id) for object_id in ids], deadline_s=20)
    assert [type(result) for result in results] == [UnknownOutcomeError, UnknownOutcomeError]
    states = client.reader.states(account, ObjectKind.AD_SET, ids)
    assert {state.values["status"] for state in states.values()} == ({"paused"} if effect else {"active"})


def test_while_lists_lag_a_create_is_not_found_by_its_token_but_by_its_id(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    made = client.writer.write(account, campaign("LAGGING"), deadline_s=20)
    break_calls(platform, "list_lag", seconds=600, times=None)
    assert client.reader.find_by_token(account, ObjectKind.CAMPAIGN, "LAGGING", LONG_AGO) == []
    assert client.reader.state(account, ObjectKind.CAMPAIGN, made).id == made
    platform.ask("DELETE", "/faults")
    assert client.reader.find_by_token(account, ObjectKind.CAMPAIGN, "LAGGING", LONG_AGO) == [made]


def test_an_edit_by_hand_right_after_a_reading_is_in_the_next_one_and_in_the_history(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    ad_set = next(row for row in all_ad_sets(client, account) if row.daily_budget_minor)
    break_calls(platform, "human_edit", edit={"daily_budget_minor": 7_777, "actor": "Marta"})
    first = client.reader.state(account, ObjectKind.AD_SET, ad_set.id)
    second = client.reader.state(account, ObjectKind.AD_SET, ad_set.id)
    assert first.values["daily_budget_minor"] != 7_777
    assert second.values["daily_budget_minor"] == 7_777
    newest = next(iter(client.reader.activities(account, LONG_AGO)))[0]
    assert (newest.actor_name, newest.is_ours, newest.after) == ("Marta", False, {"daily_budget_minor": 7_777})
