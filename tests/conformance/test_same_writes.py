"""What one client writes the others read as it was meant: our client's writes by the SDK, the SDK's by our client."""

from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adcreative import AdCreative
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.campaign import Campaign
from facebook_business.api import FacebookAdsApi

from domain.actions import ActionKind, ObjectKind
from domain.ids import PlatformAccountId
from domain.ports import Client, WriteRequest
from sandbox.process import SandboxProcess
from tests.conformance import seen
from tests.conformance.building import new_ad, new_ad_set, new_campaign, new_creative, png
from tests.meta_client.living import ask_for, open_client_of
from tests.sandbox.stranger import PAGE, PIXEL

TOKEN = "CONFORMANCEOFOURS"


def _build(client: Client, account: PlatformAccountId, image_hash: str) -> dict[ObjectKind, str]:
    """A tree by our client, from the top down."""
    ids: dict[ObjectKind, str] = {}

    def make(kind: ActionKind, of: ObjectKind, fields: dict, parent: ObjectKind | None = None) -> None:
        asked: WriteRequest = ask_for(kind, of, fields, op_token=TOKEN, parent_id=ids[parent] if parent else None)
        ids[of] = client.writer.write(account, asked, deadline_s=20)

    make(ActionKind.CREATE_CAMPAIGN, ObjectKind.CAMPAIGN, {"name": "Ours", "objective": "OUTCOME_SALES"})
    make(
        ActionKind.CREATE_AD_SET,
        ObjectKind.AD_SET,
        {"name": "Our set", "optimization_goal": "CONVERSIONS", "countries": ["MX"], "pixel_id": PIXEL,
         "daily_budget_minor": 2_100},
        ObjectKind.CAMPAIGN,
    )  # fmt: skip
    make(
        ActionKind.CREATE_CREATIVE,
        ObjectKind.CREATIVE,
        {"name": "Our creative", "landing_url": "https://shop.example", "page_id": PAGE, "image_hash": image_hash,
         "title": "New oil", "body": "Pressed in November", "call_to_action": "SHOP_NOW"},
    )  # fmt: skip
    fields = {"name": "Our ad", "creative_id": ids[ObjectKind.CREATIVE]}
    make(ActionKind.CREATE_AD, ObjectKind.AD, fields, ObjectKind.AD_SET)
    return ids


def test_what_our_client_builds_the_sdk_reads(
    redirected: FacebookAdsApi, shop: SandboxProcess, witness: seen.Witness, tmp_path
):
    account, client = PlatformAccountId(shop.account_ids[0]), open_client_of(shop)
    image = AdAccount(f"act_{account}").create_ad_image(params={"filename": str(png(tmp_path / "a.png"))})
    with witness.of(seen.OURS, shop):
        ids = _build(client, account, image["hash"])
        more = {"daily_budget_minor": 2_400}
        asked = ask_for(ActionKind.SET_DAILY_BUDGET, ObjectKind.AD_SET, more, object_id=ids[ObjectKind.AD_SET])
        client.writer.write(account, asked, deadline_s=20)
        held = client.reader.state(account, ObjectKind.AD_SET, ids[ObjectKind.AD_SET])
        assert client.reader.find_by_token(account, ObjectKind.AD, TOKEN, held.updated_at) == [ids[ObjectKind.AD]]
    with witness.of(seen.SDK, shop):
        ad_set = AdSet(ids[ObjectKind.AD_SET]).api_get(fields=["name", "daily_budget", "targeting", "campaign_id"])
        ad = Ad(ids[ObjectKind.AD]).api_get(fields=["name", "adset_id", "status", "creative"])
        story = AdCreative(ids[ObjectKind.CREATIVE]).api_get(fields=["image_hash", "title", "body"])
    assert (ad_set["daily_budget"], ad_set["campaign_id"]) == ("2400", ids[ObjectKind.CAMPAIGN])
    assert ad_set["targeting"]["geo_locations"]["countries"] == ["MX"]
    assert (ad["adset_id"], ad["creative"]["id"]) == (ids[ObjectKind.AD_SET], ids[ObjectKind.CREATIVE])
    assert (ad["status"], story["image_hash"]) == ("PAUSED", image["hash"])
    assert (story["title"], story["body"]) == ("New oil", "Pressed in November")


def test_what_the_sdk_builds_our_client_reads(
    redirected: FacebookAdsApi, shop: SandboxProcess, witness: seen.Witness, tmp_path
):
    number = PlatformAccountId(shop.account_ids[0])
    theirs, reader = AdAccount(f"act_{number}"), open_client_of(shop).reader
    with witness.of(seen.SDK, shop):
        image = theirs.create_ad_image(params={"filename": str(png(tmp_path / "b.png", grey=3))})
        campaign = new_campaign(theirs, name="Theirs")
        ad_set = new_ad_set(theirs, campaign, daily_budget=3_300)
        ad = new_ad(theirs, ad_set, new_creative(theirs, image["hash"]), name="Their ad")
        Campaign(campaign["id"]).api_update(params={"status": "ACTIVE"})
    with witness.of(seen.OURS, shop):
        (mine,) = (row for page in reader.ads(number) for row in page if row.id == ad["id"])
        states = reader.states(number, ObjectKind.AD_SET, [ad_set["id"]])
        first = next(iter(reader.activities(number, mine.created_at)))
        assert reader.token().is_valid
        assert [row.id for row in reader.accounts()] == [f"act_{number}"]
    assert (mine.name, mine.ad_set_id, mine.status) == ("Their ad", ad_set["id"], "paused")
    assert states[ad_set["id"]].values["daily_budget_minor"] == 3_300
    assert {row.event for row in first} >= {"create_ad", "create_ad_set", "update_campaign_run_status"}
