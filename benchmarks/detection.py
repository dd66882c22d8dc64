"""How soon the tower tells the truth: from each injected fault to the right status, and back to HEALTHY; false alarms.

`python -m benchmarks.detection [--only redis,beat] [--days 7] [--json]`. A real one-machine house. First simulated
days, half an hour a step, in which nothing is broken: every warning or worse is a false alarm. Then the faults. The
supervisor is held still until a fault was told, so that nothing is healed before; "back" is counted from its release.
Aim: told within two heartbeats (20 s); 0 false alarms. A token is not asked for before the next slot, so one is due at
once. The status is judged as `stakazo status` judges it, without the second that the command takes to start.
"""

import argparse
import json
import os
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from control_tower import health
from control_tower.health import Checked, Sources
from control_tower.planner import Planner
from domain.alerts import Severity
from domain.health import ModuleStatus, SystemStatus
from models import incidents, run_history
from models.engine import db_now
from tests.journeys.running import CYCLE, Machine, machine
from workers import log, sandbox_admin
from workers.bootstrap import House
from workers.health import sources_of
from workers.planner import planner_of

_LOOK_S: Final = 0.2
_TOLD_S, _BACK_S, _OPEN_S = 240.0, 300.0, 120.0  # for how long each is waited for
_STEP_HOURS: Final = 0.5
_CLOCK_S: Final = 1.2  # a reading of the sandbox's clock serves for a second: after it everybody sees the jump
_EXPIRED: Final = {"do": "expired_token", "times": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to break the house; `is_told` = what is reported is right."""

    name: str
    begin: Callable[[Machine], None]
    is_told: Callable[[Checked], bool]
    end: Callable[[Machine], None]
    is_back: Callable[[Checked], bool]
    holds_supervisor: bool = True


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help=f"some of {', '.join(fault.name for fault in FAULTS)}")
    parser.add_argument("--days", type=float, default=7.0, help="simulated, without a fault; 0 = none")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    log.set_up(level="ERROR")  # what cannot be asked is what we look for
    only = {name for name in options.only.split(",") if name}
    with tempfile.TemporaryDirectory(prefix="stakazo-detection-") as folder:
        figures = measure(Path(folder) / "home", only, options.days)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    print(f"{'fault':<16}{'told after s':>14}{'back after s':>14}  what was told")
    for name, row in figures["faults"].items():
        print(f"{name:<16}{row['told_s']!s:>14}{row['back_s']!s:>14}  {row['status']}: {row['reason'][:90]}")
    print(f"HEALTHY {figures['healthy_after_up_s']} s after the first cycle; false alarms: {figures['false_alarms']}")


def measure(home: Path, only: set[str], days: float) -> dict[str, Any]:
    """Everything on one house: the days without a fault first."""
    with machine(home) as running, House.open(running.settings, name="stakazo-benchmark", pool_size=4) as house:
        sources = sources_of(house)
        healthy_s, _ = _until(sources, _is_healthy, _BACK_S)
        alarms = _false_alarms(running, planner_of(house), sources, days)
        chosen = [fault for fault in FAULTS if not only or fault.name in only]
        return {
            "healthy_after_up_s": healthy_s,
            "false_alarms": alarms,
            "faults": {fault.name: _inject(running, sources, fault) for fault in chosen},
        }


def _inject(running: Machine, sources: Sources, fault: Fault) -> Mapping[str, Any]:
    supervisor = running.process
    assert supervisor is not None
    if fault.holds_supervisor:
        os.kill(supervisor.pid, signal.SIGSTOP)
    try:
        fault.begin(running)
        told_s, seen = _until(sources, fault.is_told, _TOLD_S)
    finally:
        os.kill(supervisor.pid, signal.SIGCONT)
    fault.end(running)
    back_s, left = _until(sources, fault.is_back, _BACK_S)
    return {
        "told_s": told_s, "back_s": back_s, "status": str(seen.system.status),
        "reason": seen.system.reasons[0] if seen.system.reasons else "",
        "left": list(left.system.reasons[:3]),
    }  # fmt: skip


def _until(sources: Sources, is_so: Callable[[Checked], bool], limit_s: float) -> tuple[float | None, Checked]:
    """Look until it is so; seconds, or None if it never was, and the last look."""
    began_s = time.monotonic()
    while True:
        found = health.judged(sources)
        took_s = time.monotonic() - began_s
        if is_so(found):
            return round(took_s, 1), found
        if took_s > limit_s:
            return None, found
        time.sleep(_LOOK_S)


def _false_alarms(running: Machine, planner: Planner, sources: Sources, days: float) -> Mapping[str, Any]:
    """Let days go by in steps; count the incidents that opened, and looks that were not HEALTHY."""
    began_at, looks, unwell = _now(running), 0, list[str]()
    began_s = time.monotonic()
    for _ in range(round(days * 24 / _STEP_HOURS)):
        running.advance(hours=_STEP_HOURS)
        time.sleep(_CLOCK_S)
        planner.plan()
        _settle(running)
        found = health.judged(sources)
        looks += 1
        if not _is_healthy(found):
            unwell.append(found.system.reasons[0])
    with running.engine.begin() as conn:
        opened = [row for row in incidents.listing(conn, only_open=False, limit=1_000) if row.opened_at > began_at]
    alarms = [row for row in opened if row.severity is not Severity.INFO]
    return {
        "days": days, "real_s": round(time.monotonic() - began_s), "incidents": len(alarms),
        "kinds": sorted({f"{row.kind} {row.scope}".strip() for row in alarms}),
        "information": sorted({f"{row.kind} {row.scope}".strip() for row in opened if row not in alarms}),
        "looks": looks, "looks_not_healthy": len(unwell), "first_not_healthy": unwell[:3],
    }  # fmt: skip


def _settle(running: Machine) -> None:
    until_s = time.monotonic() + _OPEN_S
    while time.monotonic() < until_s:
        with running.engine.begin() as conn:
            if not run_history.count_open(conn):
                return
        time.sleep(_LOOK_S)


def _now(running: Machine) -> datetime:
    with running.engine.begin() as conn:
        return db_now(conn)


def _is_healthy(found: Checked) -> bool:
    return found.system.status is SystemStatus.HEALTHY


def _says(*words: str) -> Callable[[Checked], bool]:
    """Whether it is not HEALTHY, and one of these words is among why."""
    return lambda found: (
        not _is_healthy(found) and any(word in reason for reason in found.system.reasons for word in words)
    )


def _is_offline(found: Checked) -> bool:
    return found.module(CYCLE).status in {ModuleStatus.OFFLINE, ModuleStatus.UNKNOWN}


def _is_token_bad(found: Checked) -> bool:
    return not _is_healthy(found) and any(
        reason.name in {"token", "last_failed"} for row in found.modules for reason in row.reasons
    )


def _is_token_good(found: Checked) -> bool:
    """Its failed runs keep the rate of a day low: that alone is not the token's any more."""
    return not any(reason.name in {"token", "last_failed"} for row in found.modules for reason in row.reasons)


def _kill(child: str, is_told: Callable[[Checked], bool]) -> Fault:
    return Fault(
        name=child, begin=lambda running: os.kill(running.pid(child), signal.SIGKILL), is_told=is_told,
        end=lambda _running: None, is_back=_is_healthy,
    )  # fmt: skip


def _stop(child: str, is_told: Callable[[Checked], bool], *, is_continued: bool = False) -> Fault:
    """It lives and does nothing; recovery ends it and its supervisor starts it anew, unless it is let go on."""

    def end(running: Machine) -> None:
        if is_continued:
            os.kill(running.pid(child), signal.SIGCONT)

    return Fault(
        name=f"{child} stopped", begin=lambda running: os.kill(running.pid(child), signal.SIGSTOP), is_told=is_told,
        end=end, is_back=_is_healthy, holds_supervisor=False,
    )  # fmt: skip


def _expire(running: Machine) -> None:
    sandbox_admin.set_faults(running.admin_url, [_EXPIRED])
    running.advance(hours=1)


def _renew(running: Machine) -> None:
    sandbox_admin.set_faults(running.admin_url, [])
    running.advance(hours=1)


FAULTS: Final = (
    _kill("redis", _says("Redis")),
    _kill("postgres", _says("Postgres")),
    _kill("worker-cycles", _is_offline),
    _kill("worker-actions", _says("actions@")),
    _kill("beat", _says("beat")),
    _kill("tower", _says("tower")),
    _kill("sandbox", _is_offline),
    _stop("worker-cycles", _is_offline),
    _stop("beat", _says("beat")),
    _stop("tower", _says("tower"), is_continued=True),  # nobody in the house can end a tower but who starts it
    Fault(
        name="token", begin=_expire, is_told=_is_token_bad, end=_renew, is_back=_is_token_good,
        holds_supervisor=False,
    ),
)  # fmt: skip

if __name__ == "__main__":
    main()
