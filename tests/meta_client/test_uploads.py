"""Images and videos reach the sandbox whole, also when answers are lost midway; what Meta refuses is not sent."""

import hashlib
import random
from pathlib import Path

import pytest
import requests

from domain.asset_ports import AssetReader, AssetWriters, Sending
from domain.assets import FileAt, VideoStage, VideoUpload
from domain.errors import NotSentError, RefusedError, UnknownOutcomeError
from domain.ids import PlatformAccountId
from meta_client.supply.files import MOST_IMAGE_BYTES, MOST_VIDEO_BYTES
from meta_client.supply.media import LONGEST_TITLE, MetaMedia
from meta_client.supply.sender import Sender
from sandbox.process import SandboxProcess
from tests.meta_client.living import break_calls, open_client_of
from tests.meta_client.scripted import ACCOUNT, Kit, Scripted, graph_error, hanging_up, open_kit
from tests.sandbox.pictures import gif, jpeg, mp4, png, webp

MIB = 1 << 20
SENDING = Sending(request_id="action-1-1", deadline_s=20)
FILM = mp4(filler=random.Random(7).randbytes(3 * MIB + 777))


@pytest.fixture
def film(tmp_path: Path) -> FileAt:
    file = tmp_path / "film.mp4"
    file.write_bytes(FILM)
    return FileAt(path=str(file))


def served(platform: SandboxProcess, video_id: str) -> bytes:
    """The bytes that the platform shows people."""
    answer = requests.get(
        f"{platform.graph}/v26.0/{video_id}", params={"fields": "source", "access_token": platform.token}, timeout=30
    )
    return requests.get(answer.json()["source"], timeout=30).content


@pytest.mark.parametrize(
    "content", [png(31), jpeg(32, 21), gif(33, 22), webp(34, 23)], ids=["png", "jpg", "gif", "webp"]
)
def test_an_image_is_uploaded_and_found_again_by_the_md5_of_its_bytes(
    account: PlatformAccountId, writers: AssetWriters, assets: AssetReader, content: bytes
) -> None:
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert assets.images(account, [digest]) == {}
    assert writers.media.upload_image(account, content, sending=SENDING) == digest
    image = assets.images(account, [digest, "0" * 32])[digest]
    assert (image.width_px > 30, image.height_px > 19, image.is_active) == (True, True, True)


def test_the_same_image_sent_twice_is_one_image_and_a_file_is_as_good_as_bytes(
    account: PlatformAccountId, writers: AssetWriters, tmp_path: Path
) -> None:
    file = tmp_path / "a picture.png"
    file.write_bytes(png(40))
    first = writers.media.upload_image(account, FileAt(path=str(file)), sending=SENDING)
    assert writers.media.upload_image(account, png(40), sending=SENDING) == first


def test_an_image_whose_answer_was_lost_is_unknown_and_found_by_its_hash(
    platform: SandboxProcess, account: PlatformAccountId, writers: AssetWriters, assets: AssetReader
) -> None:
    content = png(41)
    break_calls(platform, "commit_then_drop", match={"path": "adimages"})
    with pytest.raises(UnknownOutcomeError):
        writers.media.upload_image(account, content, sending=SENDING)
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert list(assets.images(account, [digest])) == [digest]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"GIF", "no PNG"),
        (png() + b"0" * MOST_IMAGE_BYTES, "at most 31457280"),
        (FileAt(path="gone"), "no file"),
    ],
    ids=["empty", "no image", "too large", "no file"],
)
def test_an_image_that_meta_would_refuse_is_not_sent(
    server: Scripted, kit: Kit, content: bytes | FileAt, why: str
) -> None:
    with pytest.raises(RefusedError, match=why):
        MetaMedia(Sender(kit.transport)).upload_image(ACCOUNT, content, sending=SENDING)
    assert server.requests == []


def test_a_video_is_streamed_whole_and_its_title_carries_the_token(
    platform: SandboxProcess, account: PlatformAccountId, writers: AssetWriters, assets: AssetReader, film: FileAt
) -> None:
    stands: list[VideoUpload] = []
    video_id = writers.media.upload_video(
        account, film, title="Harbour", op_token="FILMTOKEN1", sending=SENDING, on_progress=stands.append
    )
    assert [upload.next_offset_bytes for upload in stands] == [0, MIB, 2 * MIB, 3 * MIB, len(FILM)]
    assert served(platform, video_id) == FILM
    video = assets.video(account, video_id)
    assert (video.title, video.stage, video.op_token) == ("Harbour", VideoStage.READY, "FILMTOKEN1")
    assert (video.size_bytes, video.uploaded_bytes, video.length_s) == (len(FILM), len(FILM), 12.5)
    assert [found.id for found in assets.find_videos(account, "FILMTOKEN1")] == [video_id]
    assert assets.find_videos(account, "FILMTOKEN") == ()


