"""Starts the sandbox as its own process and talks to its admin address; used by the command line and by tests."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

_STOP_S: Final = 10.0
_ADMIN_S: Final = 300.0


class SandboxFailedToStart(RuntimeError):  # noqa: N818 - reads as a sentence
    """The process ended or said nothing; the message carries what it wrote."""


class SandboxProcess:
    """A running sandbox. A context manager: leaving it stops the process."""

    def __init__(self, data_dir: Path, arguments: list[str], *, ready_timeout_s: float) -> None:
        self._data_dir = data_dir
        self._arguments = arguments
        self._ready_timeout_s = ready_timeout_s
        self._child: subprocess.Popen[str] | None = None
        self.graph = ""
        self.admin = ""
        self._launch()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

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
        ports = ["--port", self.graph.rpartition(":")[2], "--admin-port", self.admin.rpartition(":")[2]]
        self._launch(extra=ports)

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

    def _launch(self, extra: list[str] | None = None) -> None:
        command = [sys.executable, "-m", "sandbox", "serve", "--data", str(self._data_dir), *self._arguments]
        command += extra or []
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
    port: int = 0, admin_port: int = 0, ready_timeout_s: float = 120.0,
) -> SandboxProcess:  # fmt: skip
    """Start a sandbox on a folder and wait until it answers.

    `start_at` is ISO (UTC) and counts in a new folder only; `speed` 0 freezes the platform's clock.

    Raises:
        SandboxFailedToStart: it did not become ready.
    """
    options = {
        "--scenario": scenario,
        "--speed": speed,
        "--start": start_at,
        "--port": port,
        "--admin-port": admin_port,
    }
    arguments = [part for name, value in options.items() if value is not None for part in (name, str(value))]
    return SandboxProcess(Path(data_dir), arguments, ready_timeout_s=ready_timeout_s)


def _first_line(stream: IO[str] | None, timeout_s: float) -> str:
    if stream is None:
        return ""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        return stream.readline() if selector.select(timeout_s) else ""
