"""A kept connection that costs next to nothing, so that what is measured is the server: GET, and the body."""

import socket
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

_OK: Final = b"HTTP/1.1 200"
_LENGTH: Final = b"content-length:"
_CHUNK: Final = 1 << 18


class Wire:
    """One connection to a server on loopback. A context manager."""

    def __init__(self, url: str, token: str) -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((str(address.hostname), address.port or 80), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._tail = f" HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def get(self, path: str) -> bytes:
        """Return the body of an answer.

        Raises:
            RuntimeError: it is not 200; with its words.
        """
        self._socket.sendall(b"GET " + path.encode() + self._tail)
        found = self._socket.recv(_CHUNK)
        while (end := found.find(b"\r\n\r\n")) < 0:
            found += self._more()
        head, parts = found[:end].lower(), [found[end + 4 :]]
        at = head.index(_LENGTH) + len(_LENGTH)
        left = int(head[at:].split(b"\r\n", 1)[0]) - len(parts[0])
        while left > 0:
            parts.append(self._more())
            left -= len(parts[-1])
        body = b"".join(parts)
        if not found.startswith(_OK):
            message = f"{path}: {body[:500].decode('utf-8', 'replace')}"
            raise RuntimeError(message)
        return body

    def _more(self) -> bytes:
        part = self._socket.recv(_CHUNK)
        if not part:
            message = "the server closed the connection"
            raise RuntimeError(message)
        return part
