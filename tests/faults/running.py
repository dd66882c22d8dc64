"""Runs one guarantee: its weaker variants first, then the house as it is. Prints nothing."""

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass

from tests.faults.guarantee import Experiment, Guarantee, Outcome
from tests.faults.place import ScratchPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What came of one experiment; `error` where it broke down."""

    outcome: Outcome
    seconds: float
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a guarantee."""

    guarantee: Guarantee
    run: Run
    weaker: Mapping[str, Run]

    @property
    def seconds(self) -> float:
        return self.run.seconds + sum(run.seconds for run in self.weaker.values())

    @property
    def faults(self) -> tuple[str, ...]:
        """Everything because of which this guarantee does not stand, in words; empty = it stands."""
        found = [f"violated: {violation}" for violation in self.run.outcome.violations]
        found += [f"broke down: {self.run.error}"] if self.run.error else []
        if not self.run.error and self.run.outcome.trials < 1:
            found.append("nothing was tried")
        if not self.weaker:
            found.append("no weaker variant: nothing shows that the experiment can fail")
        for name, run in self.weaker.items():
            if run.error:
                found.append(f"weaker variant '{name}' broke down: {run.error}")
            elif not run.outcome.violations:
                found.append(f"weaker variant '{name}' was not caught in {run.outcome.trials} trials")
        return tuple(found)


def try_weaker(guarantee: Guarantee, name: str, place: ScratchPlace) -> Run:
    """Run one weaker variant with a quarter of the short form's trials; with all of them, if it is not caught there."""
    quick = _run(guarantee.weaker[name], place, max(1, guarantee.short // 4))
    if quick.outcome.violations:
        return quick
    run = _run(guarantee.weaker[name], place, guarantee.short)
    return Run(outcome=run.outcome, seconds=quick.seconds + run.seconds, error=run.error)


def try_it(guarantee: Guarantee, place: ScratchPlace, *, full: bool) -> Run:
    """Run the house as it is."""
    return _run(guarantee.experiment, place, guarantee.full if full else guarantee.short)


def try_all(guarantee: Guarantee, place: ScratchPlace, *, full: bool) -> Result:
    """Run the weaker variants, then the house as it is."""
    weaker = {name: try_weaker(guarantee, name, place) for name in guarantee.weaker}
    return Result(guarantee=guarantee, run=try_it(guarantee, place, full=full), weaker=weaker)


def _run(experiment: Experiment, place: ScratchPlace, trials: int) -> Run:
    begun = time.monotonic()
    try:
        outcome, error = experiment(place, trials), ""
    except Exception as broken:  # noqa: BLE001 - an experiment that breaks is named, and the others still run
        outcome, error = Outcome(trials=0, violations=()), _told(broken)
    finally:
        place.clear()
    return Run(outcome=outcome, seconds=time.monotonic() - begun, error=error)


def _told(error: Exception) -> str:
    where = traceback.extract_tb(error.__traceback__)[-1]
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__} in {where.name}, line {where.lineno}: {lines[0][:300]}"
