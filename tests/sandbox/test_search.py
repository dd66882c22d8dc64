"""What ads can be aimed at: searches by type, the account's catalog, and targeting in sentences."""

import json

from tests.sandbox.stranger import Stranger


def test_interests_are_found_suggested_and_validated(stranger: Stranger) -> None:
    (cooking,) = stranger.rows("search", type="adinterest", q="cookin")
    assert (cooking["name"], cooking["path"]) == ("Cooking", ["Interests", "Food and drink", "Cooking"])
    assert 0 < cooking["audience_size_lower_bound"] < cooking["audience_size_upper_bound"]
    near = stranger.rows("search", type="adinterestsuggestion", interest_list='["Cooking"]')
    assert "Baking" in [row["name"] for row in near]
    assert "Cooking" not in [row["name"] for row in near]
    judged = stranger.rows("search", type="adinterestvalid", interest_list='["Cooking","No such thing"]')
    assert [(row["name"], row["valid"]) for row in judged] == [("Cooking", True), ("No such thing", False)]
    by_id = stranger.rows("search", type="adinterestvalid", interest_fbid_list=json.dumps([cooking["id"]]))
    assert by_id[0]["name"] == "Cooking"


def test_places_are_found_by_kind_and_name(stranger: Stranger) -> None:
    (spain,) = stranger.rows("search", type="adgeolocation", q="Spain", location_types='["country"]')
    assert (spain["key"], spain["type"], spain["country_code"]) == ("ES", "country", "ES")
    (madrid,) = stranger.rows("search", type="adgeolocation", q="madrid", location_types='["city"]')
    region = stranger.rows("search", type="adgeolocation", q="Community of Madrid", location_types='["region"]')[0]
    assert (madrid["country_name"], madrid["region_id"]) == ("Spain", int(region["key"]))
    assert stranger.rows("search", type="adcountry", q="portugal")[0]["country_code"] == "PT"
    assert {"key": 24, "name": "English (UK)"} in stranger.rows("search", type="adlocale", q="english")


def test_the_catalog_is_searched_browsed_and_validated(stranger: Stranger) -> None:
    behaviors = stranger.rows("search", **{"type": "adTargetingCategory", "class": "behaviors"})
    assert {row["type"] for row in behaviors} == {"behaviors"}
    assert stranger.rows("search", **{"type": "adTargetingCategory", "class": "life_events"})
    edge = f"{stranger.account}/targeting"
    assert stranger.rows(f"{edge}search", q="commuters") == [row for row in behaviors if row["name"] == "Commuters"]
    everything = stranger.rows(f"{edge}browse", limit=30)
    assert {row["type"] for row in everything} >= {"interests", "behaviors", "life_events"}
    one = everything[0]
    asked = json.dumps([{"type": one["type"], "id": one["id"]}, {"type": "interests", "id": "1"}])
    assert [row["valid"] for row in stranger.rows(f"{edge}validation", targeting_list=asked)] == [True, False]
    near = stranger.rows(f"{edge}suggestions", targeting_list=json.dumps([{"type": one["type"], "id": one["id"]}]))
    assert one["id"] not in [row["id"] for row in near]


def test_targeting_is_told_in_sentences(stranger: Stranger) -> None:
    spec = {
        "geo_locations": {"countries": ["ES", "PT"]}, "age_min": 25, "genders": [2],
        "flexible_spec": [{"interests": [{"id": "1", "name": "Cooking"}]}],
    }  # fmt: skip
    told = stranger.get(f"{stranger.account}/targetingsentencelines", targeting_spec=json.dumps(spec))
    assert told["targetingsentencelines"] == [
        {"content": "Location:", "children": ["Spain", "Portugal"]},
        {"content": "Age:", "children": ["25 - 65+"]},
        {"content": "Gender:", "children": ["Female"]},
        {"content": "People who match:", "children": ["Interests: Cooking"]},
    ]


def test_searches_that_make_no_sense_are_refused(stranger: Stranger) -> None:
    assert stranger.refused("GET", "search", type="adnothing", q="x")[0] == 100
    assert stranger.refused("GET", "search", q="x")[0] == 100
    assert stranger.refused("GET", "ads_archive")[0] == 100
    assert stranger.rows("ads_archive", search_terms="shoes", ad_reached_countries='["ES"]') == []
    assert stranger.refused("GET", "search", type="adinterest")[0] == 100
    assert stranger.refused("GET", f"{stranger.account}/targetingsearch")[0] == 100
    assert stranger.refused("GET", f"{stranger.account}/targetingvalidation", targeting_list="[1]")[0] == 100
    assert stranger.refused("GET", f"{stranger.account}/targetingsentencelines", targeting_spec="7")[0] == 100
