"""I-9: after a stop has returned nothing leaves but what it listed."""

import statistics
from functools import partial

from actions.timing import Timing
from models import fence
from models.engine import make_engine
from tests.faults.guarantee import Guarantee, Outcome, Place
from tests.faults.nemesis import stopping
from tests.faults.nemesis.stopping import Setting, StopBy

_TIMING = Timing(lease_s=3.0, send_deadline_s=1.0, client_deadline_s=1.0, held_wait_s=0.0, retry_wait_s=0.0)
_LATENCIES_S = (0.1, 0.005, 0.03)
_WEAKER_TRIALS = 8


def _stop(place: Place, trials: int, *, stop_by: StopBy, prepare=lambda: None) -> Outcome:
    database = place.database_url()
    engine = make_engine(database, pool_size=3 * stopping.AT_ONCE)
    violations, seen = [], []
    try:
        for number in range(-(-trials // stopping.AT_ONCE)):
            setting = Setting(
                timing=_TIMING, latency_s=_LATENCIES_S[number % 3], stop_by=stop_by, prepare=prepare
            )  # fmt: skip
            seen += stopping.run(place, engine, database, number, setting, killed=number % 4)
    finally:
        engine.dispose()
    for number, one in enumerate(seen):
        if one.unlisted:
            violations.append(f"stop {number}: {len(one.unlisted)} writes after it had returned, unlisted")
    stops_s, lasts = [one.stop_s for one in seen], [one.last_left_s for one in seen if one.last_left_s is not None]
    figures: dict[str, float | str] = {
        "writes": sum(one.writes for one in seen), "listed in doubt": sum(one.listed for one in seen),
        "stop median ms": round(1000 * statistics.median(stops_s)), "stop longest ms": round(1000 * max(stops_s)),
        "last write left, ms after the return": round(1000 * max(lasts, default=0.0)),
    }  # fmt: skip
    return Outcome(trials=len(seen), violations=tuple(violations), figures=figures)


def _weaker(stop_by: StopBy, prepare, place: Place, trials: int) -> Outcome:
    return _stop(place, min(trials, _WEAKER_TRIALS), stop_by=stop_by, prepare=prepare)


def _without_lock() -> None:
    fence.hold_shared = lambda *_, **__: True


def _flag_at_start() -> None:
    """The flag is read as the task begins, and nowhere after."""
    real, reads = fence.barrier, [0]

    def barrier(*arguments, **more):
        reads[0] += 1
        return real(*arguments, **more) if reads[0] % 2 else None  # the executor asks first, the sender second

    fence.hold_shared = lambda *_, **__: True
    fence.barrier = barrier


GUARANTEE = Guarantee(
    id="I-9",
    statement="Once a stop has returned, nothing leaves this machine for the account but what the stop has listed as in"
    " doubt.",
    enforced_at="actions/send.py: send; actions/stop.py: close; models/fence.py",
    refuted_by="16 sender processes under load for 4 accounts, each stopped at a random instant, up to 3 of the senders"
    " killed by SIGKILL in mid-send right before; then everything that left, or took effect, after the return is"
    " compared with the list.",
    short=48,
    full=1000,
    experiment=partial(_stop, stop_by=stopping.close),
    weaker={
        "no fence: flag read at task start": partial(_weaker, stopping.flag_only, _flag_at_start),
        "no lock: flag read just before the send": partial(_weaker, stopping.flag_only, _without_lock),
    },
    judge="the log of a platform in a file, written by 16 processes on one monotonic clock",
    not_promised="That a request in doubt has no effect: it is listed, read back after its quarantine, and a create is"
    " paused.",
)
