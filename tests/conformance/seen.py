"""Which client was seen to use which route: told by the sandbox's own counter, kept in seen.json, test by test.

seen.json is {client: {route key: the test that saw it}}; `python -m tests.conformance.record` writes it.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.process import SandboxProcess

SDK, TAP, CLI, OURS = "facebook-business 26.0.3", "tap-facebook 1.26.0", "meta-ads-cli 0.2.0", "stakazo"
FILE = Path(__file__).with_name("seen.json")
RECORD_TO = "RECORD_SEEN"  # a folder for what a run saw


class Witness:
    """What the clients of one test used."""

    def __init__(self, test: str) -> None:
        self._test = test
        self._seen: dict[str, set[str]] = {}

    @contextmanager
    def of(self, client: str, process: SandboxProcess) -> Iterator[None]:
        """Count what is called meanwhile as used by the client: nobody else may speak to this sandbox."""
        before = _calls(process)
        yield
        self._seen.setdefault(client, set()).update(_calls(process) - before)

    def testify(self) -> None:
        """Fail where seen.json says that this test saw what it did not see; tell what it saw to who records."""
        folder = os.environ.get(RECORD_TO)
        if folder:
            told = {client: sorted(keys) for client, keys in self._seen.items()}
            line = json.dumps({"test": self._test, "seen": told})
            with (Path(folder) / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            return
        for client, routes in kept().items():
            claimed = {key for key, test in routes.items() if test == self._test}
            assert claimed <= self._seen.get(client, set()), f"{client} no longer uses what seen.json says"


def kept() -> dict[str, dict[str, str]]:
    """Return what is committed."""
    found: dict[str, dict[str, str]] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def _calls(process: SandboxProcess) -> Counter[str]:
    return Counter(process.ask("GET", "/health")["calls"])
