"""Starts the sandbox as its own process and talks to its admin address; used by the command line and by tests."""

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import weakref
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

_HOST: Final = "127.0.0.1"
_STOP_S: Final = 10.0
_ADMIN_S: Final = 300.0


class SandboxFailedToStart(RuntimeError):  # noqa: N818 - reads as a sentence
    """The process ended or said nothing; the message carries what it wrote."""


class SandboxProcess:
    """A running sandbox. A context manager: leaving it stops the process.

    The ports that the kernel chose stay its own while it is down, until the manager is left or this object is gone.
    """

    def __init__(
        self, data_dir: Path, arguments: list[str], *, port: int, admin_port: int, ready_timeout_s: float
    ) -> None:
        self._data_dir = data_dir
        self._held = _Held()
        self._release = weakref.finalize(self, self._held.release)
        ports = (port or self._held.take(), admin_port or self._held.take())
        self._arguments = [*arguments, "--port", str(ports[0]), "--admin-port", str(ports[1])]
        self._ready_timeout_s = ready_timeout_s
        self._child: subprocess.Popen[str] | None = None
        self.graph = ""
        self.admin = ""
        self.addresses: dict[str, str] = {}  # by the name of each dialect's address; "admin" with them
        self._launch()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._release()

    @property
    def pid(self) -> int:
        """The process id; 0 when it does not run."""
        return self._child.pid if self._child is not None else 0

    @property
    def token(self) -> str:
        """The access token of the data folder."""
        return str(self._credentials()["access_token"])

    @property
    def account_ids(self) -> tuple[str, ...]:
        """The ad accounts, digits only."""
        return tuple(self._credentials()["account_ids"])

    def kill(self) -> None:
        """End the process with SIGKILL, as a crash does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the process in order; harmless when it does not run."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Start the process again on the same folder and the same ports."""
        self.stop()
        self._launch()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Call the admin address and return its JSON.

        Raises:
            ValueError: it refused, with its words.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.admin + path, data=data, method=method)  # noqa: S310 - loopback http
        try:
            with urllib.request.urlopen(request, timeout=_ADMIN_S) as answer:  # noqa: S310 - loopback http
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(error.read().decode("utf-8", "replace")) from None

    def _credentials(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self._data_dir / "credentials.json").read_text(encoding="utf-8"))
        return found

    def _launch(self) -> None:
        command = [sys.executable, "-m", "sandbox", "serve", "--data", str(self._data_dir), *self._arguments]
        errors = self._data_dir / "stderr.log"
        self._data_dir.mkdir(parents=True, exist_ok=True)
        with errors.open("w", encoding="utf-8") as sink:
            self._child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sink, text=True)  # noqa: S603 - own
        line = _first_line(self._child.stdout, self._ready_timeout_s)
        if not line:
            self._end(signal.SIGKILL)
            message = f"the sandbox did not become ready: {errors.read_text(encoding='utf-8')[-2_000:]}"
            raise SandboxFailedToStart(message)
        address = json.loads(line)
        self.graph, self.admin = address["graph"], address["admin"]
        self.addresses = {name: url for name, url in address.items() if name != "pid"}

    def _end(self, number: signal.Signals) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, number)
        try:
            child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child.stdout is not None:
            child.stdout.close()


def start(
    data_dir: Path, *, scenario: str | None = None, speed: float | None = None, start_at: str | None = None,
    port: int = 0, admin_port: int = 0, ready_timeout_s: float = 120.0, tier: str | None = None,
    dialect: str | None = None,
) -> SandboxProcess:  # fmt: skip
    """Start a sandbox on a folder and wait until it answers.

    `start_at` is ISO (UTC) and counts in a new folder only; `speed` 0 freezes the platform's clock; `dialect` is
    one more beside Meta's, NAME=module:function.

    Raises:
        SandboxFailedToStart: it did not become ready.
    """
    options = {
        "--scenario": scenario,
        "--speed": speed,
        "--start": start_at,
        "--tier": tier,
        "--dialect": dialect,
    }
    arguments = [part for name, value in options.items() if value is not None for part in (name, str(value))]
    return SandboxProcess(Path(data_dir), arguments, port=port, admin_port=admin_port, ready_timeout_s=ready_timeout_s)


class _Held:
    """Ports bound and not listened on: nobody else is given them, while the child, which reuses them, may listen.

    A port that nobody held while the child was down could go to any call to loopback that was under way.
    """

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []

    def take(self) -> int:
        holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._sockets.append(holder)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((_HOST, 0))
        return int(holder.getsockname()[1])

    def release(self) -> None:
        for holder in self._sockets:
            holder.close()


def _first_line(stream: IO[str] | None, timeout_s: float) -> str:
    if stream is None:
        return ""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        return stream.readline() if selector.select(timeout_s) else ""