@pytest.mark.parametrize("fault", ["commit_then_drop", "drop_before_commit", "error_5xx", "truncated_json"])
def test_a_chunk_whose_answer_was_lost_costs_a_repeat_and_no_byte(
    platform: SandboxProcess, account: PlatformAccountId, film: FileAt, fault: str
) -> None:
    waits: list[float] = []
    client = open_client_of(platform)
    assert client.asset_writers is not None
    media = client.asset_writers.media
    assert isinstance(media, MetaMedia)
    media = MetaMedia(media._sender, sleep=waits.append)
    break_calls(platform, fault, match={"path": "advideos"}, after=2, effect=True)  # the second chunk
    video_id = media.upload_video(account, film, title="Lost", op_token=f"LOST{fault}", sending=SENDING)
    assert waits == [1.0]
    assert served(platform, video_id) == FILM


def test_an_upload_that_broke_off_goes_on_in_another_process_from_what_was_kept(
    platform: SandboxProcess, account: PlatformAccountId, assets: AssetReader, film: FileAt
) -> None:
    """The last chunk arrived, but nobody noted it: the platform tells which byte it wants."""
    kept: list[VideoUpload] = []

    def note(upload: VideoUpload) -> None:
        if upload.next_offset_bytes >= 2 * MIB:
            raise KeyboardInterrupt
        kept.append(upload)

    first, second = open_client_of(platform), open_client_of(platform)
    assert first.asset_writers is not None
    assert second.asset_writers is not None
    with pytest.raises(KeyboardInterrupt):
        first.asset_writers.media.upload_video(
            account, film, title="Killed", op_token="KILLED1", sending=SENDING, on_progress=note
        )
    (half,) = assets.find_videos(account, "KILLED1")
    assert (half.stage, half.uploaded_bytes, half.size_bytes) == (VideoStage.UPLOADING, 2 * MIB, len(FILM))
    assert kept[-1].next_offset_bytes == MIB
    stands: list[int] = []
    video_id = second.asset_writers.media.upload_video(
        account,
        film,
        title="Killed",
        op_token="KILLED1",
        sending=SENDING,
        resume=kept[-1],
        on_progress=lambda upload: stands.append(upload.next_offset_bytes),
    )
    assert stands == [MIB, 2 * MIB, 3 * MIB, len(FILM)]
    assert (video_id, served(platform, video_id)) == (half.id, FILM)


def test_an_end_whose_answer_was_lost_is_unknown_and_can_be_asked_for_again(
    platform: SandboxProcess, account: PlatformAccountId, writers: AssetWriters, assets: AssetReader, film: FileAt
) -> None:
    stands: list[VideoUpload] = []
    break_calls(platform, "commit_then_drop", match={"path": "advideos"}, after=5)
    with pytest.raises(UnknownOutcomeError, match="end of the upload"):
        writers.media.upload_video(
            account, film, title="End", op_token="ENDLOST1", sending=SENDING, on_progress=stands.append
        )
    assert assets.video(account, stands[-1].video_id).stage is VideoStage.READY
    again = writers.media.upload_video(
        account, film, title="End", op_token="ENDLOST1", sending=SENDING, resume=stands[-1]
    )
    assert again == stands[-1].video_id
    assert len(assets.find_videos(account, "ENDLOST1")) == 1


def begun(size: int) -> dict[str, str]:
    return {"upload_session_id": "71", "video_id": "7", "start_offset": "0", "end_offset": str(size)}


def tiny(tmp_path: Path, size: int = 40) -> FileAt:
    file = tmp_path / "tiny.mp4"
    file.write_bytes(b"0000ftypisom".ljust(size, b"x"))
    return FileAt(path=str(file))


def media_of(kit: Kit) -> MetaMedia:
    return MetaMedia(Sender(kit.transport), sleep=kit.waits.append)


def test_a_begin_without_an_answer_is_unknown_and_not_repeated(server: Scripted, kit: Kit, tmp_path: Path) -> None:
    server.replies.append(hanging_up)
    with pytest.raises(UnknownOutcomeError, match="begin of the upload"):
        media_of(kit).upload_video(ACCOUNT, tiny(tmp_path), title="A", op_token="TOKEN1", sending=SENDING)
    assert len(server.requests) == 1


def test_a_chunk_is_given_up_after_three_repeats(server: Scripted, kit: Kit, tmp_path: Path) -> None:
    server.answer(begun(40))
    server.replies += [hanging_up] * 4
    with pytest.raises(UnknownOutcomeError, match="video 7 from byte 0"):
        media_of(kit).upload_video(ACCOUNT, tiny(tmp_path), title="A", op_token="TOKEN1", sending=SENDING)
    assert (len(server.requests), kit.waits) == (5, [1.0, 2.0, 4.0])


