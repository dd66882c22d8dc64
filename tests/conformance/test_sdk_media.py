"""Meta's own SDK uploads: images as files, videos in chunks to Meta's other host, which an adapter sends home."""

import base64

import pytest
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.advideo import AdVideo
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from sandbox.process import SandboxProcess
from tests.conformance.building import film, png
from tests.sandbox.stranger import PAGE

CHUNKS = 2_200_000  # letters: three chunks, as the sandbox cuts them
VIDEO_HOST = "https://graph-video.facebook.com"


class Home(HTTPAdapter):
    """Sends what is meant for the host of video uploads to the sandbox."""

    def __init__(self, graph: str) -> None:
        super().__init__()
        self._graph = graph

    def send(self, request: PreparedRequest, **options: object) -> Response:
        request.url = request.url.replace(VIDEO_HOST, self._graph, 1)
        return super().send(request, **options)


@pytest.fixture(autouse=True)
def _videos_come_home(redirected: FacebookAdsApi, shop: SandboxProcess) -> None:
    redirected._session.requests.mount(VIDEO_HOST, Home(shop.graph))


def test_an_image_is_known_by_its_hash_and_the_same_bytes_are_one_image(account: AdAccount, tmp_path):
    first = account.create_ad_image(params={"filename": str(png(tmp_path / "one.png", width=80, height=60))})
    again = account.create_ad_image(params={"filename": str(png(tmp_path / "same.png", width=80, height=60))})
    assert first["hash"] == again["hash"]
    fields = ["hash", "name", "width", "height", "status", "url", "id"]
    (read,) = account.get_ad_images(fields=fields, params={"hashes": [first["hash"]]})
    assert (read["width"], read["height"], read["status"]) == (80, 60, "ACTIVE")
    assert read["id"] == f"{account['id'][4:]}:{first['hash']}"


def test_an_image_is_deleted_by_its_hash(account: AdAccount, tmp_path):
    image = account.create_ad_image(params={"filename": str(png(tmp_path / "gone.png", grey=201))})
    account.delete_ad_images(params={"hash": image["hash"]})
    left = account.get_ad_images(fields=["hash", "status"], params={"hashes": [image["hash"]]})
    assert [row for row in left if row["status"] == "ACTIVE"] == []


def test_a_video_is_uploaded_in_chunks_and_becomes_ready(account: AdAccount, shop: SandboxProcess, tmp_path):
    video = AdVideo(parent_id=account["id"])
    video[AdVideo.Field.filepath] = str(film(tmp_path / "film.mp4", letters=CHUNKS))
    video.remote_create()
    for _ in range(50):
        state = AdVideo(video["id"]).api_get(fields=["status"])["status"]["video_status"]
        if state == "ready":
            break
        assert state == "processing"
        shop.ask("POST", "/advance", {"seconds": 30})
    read = AdVideo(video["id"]).api_get(fields=["id", "length", "created_time", "picture"])
    assert state == "ready"
    assert read["length"] == 12.5
    assert video["id"] in {row["id"] for row in account.get_ad_videos(fields=["id"])}
    assert len(list(AdVideo(video["id"]).get_thumbnails(fields=["uri", "is_preferred"]))) >= 1


def test_an_uploaded_video_carries_a_creative(account: AdAccount, tmp_path):
    video = AdVideo(parent_id=account["id"])
    video[AdVideo.Field.filepath] = str(film(tmp_path / "advert.mp4", seconds=4.0))
    video.remote_create()
    thumb = account.create_ad_image(params={"filename": str(png(tmp_path / "thumb.png", grey=17))})
    told = {"video_id": video["id"], "image_hash": thumb["hash"], "message": "See the mill",
            "call_to_action": {"type": "LEARN_MORE", "value": {"link": "https://shop.example"}}}  # fmt: skip
    made = account.create_ad_creative(
        params={"name": "Film", "object_story_spec": {"page_id": PAGE, "video_data": told}}
    )
    read = made.api_get(fields=["video_id", "object_type", "body"])
    assert (read["video_id"], read["object_type"], read["body"]) == (video["id"], "VIDEO", "See the mill")


def test_a_chunk_whose_answer_was_an_error_is_sent_again_from_the_place_that_we_tell(
    account: AdAccount, shop: SandboxProcess, tmp_path
):
    """The SDK repeats the chunk that arrived all the same, is told 1363037 with the right place, and goes on there."""
    fault = {"do": "error_5xx", "effect": True, "after": 1, "match": {"path": "/advideos$"}}
    shop.ask("POST", "/faults", {"script": [fault]})
    video = AdVideo(parent_id=account["id"])
    video[AdVideo.Field.filepath] = str(film(tmp_path / "again.mp4", seconds=4.0, letters=CHUNKS))
    video.remote_create()
    assert shop.ask("GET", "/faults")["script"][0]["fired"] == 1
    assert AdVideo(video["id"]).api_get(fields=["length"])["length"] == 4.0


def test_bytes_that_are_no_picture_are_refused(account: AdAccount):
    with pytest.raises(FacebookRequestError) as told:
        account.create_ad_image(params={"bytes": base64.b64encode(b"no picture").decode()})
    assert told.value.api_error_code() == 100
