"""I-3: the ledger tells the truth, whatever dies and whatever the API answers."""

from collections import Counter
from functools import partial

from actions.steps import STEPS
from domain.actions import ActionState
from tests.faults import matrix
from tests.faults.cells import KINDS, Cell, Fate
from tests.faults.guarantee import Guarantee, Outcome, Place
from tests.faults.nemesis import outages

_MOST_ACCOUNTS = 20  # in a wave of outages

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
    by_deaths = _run(variant, place, cells)
    by_outages = _fail(variant, place, trials)
    return Outcome(
        trials=by_deaths.trials + by_outages.trials,
        violations=by_deaths.violations + by_outages.violations,
        figures={**by_deaths.figures, **by_outages.figures},
    )


def _fail(variant: str, place: Place, trials: int) -> Outcome:
    """Postgres stopped at once and connections cut, under executors that send batches and creates."""
    found = outages.run(variant, place, min(trials, _MOST_ACCOUNTS))
    figures: dict[str, float | str] = {
        "under outages": found.trials,
        "Postgres stopped at once": found.stops,
        "connections cut": found.cuts,
    }
    return Outcome(trials=found.trials, violations=found.lies, figures=figures)


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
    return Outcome(trials=len(cells), violations=lies, figures=figures)


GUARANTEE = Guarantee(
    id="I-3",
    statement="The ledger tells the truth: applied means that the platform's log shows the effect once; not applied,"
    " refused, blocked or cancelled mean that it shows none.",
    enforced_at="actions/readback.py: read_back; actions/outcome.py: Recorder",
    refuted_by="SIGKILL of a real executor after each step, or after none, x 8 outcomes of the API x 3 kinds of action;"
    " then executors with creates and batches of three while Postgres is stopped at once and started again, connections"
    " are cut, answers are lost and lists lag; after recovery each row is compared with the log (the figures are the"
    " confusion matrix of the deaths).",
    short=40,
    full=len(_ALL),
    experiment=partial(_compare, "as it is"),
    weaker={
        "no quarantine": partial(_weaker, "without quarantine"),
        "outages without write-ahead": partial(_fail, "without write-ahead"),
    },
    judge="the sandbox's oracle log; under outages the log of a platform in a file",
    not_promised="That a platform commits nothing later than the quarantine: such an object is an orphan (I-15).",
)
