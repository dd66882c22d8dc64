"""The bytes of images and videos on disk, and how to find the record that speaks for them.

Bytes never reach the oracle log: it holds names, sizes and hashes. Chunks are written at their own place, so that one
that comes twice, or was cut off by a kill, does no harm. Nothing here knows a dialect.
"""

import hashlib
import os
import re
from pathlib import Path
from typing import Final, Protocol

from sandbox.platform import Platform
from sandbox.records import Record, RecordKind

_NAME: Final = re.compile(r"^[0-9a-z]{1,64}\.[0-9a-z]{1,8}$")
_BLOCK: Final = 1 << 20
DELETED: Final = "DELETED"


class Asking(Protocol):
    """What is asked: anything that knows its platform, as a call's context does."""

    @property
    def platform(self) -> Platform:
        """The platform that holds the media."""
        ...


def image_id(account_id: str, image_hash: str) -> str:
    """Return an image's id."""
    return f"{account_id}:{image_hash}"


def image_of(asking: Asking, account_id: str, image_hash: str) -> Record | None:
    """Return an account's image by the hash of its bytes; None where there is none, or where it is deleted."""
    record = asking.platform.world.records.get(image_id(account_id, image_hash))
    return record if _is_there(record, RecordKind.IMAGE, account_id) else None


def video_of(asking: Asking, account_id: str, video_id: str) -> Record | None:
    """Return an account's video, whatever stage its upload has reached; None where there is none, or it is deleted."""
    record = asking.platform.world.records.get(video_id)
    return record if _is_there(record, RecordKind.VIDEO, account_id) else None


def _is_there(record: Record | None, kind: RecordKind, account_id: str) -> bool:
    return (
        record is not None
        and record.kind is kind
        and record.account_id == account_id
        and record.values.get("status") != DELETED
    )


def file_of(platform: Platform, name: str) -> Path | None:
    """Return where the bytes of that name lie; None for a name that no file of ours can have."""
    return platform.folder / "media" / name if _NAME.match(name) else None


def keep(platform: Platform, name: str, content: bytes) -> None:
    """Write a whole file; the same name always holds the same bytes."""
    path = _place(platform, name)
    if path.exists() and path.stat().st_size == len(content):
        return
    draft = path.with_name(f"{name}.draft")
    draft.write_bytes(content)
    draft.replace(path)


def keep_chunk(platform: Platform, name: str, content: bytes, *, offset: int) -> None:
    """Write a part of a file at its place; what stood there before is overwritten."""
    handle = os.open(_place(platform, name), os.O_WRONLY | os.O_CREAT, 0o644)
    with os.fdopen(handle, "wb") as out:
        out.seek(offset)
        out.write(content)
        out.truncate()


def digest(path: Path) -> str:
    """Return the md5 of a file in hex, read block by block."""
    seen = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as source:
        while block := source.read(_BLOCK):
            seen.update(block)
    return seen.hexdigest()


def forget(platform: Platform, name: str) -> None:
    """Remove a file, if it is there."""
    _place(platform, name).unlink(missing_ok=True)


def _place(platform: Platform, name: str) -> Path:
    path = file_of(platform, name)
    if path is None:
        message = f"{name!r} is no name of a media file"
        raise ValueError(message)
    path.parent.mkdir(exist_ok=True)
    return path
