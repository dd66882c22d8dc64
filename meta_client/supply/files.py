"""What of an image or a film can be seen before it is sent: its size and its first bytes. Refuses what Meta would."""

import hashlib
from pathlib import Path
from typing import BinaryIO

from domain.assets import FileAt
from domain.errors import RefusedError

MOST_IMAGE_BYTES = 30 * 1024 * 1024
MOST_VIDEO_BYTES = 4 * 1024**3
_FILM_HEAD = 12
_FILM_BRANDS_AT = slice(4, 8)


def read_image(content: bytes | FileAt) -> tuple[bytes, str]:
    """The bytes, and under which name they go out: their MD5, which is also how Meta knows them.

    Raises:
        RefusedError: nothing is there, too much, or no PNG, JPEG, GIF or WebP.
    """
    if isinstance(content, FileAt):
        _require_size(size_of(content), MOST_IMAGE_BYTES, f"the image {name_of(content)}")
        content = Path(content.path).read_bytes()
    _require_size(len(content), MOST_IMAGE_BYTES, "the image")
    suffix = _suffix(content)
    if suffix is None:
        raise RefusedError("the image is no PNG, JPEG, GIF or WebP; convert it; nothing was sent")
    return content, f"{image_hash(content)}.{suffix}"


def image_hash(content: bytes) -> str:
    """The hash by which Meta knows an image."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def require_film(file: FileAt) -> int:
    """The film's size in bytes.

    Raises:
        RefusedError: nothing is there, too much, or no MP4 or MOV.
    """
    size = size_of(file)
    _require_size(size, MOST_VIDEO_BYTES, f"the video {name_of(file)}")
    with open_file(file) as source:
        head = source.read(_FILM_HEAD)
    if head[_FILM_BRANDS_AT] not in (b"ftyp", b"moov", b"wide", b"mdat", b"free"):
        raise RefusedError(f"the video {name_of(file)} is no MP4 or MOV; render it as one; nothing was sent")
    return size


def size_of(file: FileAt) -> int:
    """The file's size in bytes.

    Raises:
        RefusedError: there is no such file.
    """
    path = Path(file.path)
    if not path.is_file():
        raise RefusedError(f"there is no file {name_of(file)}; nothing was sent")
    return path.stat().st_size


def name_of(file: FileAt) -> str:
    """How messages name it: without the folders, which are nobody's business."""
    return Path(file.path).name


def open_file(file: FileAt) -> BinaryIO:
    """Open it to be read."""
    return Path(file.path).open("rb")


def _require_size(size: int, most: int, what: str) -> None:
    if size == 0:
        raise RefusedError(f"{what} is empty; nothing was sent")
    if size > most:
        raise RefusedError(f"{what} has {size} bytes, Meta takes at most {most}; nothing was sent")


def _suffix(content: bytes) -> str | None:
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    return "webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else None
