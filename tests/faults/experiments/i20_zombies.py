"""I-20: an executor that sleeps past its lease writes nothing when it wakes."""

import itertools

from actions import steps
from tests.faults.cells import Fate
from tests.faults.guarantee import Guarantee, Outcome, Place
from tests.faults.nemesis import sleepers
from tests.faults.nemesis.sleepers import KINDS, Nap

_FATES = (Fate.APPLIED, Fate.LOST, Fate.ANSWER_LOST, Fate.LATE)
_BEFORE_SENDING = (steps.CLAIMED, steps.PRECHECKED, steps.WRITTEN_AHEAD, steps.FENCED)
# The last step is past: whoever wakes there has nothing left to do.
_ALL = tuple(
    Nap(step=step, kind=kind, fate=fate)
    for step, kind, fate in itertools.product(steps.STEPS[:-1], KINDS, _FATES)
    if step != steps.READ_BACK or fate is Fate.APPLIED  # nobody reads back at once what had no answer
)
_BATCH = 50  # they sleep side by side, each with its connection


def _sleep(place: Place, trials: int) -> Outcome:
    chosen = _ALL if trials >= len(_ALL) else _spread(place, trials)
    violations: list[str] = []
    for begin in range(0, len(chosen), _BATCH):
        violations += sleepers.run(place, chosen[begin : begin + _BATCH])
    figures: dict[str, float | str] = {"steps x kinds x outcomes": len(_ALL)}
    if len(chosen) == len(_ALL):
        figures["enumerated"] = "yes"
    return Outcome(trials=len(chosen), violations=tuple(violations), figures=figures)


def _spread(place: Place, trials: int) -> tuple[Nap, ...]:
    stride = max(1, len(_ALL) // trials)
    return _ALL[place.seed % stride :: stride][:trials]


def _without_deadline(place: Place, trials: int) -> Outcome:
    chosen = [Nap(step=step, kind=kind, fate=Fate.APPLIED) for step in _BEFORE_SENDING for kind in KINDS]
    violations = sleepers.run(place, chosen, is_punctual=False)
    return Outcome(trials=len(chosen), violations=violations)


GUARANTEE = Guarantee(
    id="I-20",
    statement="An executor that slept past its lease writes nothing when it wakes: not on the platform, not in the"
    " ledger.",
    enforced_at="actions/send.py: send; models/ledger_moves.py; actions/timing.py",
    refuted_by="SIGSTOP of a real process at each step of the protocol x outcome of the API x kind of action; another"
    " executor recovers; SIGCONT; then the platform's log, the row and its audit are compared with before.",
    short=len(_ALL),
    full=10_000,
    experiment=_sleep,
    weaker={"no send deadline": _without_deadline},
    judge="the log of a platform in a file, and the row and its audit before and after the waking",
)
