"""What could be, and what stands beside the tree, read from the sandbox: people as people, money in minor units."""

from itertools import chain

import msgspec
import pytest

from domain.actions import JsonMap
from domain.asset_ports import AssetReader, PlanningReader
from domain.errors import BadInputError, GoneError, RefusedError, TransientError
from domain.ids import PlatformAccountId
from domain.planning import MinimumBudgets, PlaceKind
from domain.ports import Client
from meta_client.accounts import AccountBook
from meta_client.asset_rows import PreviewRow, VideoRow, preview, video
from meta_client.assets import MetaAssets
from meta_client.pages import Pager
from meta_client.planning import MetaPlanning
from tests.meta_client.scripted import ACCOUNT, ACCOUNT_NODE, Kit, Scripted

SPAIN: JsonMap = {"geo_locations": {"countries": ["ES"]}}


def planning_of(kit: Kit) -> MetaPlanning:
    pager = Pager(kit.transport, sleep=kit.waits.append)
    return MetaPlanning(pager, AccountBook(pager))


def test_interests_are_found_with_their_people_and_can_be_aimed_at(
    account: PlatformAccountId, planning: PlanningReader
) -> None:
    found = planning.search_interests("cook", at_most=5)
    assert 0 < len(found) <= 5
    for interest in found:
        assert interest.path[-1] == interest.name
        assert 0 < (interest.people_low or 0) <= (interest.people_high or 0)
    narrow: JsonMap = {**SPAIN, "interests": [{"id": found[0].id, "name": found[0].name}]}
    wide, less = planning.reach(account, SPAIN), planning.reach(account, narrow)
    assert wide.is_ready
    assert less.is_ready
    assert 0 < (less.people_high or 0) < (wide.people_low or 0) <= (wide.people_high or 0)


def test_places_are_found_by_kind_and_country(planning: PlanningReader) -> None:
    assert {place.kind for place in planning.search_places("mad")} >= {PlaceKind.CITY, PlaceKind.REGION}
    (city,) = planning.search_places("Madrid", kinds=[PlaceKind.CITY], country="ES")
    assert (city.name, city.kind, city.country, city.region) == ("Madrid", PlaceKind.CITY, "ES", "Community of Madrid")
    assert planning.search_places("Madrid", kinds=[PlaceKind.CITY], country="DE") == ()


def test_a_delivery_estimate_rises_with_the_days_money_in_minor_units(
    account: PlatformAccountId, planning: PlanningReader
) -> None:
    """The house's own word for a goal is understood, as where an ad set is made."""
    estimate = planning.delivery(account, SPAIN, "CONVERSIONS")
    assert (estimate.currency, estimate.is_ready) == ("EUR", True)
    assert 0 < (estimate.people_a_day or 0) < (estimate.people_high or 0)
    spends = [point.spend_minor for point in estimate.curve]
    assert (spends[0], spends[-1], spends) == (0, 500_000, sorted(spends))
    for figure in ("impressions", "people", "actions"):
        figures = [getattr(point, figure) for point in estimate.curve]
        assert figures == sorted(figures)
        assert figures[-1] > 0
    assert all(point.people <= point.impressions for point in estimate.curve)


def test_minimum_budgets_are_those_of_the_account(
    client: Client, account: PlatformAccountId, planning: PlanningReader
) -> None:
    least = planning.minimum_budgets(account)
    assert (least.currency, least.impressions_minor) == (
        "EUR",
        client.reader.account(account).minimum_daily_budget_minor,
    )
    assert least.impressions_minor <= least.frequent_minor < least.rare_minor


def test_money_of_a_currency_that_meta_counts_otherwise_comes_in_iso_minor_units(server: Scripted, kit: Kit) -> None:
    """HUF: Meta's unit is the forint, ISO's the hundredth of it. Budgets of other currencies are passed over."""
    rows = [
        {"currency": currency, "min_daily_budget_imp": 330, "min_daily_budget_video_views": "331",
         "min_daily_budget_high_freq": 1650, "min_daily_budget_low_freq": 13200}
        for currency in ("USD", "HUF")
    ]  # fmt: skip
    server.answer({**ACCOUNT_NODE, "currency": "HUF"})
    server.answer({"data": rows})
    curve = [{"spend": 700, "impressions": 9, "reach": 8, "actions": 0.5}, {"spend": 0}]
    server.answer({"data": [{"estimate_mau_lower_bound": -1, "estimate_ready": True, "daily_outcomes_curve": curve}]})
    planning = planning_of(kit)
    assert planning.minimum_budgets(ACCOUNT) == MinimumBudgets(
        currency="HUF", impressions_minor=33000, video_views_minor=33100, frequent_minor=165000, rare_minor=1320000
    )
    estimate = planning.delivery(ACCOUNT, SPAIN, "LINK_CLICKS", pixel_id="5")
    assert [(point.spend_minor, point.actions) for point in estimate.curve] == [(0, 0.0), (70000, 0.5)]
    assert (estimate.people_low, estimate.people_high) == (None, None)
    assert server.requests[-1].query["promoted_object"] == '{"pixel_id":"5","custom_event_type":"PURCHASE"}'


