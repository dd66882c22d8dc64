"""I-3: the ledger tells the truth, whatever dies and whatever the API answers."""

from collections import Counter
from functools import partial

from actions.steps import STEPS
from domain.actions import ActionState
from tests.faults import matrix
from tests.faults.cells import KINDS, Cell, Fate
from tests.faults.guarantee import Guarantee, Outcome, Place

_ALL = tuple(
    Cell(number=number, step=step, fate=fate, kind=kind)
    for number, (step, fate, kind) in enumerate(
        (step, fate, kind) for step in ("", *STEPS) for fate in Fate for kind in KINDS
    )
)
_DOUBTFUL = tuple(cell for cell in _ALL if cell.step == "" and cell.fate is Fate.LATE)


def _compare(variant: str, place: Place, trials: int) -> Outcome:
    stride = max(1, len(_ALL) // trials)
    cells = _ALL if trials >= len(_ALL) else _ALL[place.seed % stride :: stride]
    return _run(variant, place, cells)


def _weaker(variant: str, place: Place, _trials: int) -> Outcome:
    return _run(variant, place, _DOUBTFUL)


def _run(variant: str, place: Place, cells: tuple[Cell, ...]) -> Outcome:
    report = matrix.run(variant, place.database_url(), place.folder(), cells)
    lies = tuple(
        str(verdict)
        for verdict in report.verdicts
        if verdict.violation is not None or (verdict.state is ActionState.REFUSED and verdict.effects)
    )
    table = Counter((verdict.state, verdict.effects) for verdict in report.verdicts)
    figures: dict[str, float | str] = {
        f"ledger {state}, oracle {effects}": count for (state, effects), count in sorted(table.items())
    }
    if len(cells) == len(_ALL):
        figures["enumerated"] = "yes"
    return Outcome(trials=len(cells), violations=lies, figures=figures)


GUARANTEE = Guarantee(
    id="I-3",
    statement="The ledger tells the truth: applied means that the platform's log shows the effect once; not applied,"
    " refused, blocked or cancelled mean that it shows none.",
    enforced_at="actions/readback.py: read_back; actions/outcome.py: Recorder",
    refuted_by="SIGKILL of a real executor after each step, or after none, x 8 outcomes of the API x 3 kinds of action;"
    " after recovery each row is compared with the log (the figures are the confusion matrix).",
    short=40,
    full=len(_ALL),
    experiment=partial(_compare, "as it is"),
    weaker={"no quarantine": partial(_weaker, "without quarantine")},
    judge="the sandbox's oracle log",
    not_promised="That a platform commits nothing later than the quarantine: such an object is an orphan (I-15).",
)
