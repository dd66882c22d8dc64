"""What a guarantee is: what is promised, who could refute it, and what an experiment brings back.

Each file in `experiments/` holds one as its module constant GUARANTEE; `guarantees.py` runs them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an experiment found. `figures` are printed; "enumerated": "yes" says that the space was not sampled.

    `missed_aims` are shortfalls of speed, told wherever figures are told; unlike violations they break no promise.
    """

    trials: int
    violations: tuple[str, ...]
    figures: Mapping[str, float | str] = field(default_factory=dict)
    missed_aims: tuple[str, ...] = ()

    @property
    def is_enumerated(self) -> bool:
        return self.figures.get("enumerated") == "yes"

    @property
    def upper_bound(self) -> float | None:
        """With 95 % confidence the true rate of violations is below; None where some were found, or none was tried."""
        if self.violations or self.trials < 1:
            return None
        return 1.0 - 0.05 ** (1.0 / self.trials)


class Place(Protocol):
    """Where an experiment takes its servers and folders from; all of it is gone afterwards."""

    seed: int

    def database_url(self) -> str: ...  # a fresh migrated database at each call

    def folder(self) -> Path: ...  # a fresh empty folder at each call

    def redis_url(self) -> str: ...  # an empty Redis; the same server at each call


Experiment = Callable[[Place, int], Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantee:
    """One promise with its experiment. Every weaker variant must yield violations, or the experiment shows nothing."""

    id: str
    statement: str
    enforced_at: str
    refuted_by: str
    short: int
    full: int
    experiment: Experiment
    weaker: Mapping[str, Experiment]
    judge: str = "the oracle log"
    not_promised: str = ""
    in_suite: "Guarantee | None" = None  # what the test suite runs instead, where the short form takes minutes

    @property
    def number(self) -> int:
        return int(self.id.removeprefix("I-"))
