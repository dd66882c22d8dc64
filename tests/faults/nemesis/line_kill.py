"""Kills executors at executed lines, x outcomes of the API x kinds of action; the sandbox's oracle log judges.

The lines of one undisturbed run are counted first. Life 1 is the executor that sends; where it leaves the outcome
unknown, life 2 is the one that looks after the quarantine. After each death a fresh executor recovers.
"""

import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from domain.actions import TERMINAL, Action, ActionKind
from models.engine import make_engine
from models.tables import actions as actions_table
from sandbox.process import SandboxProcess, start
from tests.faults import matrix
from tests.faults.cells import KINDS, NOW, Cell, Fate, approve, faults, scenario, with_mates
from tests.faults.guarantee import Place
from tests.faults.matrix import Verdict
from tests.faults.variants import TIMING

_AT_ONCE = 4
BATCH = 500  # cells that share a sandbox
_WAIT_S = TIMING.client_deadline_s + (TIMING.quarantine_create_s or 0.0) + 0.2
Work = tuple[ActionKind, int]  # what is written, and how many more go out in the same call
Life = tuple[Work, Fate, int]
ALONE: tuple[Work, ...] = tuple((kind, 0) for kind in KINDS)
AND_A_BATCH: tuple[Work, ...] = (*ALONE, (ActionKind.SET_DAILY_BUDGET, 2))
_counted: dict[tuple[Work, ...], dict[Life, int]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class LineKill:
    """What came of it. `lines` is how many lines each undisturbed life has, by kind, outcome and life."""

    verdicts: tuple[Verdict, ...]
    lines: Mapping[Life, int]
    deaths: int = 0

    @property
    def violations(self) -> tuple[str, ...]:
        return tuple(str(verdict) for verdict in self.verdicts if verdict.violation)


@dataclass
class _Arena:
    """A sandbox and a database in which every cell has its account and its approved action."""

    variant: str
    database: str
    engine: Engine
    sandbox: SandboxProcess
    cells: tuple[Cell, ...]
    actions: dict[int, Action] = field(default_factory=dict)

    def run(self, cells: Iterable[Cell], *, deadly: bool, **more: str) -> Counter[int]:
        """Let one executor carry out each cell's action as far as it goes at once."""
        jobs = [
            {"number": cell.number, "action": self.actions[cell.number].id, "rounds": 1,
             **({"line": cell.line if deadly else 0} if deadly or more else {})}  # lines are counted at a price
            for cell in cells
        ]  # fmt: skip
        return matrix.kill(self.variant, self.database, self.sandbox, jobs, at_once=_AT_ONCE, **more)


def count_lines(place: Place, works: Sequence[Work] = ALONE) -> dict[Life, int]:
    """Count the lines of each undisturbed life, once per process; a life 2 that is not lived is missing."""
    if tuple(works) not in _counted:
        _counted[tuple(works)] = _count_lines(place, works)
    return _counted[tuple(works)]


def _count_lines(place: Place, works: Sequence[Work]) -> dict[Life, int]:
    cells = tuple(
        Cell(number=number, step="", kind=kind, mates=mates, fate=fate)
        for number, ((kind, mates), fate) in enumerate(itertools.product(works, Fate))
    )
    found: dict[Life, int] = {}
    with _arena("as it is", place, with_mates(cells)) as arena:
        for life in (1, 2):
            living = cells if life == 1 else _open_cells(arena)
            folder = place.folder()
            arena.run(living, deadly=False, counts=str(folder))
            with arena.engine.begin() as conn:
                conn.execute(matrix.END_PATIENCE)
            for cell in living:
                count = Path(folder, str(cell.number)).read_text(encoding="utf-8")
                found[(cell.kind, cell.mates), cell.fate, life] = int(count)
            if life == 1:
                _require_sent(arena)
                time.sleep(_WAIT_S)
    return found


def _require_sent(arena: _Arena) -> None:
    """Lines of a run that sent nothing would be those of another path.

    Raises:
        RuntimeError: the machine was too busy for an executor to keep its send deadline.
    """
    verdicts = matrix.judge(arena.engine, arena.sandbox, arena.cells, arena.actions, Counter())
    unsent = [
        f"{verdict.cell.kind}, {verdict.cell.fate}: {verdict.reason}" for verdict in verdicts if not verdict.sends
    ]
    if unsent:
        raise RuntimeError(f"{len(unsent)} undisturbed runs sent nothing, such as {unsent[0]}")


def run(
    variant: str,
    place: Place,
    trials: int,
    *,
    works: Sequence[Work] = ALONE,
    among: Callable[[Life], bool] = lambda _: True,
    past: float = 0.0,
) -> LineKill:
    """Kill at about `trials` of the lines, evenly spread and moved by the place's seed; 0 = at every line.

    `among` and `past` narrow them down to some lives, and to the end of these.
    """
    lines = count_lines(place, works)
    every = [
        (key, line) for key, count in lines.items() if among(key) for line in range(1 + int(past * count), count + 1)
    ]
    stride = max(1, len(every) // trials) if trials else 1
    chosen = every[place.seed % stride :: stride]
    cells = tuple(
        Cell(number=number, step="", kind=kind, mates=mates, fate=fate, line=line, life=life)
        for number, (((kind, mates), fate, life), line) in enumerate(chosen)
    )
    verdicts: list[Verdict] = []
    for begin in range(0, len(cells), BATCH):
        verdicts += _kill_each(variant, place, with_mates(cells[begin : begin + BATCH]))
    deaths = sum(verdict.deaths for verdict in verdicts)
    return LineKill(verdicts=tuple(verdicts), lines=lines, deaths=deaths)


def _kill_each(variant: str, place: Place, cells: tuple[Cell, ...]) -> tuple[Verdict, ...]:
    with _arena(variant, place, cells) as arena:
        second = [cell for cell in cells if cell.life == 2]
        arena.run(second, deadly=False)
        with arena.engine.begin() as conn:
            conn.execute(matrix.END_PATIENCE)
        deaths = arena.run([cell for cell in cells if cell.life == 1 and cell.leader is None], deadly=True)
        time.sleep(_WAIT_S)
        deaths += arena.run(second, deadly=True)
        matrix.recover(variant, arena.engine, arena.sandbox)
        return matrix.judge(arena.engine, arena.sandbox, cells, arena.actions, deaths)


def _open_cells(arena: _Arena) -> tuple[Cell, ...]:
    with arena.engine.begin() as conn:
        rows = conn.execute(select(actions_table.c.id).where(actions_table.c.state.not_in(TERMINAL)))
        ids = {row.id for row in rows}
    return tuple(cell for cell in arena.cells if cell.leader is None and arena.actions[cell.number].id in ids)


@contextmanager
def _arena(variant: str, place: Place, cells: tuple[Cell, ...]) -> Iterator[_Arena]:
    folder, database = place.folder(), place.database_url()
    described: dict[str, Any] = scenario(cells)
    (folder / "cells.json").write_text(json.dumps(described), encoding="utf-8")
    engine = make_engine(database, pool_size=2)
    try:
        with start(
            folder / "sandbox", scenario=str(folder / "cells.json"), speed=0, start_at=NOW.isoformat()
        ) as sandbox:
            sandbox.ask("POST", "/faults", faults(cells))
            arena = _Arena(variant=variant, database=database, engine=engine, sandbox=sandbox, cells=cells)
            with engine.begin() as conn:
                arena.actions = {cell.number: approve(conn, cell) for cell in cells}
            yield arena
    finally:
        engine.dispose()
