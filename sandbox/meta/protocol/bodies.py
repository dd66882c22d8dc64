"""What a request carries, as flat texts by name: query, form, JSON or multipart, packed or not, PHP's lists too."""

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from sandbox.meta.protocol.errors import GraphError, parameter
from sandbox.meta.protocol.multipart import parts_of

MAX_BODY: Final = 32 * 1024 * 1024
_NESTED: Final = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\]){1,8})$")
_MOST_PAIRS: Final = 20_000
Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a multipart body."""

    name: str
    content: bytes


def read_pairs(text: str) -> Pairs:
    """Return the pairs of a query or a form.

    Raises:
        GraphError: 100, there are too many.
    """
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_PAIRS)
    except ValueError as error:
        raise parameter(f"The request has more than {_MOST_PAIRS} parameters") from error


def read_body(headers: dict[str, str], body: bytes) -> tuple[Pairs, dict[str, File]]:
    """Return a body's pairs, and its files by the names of their parts.

    Raises:
        GraphError: 100, the body cannot be read.
    """
    body = _unpacked(headers.get("content-encoding", "").strip().lower(), body)
    content_type = headers.get("content-type", "").strip()
    kind = content_type.partition(";")[0].strip().lower()
    if not body:
        return [], {}
    if kind == "multipart/form-data":
        return _multipart(content_type, body)
    if kind == "application/json":
        return _json_pairs(body), {}
    try:
        return read_pairs(body.decode("utf-8")), {}
    except UnicodeDecodeError as error:
        raise parameter("The request body is not readable text") from error


def folded(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return pairs as one text for each name, the last one counting; `a[]=1&a[]=2` and `a[b][c]=1` become JSON."""
    found: dict[str, str] = {}
    nested: dict[str, dict[str, Any]] = {}
    for name, value in pairs:
        match = _NESTED.match(name)
        if match is None:
            found[name] = value
            continue
        _put(nested.setdefault(match[1], {}), re.findall(r"\[([^\[\]]*)\]", match[2]), value)
    return {name: msgspec.json.encode(_listed(held)).decode() for name, held in nested.items()} | found


def _put(held: dict[str, Any], keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        inner = held.setdefault(key or str(len(held)), {})
        held = inner if isinstance(inner, dict) else held
    held[keys[-1] or str(len(held))] = value


def _listed(held: Any) -> Any:
    """Return what is numbered 0, 1, 2 … as a list."""
    if not isinstance(held, dict):
        return held
    if list(held) == [str(n) for n in range(len(held))]:
        return [_listed(value) for value in held.values()]
    return {name: _listed(value) for name, value in held.items()}


def _multipart(content_type: str, body: bytes) -> tuple[Pairs, dict[str, File]]:
    texts: Pairs = []
    files: dict[str, File] = {}
    for part in parts_of(content_type, body):
        if part.filename is not None:
            files[part.name] = File(name=part.filename, content=part.content)
        else:
            texts.append((part.name, part.content.decode("utf-8", "replace")))
    return texts, files


def _json_pairs(body: bytes) -> Pairs:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise parameter("The request body is not valid JSON") from error
    if not isinstance(document, dict):
        raise parameter("The request body must be a JSON object")
    return [
        (name, value if isinstance(value, str) else msgspec.json.encode(value).decode())
        for name, value in document.items()
    ]


def _unpacked(encoding: str, body: bytes) -> bytes:
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise GraphError(100, f"(#100) Content-Encoding {encoding[:40]!r} is none that is understood", status=415)
    try:
        reader = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, as the bytes themselves tell
        plain = reader.decompress(body, MAX_BODY + 1)
    except zlib.error as error:
        raise parameter(f"The request body is no {encoding}") from error
    if len(plain) > MAX_BODY:
        raise GraphError(1, "The request is too large", status=413)
    if not reader.eof:
        raise parameter(f"The request body ends in the middle of its {encoding}")
    return plain
