"""Sockets that obey the deadline of the call in flight, and remember whether a byte of it was handed to the kernel.

`requests` bounds each read, never the sum of them: an answer that drips lives for ever. Here every read and write
first sets the time that is left on its socket, so that no call outlives its deadline and no byte leaves after it.
No thread watches, so there is nothing that a fork could lose. Nothing here knows of Meta, JSON or tokens.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

import requests.adapters
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from meta_client import cut

CONNECT_TIMEOUT_S = 10.0


@dataclass(slots=True, kw_only=True)
class Call:
    """One HTTP call on this thread. `ends_at` and `not_after_s` are monotonic seconds.

    `fresh` asks for a connection of its own. Past `not_after_s` no byte is handed to the kernel any more.
    """

    ends_at: float
    fresh: bool
    not_after_s: float = inf
    byte_sent: bool = False
    came_late: bool = False
    sock: socket.socket | None = None  # the one that it was last seen on

    def ride(self, sock: socket.socket) -> None:
        """Note the socket that the call goes over, so that it can be cut; raises TimeoutError if it was."""
        if self.sock is not sock:
            self.leave()
            self.sock = sock
            holder = cut.current()
            if holder is not None:
                holder.hold(sock)

    def leave(self) -> None:
        """Forget the socket."""
        holder = cut.current()
        if self.sock is not None and holder is not None:
            holder.release(self.sock)
        self.sock = None

    def remaining_s(self) -> float:
        """Seconds left.

        Raises:
            TimeoutError: none are.
        """
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline of the call has passed")
        return left

    def about_to_send(self) -> None:
        """Look at the clock one last time: connecting may have taken long, or somebody stopped this process.

        What remains is a process stopped between this reading and the system call, some microseconds: no clock can be
        read later than that. Who waits for such a send waits by the ledger (a sent row) and the quarantine.

        Raises:
            TimeoutError: it is too late to begin, or to go on.
        """
        if time.monotonic() > self.not_after_s:
            self.came_late = True
            raise TimeoutError("the last instant for sending has passed")
        self.byte_sent = True  # before the attempt: a send that fails may have sent a part


class _Local(threading.local):
    call: Call | None = None


_LOCAL = _Local()


@contextlib.contextmanager
def deadline(seconds: float, *, fresh: bool, not_after_s: float = inf) -> Iterator[Call]:
    """Bound everything that this thread does on our sockets within the block."""
    call = Call(ends_at=time.monotonic() + seconds, fresh=fresh, not_after_s=not_after_s)
    _LOCAL.call = call
    try:
        yield call
    finally:
        call.leave()
        _LOCAL.call = None


# A mixin over socket.socket and ssl.SSLSocket; the checker is told of the one, both have the same methods.
if TYPE_CHECKING:
    _Base = socket.socket
else:
    _Base = object


class _Bounded(_Base):
    """Sets what is left of the deadline before each system call."""

    def _bound(self) -> Call | None:
        call = _LOCAL.call
        if call is not None:
            call.ride(self)
            self.settimeout(call.remaining_s())
        return call

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self._bound()
        count: int = super().recv_into(*args, **kwargs)
        return count

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        call = self._bound()
        if call is not None:
            call.about_to_send()
        super().sendall(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        call = self._bound()
        if call is not None:
            call.about_to_send()
        count: int = super().send(*args, **kwargs)
        return count


class _PlainSocket(_Bounded, socket.socket):
    pass


class _TlsSocket(_Bounded, ssl.SSLSocket):
    """The handshake's bytes pass beneath `send`: a TLS failure leaves `byte_sent` False, as it should."""

    def do_handshake(self, block: bool = False) -> None:
        self._bound()
        super().do_handshake(block)


# Likewise over HTTPConnection and HTTPSConnection.
if TYPE_CHECKING:
    _ConnectionBase = HTTPConnection
else:
    _ConnectionBase = object


class _BoundedConnection(_ConnectionBase):
    @property
    def is_connected(self) -> bool:
        """Whether the pool may use this connection again; a call that wants a fresh one says no to each.

        A kept connection that the server has just closed takes our bytes and answers with a reset: for a read an
        annoyance, for a write an unknown outcome that nobody needed. urllib3 looks whether the socket was dropped,
        but a close that is still on its way cannot be seen. So writes never ride on a used connection.
        """
        call = _LOCAL.call
        return super().is_connected and not (call is not None and call.fresh)

    def _new_conn(self) -> socket.socket:
        """Connect within the deadline over all addresses together (urllib3 would give each the whole time).

        The name's resolution cannot be interrupted; but what comes after it sees that the time is over.
        """
        try:
            found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        try:
            return _connect_to_any([(family, address) for family, _, _, _, address in found], self.socket_options)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no connection in time") from error
        except OSError as error:
            raise NewConnectionError(self, f"no connection: {error.strerror}") from error


def _connect_to_any(places: list[tuple[int, Any]], options: Any) -> socket.socket:
    """Try each address in order; raises the last one's error."""
    ends_at = time.monotonic() + CONNECT_TIMEOUT_S
    failure = OSError(0, "the name has no address")
    for family, address in places:
        sock = _PlainSocket(family, socket.SOCK_STREAM)
        try:
            for option in options or ():
                sock.setsockopt(*option)
            if _LOCAL.call:
                _LOCAL.call.ride(sock)
            left = min(ends_at - time.monotonic(), _LOCAL.call.remaining_s() if _LOCAL.call else CONNECT_TIMEOUT_S)
            sock.settimeout(max(left, 0.001))
            sock.connect(address)
        except OSError as error:
            if _LOCAL.call:
                _LOCAL.call.leave()
            sock.close()
            failure = error
        else:
            return sock
    raise failure


class _HttpConnection(_BoundedConnection, HTTPConnection):
    pass


class _HttpsConnection(_BoundedConnection, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


class BoundedAdapter(requests.adapters.HTTPAdapter):
    """The transport of `requests` on our sockets: pooled, no retry of any kind."""

    def __init__(self) -> None:
        super().__init__(pool_connections=2, pool_maxsize=8, max_retries=Retry(0, read=False))

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Give the pools our connections, and TLS our sockets."""
        context = create_urllib3_context()
        context.sslsocket_class = _TlsSocket
        super().init_poolmanager(*args, ssl_context=context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
