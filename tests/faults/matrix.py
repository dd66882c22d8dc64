"""Runs the kill matrix on one variant: every cell dies, a fresh executor recovers, the sandbox's oracle log judges."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, exists, select, text

from actions import sweeper
from domain.actions import IN_FLIGHT, TERMINAL, Action, ActionState
from models.engine import make_engine
from models.tables import actions as actions_table
from sandbox.process import SandboxProcess, start
from tests.faults.cells import NOW, Cell, Fate, approve, faults, scenario, sends
from tests.faults.variants import open_executor

_ROUNDS = 300
_APART = 1000  # cells that are run again get other numbers, hence other accounts
_ROOT = Path(__file__).parents[2]
END_PATIENCE = text(  # a throttled account waits for minutes; that nothing is called meanwhile is I-25's to show
    "UPDATE actions SET next_at = created_at WHERE state = 'approved' AND lease_until IS NULL"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a cell, by the ledger and by the oracle."""

    cell: Cell
    deaths: int
    state: ActionState
    effects: int
    sends: int = 0
    reason: str = ""

    @property
    def died_as_told(self) -> bool:
        return self.deaths == (1 if self.cell.second_step is None else 2)

    @property
    def violation(self) -> str | None:
        """Which promise is broken, if one is."""
        if self.effects > 1:
            return "more than one effect"
        if self.sends > (2 if self.cell.fate is Fate.THROTTLED else 1):  # a throttled one had no effect
            return "sent again"
        if self.state not in TERMINAL:
            return "not terminal"
        if (self.state is ActionState.APPLIED) != (self.effects == 1):
            return "the ledger lies"
        return None

    def __str__(self) -> str:
        where = f"line {self.cell.line} of life {self.cell.life}" if self.cell.line else self.cell.deaths
        told = f"{self.state}, {self.effects} effects, {self.sends} sends: {self.reason}"
        if self.cell.leader is not None:
            where = f"no line itself, along with cell {self.cell.leader}"
        return f"{self.violation}: {self.cell.kind} killed at {where}, api {self.cell.fate}: {told}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole matrix."""

    variant: str
    verdicts: tuple[Verdict, ...]
    seconds: float

    @property
    def violations(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.violation)

    def __str__(self) -> str:
        """A table of steps x fates; a cell shows what became of each kind of write, in the order of the heading."""
        deaths = sum(verdict.deaths for verdict in self.verdicts)
        found = Counter(verdict.violation for verdict in self.violations)
        told = "".join(f", {count} of them {what}" for what, count in found.items())
        kinds = list(dict.fromkeys(verdict.cell.kind for verdict in self.verdicts))
        fates = list(dict.fromkeys(verdict.cell.fate for verdict in self.verdicts))
        lines = [
            f"\n{self.variant}, {self.seconds:.1f} s",
            f"{len(self.verdicts)} cells, {deaths} SIGKILLs, {len(self.violations)} violations{told}",
            f"A applied · N not applied · 2! two effects · L! the ledger lies · O! open; kinds: {', '.join(kinds)}",
            f"{'killed after':<32}" + "".join(f"{fate:<22}" for fate in fates),
        ]
        for step in dict.fromkeys(verdict.cell.deaths for verdict in self.verdicts):
            rows = [verdict for verdict in self.verdicts if verdict.cell.deaths == step]
            marks = [" ".join(_mark(row) for row in rows if row.cell.fate == fate) for fate in fates]
            lines.append(f"{step:<32}" + "".join(f"{mark:<22}" for mark in marks))
        return "\n".join(lines)


def run(variant: str, database: str, folder: Path, cells: tuple[Cell, ...]) -> Report:
    """Run the cells on a migrated database and an empty folder."""
    begun = time.monotonic()
    (folder / "cells.json").write_text(json.dumps(scenario(cells)), encoding="utf-8")
    engine = make_engine(database, pool_size=2)
    try:
        with start(
            folder / "sandbox", scenario=str(folder / "cells.json"), speed=0, start_at=NOW.isoformat()
        ) as sandbox:
            sandbox.ask("POST", "/faults", faults(cells))
            with engine.begin() as conn:
                actions = {cell.number: approve(conn, cell) for cell in cells}
            jobs = [_job(cell, actions, step=cell.step) for cell in cells]
            deaths = kill(variant, database, sandbox, jobs, at_once=6)
            jobs = [_job(cell, actions, step=cell.second_step) for cell in cells if cell.second_step]
            deaths += kill(variant, database, sandbox, jobs, at_once=24)  # these mostly wait for leases to end
            recover(variant, engine, sandbox)
            verdicts = judge(engine, sandbox, cells, actions, deaths)
    finally:
        engine.dispose()
    return Report(variant=variant, verdicts=verdicts, seconds=time.monotonic() - begun)


