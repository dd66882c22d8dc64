"""How a video comes: in chunks (start, transfer, finish, cancel), in one go as `source`, or fetched from `file_url`.

The record is the upload's whole state, so that a kill between two chunks costs at most the chunk: its bytes are written
first, at their own place, and count once the record says so. A chunk that comes twice finds the offset moved on and is
told where to go on, as Meta's clients expect.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Final

from sandbox import media
from sandbox.account import Account
from sandbox.media_headers import read_film
from sandbox.meta.context import Context, Json
from sandbox.meta.protocol.errors import GraphError, invalid, parameter
from sandbox.meta.protocol.fetch import fetched
from sandbox.meta.protocol.request import File
from sandbox.meta.route import Route
from sandbox.records import Record, RecordKind

_SESSION: Final = 4  # a session's id stands that far above its video's; minted ids are ten apart
_MAX_SIZE: Final = 4 << 30
_LEAST_CHUNK: Final = 1 << 20
_MOST_CHUNK: Final = 16 << 20
_MOST_CHUNKS: Final = 64
_WRONG_OFFSET: Final = 1_363_037
_TITLE_CHARS: Final = 255
_ID_DIGITS: Final = 25
UPLOADING: Final = "uploading"
UPLOADED: Final = "uploaded"
LIVE: Final = "ACTIVE"


def create_video(context: Context, account: Account) -> Json:
    """Answer `POST /act_X/advideos`, whichever way the video comes.

    Raises:
        GraphError: 100, the call names no way, or its part of it does not fit.
    """
    phase = context.call.params.get("upload_phase")
    if phase is None:
        return _whole(context, account)
    if phase not in _PHASES:
        raise parameter(f"Param upload_phase must be one of {{{', '.join(_PHASES)}}}, not {phase[:40]}")
    return _PHASES[phase](context, account)


def _start(context: Context, account: Account) -> Json:
    size = _number(context, "file_size")
    if not 0 < size <= _MAX_SIZE:
        raise invalid(f"file_size must be from 1 to {_MAX_SIZE} bytes, not {size}.", field="file_size")
    if context.is_only_checked():
        return {"success": True}
    values = {**_texts(context), "file_size": size, "offset": 0, "stage": UPLOADING, "status": LIVE}
    record = context.note(RecordKind.VIDEO, account.id, values)
    session = {"upload_session_id": str(int(record.id) + _SESSION), "video_id": record.id}
    return session | _offsets(record)


def _transfer(context: Context, account: Account) -> Json:
    record = _upload(context, account)
    offset, size = int(record.values["offset"]), int(record.values["file_size"])
    if _number(context, "start_offset") != offset or record.values["stage"] != UPLOADING:
        raise _wrong_offset(record)
    chunk = _file(context, "video_file_chunk").content
    if not chunk or offset + len(chunk) > size:
        text = f"The chunk has {len(chunk)} bytes; from offset {offset} on there are {size - offset} to come."
        raise invalid(text, field="video_file_chunk")
    if context.is_only_checked():
        return {"success": True}
    media.keep_chunk(context.platform, file_name(record), chunk, offset=offset)
    context.note(RecordKind.VIDEO, account.id, {"offset": offset + len(chunk)}, record=record)
    return _offsets(record)


def _finish(context: Context, account: Account) -> Json:
    record = _upload(context, account)
    if record.values["stage"] == UPLOADED:
        return {"success": True}  # the answer to the first finish was lost
    if record.values["offset"] != record.values["file_size"]:
        raise _wrong_offset(record)
    if context.is_only_checked():
        return {"success": True}
    texts = _texts(context)
    told = {name: texts[name] for name in ("title", "description") if texts[name]}
    values = {**record.values, **told}
    context.note(RecordKind.VIDEO, account.id, told | _processed(context, record.id, values), record=record)
    return {"success": True}


def _cancel(context: Context, account: Account) -> Json:
    record = _upload(context, account)
    if record.values["stage"] == UPLOADED:
        raise invalid("The upload is finished: delete the video instead.", field="upload_phase")
    if context.is_only_checked():
        return {"success": True}
    context.note(RecordKind.VIDEO, account.id, {"status": media.DELETED}, record=record)
    media.forget(context.platform, file_name(record))
    return {"success": True}


_PHASES: Final[dict[str, Callable[[Context, Account], Json]]] = {
    "start": _start, "transfer": _transfer, "finish": _finish, "cancel": _cancel
}  # fmt: skip


def _whole(context: Context, account: Account) -> Json:
    """Take a video in one go; its file is named by its bytes, since no record is there before they are."""
    if "slideshow_spec" in context.call.params:
        raise parameter("Slideshows are not modelled here: upload a video")
    if "file_url" in context.call.params:
        name, content = fetched(context, context.call.params["file_url"])
    else:
        file = _file(context, "source")
        name, content = file.name, file.content
    if not content:
        raise invalid("The video file is empty.", field="source", subcode=1_363_024)
    if context.is_only_checked():
        return {"success": True}
    file_as = f"v{hashlib.md5(content, usedforsecurity=False).hexdigest()}.mp4"
    media.keep(context.platform, file_as, content)
    size = len(content)
    values = {
        **_texts(context), "file_name": name[:_TITLE_CHARS], "file": file_as, "file_size": size, "offset": size,
        "status": LIVE,
    }  # fmt: skip
    record = context.note(RecordKind.VIDEO, account.id, values | _processed(context, None, values))
    return {"id": record.id}


def _processed(context: Context, video_id: str | None, values: Json) -> Json:
    """Return what is known of a video once all its bytes are there, and when it will be ready."""
    path = media.file_of(context.platform, str(values.get("file") or f"{video_id}.mp4"))
    if path is None or not path.exists() or path.stat().st_size != values["file_size"]:
        raise GraphError(6000, "(#6000) There was a problem uploading your video file. Please try again.")
    with path.open("rb") as source:
        film = read_film(source)
    spec = context.platform.scenario.media
    return {
        "stage": UPLOADED, "length_s": film.length_s, "width": film.width, "height": film.height,
        "md5": media.digest(path), "uploaded_at_s": int(context.platform.clock.now_s()),
        "processing_s": spec.video_processing_s, "fails": spec.fails(values.get("title"), values.get("file_name")),
    }  # fmt: skip


def file_name(record: Record) -> str:
    """Return the name of the file that holds a video's bytes."""
    return str(record.values.get("file") or f"{record.id}.mp4")


