"""Small media made by hand for the sandbox's tests: headers as the formats' own documents say. No facts."""

import struct
from typing import Any

import requests

from sandbox.media_headers import plain_png
from sandbox.process import SandboxProcess
from tests.sandbox.stranger import Stranger


def png(width: int = 30, height: int = 20, shade: int = 9) -> bytes:
    return plain_png(width=width, height=height, shade=shade)


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x00\x00\x00;"


def jpeg(width: int, height: int) -> bytes:
    """With an application segment before the frame, which holds what looks like a frame's marker."""
    app = b"\xff\xe0" + struct.pack(">H", 10) + b"\xff\xc0JUNK.."
    frame = b"\xff\xc2" + struct.pack(">HBHH", 11, 8, height, width) + b"\x01\x01\x11\x00"
    return b"\xff\xd8" + app + b"\xff" + frame + b"\xff\xd9"


def webp(width: int, height: int, *, kind: str = "VP8X") -> bytes:
    if kind == "VP8X":
        body = b"\x00" * 4 + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    elif kind == "VP8L":
        body = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14)
    else:
        body = b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height)
    chunk = kind.ljust(4).encode() + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def mp4(*, seconds: float = 12.5, width: int = 640, height: int = 360, filler: bytes = b"") -> bytes:
    """The boxes of a film, its samples before its head, as cameras write it."""
    scale = 1_000
    mvhd = box(b"mvhd", struct.pack(">B3xIIII", 0, 0, 0, scale, int(seconds * scale)) + b"\x00" * 80)
    tkhd = box(b"tkhd", b"\x00" * 76 + struct.pack(">II", width << 16, height << 16))
    return box(b"ftyp", b"isom\x00\x00\x02\x00") + box(b"mdat", filler) + box(b"moov", mvhd + box(b"trak", tkhd))


def upload_image(stranger: Stranger, content: bytes, name: str = "a.png") -> dict[str, Any]:
    """As the official SDK sends it: the same bytes in two parts."""
    files = {"filename": (name, content), "source0": (name, content)}
    answer = stranger.call("POST", f"{stranger.account}/adimages", files=files)
    assert answer.status_code == 200, answer.text
    (image,) = answer.json()["images"].values()
    return dict(image)


def upload_film(process: SandboxProcess) -> str:
    """Put a film into the first account's library in one go, and return its id."""
    stranger = Stranger(process)
    files = {"source": ("film.mp4", mp4(), "video/mp4")}
    return str(stranger.call("POST", f"{stranger.account}/advideos", files=files).json()["id"])


def start_upload(stranger: Stranger, size: int) -> dict[str, str]:
    return dict(stranger.post(f"{stranger.account}/advideos", upload_phase="start", file_size=size))


def send_chunk(stranger: Stranger, session: str, offset: int, chunk: bytes) -> requests.Response:
    """As the official SDK sends it: the part calls itself multipart/form-data."""
    form = {"upload_phase": "transfer", "upload_session_id": session, "start_offset": str(offset)}
    files = {"video_file_chunk": ("film.mp4", chunk, "multipart/form-data")}
    return stranger.call("POST", f"{stranger.account}/advideos", data=form, files=files)


def send_rest(stranger: Stranger, session: str, content: bytes, asked: dict[str, str]) -> None:
    """Send what is asked for until nothing is."""
    for _ in range(100):
        first, end = int(asked["start_offset"]), int(asked["end_offset"])
        if first == end:
            return
        asked = send_chunk(stranger, session, first, content[first:end]).json()
    raise AssertionError("the upload does not end")


def finish(stranger: Stranger, session: str, title: str) -> dict[str, Any]:
    form = {"upload_phase": "finish", "upload_session_id": session, "title": title}
    return stranger.post(f"{stranger.account}/advideos", **form)
