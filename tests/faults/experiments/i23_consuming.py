"""I-23: workers consume again within 60 s of whatever befell Redis, and nobody helps them."""

from itertools import cycle, islice
from statistics import median

from tests.faults.guarantee import Guarantee, Outcome, Place
from tests.faults.nemesis.consumers import IN_FLIGHT, Trial, stage
from tests.faults.nemesis.redis_faults import FAULTS, RARER

_SHORT = tuple((fault, in_flight) for in_flight in IN_FLIGHT for fault in FAULTS)
_LONG = (*_SHORT, *((fault, in_flight) for in_flight in IN_FLIGHT for fault in RARER))


def _befall(place: Place, trials: int) -> Outcome:
    cases = _SHORT if trials <= len(_SHORT) else _LONG
    with stage(place) as held:
        found = [held.try_one(fault, in_flight) for fault, in_flight in islice(cycle(cases), trials)]
    return Outcome(
        trials=trials,
        violations=tuple(told for trial in found for told in trial.violations),
        figures=_figures(found),
    )


def _figures(found: list[Trial]) -> dict[str, float | str]:
    """Seconds from the fault's end until every queue was served again: median and worst of each fault."""
    figures: dict[str, float | str] = {}
    for fault in dict.fromkeys(trial.fault for trial in found):
        took = [trial.consumes_s for trial in found if trial.fault == fault and trial.consumes_s is not None]
        if took:
            figures[f"{fault}: median s"] = round(median(took), 1)
            figures[f"{fault}: worst s"] = round(max(took), 1)
    return figures


def _weakened(place: Place, trials: int, variant: str) -> Outcome:
    """Try with other settings until something is found."""
    tried, violations = 0, tuple[str, ...]()
    with stage(place, variant=variant) as held:
        for fault, in_flight in islice(cycle(_SHORT), trials):
            tried, violations = tried + 1, held.try_one(fault, in_flight).violations
            if violations:
                break
    return Outcome(trials=tried, violations=violations)


GUARANTEE = Guarantee(
    id="I-23",
    statement="A worker consumes all its queues and obeys commands again within 60 s of any fault of Redis, by itself;"
    " of what was in flight every run is done, each once.",
    enforced_at="workers/celery_config.py: acknowledgement, prefetch, timeouts; models/run_rings.py; models/runs.py:"
    " claim",
    refuted_by="A real worker of two processes without a supervisor, with 1, 3 and 12 messages in flight, while Redis"
    " is killed, restarted, flushed, paused, or cuts all its clients; in the long form also while it"
    " sleeps for 60 s, or a wire goes dead without a word. Lost messages are rung for again after 1 s, not 30.",
    short=len(_SHORT),
    full=20 * len(_LONG),
    experiment=_befall,
    weaker={
        "late acknowledgement": lambda place, trials: _weakened(place, trials, "late acknowledgement"),
        "a lost connection is final": lambda place, trials: _weakened(place, trials, "no reconnect"),
    },
    judge="a line that each body writes as it is entered, and the clock of the experiment",
    not_promised="That messages survive: what Redis lost is rung for again from Postgres within 30 s. That a worker"
    " at work outlives a Redis that refuses writes for want of memory: it ends, its supervisor starts another, and what"
    " it was at is done again after its lease of 90 s.",
)