def test_no_chunk_begins_past_the_last_instant_for_sending(server: Scripted, kit: Kit, tmp_path: Path) -> None:
    sending = Sending(request_id="r", deadline_s=5, not_after_s=0.0)
    with pytest.raises(NotSentError, match="last instant"):
        media_of(kit).upload_video(
            ACCOUNT,
            tiny(tmp_path),
            title="A",
            op_token="TOKEN1",
            sending=sending,
            resume=VideoUpload(session_id="71", video_id="7", size_bytes=40, next_offset_bytes=0, chunk_bytes=40),
        )
    assert (server.requests, kit.waits) == ([], [])


@pytest.mark.parametrize("data", [{"start_offset": "30", "end_offset": "40"}, '{"start_offset": 30}'])
def test_an_upload_goes_on_at_the_byte_that_the_refusal_names(
    server: Scripted, kit: Kit, tmp_path: Path, data: object
) -> None:
    server.answer(begun(20))
    server.answer(graph_error(100, 1363037, error_data=data, is_transient=True), status=400)
    server.answer({"start_offset": "40", "end_offset": "40"})
    server.answer({"success": True})
    assert media_of(kit).upload_video(ACCOUNT, tiny(tmp_path), title="A", op_token="TOKEN1", sending=SENDING) == "7"
    first, second = server.requests[1:3]
    assert 'name="start_offset"\r\n\r\n0\r\n' in first.body
    assert "0000ftypisom" + "x" * 8 + "\r\n--" in first.body  # as many bytes as it wanted
    assert 'name="start_offset"\r\n\r\n30\r\n' in second.body
    assert kit.waits == []


def test_a_platform_that_wants_the_same_byte_for_ever_ends_the_upload(
    server: Scripted, kit: Kit, tmp_path: Path
) -> None:
    server.answer(begun(40))
    for _ in range(10):
        server.answer({"start_offset": "0", "end_offset": "40"})
    with pytest.raises(RefusedError, match="wants byte 0 over and over"):
        media_of(kit).upload_video(ACCOUNT, tiny(tmp_path), title="A", op_token="TOKEN1", sending=SENDING)
    assert len(server.requests) == 5


def test_a_film_that_changed_while_it_was_sent_is_not_sent_on(server: Scripted, kit: Kit, tmp_path: Path) -> None:
    def render_anew(_: VideoUpload) -> None:
        tiny(tmp_path, size=39)

    server.answer(begun(20))
    with pytest.raises(RefusedError, match="changed while it was sent"):
        media_of(kit).upload_video(
            ACCOUNT, tiny(tmp_path), title="A", op_token="TOKEN1", sending=SENDING, on_progress=render_anew
        )
    assert len(server.requests) == 1


def test_a_film_that_meta_would_refuse_is_not_sent(server: Scripted, kit: Kit, tmp_path: Path) -> None:
    empty, text, huge = tmp_path / "empty.mp4", tmp_path / "text.mp4", tmp_path / "huge.mp4"
    empty.write_bytes(b"")
    text.write_bytes(b"this is no film")
    with huge.open("wb") as sparse:
        sparse.truncate(MOST_VIDEO_BYTES + 1)
    for file, why in ((empty, "is empty"), (text, "no MP4"), (huge, "at most"), (tmp_path / "gone", "no file")):
        with pytest.raises(RefusedError, match=why):
            media_of(kit).upload_video(ACCOUNT, FileAt(path=str(file)), title="A", op_token="TOKEN1", sending=SENDING)
    assert server.requests == []


def test_a_long_title_loses_its_end_and_never_the_token(server: Scripted, kit: Kit, tmp_path: Path) -> None:
    server.answer(graph_error(100, None), status=400)
    with pytest.raises(RefusedError):
        media_of(kit).upload_video(ACCOUNT, tiny(tmp_path), title="T" * 300, op_token="TOKEN1", sending=SENDING)
    title = server.requests[0].form["title"]
    assert (len(title), title[-10:]) == (LONGEST_TITLE, "|op:TOKEN1")


def test_videos_go_to_metas_own_host_for_them_and_elsewhere_to_the_same() -> None:
    own, other = open_kit("https://graph.facebook.com"), open_kit("http://127.0.0.1:1/")
    assert vars(own.transport)["_video_root"] == "https://graph-video.facebook.com/v26.0"
    assert vars(other.transport)["_video_root"] == vars(other.transport)["_root"] == "http://127.0.0.1:1/v26.0"
