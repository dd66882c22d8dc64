"""Takes a multipart/form-data body apart, byte by byte as it came: files are binary, whatever type a part claims.

(Python's mail parser is no reader for it: a part that calls itself multipart, as the official SDK's video chunks do, is
taken apart once more and put together otherwise.)
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

_BOUNDARY: Final = re.compile(r';\s*boundary=(?:"([^"]+)"|([^\s;"]+))', re.IGNORECASE)
_PARAM: Final = re.compile(rb';\s*(name|filename\*?)=(?:"((?:[^"\\]|\\.)*)"|([^\s;]+))', re.IGNORECASE)
_DISPOSITION: Final = re.compile(rb"^content-disposition:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_MAX_HEAD: Final = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part: a file where it carries a file name, else a text."""

    name: str
    filename: str | None
    content: bytes


def parts_of(content_type: str, body: bytes) -> Iterator[Part]:
    """Yield the parts of a body in their order; what is no part of a form, and an end cut off, is passed over."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        return
    fence = b"--" + (found.group(1) or found.group(2)).encode("latin-1", "replace")
    at = 0 if body.startswith(fence) else body.find(b"\r\n" + fence) + 2
    if at == 1:
        return
    while True:
        start = at + len(fence)
        if body[start : start + 2] == b"--":
            return
        end = body.find(b"\r\n" + fence, start)
        if end < 0:
            return
        part = _part(body, start, end)
        if part is not None:
            yield part
        at = end + 2


def _part(body: bytes, start: int, end: int) -> Part | None:
    head_end = body.find(b"\r\n\r\n", start, min(end + 4, start + _MAX_HEAD))
    if head_end < 0:
        return None
    disposition = _DISPOSITION.search(body[start:head_end].replace(b"\r\n", b"\n").lstrip())
    if disposition is None:
        return None
    params = {
        match.group(1).decode().lower(): match.group(2) if match.group(2) is not None else match.group(3)
        for match in _PARAM.finditer(disposition.group(1))
    }
    if "name" not in params:
        return None
    return Part(
        name=_text(params["name"]), filename=_filename(params), content=body[head_end + 4 : max(end, head_end + 4)]
    )


def _filename(params: dict[str, bytes]) -> str | None:
    if "filename*" in params:
        return unquote(_text(params["filename*"]).rpartition("'")[2], errors="replace")
    return _text(params["filename"]) if "filename" in params else None


def _text(quoted: bytes) -> str:
    """Return a quoted text: backslashes by RFC 7578's elders, percents for quotes and line ends by WHATWG."""
    plain = re.sub(rb"\\(.)", rb"\1", quoted).decode("utf-8", "replace")
    return plain.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
