"""Meta's own SDK reads a tree: pages, filters, nodes with and without fields, several nodes at once."""

import pytest
from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.campaign import Campaign
from facebook_business.adobjects.user import User
from facebook_business.exceptions import FacebookRequestError

from tests.conformance.building import new_campaign

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # the SDK's, about fields and enums newer than it


def test_a_list_is_paged_by_its_cursors_without_loss_or_repetition(account: AdAccount):
    made = {new_campaign(account, name=f"Page {place}")["id"] for place in range(7)}
    cursor = account.get_campaigns(fields=["id", "name"], params={"limit": 2})
    found, pages = [row["id"] for row in cursor._queue], 1
    while cursor.load_next_page():
        pages += 1
        found = list(dict.fromkeys([*found, *(row["id"] for row in cursor._queue)]))
    assert pages >= 4
    assert made <= set(found)
    assert sorted(found) == sorted(row["id"] for row in account.get_campaigns(params={"limit": 500}))
    assert len(found) == len(set(found))


def test_a_cursor_iterates_over_all_pages_and_tells_the_total(account: AdAccount):
    cursor = account.get_ads(fields=["name"], params={"limit": 3})
    names = [row["name"] for row in cursor]
    assert {"Film", "Still", "Quote", "Box", "Card", "Sea", "Sun", "Worn"} <= set(names)
    assert cursor.total() == len(names)


def test_filters_by_status_name_and_time_of_change(account: AdAccount):
    def names(*filters: tuple[str, str, object]) -> set[str]:
        asked = [{"field": field, "operator": operator, "value": value} for field, operator, value in filters]
        return {row["name"] for row in account.get_ads(fields=["name"], params={"filtering": asked, "limit": 100})}

    assert "Quote" in names(("effective_status", "IN", ["PAUSED"]))
    assert "Worn" in names(("ad.effective_status", "IN", [Ad.EffectiveStatus.campaign_paused]))
    assert names(("name", "CONTAIN", "tur")) == set()
    assert names(("ad.name", "CONTAIN", "Fil")) == {"Film"}
    assert names(("ad.updated_time", "GREATER_THAN", 4_000_000_000)) == set()
    active = {row["name"] for row in account.get_ads(fields=["name"], params={"effective_status": ["ACTIVE"]})}
    assert active == names(("effective_status", "IN", ["ACTIVE"])) != set()


def test_a_node_read_without_fields_is_its_id(account: AdAccount):
    (film,) = (row for row in account.get_ads(fields=["name"], params={"limit": 100}) if row["name"] == "Film")
    assert Ad(film["id"]).api_get().export_all_data() == {"id": film["id"]}


def test_nested_fields_and_nested_edges_are_expanded(account: AdAccount):
    (film,) = (row for row in account.get_ads(fields=["name"], params={"limit": 100}) if row["name"] == "Film")
    read = Ad(film["id"]).api_get(fields=["adset{id,name}", "campaign{name,objective}", "creative{id,name}"])
    assert (read["adset"]["name"], read["campaign"]["name"]) == ("Cooks", "Own budgets")
    assert read["campaign"]["objective"].startswith("OUTCOME_")
    assert read["creative"]["id"]
    asked = ["name", "adsets.limit(1){name}", "ads{name,status}"]
    (above,) = (row for row in account.get_campaigns(fields=asked) if row["name"] == "Own budgets")
    assert len(above["adsets"]) == 1
    assert {"Film", "Still", "Quote", "Box", "Card"} == {row["name"] for row in above["ads"]}


def test_several_nodes_by_their_ids_in_one_call_are_refused_as_meta_does_since_october_2026(account: AdAccount):
    ids = [row["id"] for row in account.get_ad_sets(params={"limit": 3})]
    with pytest.raises(FacebookRequestError) as told:
        AdSet.get_by_ids(ids=ids[:3], fields=["name", "campaign_id"])
    assert (told.value.http_status(), told.value.api_transient_error()) == (400, False)


def test_edges_below_campaigns_and_ad_sets_hold_what_belongs_to_them(account: AdAccount):
    (own,) = (row for row in account.get_campaigns(fields=["name"]) if row["name"] == "Own budgets")
    below = {row["name"]: row for row in Campaign(own["id"]).get_ad_sets(fields=["name"])}
    assert set(below) == {"Cooks", "Gifts"}
    assert {row["name"] for row in AdSet(below["Gifts"]["id"]).get_ads(fields=["name"])} == {"Box", "Card"}
    assert {row["name"] for row in Campaign(own["id"]).get_ads(fields=["name"])} == {
        "Film", "Still", "Quote", "Box", "Card"
    }  # fmt: skip
    film = next(row for row in AdSet(below["Cooks"]["id"]).get_ads(fields=["name"]) if row["name"] == "Film")
    assert len(list(Ad(film["id"]).get_ad_creatives(fields=["name"]))) == 1


def test_the_account_its_user_its_pages_and_its_pixel_are_read(account: AdAccount):
    read = account.api_get(fields=["name", "currency", "timezone_name", "account_status", "amount_spent"])
    assert (read["name"], read["account_status"], read["timezone_name"].count("/")) == ("Shop", 1, 1)
    assert int(read["amount_spent"]) > 0
    me = User("me")
    assert [row["account_id"] for row in me.get_ad_accounts(fields=["account_id"])] == [account["id"][4:]]
    assert me.api_get(fields=["id", "name"])["name"]
    (page,) = account.get_promote_pages(fields=["id", "name"])
    (pixel,) = account.get_ads_pixels(fields=["id", "name"])
    assert page["id"] != pixel["id"]
    assert account.get_minimum_budgets()[0]["currency"] == read["currency"]


def test_the_history_tells_who_changed_what(account: AdAccount):
    campaign = new_campaign(account, name="Watched")
    Campaign(campaign["id"]).api_update(params={"name": "Watched closely"})
    told = [row for row in account.get_activities(fields=["event_type", "object_id", "event_time", "extra_data"])
            if row["object_id"] == campaign["id"]]  # fmt: skip
    assert {"create_campaign_group", "update_campaign_name"} <= {row["event_type"] for row in told}
