"""Ad videos over HTTP: chunks with resuming, one go, an address; their way to being ready, and their end."""

import http.server
import json
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.process import start
from tests.sandbox.pictures import finish, mp4, send_chunk, send_rest, start_upload
from tests.sandbox.stranger import START, Stranger, scenario

MIB = 1 << 20
FIELDS = "title,length,source,status,format,picture,thumbnails,created_time,updated_time"


def film(seed: int = 1, size: int = 2 * MIB + 4_321) -> bytes:
    return mp4(filler=random.Random(seed).randbytes(size))  # bytes with every ending and every line break


def upload(stranger: Stranger, content: bytes, title: str = "A film") -> str:
    session = start_upload(stranger, len(content))
    send_rest(stranger, session["upload_session_id"], content, session)
    assert finish(stranger, session["upload_session_id"], title) == {"success": True}
    return session["video_id"]


def test_a_film_comes_in_chunks_and_is_served_as_it_came(stranger: Stranger) -> None:
    content = film()
    video = stranger.get(upload(stranger, content, "Harbour"), fields=FIELDS)
    assert video["status"]["video_status"] == "ready"  # though the platform's clock stands
    assert (video["title"], video["length"]) == ("Harbour", 12.5)
    assert (video["format"][0]["width"], video["format"][0]["height"]) == (640, 360)
    assert stranger.session.get(video["source"], timeout=30).content == content
    assert stranger.session.get(video["picture"], timeout=30).headers["content-type"] == "image/png"
    stills = stranger.rows(f"{video['id']}/thumbnails")
    assert [still["is_preferred"] for still in stills] == [True, False, False]


def test_offsets_are_texts_and_end_where_the_film_ends(stranger: Stranger) -> None:
    content = film(2)
    session = start_upload(stranger, len(content))
    assert (session["start_offset"], session["end_offset"]) == ("0", str(MIB))
    assert session["upload_session_id"] != session["video_id"]
    send_rest(stranger, session["upload_session_id"], content, session)
    error = send_chunk(stranger, session["upload_session_id"], 0, b"again").json()["error"]
    end = str(len(content))
    assert error["error_data"] == {"start_offset": end, "end_offset": end}


def test_a_chunk_that_comes_twice_counts_once_and_tells_where_to_go_on(stranger: Stranger) -> None:
    content = film(3)
    asked = start_upload(stranger, len(content))
    session = asked["upload_session_id"]
    assert send_chunk(stranger, session, 0, content[:MIB]).json() == {
        "start_offset": str(MIB), "end_offset": str(2 * MIB)
    }  # fmt: skip
    for offset in (0, MIB + 1):
        error = send_chunk(stranger, session, offset, content[:MIB]).json()["error"]
        assert (error["code"], error["error_subcode"]) == (100, 1_363_037)
        assert error["error_data"] == {"start_offset": str(MIB), "end_offset": str(2 * MIB)}
    send_rest(stranger, session, content, error["error_data"])
    finish(stranger, session, "Twice")
    source = stranger.get(asked["video_id"], fields="source")["source"]
    assert stranger.session.get(source, timeout=30).content == content


def test_an_upload_goes_on_after_a_kill_between_two_chunks(stranger: Stranger) -> None:
    content = film(4)
    asked = start_upload(stranger, len(content))
    session = asked["upload_session_id"]
    asked = {**asked, **send_chunk(stranger, session, 0, content[:MIB]).json()}
    stranger.process.kill()
    stranger.process.restart()
    assert stranger.get(asked["video_id"], fields="status")["status"]["uploading_phase"]["bytes_transferred"] == MIB
    send_rest(stranger, session, content, asked)
    finish(stranger, session, "Killed")
    assert finish(stranger, session, "Killed") == {"success": True}  # asked again, for the answer was lost
    video = stranger.get(asked["video_id"], fields="source,title")
    assert stranger.session.get(video["source"], timeout=30).content == content


def test_an_upload_that_is_not_complete_is_not_finished_and_can_be_cancelled(stranger: Stranger) -> None:
    content = film(5)
    asked = start_upload(stranger, len(content))
    session = asked["upload_session_id"]
    form = {"upload_phase": "finish", "upload_session_id": session}
    assert stranger.refused("POST", f"{stranger.account}/advideos", **form) == (100, 1_363_037)
    assert stranger.get(asked["video_id"], fields="status,source")["status"]["video_status"] == "uploading"
    assert "source" not in stranger.get(asked["video_id"], fields="source")
    stranger.post(f"{stranger.account}/advideos", upload_phase="cancel", upload_session_id=session)
    assert stranger.refused("POST", f"{stranger.account}/advideos", **form)[0] == 100
    assert stranger.refused("GET", asked["video_id"]) == (100, 33)


