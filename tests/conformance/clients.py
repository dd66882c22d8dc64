"""The room of other people's clients: `.venv-clients`, built from clients.txt by `make test` or on first use."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.process import SandboxProcess
from tests.sandbox.stranger import PAGE

_ROOT = Path(__file__).parents[2]
_ROOM = _ROOT / ".venv-clients"
_PINS = Path(__file__).with_name("clients.txt")
_REDIRECT = Path(__file__).with_name("redirect")
_LONGEST_S = 150.0


def room() -> Path:
    """Return the folder of the clients' commands; built where it is missing or older than its pins."""
    stamp = _ROOM / ".installed"
    with (_ROOT / ".venv-clients.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_bytes() != _PINS.read_bytes():
            _run([sys.executable, "-m", "venv", "--clear", str(_ROOM)])
            pip = [str(_ROOM / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            _run([*pip, "--requirement", str(_PINS)])
            stamp.write_bytes(_PINS.read_bytes())
        elif stamp.stat().st_mtime < _PINS.stat().st_mtime:
            stamp.touch()  # make goes by times
    return _ROOM / "bin"


def run(name: str, *arguments: str, process: SandboxProcess, **settings: str) -> str:
    """Run a client's own command against a sandbox and return what it printed."""
    own = {"PYTHONPATH": str(_REDIRECT), "SANDBOX_GRAPH": process.graph, "PATH": os.environ["PATH"]}
    return _run([str(room() / name), *arguments], env={**own, **settings})


class Cli:
    """meta-ads, the command, with its settings in the environment."""

    def __init__(self, shop: SandboxProcess, folder: Path) -> None:
        self._shop = shop
        self._settings = {
            "META_ACCESS_TOKEN": shop.token,
            "META_AD_ACCOUNT_ID": shop.account_ids[0],
            "META_PAGE_ID": PAGE,
            "META_ADS_AUDIT_LOG_PATH": str(folder / "audit.jsonl"),
        }

    def run(self, *words: str) -> str:
        return run("meta-ads", *words, process=self._shop, **self._settings)

    def read(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json-output"))


def rows_of(output: str) -> dict[str, list[dict[str, Any]]]:
    """Return the records of a Singer stream by their stream's name."""
    found: dict[str, list[dict[str, Any]]] = {}
    for message in map(json.loads, output.splitlines()):
        if message["type"] == "RECORD":
            found.setdefault(message["stream"], []).append(message["record"])
    return found


def _run(command: list[str], env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=_LONGEST_S, check=False)
    assert done.returncode == 0, f"{Path(command[0]).name} ended with {done.returncode}: {done.stderr[-3_000:]}"
    return done.stdout


if __name__ == "__main__":
    room()