def show(variant: str, database: str, folder: Path, cells: tuple[Cell, ...], *, most_again: int = 0) -> Report:
    """Run the cells and print the table. Those that did not die as told are run again, so often at most."""
    report = run(variant, database, folder, cells)
    for again in range(1, most_again + 1):
        report = _once_more(report, database, folder / f"again-{again}", again)
    print(report)  # noqa: T201 - the table is what `make kill-matrix` is for
    return report


def _once_more(report: Report, database: str, folder: Path, again: int) -> Report:
    """Run on new accounts what did not come to its step; a cell that showed a violation all the same stays as it is."""
    lost = [row for row in report.verdicts if not row.died_as_told and not row.violation]
    if not lost:
        return report
    folder.mkdir()
    cells = tuple(replace(row.cell, number=row.cell.number % _APART + again * _APART) for row in lost)
    more = run(report.variant, database, folder, cells)
    verdicts = [row for row in report.verdicts if row not in lost] + list(more.verdicts)
    verdicts.sort(key=lambda row: row.cell.number % _APART)
    return replace(report, verdicts=tuple(verdicts), seconds=report.seconds + more.seconds)


def _job(cell: Cell, actions: Mapping[int, Action], **more: Any) -> dict[str, Any]:
    return {"number": cell.number, "action": actions[cell.number].id, **more}


def kill(
    variant: str,
    database: str,
    sandbox: SandboxProcess,
    jobs: Sequence[Mapping[str, Any]],
    *,
    at_once: int,
    **more: str,
) -> Counter[int]:
    """Let executors run that die where their job says; return how often each cell did."""
    order = {
        "variant": variant, "database": database, "graph": sandbox.graph, "token": sandbox.token, "at_once": at_once,
        "jobs": list(jobs), **more,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.executioner"],
        input=json.dumps(order), capture_output=True, text=True, check=False, cwd=_ROOT, timeout=1200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    statuses = {int(number): status for number, status in json.loads(done.stdout).items()}
    assert set(statuses.values()) <= {0, -signal.SIGKILL}, done.stderr[-2000:]
    return Counter(number for number, status in statuses.items() if status == -signal.SIGKILL)


def recover(variant: str, engine: Engine, sandbox: SandboxProcess) -> None:
    """What the tower does: ring for what is due until nothing is open."""
    executor = open_executor(
        variant, engine, graph=sandbox.graph, token=sandbox.token, owner="recovery", checkpoint=lambda _: None
    )
    for _ in range(_ROUNDS):
        with engine.begin() as conn:
            conn.execute(END_PATIENCE)
            due = sweeper.due(conn, 1000)
            is_open = conn.execute(select(exists().where(actions_table.c.state.in_(IN_FLIGHT)))).scalar_one()
        if not is_open:
            return
        for ring in due:
            executor.execute(ring.action_id)
        time.sleep(0.1)


def judge(
    engine: Engine,
    sandbox: SandboxProcess,
    cells: tuple[Cell, ...],
    actions: Mapping[int, Action],
    deaths: Counter[int],
) -> tuple[Verdict, ...]:
    """Compare the ledger with the platform's log, and with how often it was written to."""
    lines = sandbox.ask("GET", "/oracle")["lines"]
    sent = sends(sandbox.ask("GET", "/faults")["script"])
    by_token = Counter(str(line["op_token"]) for line in lines if line["op_token"])
    by_request = Counter(str(line["request_id"]).rpartition("-")[0] for line in lines if not line["op_token"])
    with engine.begin() as conn:
        table = actions_table.c
        states = {row.id: row for row in conn.execute(select(table.id, table.state, table.state_reason))}
    return tuple(
        Verdict(
            cell=cell,
            deaths=deaths[cell.number],
            state=ActionState(states[action.id].state),
            reason=states[action.id].state_reason,
            effects=by_token[action.op_token] + by_request[f"action-{action.id}"],
            sends=sent.get(cell.written, 0),
        )
        for cell, action in ((cell, actions[cell.number]) for cell in cells)
    )


def _mark(verdict: Verdict) -> str:
    match verdict.violation:
        case None:
            return "A" if verdict.state is ActionState.APPLIED else "N"
        case "more than one effect":
            return f"{verdict.effects}!"
        case "not terminal":
            return "O!"
        case _:
            return "L!"
