"""A form with one file as multipart/form-data bytes. Pure; what a file may be is known elsewhere."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

_UNSAFE = re.compile(r"[^0-9A-Za-z._-]+")
_BREAK = b"\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """A file of a form: the part's name, the file's name, its bytes."""

    part: str
    name: str
    content: bytes = field(repr=False)


def encode(fields: Mapping[str, str], file: FilePart) -> tuple[dict[str, str], bytes]:
    """The header and the body. The boundary is drawn anew each time, of 128 bits: no file can hold it on purpose."""
    boundary = secrets.token_hex(16).encode()
    parts = [_field(boundary, name, value) for name, value in fields.items()]
    head = _head(boundary, f'name="{file.part}"; filename="{_UNSAFE.sub("_", file.name) or "file"}"')
    body = b"".join((*parts, head, b"Content-Type: application/octet-stream\r\n\r\n", file.content, _BREAK,
                     b"--", boundary, b"--\r\n"))  # fmt: skip
    return {"Content-Type": f"multipart/form-data; boundary={boundary.decode()}"}, body


def with_field(body: bytes, name: str, value: str) -> bytes:
    """The same body with one more field before its first."""
    boundary = body[2 : body.index(_BREAK)]
    return _field(boundary, name, value) + body


def _field(boundary: bytes, name: str, value: str) -> bytes:
    return _head(boundary, f'name="{name}"') + _BREAK + value.encode() + _BREAK


def _head(boundary: bytes, disposition: str) -> bytes:
    return b"--" + boundary + _BREAK + f"Content-Disposition: form-data; {disposition}\r\n".encode()
