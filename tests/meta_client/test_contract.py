"""The contract of a platform client, kept by Meta's against the sandbox over HTTP: reads, updates and creates."""

from datetime import datetime, timedelta
from itertools import chain

import pytest

from domain.actions import ActionKind, JsonMap, ObjectKind
from domain.ids import PlatformAccountId
from domain.objects import CreatedObject, Learning, Status
from domain.ports import Client
from sandbox.process import SandboxProcess
from tests.meta_client.living import (
    LONG_AGO,
    START,
    TODAY,
    ad_set_at,
    all_ad_sets,
    ask_for,
    budget,
    campaign,
    oracle,
    pause,
)
from tests.sandbox.pictures import upload_film


def test_the_account_is_read_with_its_currency_zone_and_minimum(client: Client, account: PlatformAccountId) -> None:
    info = client.reader.account(account)
    assert (info.name, info.currency, info.zone, info.is_active) == ("Olivar del Sol", "EUR", "Europe/Madrid", True)
    assert info.minimum_daily_budget_minor == 100
    assert list(client.reader.accounts()) == [info]


def test_the_whole_tree_is_read_and_hangs_together(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    campaigns = {row.id for page in client.reader.campaigns(account) for row in page}
    ad_sets = {row.id: row for row in all_ad_sets(client, account)}
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
    since = TODAY - timedelta(days=29)
    days = list(chain.from_iterable(client.reader.daily_insights(account, since, TODAY)))
    assert len(days) > 500  # more than a page
    assert len({(row.ad_id, row.on) for row in days}) == len(days)
    assert {row.hour for row in days} == {-1}
    assert (min(row.on for row in days), max(row.on for row in days)) == (since, TODAY)
    assert sum(row.purchases for row in days) > 0

    yesterday = TODAY - timedelta(days=1)
    hours = list(chain.from_iterable(client.reader.hourly_insights(account, yesterday, yesterday)))
    assert {row.hour for row in hours} <= set(range(24))
    of_yesterday = [row for row in days if row.on == yesterday]
    for figure in ("impressions", "clicks", "spend_minor", "purchases", "revenue_minor"):
        assert sum(getattr(row, figure) for row in hours) == sum(getattr(row, figure) for row in of_yesterday)


def test_the_ids_of_insights_are_those_of_the_tree(client: Client, account: PlatformAccountId) -> None:
    ads = {(row.id, row.ad_set_id, row.campaign_id) for page in client.reader.ads(account) for row in page}
    rows = chain.from_iterable(client.reader.daily_insights(account, TODAY, TODAY))
    assert {(row.ad_id, row.ad_set_id, row.campaign_id) for row in rows} <= ads


def test_a_budget_that_was_set_is_seen_by_a_fresh_reading(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    ad_set = ad_set_at(client, account, 0)
    wanted = (ad_set.daily_budget_minor or 0) + 123
    assert client.writer.write(account, budget(ad_set, wanted), deadline_s=20) == ad_set.id
    state = client.reader.state(account, ObjectKind.AD_SET, ad_set.id)
    assert state.values == {"name": ad_set.name, "status": "active", "daily_budget_minor": wanted}
    line = oracle(platform)[-1]
    assert (line["object_id"], line["change"]) == (ad_set.id, {"daily_budget": [ad_set.daily_budget_minor, wanted]})
    assert line["request_id"] == "action-TOKENOFNOBODY"


@pytest.mark.parametrize("minor", [9_123_456, 0])
def test_a_spending_limit_that_was_set_is_seen_by_fresh_readings(
    client: Client, account: PlatformAccountId, minor: int
) -> None:
    """Alone, among others for a plan, and in the account's own figures; 0 = there is none."""
    fields: JsonMap = {"spend_cap_minor": minor}
    request = ask_for(ActionKind.SET_SPENDING_LIMIT, ObjectKind.ACCOUNT, fields, object_id=str(account))
    client.writer.write(account, request, deadline_s=20)
    alone = client.reader.state(account, ObjectKind.ACCOUNT, str(account))
    among = client.reader.states(account, ObjectKind.ACCOUNT, [str(account)])[str(account)]
    assert (alone.values["spend_cap_minor"], among.values["spend_cap_minor"]) == (minor, minor)
    info = client.reader.account(account)
    assert info.spend_cap_minor == (minor or None)
    assert info.spent_minor


@pytest.mark.parametrize("kind", [ActionKind.PAUSE, ActionKind.EMERGENCY_PAUSE])
def test_a_pause_and_an_activation_are_seen_by_a_fresh_reading(
    client: Client, account: PlatformAccountId, kind: ActionKind
) -> None:
    ad = next(row for page in client.reader.ads(account) for row in page if row.status == "active")
    client.writer.write(account, ask_for(kind, ObjectKind.AD, {}, object_id=ad.id), deadline_s=20)
    assert client.reader.state(account, ObjectKind.AD, ad.id).values["status"] == "paused"
    client.writer.write(account, ask_for(ActionKind.ACTIVATE, ObjectKind.AD, {}, object_id=ad.id), deadline_s=20)
    assert client.reader.state(account, ObjectKind.AD, ad.id).values["status"] == "active"


def test_a_tree_is_built_paused_and_each_part_is_found_by_its_token(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    """Campaign, ad set, creative and ad, with the fields that the house knows."""

    def build(kind: ActionKind, object_kind: ObjectKind, token: str, fields: JsonMap, parent: str | None = None) -> str:
        request = ask_for(kind, object_kind, fields, op_token=token, parent_id=parent)
        new_id = client.writer.write(account, request, deadline_s=20)
        assert client.reader.find_by_token(account, object_kind, token, LONG_AGO) == [new_id]
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
        "video_id": upload_film(platform),
        "thumbnail_url": "https://shop.example/t.jpg",
        "title": "T",
    }
    creative = build(ActionKind.CREATE_CREATIVE, ObjectKind.CREATIVE, "TREECREATIVE1", fields)
    build(ActionKind.CREATE_AD, ObjectKind.AD, "TREEAD0000001", {"name": "Ad", "creative_id": creative}, ad_set)
    assert client.reader.state(account, ObjectKind.AD_SET, ad_set).values["daily_budget_minor"] == 1500


def test_a_token_is_found_in_an_archived_object_and_not_before_its_time(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    new_id = client.writer.write(account, campaign("ARCHIVEDTOKEN"), deadline_s=20)
    platform.ask("POST", "/human_edit", {"object_id": new_id, "changes": {"status": "ARCHIVED"}})
    found = client.reader.find_by_token
    assert found(account, ObjectKind.CAMPAIGN, "ARCHIVEDTOKEN", START - timedelta(minutes=5)) == [new_id]
    assert found(account, ObjectKind.CAMPAIGN, "ARCHIVEDTOKEN", START + timedelta(minutes=5)) == []
    assert found(account, ObjectKind.CAMPAIGN, "ARCHIVEDTOKE", LONG_AGO) == []
    assert new_id in {row.id for page in client.reader.campaigns(account) for row in page}


def test_what_was_made_since_an_instant_is_listed_with_its_token_also_once_archived(
    client: Client, account: PlatformAccountId
) -> None:
    new_id = client.writer.write(account, campaign("MADELATELY001"), deadline_s=20)
    archive = ask_for(ActionKind.ARCHIVE, ObjectKind.CAMPAIGN, {"status": "archived"}, object_id=new_id)
    client.writer.write(account, archive, deadline_s=20)

    def made(since: datetime) -> dict[str, CreatedObject]:
        pages = client.reader.created_since(account, ObjectKind.CAMPAIGN, since)
        return {row.id: row for page in pages for row in page}

    found = made(START - timedelta(minutes=5))
    assert (found[new_id].op_token, found[new_id].status) == ("MADELATELY001", Status.ARCHIVED)
    assert new_id not in made(START + timedelta(minutes=5))
    assert len(found) < len(made(LONG_AGO))
    creatives = client.reader.created_since(account, ObjectKind.CREATIVE, START)
    assert any(page for page in creatives)


def test_ads_are_told_apart_by_when_they_changed_themselves(
    client: Client, account: PlatformAccountId, platform: SandboxProcess
) -> None:
    """A pause of the ad set is no change of its ads; a pause of an ad is one, and is all that a later reading shows."""
    changed = min(row.id for page in client.reader.ads(account) for row in page)
    platform.ask("POST", "/advance", {"seconds": 60})
    since = max(row.updated_at for page in client.reader.ads(account) for row in page)
    platform.ask("POST", "/advance", {"seconds": 60})
    client.writer.write(account, pause(ad_set_at(client, account, 1).id), deadline_s=20)
    client.writer.write(account, ask_for(ActionKind.PAUSE, ObjectKind.AD, {}, object_id=changed), deadline_s=20)
    seen = [row for page in client.reader.ads(account, changed_since=since) for row in page]
    assert [(row.id, row.status) for row in seen] == [(changed, "paused")]