@pytest.mark.parametrize("shape", ["an object", "a list", "nothing"])
def test_reach_is_understood_in_each_shape_and_unknown_where_meta_will_not_say(
    server: Scripted, kit: Kit, shape: str
) -> None:
    row = {"users_lower_bound": -1, "users_upper_bound": 2000, "estimate_ready": True}
    server.answer({"data": {"an object": row, "a list": [row], "nothing": []}[shape]})
    reach = planning_of(kit).reach(ACCOUNT, SPAIN)
    assert reach.people_low is None
    assert (reach.people_high, reach.is_ready) == ((None, False) if shape == "nothing" else (2000, True))


def test_a_targeting_without_a_place_is_refused(account: PlatformAccountId, planning: PlanningReader) -> None:
    with pytest.raises(RefusedError, match="location"):
        planning.reach(account, {"age_min": 20})


def test_minimum_budgets_in_no_currency_of_ours_are_no_answer(server: Scripted, kit: Kit) -> None:
    server.answer(ACCOUNT_NODE)
    server.answer({"data": []})
    with pytest.raises(TransientError, match="none is told in USD"):
        planning_of(kit).minimum_budgets(ACCOUNT)


def test_pages_pixels_labels_and_studies_are_read(account: PlatformAccountId, assets: AssetReader) -> None:
    (page,), (pixel,) = assets.pages(account), assets.pixels(account)
    assert page.id.isdigit()
    assert page.name
    assert pixel.last_fired_at is not None
    assert pixel.last_fired_at.utcoffset() is not None
    assert "ab_test" in {label.name for rows in assets.labels(account) for label in rows}
    assert list(chain.from_iterable(assets.studies(account))) == []


def test_a_preview_is_an_address_with_its_sides(
    client: Client, account: PlatformAccountId, assets: AssetReader
) -> None:
    ad = next(row for rows in client.reader.ads(account) for row in rows if row.creative_id)
    (shown,) = assets.previews(account, ad.id, "MOBILE_FEED_STANDARD")
    assert shown.address.startswith("https://www.facebook.com/ads/api/preview_iframe.php?d=")
    assert "&amp;" not in shown.address
    assert (shown.width_px, shown.height_px) == (540, 690)


def test_a_preview_without_a_frame_is_none() -> None:
    assert preview(PreviewRow(body="<div>not yet</div>")) is None


def test_a_video_that_is_not_there_is_gone_and_no_id_makes_an_address(
    account: PlatformAccountId, assets: AssetReader
) -> None:
    with pytest.raises(GoneError):
        assets.video(account, "999999999999")
    with pytest.raises(BadInputError, match="no id"):
        assets.video(account, "me/accounts")


def test_an_answer_about_another_video_is_no_answer(server: Scripted, kit: Kit) -> None:
    server.answer({"id": "8", "title": "Other"})
    with pytest.raises(TransientError, match="asked for 7, Meta answered about 8"):
        MetaAssets(Pager(kit.transport)).video(ACCOUNT, "7")


@pytest.mark.parametrize(
    ("status", "facts"),
    [
        ({"video_status": "processing", "processing_progress": 40}, ("processing", 0.4, "")),
        ({"video_status": "ready"}, ("ready", 1.0, "")),
        ({"video_status": "expired"}, ("failed", 0.0, "expired")),
        ({"video_status": "error", "processing_phase": {"errors": [{"message": "a\nb"}]}}, ("failed", 0.0, "a b")),
        ({"video_status": "being looked at"}, ("unknown", 0.0, "")),
        (None, ("unknown", 0.0, "")),
    ],
)  # fmt: skip
def test_a_videos_stage_is_told_and_an_unknown_one_is_never_ready(
    status: dict[str, object] | None, facts: tuple[str, float, str]
) -> None:
    found = video(msgspec.convert({"id": "7", "status": status}, VideoRow))
    assert (found.stage.value, found.processed, found.problem) == facts
