"""The contract of a platform client, kept by Meta's against the sandbox over HTTP: what LIVE would get, it gets."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from domain.actions import ActionKind, JsonMap, ObjectKind
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
from domain.objects import AdSet, Learning
from domain.ports import Client, ClientOptions, WriteRequest
from meta_client import open_client
from meta_client.writes import MetaWriter
from sandbox.process import SandboxProcess, start
from tests.meta_client.scripted import Kit, open_kit, wait_until

_START = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
_TODAY = date(2026, 11, 20)
_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    folder: Path = tmp_path_factory.mktemp("sandbox")
    with start(folder, scenario="demo", speed=0, start_at="2026-11-20T15:30:00") as running:
        yield running


@pytest.fixture
def calm(platform: SandboxProcess) -> Iterator[SandboxProcess]:
    """The sandbox, without faults before and after."""
    platform.ask("DELETE", "/faults")
    yield platform
    platform.ask("DELETE", "/faults")


@pytest.fixture
def account(platform: SandboxProcess) -> PlatformAccountId:
    return PlatformAccountId(platform.account_ids[0])


@pytest.fixture
def client(calm: SandboxProcess) -> Client:
    return _open(calm)


def _open(platform: SandboxProcess, token: str | None = None) -> Client:
    known = token or platform.token
    return open_client(
        ClientOptions(base_url=platform.graph, token=lambda: known, app_secret=lambda: "s3cret", read_timeout_s=30)
    )


def _break(platform: SandboxProcess, do: str, **more: object) -> None:
    platform.ask("POST", "/faults", {"script": [{"do": do, **more}]})


def _oracle(platform: SandboxProcess) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = platform.ask("GET", "/oracle")["lines"]
    return lines


def _request(
    kind: ActionKind, object_kind: ObjectKind, fields: JsonMap, *, op_token: str = "TOKENOFNOBODY",
    object_id: str | None = None, parent_id: str | None = None,
) -> WriteRequest:  # fmt: skip
    return WriteRequest(
        kind=kind,
        object_kind=object_kind,
        object_id=object_id,
        parent_id=parent_id,
        fields=fields,
        op_token=op_token,
        request_id=f"action-{op_token}",
    )


def _campaign(op_token: str) -> WriteRequest:
    fields = {"name": "New", "objective": "OUTCOME_SALES"}
    return _request(ActionKind.CREATE_CAMPAIGN, ObjectKind.CAMPAIGN, fields, op_token=op_token)


def _budget(ad_set: AdSet, minor: int) -> WriteRequest:
    fields = {"daily_budget_minor": minor}
    return _request(ActionKind.SET_DAILY_BUDGET, ObjectKind.AD_SET, fields, object_id=ad_set.id)


def _pause(object_id: str) -> WriteRequest:
    return _request(ActionKind.PAUSE, ObjectKind.AD_SET, {"status": "paused"}, object_id=object_id)


def _ad_sets(client: Client | Kit, account: PlatformAccountId) -> list[AdSet]:
    return list(chain.from_iterable(client.reader.ad_sets(account)))


def _ad_set(client: Client | Kit, account: PlatformAccountId, place: int) -> AdSet:
    """An active ad set with a budget of its own; each test takes another one."""
    found = [row for row in _ad_sets(client, account) if row.daily_budget_minor and row.status == "active"]
    return sorted(found, key=lambda row: row.id)[place]


def test_the_account_is_read_with_its_currency_zone_and_minimum(client: Client, account: PlatformAccountId) -> None:
    info = client.reader.account(account)
    assert (info.name, info.currency, info.zone, info.is_active) == ("Olivar del Sol", "EUR", "Europe/Madrid", True)
    assert info.minimum_daily_budget_minor == 100
    assert list(client.reader.accounts()) == [info]


def test_the_whole_tree_is_read_and_hangs_together(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    campaigns = {row.id for page in client.reader.campaigns(account) for row in page}
    ad_sets = {row.id: row for row in _ad_sets(client, account)}
    ads = list(chain.from_iterable(client.reader.ads(account)))
    creatives = {row.id for page in client.reader.creatives(account) for row in page}
    counts = platform.ask("GET", "/health")["accounts"][account]
    assert (len(campaigns), len(ad_sets), len(ads), len(creatives)) == tuple(
        counts[kind] for kind in ("campaign", "adset", "ad", "adcreative")
    )
    assert {row.campaign_id for row in ad_sets.values()} <= campaigns
    assert {ad.ad_set_id for ad in ads} <= set(ad_sets)
    assert all(ad.campaign_id == ad_sets[ad.ad_set_id].campaign_id for ad in ads)
    assert {ad.creative_id for ad in ads} <= creatives
    assert Learning.DONE in {row.learning for row in ad_sets.values()}
    assert "ab_test" in {label for row in ad_sets.values() for label in row.labels}


def test_insights_are_complete_and_their_hours_add_up_to_their_days(client: Client, account: PlatformAccountId) -> None:
    since = _TODAY - timedelta(days=29)
    days = list(chain.from_iterable(client.reader.daily_insights(account, since, _TODAY)))
    assert len(days) > 500  # more than a page
    assert len({(row.ad_id, row.on) for row in days}) == len(days)
    assert {row.hour for row in days} == {-1}
    assert (min(row.on for row in days), max(row.on for row in days)) == (since, _TODAY)
    assert sum(row.purchases for row in days) > 0

    yesterday = _TODAY - timedelta(days=1)
    hours = list(chain.from_iterable(client.reader.hourly_insights(account, yesterday, yesterday)))
    assert {row.hour for row in hours} <= set(range(24))
    of_yesterday = [row for row in days if row.on == yesterday]
    for figure in ("impressions", "clicks", "spend_minor", "purchases", "revenue_minor"):
        assert sum(getattr(row, figure) for row in hours) == sum(getattr(row, figure) for row in of_yesterday)


def test_the_ids_of_insights_are_those_of_the_tree(client: Client, account: PlatformAccountId) -> None:
    ads = {(row.id, row.ad_set_id, row.campaign_id) for page in client.reader.ads(account) for row in page}
    rows = chain.from_iterable(client.reader.daily_insights(account, _TODAY, _TODAY))
    assert {(row.ad_id, row.ad_set_id, row.campaign_id) for row in rows} <= ads


def test_a_budget_that_was_set_is_seen_by_a_fresh_reading(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    ad_set = _ad_set(client, account, 0)
    wanted = (ad_set.daily_budget_minor or 0) + 123
    assert client.writer.write(account, _budget(ad_set, wanted), deadline_s=20) == ad_set.id
    state = client.reader.state(account, ObjectKind.AD_SET, ad_set.id)
    assert state.values == {"name": ad_set.name, "status": "active", "daily_budget_minor": wanted}
    line = _oracle(platform)[-1]
    assert (line["object_id"], line["change"]) == (ad_set.id, {"daily_budget": [ad_set.daily_budget_minor, wanted]})
    assert line["request_id"] == "action-TOKENOFNOBODY"


@pytest.mark.parametrize("kind", [ActionKind.PAUSE, ActionKind.EMERGENCY_PAUSE])
def test_a_pause_and_an_activation_are_seen_by_a_fresh_reading(
    client: Client, account: PlatformAccountId, kind: ActionKind
) -> None:
    ad = next(row for page in client.reader.ads(account) for row in page if row.status == "active")
    client.writer.write(account, _request(kind, ObjectKind.AD, {}, object_id=ad.id), deadline_s=20)
    assert client.reader.state(account, ObjectKind.AD, ad.id).values["status"] == "paused"
    client.writer.write(account, _request(ActionKind.ACTIVATE, ObjectKind.AD, {}, object_id=ad.id), deadline_s=20)
    assert client.reader.state(account, ObjectKind.AD, ad.id).values["status"] == "active"


def test_a_tree_is_built_paused_and_each_part_is_found_by_its_token(client: Client, account: PlatformAccountId) -> None:
    """Campaign, ad set, creative and ad, with the fields that the house knows."""

    def build(kind: ActionKind, object_kind: ObjectKind, token: str, fields: JsonMap, parent: str | None = None) -> str:
        request = _request(kind, object_kind, fields, op_token=token, parent_id=parent)
        new_id = client.writer.write(account, request, deadline_s=20)
        assert client.reader.find_by_token(account, object_kind, token, _LONG_AGO) == [new_id]
        state = client.reader.state(account, object_kind, new_id)
        assert state.values["name"] == fields["name"]
        if object_kind is not ObjectKind.CREATIVE:
            assert state.values["status"] == "paused"
        return new_id

    campaign = build(
        ActionKind.CREATE_CAMPAIGN, ObjectKind.CAMPAIGN, "TREECAMPAIGN1", {"name": "a\nb", "objective": "SALES"}
    )
    fields: JsonMap = {
        "name": "Set",
        "optimization_goal": "CONVERSIONS",
        "countries": ["ES"],
        "pixel_id": "884215550100772",
        "daily_budget_minor": 1500,
    }
    ad_set = build(ActionKind.CREATE_AD_SET, ObjectKind.AD_SET, "TREEADSET0001", fields, campaign)
    fields = {
        "name": "Clip",
        "page_id": "104215550100771",
        "landing_url": "https://shop.example/",
        "video_id": "991",
        "thumbnail_url": "https://shop.example/t.jpg",
        "title": "T",
    }
    creative = build(ActionKind.CREATE_CREATIVE, ObjectKind.CREATIVE, "TREECREATIVE1", fields)
    build(ActionKind.CREATE_AD, ObjectKind.AD, "TREEAD0000001", {"name": "Ad", "creative_id": creative}, ad_set)
    assert client.reader.state(account, ObjectKind.AD_SET, ad_set).values["daily_budget_minor"] == 1500


def test_a_token_is_found_in_an_archived_object_and_not_before_its_time(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    new_id = client.writer.write(account, _campaign("ARCHIVEDTOKEN"), deadline_s=20)
    platform.ask("POST", "/human_edit", {"object_id": new_id, "changes": {"status": "ARCHIVED"}})
    found = client.reader.find_by_token
    assert found(account, ObjectKind.CAMPAIGN, "ARCHIVEDTOKEN", _START - timedelta(minutes=5)) == [new_id]
    assert found(account, ObjectKind.CAMPAIGN, "ARCHIVEDTOKEN", _START + timedelta(minutes=5)) == []
    assert found(account, ObjectKind.CAMPAIGN, "ARCHIVEDTOKE", _LONG_AGO) == []
    assert new_id in {row.id for page in client.reader.campaigns(account) for row in page}


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
    _break(platform, **fault)
    with pytest.raises(UnknownOutcomeError):
        client.writer.write(account, _campaign(token), deadline_s=1.5)
    found = client.reader.find_by_token(account, ObjectKind.CAMPAIGN, token, _LONG_AGO)
    assert len(found) == int(has_effect)
    assert len([line for line in _oracle(platform) if line["op_token"] == token]) == int(has_effect)


def test_a_late_commit_is_unknown_at_first_and_found_later(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    _break(platform, "late_commit", seconds=0.5)
    with pytest.raises(UnknownOutcomeError):
        client.writer.write(account, _campaign("LATECOMMIT001"), deadline_s=5)

    def found() -> list[str]:
        return list(client.reader.find_by_token(account, ObjectKind.CAMPAIGN, "LATECOMMIT001", _LONG_AGO))

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
    ad_set = _ad_set(client, account, 1)
    before = _oracle(platform)
    _break(platform, **fault, match={"method": "POST"})
    with pytest.raises(kind) as caught:
        client.writer.write(account, _budget(ad_set, 4321), deadline_s=20)
    assert type(caught.value) is kind
    assert _oracle(platform) == before


def test_a_budget_under_the_minimum_is_refused_in_words(client: Client, account: PlatformAccountId) -> None:
    with pytest.raises(RefusedError, match=r"under the minimum per day \(daily_budget\) \(code 100/1487901") as caught:
        client.writer.write(account, _budget(_ad_set(client, account, 2), 1), deadline_s=20)
    assert caught.value.trace_id


def test_the_fifth_budget_of_an_hour_is_throttled_for_an_hour(client: Client, account: PlatformAccountId) -> None:
    ad_set = _ad_set(client, account, 3)
    for minor in (5001, 5002, 5003, 5004):
        client.writer.write(account, _budget(ad_set, minor), deadline_s=20)
    with pytest.raises(ThrottledError) as caught:
        client.writer.write(account, _budget(ad_set, 5005), deadline_s=20)
    assert caught.value.retry_after_s == 3600


def test_an_object_that_does_not_exist_is_gone(client: Client, account: PlatformAccountId) -> None:
    with pytest.raises(GoneError):
        client.reader.state(account, ObjectKind.AD, "999999999999")
    with pytest.raises(GoneError):
        client.writer.write(account, _pause("999999999999"), deadline_s=20)


def test_a_wrong_token_needs_a_person_and_says_so(
    calm: SandboxProcess, client: Client, account: PlatformAccountId
) -> None:
    stranger = _open(calm, token="EAAwrongtoken")
    with pytest.raises(NeedsPersonError, match="META_ACCESS_TOKEN"):
        stranger.reader.account(account)
    assert not stranger.reader.token().is_valid
    good = client.reader.token()
    assert good.is_valid
    assert {"ads_read", "ads_management"} <= set(good.scopes)


def test_a_read_that_fails_in_passing_is_repeated(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    _break(platform, "drop_before_commit", match={"method": "GET"}, times=1)
    assert client.reader.account(account).currency == "EUR"


def test_a_read_that_is_throttled_is_not_repeated(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    _break(platform, "throttle", code=80000, times=1)
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
    ids = [_ad_set(client, account, place).id for place in (4, 5, 6)]
    _break(platform, "commit_then_drop", match={"path": ids[1]})
    results = writer.write_many(account, [_pause(i) for i in [*ids, "999999999999"]], deadline_s=20)
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
        ad_set = _ad_set(client, account, 0)
        platform.kill()
        with pytest.raises(NotSentError):
            client.writer.write(account, _pause(ad_set.id), deadline_s=5)
        with pytest.raises(TransientError):
            client.reader.state(account, ObjectKind.AD_SET, ad_set.id)
        platform.restart()
        assert client.writer.write(account, _pause(ad_set.id), deadline_s=20) == ad_set.id
        assert client.reader.state(account, ObjectKind.AD_SET, ad_set.id).values["status"] == "paused"
