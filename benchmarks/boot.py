"""How long `stakazo demo` takes from nothing to the first cycle's end, by stage, and again on the kept data folder.

`python -m benchmarks.boot [--json]`. Aim: 30 s once installed, of which the stages say what they go into.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

_TIMEOUT_S = 300


def measure(home: str) -> dict[str, Any]:
    """Run the demo once on a data folder; seconds by stage, and in all as a person waits (interpreter included)."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "demo", "--json"],
        env={**os.environ, "STAKAZO_HOME": home},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=_TIMEOUT_S,
        check=True,
    )
    total_s = time.monotonic() - began
    document = json.loads(done.stdout)
    stages = document["stages_s"]
    return {"total_s": round(total_s, 2), "to_first_cycle_s": round(sum(stages.values()), 2), "stages_s": stages}


def main() -> None:
    """Measure both starts and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    with tempfile.TemporaryDirectory(prefix="stakazo-boot-") as home:
        first, again = measure(home), measure(home)
    ratio = round(first["to_first_cycle_s"] / again["to_first_cycle_s"], 2)
    if as_json:
        print(json.dumps({"first": first, "again": again, "ratio_to_restart": ratio}, indent=2))
        return
    for name, figures in (("first start", first), ("kept folder", again)):
        print(f"{name}: {figures['to_first_cycle_s']} s to the first cycle's end, {figures['total_s']} s in all")
        for stage, seconds in figures["stages_s"].items():
            print(f"  {stage:<20} {seconds:7.2f} s")
    print(f"ratio_to_restart {ratio}")


if __name__ == "__main__":
    main()
