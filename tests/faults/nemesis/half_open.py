"""A wire to Redis that can be cut without either end being told: what was connected then hears nothing any more."""

import selectors
import socket
import threading
from contextlib import suppress

_POLL_S = 0.1
_HOST = "127.0.0.1"


class Proxy:
    """Forwards to a port on loopback, from a port that the kernel chooses, in a thread of its own."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._door = socket.create_server((_HOST, 0))
        self.port: int = self._door.getsockname()[1]
        self._others: dict[socket.socket, socket.socket] = {}
        self._dead: set[socket.socket] = set()
        self._watch = selectors.DefaultSelector()
        self._watch.register(self._door, selectors.EVENT_READ)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Let nothing pass any more on the connections there are; new ones work."""
        with self._lock:
            self._dead |= set(self._others)

    def close(self) -> None:
        """End every connection."""
        self._ended.set()
        self._thread.join(10)
        for held in (self._door, *self._others):
            held.close()
        self._watch.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            for key, _ in self._watch.select(_POLL_S):
                with self._lock:
                    if key.fileobj is self._door:
                        self._connect()
                    elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._others:
                        self._pass_on(key.fileobj)

    def _connect(self) -> None:
        here, _ = self._door.accept()
        try:
            there = socket.create_connection((_HOST, self._upstream))
        except OSError:
            here.close()
            return
        self._others |= {here: there, there: here}
        for end in (here, there):
            self._watch.register(end, selectors.EVENT_READ)

    def _pass_on(self, end: socket.socket) -> None:
        """Hand on what came, or the end; of a dead wire take everything and hand on nothing, not even the end."""
        other, data = self._others[end], b""
        with suppress(OSError):
            data = end.recv(65536)
            if data and end not in self._dead:
                other.sendall(data)
        if data:
            return
        ends = (end,) if end in self._dead else (end, other)
        for gone in ends:
            if gone in self._others:
                self._watch.unregister(gone)
                del self._others[gone]
                gone.close()