def _upload(context: Context, account: Account) -> Record:
    """Return the video of the call's upload session.

    Raises:
        GraphError: 100, the account has no such session, or it was cancelled.
    """
    text = context.call.params.get("upload_session_id", "").strip('"')
    is_number = text.isascii() and text.isdecimal() and len(text) < _ID_DIGITS and int(text) > _SESSION
    record = media.video_of(context, account.id, str(int(text) - _SESSION)) if is_number else None
    if record is None or "file" in record.values:
        raise invalid(f"Ad account {account.id} has no upload session {text[:40]!r}.", field="upload_session_id")
    return record


def _offsets(record: Record) -> Json:
    """Return which bytes are wanted next, as texts; both are the size once all are there."""
    offset, size = int(record.values["offset"]), int(record.values["file_size"])
    chunk = min(max(_LEAST_CHUNK, -(-size // _MOST_CHUNKS)), _MOST_CHUNK)
    return {"start_offset": str(offset), "end_offset": str(min(size, offset + chunk))}


def _wrong_offset(record: Record) -> GraphError:
    return GraphError(
        100, "Invalid parameter", subcode=_WRONG_OFFSET, title="Can't upload this part of the video",
        user=f"{record.values['offset']} of {record.values['file_size']} bytes are there. Go on from start_offset.",
        data=_offsets(record),
    )  # fmt: skip


def _file(context: Context, name: str) -> File:
    """Return the part of that name, or the only part that is a file."""
    files = context.call.files
    if name in files:
        return files[name]
    if len(files) == 1:
        return next(iter(files.values()))
    raise parameter(f"The parameter {name} is required, as a file of a multipart body")


def _texts(context: Context) -> dict[str, Any]:
    params = context.call.params
    title = params.get("title") or params.get("name")
    return {"title": title[:_TITLE_CHARS] if title else None, "description": params.get("description")}


def _number(context: Context, name: str) -> int:
    text = context.call.params.get(name, "").strip().strip('"')
    if not text:
        raise parameter(f"The parameter {name} is required")
    try:
        return int(text)
    except ValueError:
        raise parameter(f"Param {name} must be a whole number") from None


_NOTE: Final = (
    "upload_phase start, transfer, finish, cancel with resuming by 1363037; source in one go up to the request's size "
    "limit; file_url from this machine only; no slideshows, no captions"
)
ROUTES: Final = (Route(method="POST", of="account", edge="advideos", answer=create_video, note=_NOTE),)
