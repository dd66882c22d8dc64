"""A Redis of our own, and what befalls it; each fault is over when its function returns."""

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from redis import Redis

from embedded import redis as redis_server
from tests.faults.nemesis.half_open import Proxy


class Broker:
    """A durable Redis behind a proxy: `url` goes straight to it, `url_by_proxy` over a wire that can be cut."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = redis_server.start(folder)
        self.url = self._server.url
        self.proxy = Proxy(self._server.port)
        parts = urlsplit(self.url)
        address = parts.netloc.replace(f":{self._server.port}", f":{self.proxy.port}")
        self.url_by_proxy = urlunsplit(parts._replace(netloc=address))

    @property
    def pid(self) -> int:
        return self._server.pid

    def end(self) -> None:
        """Let it end as it likes to, if it has not been killed."""
        self._server.stop()

    def start(self) -> None:
        """Start it again on its folder.

        Raises:
            RuntimeError: somebody took its port meanwhile.
        """
        self._server = redis_server.start(self._folder)
        if self._server.url != self.url:
            raise RuntimeError("Redis' port was taken while it was down")

    def close(self) -> None:
        """Nothing of it is left."""
        self.proxy.close()
        self._server.stop()


def _kill(broker: Broker, dice: random.Random) -> None:
    os.kill(broker.pid, signal.SIGKILL)
    broker.end()
    time.sleep(dice.uniform(0.0, 1.0))
    broker.start()


def _restart(broker: Broker, dice: random.Random) -> None:
    broker.end()
    time.sleep(dice.uniform(0.0, 1.0))
    broker.start()


def _flush(broker: Broker, dice: random.Random) -> None:
    with Redis.from_url(broker.url) as client:
        client.flushall()


def _pause(broker: Broker, dice: random.Random) -> None:
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        time.sleep(dice.uniform(1.5, 3.0))
    finally:
        os.kill(broker.pid, signal.SIGCONT)


def _cut_clients(broker: Broker, dice: random.Random) -> None:
    with Redis.from_url(broker.url) as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")


def _half_open(broker: Broker, dice: random.Random) -> None:
    broker.proxy.cut()


def _long_pause(broker: Broker, dice: random.Random) -> None:
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        time.sleep(60.0)
    finally:
        os.kill(broker.pid, signal.SIGCONT)


Fault = Callable[[Broker, random.Random], None]
HALF_OPEN = "half-open"
FAULTS: Mapping[str, Fault] = {
    "killed": _kill,
    "restarted": _restart,
    "flushed": _flush,
    "paused": _pause,
    "clients cut": _cut_clients,
}
RARER: Mapping[str, Fault] = {"paused 60 s": _long_pause, HALF_OPEN: _half_open}
