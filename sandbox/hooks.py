"""Letters that the platform writes to its callers: signed JSON to their addresses, tried again, kept over a kill.

What there is to tell is a dialect's business (`Teller`); here it is kept on disk, sent and struck off. Retries run by
the real clock. A letter that was received right before a kill may come twice, as on the real platform.
"""

import asyncio
import hashlib
import hmac
import http.client
import ipaddress
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec

from sandbox.platform import Platform

_SETTING: Final = "hooks"
_LOOK_S: Final = 0.2
_AFTER_FAILURE_S: Final = 1.0
_TIMEOUT_S: Final = 5.0
_TRIES: Final = 8
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.25, 60.0
_AT_ONCE: Final = 8
_MOST_OPEN: Final = 10_000  # what is more is forgotten, the oldest first
_WELL: Final = range(200, 300)
_SCHEMES: Final = ("http", "https")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A body for an address; `due_us` is real time, when it is to be sent next."""

    id: int
    url: str
    body: str
    tries: int = 0
    due_us: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a teller has to say: pairs of an address and a body; `state` is what it must know next time."""

    letters: tuple[tuple[str, str], ...]
    state: dict[str, object]


class Teller(Protocol):
    """A dialect's own part: what there is to tell whom since the last time."""

    def news(self, state: dict[str, object]) -> Told:
        """Return what is new since the state of the last time; an empty state is the first time."""
        ...


class _Kept(msgspec.Struct):
    state: dict[str, object] = {}
    open: list[Letter] = []
    last: int = 0


Post = Callable[[str, bytes, dict[str, str]], Awaitable[int]]


async def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a body and return the status; 0 where nobody answered in time."""
    try:
        return await asyncio.wait_for(asyncio.to_thread(_exchange, "POST", url, body, headers), _TIMEOUT_S)
    except (OSError, TimeoutError, http.client.HTTPException, ValueError):
        return 0


class Hooks:
    """The open letters of one folder, sent from a task of the loop."""

    def __init__(self, platform: Platform, teller: Teller, *, send: Post = post) -> None:
        self._platform = platform
        self._teller = teller
        self._send = send
        kept = platform.journal.setting(_SETTING)
        self._kept = msgspec.json.decode(kept, type=_Kept) if kept else _Kept()
        self._task: asyncio.Task[None] | None = None

    @property
    def open(self) -> tuple[Letter, ...]:
        """The letters that nobody has received yet."""
        return tuple(self._kept.open)

    def start(self) -> None:
        """Begin to send; to be called within the loop, with which it ends."""
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            wait_s = _LOOK_S
            try:
                self.look()
                await self.send_due(now_us=time.time_ns() // 1_000)
            except Exception:  # noqa: BLE001 - nobody awaits this task: it would end, and no letter be sent, unheard
                sys.stderr.write(f"webhooks: looked in vain, again in {_AFTER_FAILURE_S} s\n{traceback.format_exc()}")
                sys.stderr.flush()
                wait_s = _AFTER_FAILURE_S
            await asyncio.sleep(wait_s)

    def look(self) -> None:
        """Write down what is new, in one step with what was told before."""
        told = self._teller.news(self._kept.state)
        if not told.letters and told.state == self._kept.state:
            return
        self._kept.state = told.state
        for url, body in told.letters:
            self._kept.last += 1
            self._kept.open.append(Letter(id=self._kept.last, url=url, body=body))
        del self._kept.open[:-_MOST_OPEN]
        self._keep()

    async def send_due(self, *, now_us: int) -> None:
        """Send every letter that is due, a few at a time; one that fails waits longer each time, and not for ever."""
        due = [letter for letter in self._kept.open if letter.due_us <= now_us][:_AT_ONCE]
        if not due or not self._platform.app_secret:
            return
        statuses = await asyncio.gather(*(self._post(letter) for letter in due))
        after = {letter.id: _after(letter, status, now_us=now_us) for letter, status in zip(due, statuses, strict=True)}
        kept = (after.get(letter.id, letter) for letter in self._kept.open)
        self._kept.open = [letter for letter in kept if letter is not None]
        self._keep()

    async def _post(self, letter: Letter) -> int:
        body = letter.body.encode()
        signature = sign(body, secret=self._platform.app_secret or "")
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature}
        return await self._send(letter.url, body, headers)

    def _keep(self) -> None:
        self._platform.journal.set(_SETTING, msgspec.json.encode(self._kept).decode())


def sign(body: bytes, *, secret: str) -> str:
    """Return the signature by which a receiver knows that a body comes from who knows the secret."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _after(letter: Letter, status: int, *, now_us: int) -> Letter | None:
    """Return what is left to do with a letter after a try: nothing once it was received, or given up."""
    if status in _WELL or letter.tries + 1 >= _TRIES:
        return None
    wait_s = min(_FIRST_WAIT_S * 2**letter.tries, _LONGEST_WAIT_S)
    return replace(letter, tries=letter.tries + 1, due_us=now_us + int(wait_s * 1e6))


def is_near(url: str) -> bool:
    """Say whether an address is http(s) on this very machine; nothing is ever sent to another."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme not in _SCHEMES or not host or parts.username is not None:
        return False
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def fetch(url: str, *, timeout_s: float) -> tuple[int, bytes]:
    """Read an address once, without following where it points; (0, b"") where nobody answered in time.

    It is waited for: only for what a call must know before it is answered.
    """
    asking = ThreadPoolExecutor(max_workers=1)
    try:
        return asking.submit(_open, "GET", url, None, {}).result(timeout_s)
    except (OSError, TimeoutError, http.client.HTTPException, ValueError):
        return 0, b""
    finally:
        asking.shutdown(wait=False)


def _exchange(method: str, url: str, body: bytes | None, headers: dict[str, str]) -> int:
    return _open(method, url, body, headers)[0]


def _open(method: str, url: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
    parts = urlsplit(url)
    if not is_near(url):
        return 0, b""
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    line = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    try:
        line.request(method, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, headers)
        answer = line.getresponse()
        return answer.status, answer.read(4_096)
    finally:
        line.close()
