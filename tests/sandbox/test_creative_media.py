"""Creatives and the account's library: what is not in it is refused, what is in it lends its addresses."""

import json
from typing import Any

import pytest

from tests.sandbox.pictures import png, upload_film, upload_image
from tests.sandbox.stranger import PAGE, Stranger

LINK = {"link": "https://a"}
STILL = {"image_url": "https://shop.example/t.jpg"}


def form(part: dict[str, Any] | None, **more: Any) -> dict[str, str]:
    """A creative's form: a part of its story, and what stands beside the story."""
    story = {"object_story_spec": {"page_id": PAGE, **(part or {})}} if part is not None else {}
    return {name: json.dumps(value) for name, value in {"name": "Creative", **story, **more}.items()}


def cards(*extra: dict[str, Any]) -> dict[str, Any]:
    return {"link_data": {**LINK, "child_attachments": [{**LINK, **more} for more in extra]}}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (form({"link_data": {**LINK, "image_hash": "0" * 32}}), "object_story_spec"),
        (form({"photo_data": {"image_hash": "0" * 32}}), "object_story_spec"),
        (form({"video_data": {"video_id": "991", **STILL}}), "object_story_spec"),
        (form({"video_data": {"video_id": PAGE, **STILL}}), "object_story_spec"),  # there is one, and it is no video
        (form(cards({}, {"image_hash": "0" * 32})), "object_story_spec"),
        (form(cards({}, {"video_id": 991})), "object_story_spec"),
        (form(None, image_hash="0" * 32), "image_hash"),
        (form(None, video_id="991"), "video_id"),
        (form({}, asset_feed_spec={"images": [{"hash": "0" * 32}]}), "asset_feed_spec"),
        (form({}, asset_feed_spec={"videos": [{"video_id": "991"}]}), "asset_feed_spec"),
    ],
)
def test_media_that_the_account_does_not_have_are_refused_and_nothing_is_made(
    stranger: Stranger, asked: dict[str, str], field: str
) -> None:
    before = stranger.effects()
    answer = stranger.call("POST", f"{stranger.account}/adcreatives", data=asked)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["error_data"]["blame_field_specs"]) == (400, 100, [[field]])
    assert "upload it" in error["error_user_msg"]
    assert stranger.effects() == before


def test_an_inline_creative_of_an_ad_is_held_to_the_library_too(stranger: Stranger) -> None:
    story = {"page_id": PAGE, "link_data": {**LINK, "image_hash": "0" * 32}}
    ad = {"name": "Ad", "adset_id": stranger.named("adsets", "Gifts")}
    creative = json.dumps({"name": "Inline", "object_story_spec": story})
    assert stranger.refused("POST", f"{stranger.account}/ads", creative=creative, **ad)[0] == 100


def test_an_image_that_was_deleted_is_none_that_a_creative_can_show(stranger: Stranger) -> None:
    digest = upload_image(stranger, png(shade=21))["hash"]
    stranger.delete(f"{stranger.account}/adimages?hash={digest}")
    asked = form({"link_data": {**LINK, "image_hash": digest}})
    assert stranger.refused("POST", f"{stranger.account}/adcreatives", **asked)[0] == 100


def test_a_creative_tells_where_the_image_of_its_hash_is(stranger: Stranger) -> None:
    content = png(shade=22)
    digest = upload_image(stranger, content)["hash"]
    made = stranger.post(f"{stranger.account}/adcreatives", **form({"link_data": {**LINK, "image_hash": digest}}))["id"]
    told = stranger.get(made, fields="image_hash,image_url,thumbnail_url")
    assert told["image_hash"] == digest
    for name in ("image_url", "thumbnail_url"):
        assert stranger.session.get(told[name], timeout=30).content == content


def test_a_video_s_creative_shows_its_own_still_unless_it_was_given_a_picture(stranger: Stranger) -> None:
    film = upload_film(stranger.process)
    picture = stranger.get(film, fields="picture")["picture"]
    own = stranger.post(f"{stranger.account}/adcreatives", **form(None, video_id=film))["id"]
    given = stranger.post(f"{stranger.account}/adcreatives", **form({"video_data": {"video_id": film, **STILL}}))["id"]
    assert stranger.get(own, fields="thumbnail_url,image_url") == {"id": own, "thumbnail_url": picture}
    assert stranger.get(given, fields="thumbnail_url")["thumbnail_url"] == STILL["image_url"]