def test_the_log_tells_of_an_upload_without_its_bytes(stranger: Stranger) -> None:
    upload(stranger, film(6), "Logged")
    lines = [line for line in stranger.oracle() if line["kind"] == "advideo"]
    assert lines
    assert max(len(json.dumps(line)) for line in lines) < 1_000


@pytest.mark.parametrize(
    "form",
    [
        {"upload_phase": "start"},
        {"upload_phase": "start", "file_size": "0"},
        {"upload_phase": "start", "file_size": "many"},
        {"upload_phase": "transfer", "upload_session_id": "7", "start_offset": "0"},
        {"upload_phase": "finish", "upload_session_id": "\u00b2\u00b2"},
        {"upload_phase": "finish", "upload_session_id": "9" * 5_000},
        {"file_url": "http://127.0.0.1:1/a b.mp4"},
        {"upload_phase": "polish"},
        {"file_url": "http://203.0.113.9/film.mp4"},
        {"file_url": "file:///etc/hostname"},
        {"file_url": "http://[broken"},
        {},
    ],
)
def test_what_makes_no_sense_is_refused_without_effect(stranger: Stranger, form: dict[str, str]) -> None:
    before = stranger.effects()
    assert stranger.refused("POST", f"{stranger.account}/advideos", **form)[0] in (100, 389)
    assert stranger.effects() == before


def test_a_film_comes_in_one_go(stranger: Stranger) -> None:
    content = film(7, 40_000)
    files = {"source": ("whole.mp4", content, "video/mp4")}
    answer = stranger.call("POST", f"{stranger.account}/advideos", data={"description": "All"}, files=files).json()
    video = stranger.get(answer["id"], fields="title,description,source")
    assert (video["title"], video["description"]) == ("whole.mp4", "All")
    assert stranger.session.get(video["source"], timeout=30).content == content


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A web server of this machine with one film."""
    (tmp_path / "far.mp4").write_bytes(film(8, 30_000))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path))  # type: ignore[arg-type]  # the base's own arguments

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_film_is_fetched_from_this_machine(stranger: Stranger, web: str) -> None:
    video = stranger.post(f"{stranger.account}/advideos", file_url=f"{web}/far.mp4")["id"]
    shown = stranger.get(video, fields="source,title,length")
    assert (shown["title"], shown["length"]) == ("far.mp4", 12.5)
    assert stranger.session.get(shown["source"], timeout=30).content == film(8, 30_000)
    again = stranger.post(f"{stranger.account}/advideos", file_url=shown["source"])["id"]  # of the sandbox itself
    assert again != video
    assert stranger.refused("POST", f"{stranger.account}/advideos", file_url=f"{web}/none.mp4")[0] == 389


def test_videos_are_listed_newest_first_named_anew_and_deleted(stranger: Stranger) -> None:
    older, newer = (upload(stranger, film(seed, 2_000), f"List {seed}") for seed in (9, 10))
    rows = stranger.rows(f"{stranger.account}/advideos", fields="id,title", title="List")
    assert [row["id"] for row in rows] == [newer, older]
    assert stranger.post(older, title="Named anew", description="So") == {"success": True}
    assert stranger.get(older, fields="title,description") == {"title": "Named anew", "description": "So", "id": older}
    assert stranger.refused("POST", older, length="9")[0] == 100
    asked = json.dumps([{"field": "title", "operator": "CONTAIN", "value": "anew"}])
    assert [row["id"] for row in stranger.rows(f"{stranger.account}/advideos", filtering=asked)] == [older]
    assert stranger.delete(f"{stranger.account}/advideos?video_id={older}") == {"success": True}
    assert stranger.refused("GET", older) == (100, 33)
    assert stranger.delete(newer) == {"success": True}
    assert stranger.rows(f"{stranger.account}/advideos", title="List") == []


def test_a_film_is_processed_for_as_long_as_the_scenario_says_and_may_fail(tmp_path: Path) -> None:
    spec = {**scenario(), "media": {"video_processing_s": 600, "failing_videos": ["cursed"]}}
    file = tmp_path / "slow.json"
    file.write_text(json.dumps(spec), encoding="utf-8")
    with start(tmp_path / "data", scenario=str(file), speed=0, start_at=START) as shop:
        stranger = Stranger(shop)
        good, bad = (upload(stranger, film(11, 2_000), title) for title in ("good", "cursed take"))

        def status(video: str) -> str:
            return str(stranger.get(video, fields="status")["status"]["video_status"])

        assert (status(good), status(bad)) == ("processing", "processing")
        stranger.advance(minutes=5)
        assert stranger.get(good, fields="status")["status"]["processing_progress"] == 50
        stranger.advance(minutes=5)
        assert (status(good), status(bad)) == ("ready", "error")
