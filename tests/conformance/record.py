"""`python -m tests.conformance.record` runs the conformance tests and writes seen.json from what they saw.

The coverage table is drawn from it: `make docs` comes after.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conformance import seen

_ROOT = Path(__file__).parents[2]
_JUDGE = "tests/conformance/test_seen.py"  # judges what is committed


def main() -> None:
    """Run, gather, write; the first test by name that saw a route is its evidence."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "tests/conformance", "--ignore", _JUDGE, *sys.argv[1:]]
        done = subprocess.run(command, cwd=_ROOT, env={**os.environ, seen.RECORD_TO: folder}, check=False)
        if done.returncode != 0:
            sys.exit("a test failed: seen.json stays as it is")
        told = [json.loads(line) for file in Path(folder).iterdir() for line in file.read_text("utf-8").splitlines()]
    found: dict[str, dict[str, str]] = {}
    for row in sorted(told, key=lambda row: row["test"]):
        for client, keys in row["seen"].items():
            for key in keys:
                found.setdefault(client, {}).setdefault(key, row["test"])
    seen.FILE.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print({client: len(routes) for client, routes in found.items()})  # noqa: T201 - a command tells its result


if __name__ == "__main__":
    main()
