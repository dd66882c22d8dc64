"""I-1: at most one effect, whatever dies at whichever line, and whatever the API answers."""

from functools import partial

from tests.faults.cells import Fate
from tests.faults.guarantee import Guarantee, Outcome, Place
from tests.faults.nemesis import line_kill

_FATES = {
    "without write-ahead": (Fate.APPLIED, Fate.ANSWER_LOST),
    "retry until success": (Fate.ANSWER_LOST, Fate.ERROR_5XX),
}
_TRIALS = {"without write-ahead": 12, "retry until success": 8}


def _kill(variant: str, place: Place, trials: int) -> Outcome:
    return _told(line_kill.run(variant, place, trials, works=line_kill.AND_A_BATCH), is_all=not trials)


def _told(found: line_kill.LineKill, *, is_all: bool) -> Outcome:
    figures: dict[str, float | str] = {
        "lines x outcomes x kinds": sum(found.lines.values()),
        "SIGKILLs": found.deaths,
        "longest life in lines": max(found.lines.values()),
    }
    if is_all:
        figures["enumerated"] = "yes"
    return Outcome(trials=len(found.verdicts), violations=found.violations, figures=figures)


def _weaker(variant: str, place: Place, trials: int) -> Outcome:
    """Deaths after the sending, where there was an effect; and lost answers."""

    def among(life: line_kill.Life) -> bool:
        (_, mates), fate, lived = life
        return lived == 1 and not mates and fate in _FATES[variant]

    found = line_kill.run(
        variant, place, min(trials, _TRIALS[variant]), works=line_kill.AND_A_BATCH, among=among, past=0.6
    )
    return _told(found, is_all=False)


GUARANTEE = Guarantee(
    id="I-1",
    statement="An approved action takes effect at most once and is sent at most once while its outcome is in doubt,"
    " whatever is killed, lost, answered wrongly or timed out; the ledger then tells what happened.",
    enforced_at="actions/writeahead.py: write_ahead; actions/executor.py: Executor",
    refuted_by="SIGKILL of a real executor at executed lines of actions/, models/ and meta_client/ (the short form"
    " takes evenly spread ones, the full form every one) x 8 outcomes of the API x 3 kinds of action and a batch of"
    " three of one account, of which one meets the outcome, in the executor"
    " that sends and in the one that looks after the quarantine; then a fresh executor recovers.",
    short=240,
    full=0,
    experiment=partial(_kill, "as it is"),
    weaker={
        "without write-ahead": partial(_weaker, "without write-ahead"),
        "retry until success": partial(_weaker, "retry until success"),
    },
    judge="the sandbox's oracle log, and how many writes reached it",
    not_promised="Exactly once: an effect that nobody saw by the end of the quarantine is recorded as not applied.",
)
