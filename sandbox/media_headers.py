"""What the first bytes of an image, and the boxes of an MP4, say about it: format, size, length. Pure readers of bytes.

Only headers are read: that the picture behind them can be drawn is not checked.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Final

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # the JPEG markers that tell the size
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})  # the JPEG markers without a length
_MAX_BOXES: Final = 10_000
_MAX_HEAD: Final = 16 << 20  # a moov box above it is not read


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image as its header tells: `suffix` is the usual ending of its files; pixels."""

    suffix: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A video as its boxes tell; zeros where they do not."""

    length_s: float = 0.0
    width: int = 0
    height: int = 0


def read_picture(content: bytes) -> Picture | None:
    """Return what a PNG, JPEG, GIF or WebP says of itself; None for anything else, or a header cut short."""
    try:
        found = _sized(content)
    except (struct.error, IndexError):
        return None
    return found if found is not None and found.width > 0 and found.height > 0 else None


def _sized(content: bytes) -> Picture | None:
    if content.startswith(_PNG) and content[12:16] == b"IHDR":
        width, height = struct.unpack_from(">II", content, 16)
        return Picture(suffix="png", width=width, height=height)
    if content[:6] in (b"GIF87a", b"GIF89a"):
        width, height = struct.unpack_from("<HH", content, 6)
        return Picture(suffix="gif", width=width, height=height)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp(content)
    return _jpeg(content) if content[:2] == b"\xff\xd8" else None


def _jpeg(content: bytes) -> Picture | None:
    """Walk the segments up to the one that starts a frame."""
    at = 2
    while at < len(content):
        if content[at] != 0xFF:  # noqa: PLR2004 - every marker begins with it
            return None
        marker = content[at + 1]
        if marker == 0xFF:  # noqa: PLR2004 - a filler byte
            at += 1
            continue
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return Picture(suffix="jpg", width=width, height=height)
        at += 2 if marker in _BARE else 2 + max(2, struct.unpack_from(">H", content, at + 2)[0])
    return None


def _webp(content: bytes) -> Picture | None:
    kind = content[12:16]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(content[at : at + 3], "little") for at in (24, 27))
        is_whole = len(content) >= 30  # noqa: PLR2004 - where the second number ends
    elif kind == b"VP8L":
        bits = struct.unpack_from("<I", content, 21)[0]
        width, height, is_whole = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), content[20] == 0x2F  # noqa: PLR2004
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", content, 26))
        is_whole = content[23:26] == b"\x9d\x01\x2a"
    else:
        return None
    return Picture(suffix="webp", width=width, height=height) if is_whole else None


def read_film(source: BinaryIO) -> Film:
    """Return what the `moov` box of an MP4 or MOV tells; an empty `Film` where there is none."""
    try:
        moov = _find_moov(source)
        return _film(moov)
    except (struct.error, IndexError, ZeroDivisionError):
        return Film()


def _find_moov(source: BinaryIO) -> bytes:
    for _ in range(_MAX_BOXES):
        head = source.read(8)
        if len(head) < 8:  # noqa: PLR2004 - the end of the file
            return b""
        size, kind = struct.unpack(">I4s", head)
        read = 8
        if size == 1:
            size, read = struct.unpack(">Q", source.read(8))[0], 16
        if kind == b"moov":
            return source.read(min(size - read, _MAX_HEAD)) if size > read else b""
        if size < read:
            return b""
        source.seek(size - read, 1)
    return b""


def _film(moov: bytes) -> Film:
    length_s, width, height = 0.0, 0, 0
    for kind, body in _boxes(moov):
        if kind == b"mvhd":
            scale, duration = (
                struct.unpack_from(">IQ", body, 20) if body[0] == 1 else struct.unpack_from(">II", body, 12)
            )
            length_s = round(duration / scale, 3)
        elif kind == b"trak":
            for inner, header in _boxes(body):
                if inner == b"tkhd":
                    sides = struct.unpack_from(">II", header, 88 if header[0] == 1 else 76)
                    width, height = max(width, sides[0] >> 16), max(height, sides[1] >> 16)
    return Film(length_s=length_s, width=width, height=height)


def _boxes(content: bytes) -> list[tuple[bytes, bytes]]:
    """Return the boxes inside one, as (kind, body)."""
    found: list[tuple[bytes, bytes]] = []
    at = 0
    while at + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        if size < 8 or at + size > len(content):  # noqa: PLR2004 - a box holds at least its head
            break
        found.append((kind, content[at + 8 : at + size]))
        at += size
    return found


def plain_png(*, width: int, height: int, shade: int) -> bytes:
    """Return a grey PNG, 0 black to 255 white: what stands for a video's still."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = (b"\x00" + bytes([shade]) * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return _PNG + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
