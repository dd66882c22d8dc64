"""Ad images over HTTP: the ways in, one image for the same bytes, what is told of them, and their end."""

import base64
import hashlib
import json

from tests.sandbox.pictures import gif, jpeg, png, upload_image
from tests.sandbox.stranger import PAGE, Stranger


def test_the_bytes_that_come_are_the_bytes_that_are_served(stranger: Stranger) -> None:
    content = png(64, 33, shade=1) + bytes(range(256)) + b"\r\n--\r\n\r\n"
    image = upload_image(stranger, content, "wide.png")
    assert image["hash"] == hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert (image["width"], image["height"]) == (64, 33)
    served = stranger.session.get(image["url"], timeout=30, headers={"Authorization": ""})
    assert served.content == content
    assert served.headers["content-type"] == "image/png"


def test_several_files_of_one_call_are_answered_by_their_names(stranger: Stranger) -> None:
    files = {"one": ("one.gif", gif(8, 9)), "two": ("dos ñ.jpg", jpeg(10, 11))}
    images = stranger.call("POST", f"{stranger.account}/adimages", files=files).json()["images"]
    assert {name: (row["width"], row["height"]) for name, row in images.items()} == {
        "one.gif": (8, 9), "dos ñ.jpg": (10, 11)
    }  # fmt: skip


def test_bytes_in_base64_are_the_same_image_as_the_file(stranger: Stranger) -> None:
    content = png(shade=2)
    first = upload_image(stranger, content)
    before = stranger.effects()
    answer = stranger.post(f"{stranger.account}/adimages", bytes=base64.b64encode(content).decode(), name="other")
    assert answer["images"]["bytes"]["hash"] == first["hash"]
    assert stranger.effects() == before  # nothing new has happened
    rows = stranger.rows(f"{stranger.account}/adimages", hashes=json.dumps([first["hash"]]), fields="id,name")
    assert rows == [{"id": f"{stranger.account.removeprefix('act_')}:{first['hash']}", "name": "a.png"}]


def test_what_is_no_image_is_refused_and_nothing_of_the_call_is_kept(stranger: Stranger) -> None:
    before = stranger.effects()
    files = {"good": ("good.png", png(shade=3)), "bad": ("bad.png", b"a text")}
    error = stranger.call("POST", f"{stranger.account}/adimages", files=files).json()["error"]
    assert (error["code"], error["error_subcode"]) == (100, 1_487_411)
    assert "bad.png" in error["error_user_msg"]
    assert stranger.refused("POST", f"{stranger.account}/adimages")[0] == 100
    assert stranger.refused("POST", f"{stranger.account}/adimages", bytes="%%%")[0] == 100
    assert stranger.effects() == before


def test_an_image_is_a_node_with_fields_and_lists_are_newest_first(stranger: Stranger) -> None:
    older, newer = (upload_image(stranger, png(shade=shade), f"{shade}.png")["hash"] for shade in (4, 5))
    listed = [row["hash"] for row in stranger.rows(f"{stranger.account}/adimages", fields="hash", limit=2)]
    assert listed.index(newer) < listed.index(older)
    node = stranger.get(f"{stranger.account.removeprefix('act_')}:{newer}", fields="hash,name,status,created_time")
    assert (node["hash"], node["name"], node["status"]) == (newer, "5.png", "ACTIVE")
    assert stranger.get(f"{stranger.account}/adimages", limit=1)["data"][0].keys() == {"id", "hash"}
    assert stranger.refused("GET", f"{stranger.account}/adimages", fields="colour")[0] == 100


def test_an_image_can_be_copied_by_its_hash(stranger: Stranger) -> None:
    first = upload_image(stranger, png(shade=6), "mine.png")
    source = {"source_account_id": stranger.account.removeprefix("act_"), "hash": first["hash"]}
    answer = stranger.post(f"{stranger.account}/adimages", copy_from=json.dumps(source))
    assert answer["images"]["mine.png"]["hash"] == first["hash"]
    source["hash"] = "0" * 32
    assert stranger.refused("POST", f"{stranger.account}/adimages", copy_from=json.dumps(source))[0] == 100


def test_a_deleted_image_is_gone_from_the_list_and_comes_back_with_its_bytes(stranger: Stranger) -> None:
    content = png(shade=7)
    digest = upload_image(stranger, content)["hash"]
    assert stranger.delete(f"{stranger.account}/adimages?hash={digest}") == {"success": True}
    assert digest not in [row["hash"] for row in stranger.rows(f"{stranger.account}/adimages")]
    assert stranger.refused("DELETE", f"{stranger.account}/adimages?hash={digest}")[0] == 100
    upload_image(stranger, content)
    assert digest in [row["hash"] for row in stranger.rows(f"{stranger.account}/adimages")]


def test_an_image_that_a_creative_shows_is_not_deleted(stranger: Stranger) -> None:
    digest = upload_image(stranger, png(shade=8))["hash"]
    story = {"page_id": PAGE, "link_data": {"link": "https://a", "image_hash": digest}}
    creative = stranger.post(f"{stranger.account}/adcreatives", name="It", object_story_spec=json.dumps(story))["id"]
    assert stranger.refused("DELETE", f"{stranger.account}/adimages?hash={digest}")[0] == 100
    node = f"{stranger.account.removeprefix('act_')}:{digest}"
    assert stranger.get(node, fields="creatives")["creatives"] == [creative]


def test_images_outlive_a_kill(stranger: Stranger) -> None:
    content = png(shade=10)
    image = upload_image(stranger, content, "kept.png")
    before = stranger.rows(f"{stranger.account}/adimages", fields="id,name,hash,width,height,created_time", limit=100)
    stranger.process.kill()
    stranger.process.restart()
    after = stranger.rows(f"{stranger.account}/adimages", fields="id,name,hash,width,height,created_time", limit=100)
    assert after == before
    assert stranger.session.get(image["url"], timeout=30).content == content


def test_nothing_but_media_is_served_without_a_token(stranger: Stranger) -> None:
    for name in ("..%2fcredentials.json", "credentials.json", "sandbox.sqlite3", "x" * 100, "", "still99.png"):
        assert stranger.session.get(f"{stranger.process.graph}/media/{name}", timeout=30).status_code == 404
