"""Loopback ports that stay: chosen once, held while we live, remembered for the next start.

A held port is a bound socket that never listens. On Linux a server that sets SO_REUSEADDR (Postgres, Redis, asyncio,
uvicorn, tornado do) may listen beside it, while the kernel gives the port to nobody else, not even during a restart.
"""

import errno
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from embedded.files import read_json, write_private

HOST = "127.0.0.1"
_NEIGHBOURS = 50


class PortBook:
    """The ports of one data folder, by name. Not for use from several processes at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: dict[str, tuple[int, socket.socket]] = {}

    def reserve(self, name: str, *, preferred: int | None = None) -> int:
        """Choose, hold and remember a port: the last one used, else the preferred or next free one, else any."""
        if name in self._held:
            return self._held[name][0]
        book = read_json(self._path)
        holder = _hold_first_free(remembered_port(book, name, preferred), preferred)
        port = int(holder.getsockname()[1])
        self._held[name] = (port, holder)
        book[name] = {"port": port, "preferred": preferred}
        write_private(self._path, json.dumps(book, indent=1))
        if sys.platform != "linux":  # elsewhere a held port would keep its own server out
            holder.close()
        return port

    def last(self, name: str) -> int | None:
        """Return the port remembered under this name, held or not."""
        port = read_json(self._path).get(name, {}).get("port")
        return port if isinstance(port, int) else None

    def close(self) -> None:
        """Let every held port go; what is remembered stays."""
        for _, holder in self._held.values():
            holder.close()
        self._held.clear()


def remembered_port(book: dict[str, dict[str, int | None]], name: str, preferred: int | None) -> int | None:
    """Return the port of the last start, unless another one is preferred since."""
    entry = book.get(name, {})
    return entry.get("port") if entry.get("preferred") == preferred else None


def _hold_first_free(remembered: int | None, preferred: int | None) -> socket.socket:
    # Our own last port may carry closing connections (TIME_WAIT), which only SO_REUSEADDR overlooks. For any other
    # port that option would also overlook a neighbour who holds it without listening yet, so it is set afterwards.
    if remembered is not None and (holder := _hold(remembered, lenient=True)):
        return holder
    for port in _candidates(preferred):
        if holder := _hold(port, lenient=False):
            return holder
    raise OSError(errno.EADDRINUSE, f"no free port on {HOST}")


def _candidates(preferred: int | None) -> Iterator[int]:
    if preferred is not None:
        yield from range(preferred, min(preferred + _NEIGHBOURS, 65536))
    yield 0


def _hold(port: int, *, lenient: bool) -> socket.socket | None:
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if lenient:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((HOST, port))
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    except OSError:  # taken, or not ours to take (below 1024)
        holder.close()
        return None
    return holder
