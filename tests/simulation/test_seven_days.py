"""Seven days of a small shop, unattended: the true tasks on true workers over true HTTP, slot by slot."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_TIMEOUT_S = 900
_DAYS = 7
_MUST_HOLD = 8


@pytest.fixture(scope="module")
def week(tmp_path_factory) -> dict:
    home = tmp_path_factory.mktemp("home")
    words = ("simulate", "--scenario", "demo", "--days", str(_DAYS), "--start", "2026-03-26T06:00:00", "--seed", "11")
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *words, "--json"],
        env={**os.environ, "STAKAZO_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    return json.loads(done.stdout)


def test_all_that_must_hold_holds(week):
    """Ledger = oracle log, slots accounted for, no failed run, no NaN, no step, rest or cap violated, memory flat."""
    checks = week["checks"]
    assert len(checks) == _MUST_HOLD
    assert {check["name"]: check["violations"] for check in checks if check["violations"]} == {}


def test_every_half_hour_of_the_week_has_its_run(week):
    """Across the clocks' change of 29 March: slots of half an hour stand on the world's clock, not the account's."""
    done = {(run["task"], run["state"]): run["count"] for run in week["figures"]["runs"]}
    slots = _DAYS * 48 + 1
    assert done["meta.full_cycle", "succeeded"] in {slots, slots - 1}
    assert done["meta.collector", "succeeded"] == done["meta.full_cycle", "succeeded"]


def test_it_acts_all_week_long(week):
    days = {row["day"] for row in week["figures"]["actions"] if row["state"] == "applied"}
    assert len(days) >= _DAYS - 2


def test_the_report_has_its_pictures(week):
    assert len(week["report"]["pictures"]) >= 5
    for path in week["report"]["pictures"]:
        assert Path(path).read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
