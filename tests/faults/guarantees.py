"""Runs the guarantees' experiments and prints what they found: `python -m tests.faults.guarantees --help`.

Ends with 1 if a promise was broken, an experiment broke down, or a weaker variant was not caught.
"""

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from tests.faults import document
from tests.faults.found import find
from tests.faults.guarantee import Guarantee
from tests.faults.place import ScratchPlace
from tests.faults.running import Result, Run, try_it, try_weaker

_ROOT = Path(__file__).parents[2]
_HEAD = f"{'guarantee':<10}{'variant':<38}{'trials':>9}{'violations':>12}{'95 % upper bound':>18}{'seconds':>9}  commit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was asked for."""

    only: frozenset[str]
    full: bool
    as_json: bool
    write: Path | None
    seed: int


def main(arguments: Sequence[str] | None = None) -> int:
    order = _read(arguments)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output is the table's
    found = find()
    chosen = [held for held in found.guarantees if not order.only or held.id in order.only]
    missing = order.only - {held.id for held in found.guarantees}
    commit = head_commit()
    show = (lambda _: None) if order.as_json else lambda line: print(line, flush=True)  # noqa: T201 - the table
    show(f"{len(chosen)} guarantees, {'full' if order.full else 'short'} form, seed {order.seed}\n{_HEAD}")
    with ScratchPlace(order.seed) as place:
        results = tuple(_try(held, place, order, commit, show) for held in chosen)
    faults = [f"{result.guarantee.id} {fault}" for result in results for fault in result.faults]
    faults += [f"tests/faults/experiments/{name}.py cannot be read: {why}" for name, why in found.broken.items()]
    faults += [f"there is no experiment for {name}" for name in sorted(missing)]
    form = document.Form(at=datetime.now(UTC), commit=commit, full=order.full, seed=order.seed)
    if order.as_json:
        print(json.dumps({"commit": commit, "faults": faults, "results": [_plain(result) for result in results]}))  # noqa: T201 - the document
    for result in results:
        for aim in result.run.outcome.missed_aims:
            show(f"AIM MISSED {result.guarantee.id} {aim}")
    for fault in faults[:100]:
        show(f"FAULT {fault}")
    show(f"{sum(result.seconds for result in results):.0f} s, {len(faults)} faults")
    if order.write is not None:
        order.write.write_text(document.draw(results, form, found.broken), encoding="utf-8")
    return 1 if faults else 0


def _try(held: Guarantee, place: ScratchPlace, order: Order, commit: str, show: Any) -> Result:
    weaker: dict[str, Run] = {}
    for name in held.weaker:
        weaker[name] = try_weaker(held, name, place)
        show(line(held.id, f"weaker: {name}", weaker[name], commit))
    run = try_it(held, place, full=order.full)
    show(line(held.id, "as it is", run, commit))
    return Result(guarantee=held, run=run, weaker=weaker)


def line(number: str, variant: str, run: Run, commit: str) -> str:
    """One row of the table."""
    outcome = run.outcome
    bound = "broke down" if run.error else document.bound(outcome)
    return (
        f"{number:<10}{variant[:37]:<38}{outcome.trials:>9}{len(outcome.violations):>12}{bound:>18}"
        f"{run.seconds:>9.1f}  {commit}"
    )


def head_commit() -> str:
    """The commit of this checkout, short; "+" where it has changes."""
    head = _git("rev-parse", "--short", "HEAD")
    return f"{head}+" if head and _git("status", "--porcelain", "--untracked-files=no") else head or "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _plain(result: Result) -> dict[str, Any]:
    def run(held: Run) -> dict[str, Any]:
        return {
            "trials": held.outcome.trials,
            "violations": list(held.outcome.violations),
            "upper_bound": held.outcome.upper_bound,
            "figures": dict(held.outcome.figures),
            "missed_aims": list(held.outcome.missed_aims),
            "seconds": round(held.seconds, 3),
            "error": held.error,
        }

    weaker = {name: run(held) for name, held in result.weaker.items()}
    return {"id": result.guarantee.id, "statement": result.guarantee.statement, **run(result.run), "weaker": weaker}


def _read(arguments: Sequence[str] | None) -> Order:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.guarantees",
        description="Try to refute what the house guarantees.",
        epilog="Example: python -m tests.faults.guarantees --only I-5,I-9 --full",
    )
    parser.add_argument("--only", default="", metavar="I-5,I-9", help="these guarantees alone")
    parser.add_argument("--full", action="store_true", help="the long form: hours rather than minutes")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument("--write", type=Path, metavar="FILE", help="draw the document of guarantees from this run")
    parser.add_argument("--seed", type=int, default=None, help="of the dice; the default is new each time")
    given = parser.parse_args(arguments)
    only = frozenset(part.strip() for part in given.only.split(",") if part.strip())
    seed = random.SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    return Order(only=only, full=given.full, as_json=given.json, write=given.write, seed=seed)


if __name__ == "__main__":
    sys.exit(main())
