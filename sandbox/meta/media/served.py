"""`GET /media/<name>`: the bytes behind the `url` of an image, the `source` of a video and its stills.

Without version and token, as a content network serves them.
"""

from typing import Final

import msgspec

from sandbox import media
from sandbox.media_headers import plain_png
from sandbox.meta.context import Context
from sandbox.platform import Platform
from sandbox.records import Record

PREFIX: Final = "/media/"
STILL: Final = "still"  # with an index and .png: a video's still, drawn when it is asked for
_TYPES: Final = {
    "png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "mp4": "video/mp4"
}  # fmt: skip
STILL_SIZE: Final = (320, 180)
_STILLS: Final = 8


def address(context: Context, name: str) -> str:
    """Return where a file is served: at the very host that the caller spoke to."""
    return f"http://{context.call.host}{PREFIX}{name}"


def image_file(image: Record) -> str:
    """Return the name of the file that holds an image's bytes."""
    return f"{image.values['hash']}.{image.values['suffix']}"


def serve(platform: Platform, path: str) -> tuple[int, str, bytes]:
    """Return status, content type and bytes of a media path."""
    name = path.removeprefix(PREFIX)
    content = _still(name) if name.startswith(STILL) else _bytes(platform, name)
    if content is None:
        return 404, "application/json; charset=UTF-8", msgspec.json.encode({"error": "no such media"})
    return 200, _TYPES.get(name.rpartition(".")[2], "application/octet-stream"), content


def _bytes(platform: Platform, name: str) -> bytes | None:
    path = media.file_of(platform, name)
    return path.read_bytes() if path is not None and path.is_file() else None


def _still(name: str) -> bytes | None:
    digits = name.removeprefix(STILL).removesuffix(".png")
    index = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) == 1 else _STILLS
    width, height = STILL_SIZE
    return plain_png(width=width, height=height, shade=60 + 20 * index) if index < _STILLS else None
