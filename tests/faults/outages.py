"""The long form of "faults to survive": `python -m tests.faults.outages --help`, `make outages`.

Redis fails in every way again and again under a real worker, with the tower's own time between two rings; a table by
fault and number of messages in flight. Ends with 1 if a worker died or anything was late, lost or done twice.
"""

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import product
from statistics import median
from typing import Any

import structlog

from models.runs import RING_AGAIN_S
from tests.faults.guarantees import head_commit
from tests.faults.nemesis.consumers import IN_FLIGHT, WITHIN_S, Trial, stage
from tests.faults.nemesis.redis_faults import FAULTS, RARER
from tests.faults.place import ScratchPlace

_ALL = tuple({**FAULTS, **RARER})
_HEAD = (
    f"{'Redis':<14}{'in flight':>10}{'trials':>8}{'failed':>8}{'consumes s':>16}{'obeys s':>16}{'all done s':>16}\n"
    f"{'':<40}{'median, worst':>16}{'median, worst':>16}{'median, worst':>16}"
)


def main(arguments: Sequence[str] | None = None) -> int:
    order = _read(arguments)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output is the table's
    seed = random.SystemRandom().randrange(1_000_000) if order.seed is None else order.seed
    show: Callable[[str], None] = (lambda _: None) if order.json else lambda told: print(told, flush=True)  # noqa: T201 - the table
    show(f"{order.rounds} rounds, seed {seed}, commit {head_commit()}; seconds count from the end of the fault,")
    show(f"lost messages are rung for again after {RING_AGAIN_S:.0f} s; aim: all within {WITHIN_S:.0f} s\n{_HEAD}")
    done: list[Trial] = []
    with ScratchPlace(seed) as place, stage(place, ring_again_s=RING_AGAIN_S) as held:
        for fault, in_flight in product(order.only, IN_FLIGHT):
            mine = [held.try_one(fault, in_flight) for _ in range(order.rounds)]
            done += mine
            show(_line(mine))
    violations = [told for trial in done for told in trial.violations]
    for told in violations:
        show(f"FAULT {told}")
    show(f"{len(done)} trials, {len(violations)} faults")
    if order.json:
        found = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "commit": head_commit(), "seed": seed}
        print(json.dumps({**found, "violations": violations, "rows": list(_rows(done))}, indent=2))  # noqa: T201 - the document
    return 1 if violations else 0


def _line(trials: Sequence[Trial]) -> str:
    first, failed = trials[0], sum(bool(trial.violations) for trial in trials)
    times = (_times(trial.consumes_s for trial in trials), _times(trial.obeys_s for trial in trials),
             _times(trial.ended_s for trial in trials))  # fmt: skip
    told = "".join(f"{f'{middle:.1f}, {worst:.1f}' if worst is not None else '-':>16}" for middle, worst in times)
    return f"{first.fault:<14}{first.in_flight:>10}{len(trials):>8}{failed:>8}{told}"


def _rows(trials: Sequence[Trial]) -> Iterator[dict[str, Any]]:
    for fault, in_flight in dict.fromkeys((trial.fault, trial.in_flight) for trial in trials):
        mine = [trial for trial in trials if (trial.fault, trial.in_flight) == (fault, in_flight)]
        columns = {
            "consumes_s": [trial.consumes_s for trial in mine],
            "obeys_s": [trial.obeys_s for trial in mine],
            "all_done_s": [trial.ended_s for trial in mine],
        }
        yield {
            "fault": fault, "in_flight": in_flight, "trials": len(mine), "deaths": sum(trial.died for trial in mine),
            "failed": sum(bool(trial.violations) for trial in mine),
            **{name: [None if one is None else round(one, 2) for one in column] for name, column in columns.items()},
        }  # fmt: skip


def _times(seconds: Iterable[float | None]) -> tuple[float, float | None]:
    """Return median and worst; no worst where none came in time."""
    known = [one for one in seconds if one is not None]
    return (median(known), max(known)) if known else (0.0, None)


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.outages",
        description="Let Redis fail in every way, again and again, under a real worker with 1, 3 and 12 messages.",
        epilog="Example: python -m tests.faults.outages --rounds 10 --only killed,half-open --json",
    )
    parser.add_argument("--rounds", type=int, default=3, help="trials of each fault with each number (default 3)")
    parser.add_argument("--only", default=",".join(_ALL), help=f"of {', '.join(_ALL)}; the default is all")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument("--seed", type=int, default=None, help="of the dice; the default is new each time")
    order = parser.parse_args(arguments)
    order.only = tuple(part.strip() for part in order.only.split(",") if part.strip())
    if unknown := sorted(set(order.only) - set(_ALL)):
        parser.error(f"there is no fault named {', '.join(unknown)}; choose from {', '.join(_ALL)}")
    if order.rounds < 1 or not order.only:
        parser.error("nothing would be tried: --rounds must be 1 or more, and --only must name a fault")
    return order


if __name__ == "__main__":
    sys.exit(main())
