"""The life of objects: inheritance of statuses, review, issues, flights, and what lists say of delivery."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.nodes import APPROVED, DISAPPROVED, PENDING, Kind, Node
from sandbox.process import SandboxProcess, start
from tests.sandbox.stranger import PAGE, START, Stranger, ad_set_form, scenario

STATUSES = ("ACTIVE", "PAUSED", "ARCHIVED", "DELETED")
GONE = ("ARCHIVED", "DELETED")


def node(kind: Kind, status: str, parent: Node | None, **more: Any) -> Node:
    return Node(
        kind=kind, id="1", account_id="1", name="n", status=status, created_s=0, updated_s=0, order=0, parent=parent,
        **more,
    )  # fmt: skip


@pytest.mark.parametrize("issue", [None, Kind.CAMPAIGN, Kind.AD_SET, Kind.AD])
@pytest.mark.parametrize("review", [APPROVED, PENDING, DISAPPROVED])
def test_an_ad_shows_the_first_thing_above_it_that_stops_it(review: str, issue: Kind | None) -> None:
    for top, middle, own in itertools.product(STATUSES, repeat=3):
        flaw = {kind: {"sandbox_issues": [{}]} if issue is kind else {} for kind in Kind}
        campaign = node(Kind.CAMPAIGN, top, None, extra=flaw[Kind.CAMPAIGN])
        ad_set = node(Kind.AD_SET, middle, campaign, extra=flaw[Kind.AD_SET])
        ad = node(Kind.AD, own, ad_set, review=review, extra=flaw[Kind.AD])
        shown = ad.effective_status()
        chain = (own, middle, top)
        gone = [status for status in chain if status in GONE]
        if gone:
            assert shown == gone[0]
        elif review != APPROVED:
            assert shown == review
        elif own == "PAUSED":
            assert shown == "PAUSED"
        elif "PAUSED" in chain:
            assert shown == ("CAMPAIGN_PAUSED" if top == "PAUSED" and middle == "ACTIVE" else "ADSET_PAUSED")
        else:
            assert shown == ("WITH_ISSUES" if issue else "ACTIVE")
        assert (shown == "ACTIVE") == (set(chain) == {"ACTIVE"} and review == APPROVED and issue is None)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """A shop whose ads are an hour in review, a third of them for nothing."""
    with start_strict(tmp_path_factory.mktemp("strict")) as process:
        yield process


def start_strict(folder: Path) -> SandboxProcess:
    file = folder / "shop.json"
    file.write_text(json.dumps({**scenario(), "market": {"review_minutes": 60, "disapproved_share": 0.33}}))
    return start(folder / "data", scenario=str(file), speed=0, start_at=START)


def status_of(stranger: Stranger, ad: str) -> str:
    return str(stranger.get(ad, fields="effective_status")["effective_status"])


def delivering(stranger: Stranger, word: str) -> set[str]:
    filtering = json.dumps([{"field": "ad.delivery_info", "operator": "IN", "value": [word]}])
    return {row["id"] for row in stranger.rows(f"{stranger.account}/ads", filtering=filtering)}


def test_ads_pass_review_or_not_by_their_id_and_a_restart_changes_nothing(strict: SandboxProcess) -> None:
    stranger = Stranger(strict)
    ad_set = stranger.new_ad_set(stranger.named("campaigns", "Own budgets"), status="ACTIVE")
    ads = [stranger.new_ad(ad_set, status="ACTIVE") for _ in range(12)]
    assert {status_of(stranger, ad) for ad in ads} == {"PENDING_REVIEW"}
    assert delivering(stranger, "pending_review") == set(ads)
    stranger.advance(minutes=61)
    after = [status_of(stranger, ad) for ad in ads]
    assert set(after) == {"ACTIVE", "DISAPPROVED"}
    rejected = ads[after.index("DISAPPROVED")]
    told = stranger.get(rejected, fields="ad_review_feedback,issues_info")
    assert told["ad_review_feedback"]["global"]
    (issue,) = told["issues_info"]
    assert (issue["level"], issue["error_code"]) == ("AD", 2490427)
    assert {"error_type", "error_summary", "error_message"} <= issue.keys()
    assert rejected in delivering(stranger, "rejected") & delivering(stranger, "recently_rejected")
    stranger.advance(hours=20)
    spent = {row["ad_id"] for row in stranger.insights(ad_set, level="ad", date_preset="maximum")}
    assert spent
    assert rejected not in spent
    strict.kill()
    strict.restart()
    stranger = Stranger(strict)
    assert [status_of(stranger, ad) for ad in ads] == after


@pytest.mark.parametrize("what", ["creative", "targeting", "budget", "name"])
def test_a_new_creative_or_targeting_brings_the_ad_back_into_review_and_a_budget_does_not(
    strict: SandboxProcess, what: str
) -> None:
    stranger = Stranger(strict)
    ad_set, ad = stranger.named("adsets", "Cooks"), stranger.named("ads", "Film")
    stranger.process.ask("POST", "/human_edit", {"object_id": ad, "changes": {"sandbox_review": "APPROVED"}})
    edits: dict[str, tuple[str, dict[str, str]]] = {
        "creative": (ad, {"creative": json.dumps({"creative_id": stranger.new_creative()})}),
        "targeting": (ad_set, {"targeting": '{"geo_locations":{"countries":["PT"]}}'}),
        "budget": (ad_set, {"daily_budget": "9100"}),
        "name": (ad, {"name": "Film"}),
    }
    path, form = edits[what]
    stranger.post(path, **form)
    assert (status_of(stranger, ad) == "PENDING_REVIEW") is (what in ("creative", "targeting"))


def test_an_issue_is_inherited_told_with_its_level_and_stops_what_is_below(stranger: Stranger) -> None:
    campaign = stranger.new_campaign(status="ACTIVE")
    ad_set = stranger.new_ad_set(campaign, status="ACTIVE")
    ad = stranger.new_ad(ad_set, status="ACTIVE")
    assert status_of(stranger, ad) == "ACTIVE"
    issue = {"error_code": 1815089, "error_type": "HARD_ERROR", "error_summary": "No payment", "error_message": "Pay."}
    edit = {"object_id": campaign, "changes": {"sandbox_issues": [issue]}}
    stranger.process.ask("POST", "/human_edit", edit)
    for made, kind in ((campaign, "campaigns"), (ad_set, "adsets"), (ad, "ads")):
        shown = stranger.get(made, fields="effective_status,issues_info,status")
        assert (shown["effective_status"], shown["status"]) == ("WITH_ISSUES", "ACTIVE")
        assert shown["issues_info"] == [{"level": "CAMPAIGN", **issue}]
        rows = stranger.rows(f"{stranger.account}/{kind}", effective_status='["WITH_ISSUES"]')
        assert [row["id"] for row in rows] == [made]
    stranger.process.ask("POST", "/human_edit", {"object_id": campaign, "changes": {"sandbox_issues": []}})
    assert status_of(stranger, ad) == "ACTIVE"
    stranger.delete(campaign)


def test_an_ad_set_delivers_within_its_flight_and_its_ads_are_closed_with_it(stranger: Stranger) -> None:
    begin, end = "2026-11-22T00:00:00+0100", "2026-11-24T00:00:00+0100"
    form = ad_set_form(stranger.named("campaigns", "Own budgets"))
    ad_set = stranger.post(f"{stranger.account}/adsets", **form, start_time=begin, end_time=end)["id"]
    ad = stranger.new_ad(ad_set, status="ACTIVE")
    assert ad in delivering(stranger, "scheduled")
    stranger.advance(days=2)
    assert ad in delivering(stranger, "active")
    stranger.advance(days=3)
    assert ad in delivering(stranger, "completed") & delivering(stranger, "recently_completed")
    rows = stranger.insights(ad, date_preset="maximum", time_increment=1)
    assert {row["date_start"] for row in rows} == {"2026-11-22", "2026-11-23"}
    assert stranger.refused("POST", ad, status="ACTIVE", conversion_domain="a.example") == (100, 1487007)
    assert stranger.post(ad, name="Over") == {"success": True}
    shown = stranger.rows(f"{stranger.account}/adsets", is_completed="true")
    assert [row["id"] for row in shown] == [ad_set]
    stranger.delete(ad_set)


def test_fields_reach_every_edge_with_its_modifiers_and_unknown_ones_are_refused(stranger: Stranger) -> None:
    campaign = stranger.named("campaigns", "Own budgets")
    inner = '[{"field":"name","operator":"CONTAINS_ANY","value":["Gi fts","ooks"]}]'
    fields = f"adsets.limit(1).order(chronological).filtering({inner}).summary(true){{name,account{{name,currency}}}}"
    found = stranger.get(campaign, fields=fields)["adsets"]
    assert [row["name"] for row in found["data"]] == ["Cooks"]
    assert found["data"][0]["account"]["name"] == "Shop"
    assert found["summary"] == {"total_count": 1}
    paused = stranger.get(campaign, fields='ads.effective_status(["PAUSED"]){name}')["ads"]["data"]
    assert [row["name"] for row in paused] == ["Quote"]
    told = stranger.get(campaign, fields="insights.date_preset(last_7d){spend}")["insights"]["data"]
    assert float(told[0]["spend"]) > 0
    for edge, field in (("campaigns", "billing_event"), ("adsets", "objective"), ("ads", "hair"), ("adcreatives", "x")):
        assert stranger.refused("GET", f"{stranger.account}/{edge}", fields=field) == (100, None)


def test_every_field_that_the_official_sdk_names_is_known(stranger: Stranger) -> None:
    from facebook_business.adobjects import ad, adcreative, adset, campaign

    classes = {
        "campaigns": campaign.Campaign,
        "adsets": adset.AdSet,
        "ads": ad.Ad,
        "adcreatives": adcreative.AdCreative,
    }
    write_only = {"execution_options", "adset_spec", "dataset_split_specs"}
    for edge, cls in classes.items():
        names = sorted(set(cls._field_types) - write_only)
        rows = stranger.get(f"{stranger.account}/{edge}", fields=",".join(names), limit=3)["data"]
        assert all(row["id"] for row in rows)


def test_a_label_is_as_old_on_an_object_as_by_itself(stranger: Stranger) -> None:
    """An object that is older than its label bore it, by its own word, before there was one."""
    ad, edge = stranger.named("ads", "Film"), f"{stranger.account}/adlabels"
    stranger.post(f"{ad}/adlabels", adlabels='[{"name":"younger"}]')
    (borne,) = stranger.get(ad, fields="adlabels")["adlabels"]
    made = {row["name"]: row["created_time"] for row in stranger.rows(edge, fields="name,created_time")}
    assert borne["created_time"] == made["younger"] != stranger.get(ad, fields="created_time")["created_time"]
    stranger.call("DELETE", f"{ad}/adlabels", params={"adlabels": '[{"name":"younger"}]'})


def test_labels_have_ids_and_find_what_bears_them(stranger: Stranger) -> None:
    edge = f"{stranger.account}/adlabels"
    red = stranger.post(edge, name="red")["id"]
    before = stranger.effects()
    assert stranger.post(edge, name="red") == {"id": red}
    assert stranger.effects() == before
    both = stranger.new_campaign("Both", adlabels=json.dumps([{"id": red}, {"name": "blue"}]))
    one = stranger.new_campaign("One")
    assert stranger.post(f"{one}/adlabels", adlabels='[{"name":"red"}]') == {"success": True}
    labels = {row["name"]: row["id"] for row in stranger.rows(edge, fields="name,created_time")}
    assert {"red", "blue", "ab"} <= labels.keys()

    def found(operator: str) -> list[str]:
        wanted = json.dumps([red, labels["blue"]])
        rows = stranger.rows(f"{stranger.account}/campaignsbylabels", ad_label_ids=wanted, operator=operator)
        return [row["id"] for row in rows]

    assert found("ANY") == [one, both]
    assert found("ALL") == [both]
    assert stranger.refused("GET", f"{stranger.account}/campaignsbylabels") == (100, None)
    assert stranger.get(red, fields="name,account")["name"] == "red"
    assert [row["id"] for row in stranger.rows(f"{red}/campaigns")] == [one, both]
    assert stranger.call("DELETE", f"{one}/adlabels", params={"adlabels": json.dumps([{"id": red}])}).ok
    assert found("ANY") == [both]
    stranger.process.kill()
    stranger.process.restart()
    stranger = Stranger(stranger.process)
    assert stranger.get(red, fields="name")["name"] == "red"
    assert [row["id"] for row in stranger.rows(f"{labels['blue']}/campaigns")] == [both]
    for made in (both, one):
        stranger.delete(made)


def test_many_campaigns_are_deleted_at_once_oldest_first(stranger: Stranger) -> None:
    made = [stranger.new_campaign(f"Mass {n}") for n in range(3)]
    for campaign in made:
        stranger.post(campaign, status="ARCHIVED")
    stranger.advance(minutes=1)
    asked = {"delete_strategy": "DELETE_ARCHIVED_BEFORE", "before_date": "2030-01-01", "object_count": "2"}
    path = f"{stranger.account}/campaigns"
    assert stranger.refused("DELETE", path, delete_strategy="DELETE_ARCHIVED_BEFORE") == (100, None)
    assert stranger.refused("DELETE", path) == (100, None)
    answer = stranger.call("DELETE", path, params=asked).json()
    assert answer == {"objects_left_to_delete_count": 1, "deleted_object_ids": made[:2]}
    assert [stranger.get(one, fields="status")["status"] for one in made] == ["DELETED", "DELETED", "ARCHIVED"]
    stranger.delete(made[2])


def test_a_preview_is_a_frame_of_a_known_format(stranger: Stranger) -> None:
    ad = stranger.named("ads", "Box")
    creative = stranger.get(ad, fields="creative")["creative"]["id"]
    spec = json.dumps({"object_story_spec": {"page_id": PAGE, "link_data": {"link": "https://a"}}})
    shown = {"ad_format": "DESKTOP_FEED_STANDARD"}
    answers = [stranger.get(f"{one}/previews", **shown) for one in (ad, creative)]
    answers.append(stranger.get(f"{stranger.account}/generatepreviews", creative=spec, **shown))
    for answer in answers:
        assert answer["data"][0]["body"].startswith("<iframe ")
    assert answers[0]["data"] == answers[1]["data"]
    assert stranger.refused("GET", f"{ad}/previews") == (100, None)
    assert stranger.refused("GET", f"{ad}/previews", ad_format="CAVE_WALL") == (100, None)
