"""Weeks of a small shop, unattended: seconds per simulated day and what they go into, and the memory of each process.

`python -m benchmarks.long_run [--days 14] [--scenario demo] [--json]`. Aim: 60 days in 60 minutes on 2 cores. Exit 1 if
one of the simulation's own checks is broken (ledger = oracle log, slots, steps, rests, caps, memory slopes).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

_TIMEOUT_S = 7200


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--scenario", default="demo")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(options.scenario, options.days)
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        _print(figures)
    sys.exit(0 if figures["ok"] else 1)


def measure(scenario: str, days: int) -> dict[str, Any]:
    """Run `stakazo simulate` on a fresh folder."""
    words = ("simulate", "--scenario", scenario, "--days", str(days), "--start", "2026-03-02T06:00:00", "--json")
    with tempfile.TemporaryDirectory(prefix="stakazo-long-") as home:
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *words],
            env={**os.environ, "STAKAZO_HOME": home},
            stdout=subprocess.PIPE,
            timeout=_TIMEOUT_S,
            check=False,
        )
        total_s = time.monotonic() - began
    document = json.loads(done.stdout)
    figures = document["figures"]
    parts: dict[str, float] = {}
    for day in figures["pace"]:
        for name, seconds in day["seconds"].items():
            parts[name] = parts.get(name, 0.0) + seconds
    return {
        "ok": document["ok"],
        "days": days,
        "total_s": round(total_s, 1),
        "s_per_day": round(sum(parts.values()) / days, 2),
        "s_per_day_by_part": {name: round(seconds / days, 3) for name, seconds in sorted(parts.items())},
        "runs": figures["runs"],
        "slopes": figures["slopes"],
        "broken": {check["name"]: check["violations"] for check in document["checks"] if check["broken"]},
        "summary": document["summary"],
    }


def _print(figures: dict[str, Any]) -> None:
    print(f"{figures['days']} days in {figures['total_s']} s, start, end and report included")
    print(f"seconds per simulated day: {figures['s_per_day']}, of which")
    for name, seconds in figures["s_per_day_by_part"].items():
        print(f"  {name:<20} {seconds:>8}")
    print(f"{'process':<18} {'first MB':>9} {'last MB':>9} {'MB a day':>9}  flat")
    for row in figures["slopes"]:
        per_day = "-" if row["mb_per_day"] is None else row["mb_per_day"]
        print(f"{row['process']:<18} {row['first_mb']:>9} {row['last_mb']:>9} {per_day:>9}  {row['is_flat']}")
    print(f"broken: {figures['broken'] or 'nothing'}")
    print(figures["summary"])


if __name__ == "__main__":
    main()
