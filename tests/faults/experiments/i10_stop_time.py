"""I-10: a stop returns within the send deadline + 1 s, under load too."""

import statistics

from sqlalchemy import text

from actions.timing import Timing
from models import fence
from models.engine import make_engine
from tests.faults.guarantee import Guarantee, Outcome, Place
from tests.faults.nemesis import stopping
from tests.faults.nemesis.stopping import AT_ONCE, Setting

_TIMING = Timing(lease_s=8.0, send_deadline_s=0.5, client_deadline_s=3.0, held_wait_s=0.0, retry_wait_s=0.0)
_MOST_S = _TIMING.send_deadline_s + 1.0
_MACHINE_S = 0.25  # what two busy cores may take to run the three statements around the waits
_LATENCIES_S = (0.01, 0.4, 2.5)  # at once; within the deadline; far beyond: the lock is not free in time
_MOST_TRIES = 6
_SHARE = text("SELECT 1 FROM accounts WHERE id = :id FOR SHARE")


def _stop(place: Place, trials: int, *, prepare=lambda: None, latencies=_LATENCIES_S, stops=AT_ONCE) -> Outcome:
    database = place.database_url()
    engine = make_engine(database, pool_size=3 * stops)
    violations, stops_s = [], []
    try:
        for number in range(-(-trials // stops)):
            latency_s = latencies[number % len(latencies)]
            setting = Setting(timing=_TIMING, latency_s=latency_s, prepare=prepare, each=2)
            for one in stopping.run(place, engine, database, number, setting, stops=stops):
                stops_s.append(one.stop_s)
                if one.stop_s > _MOST_S + _MACHINE_S:
                    violations.append(f"a stop took {one.stop_s:.2f} s at an API of {latency_s:g} s")
                if one.unlisted:
                    violations.append(f"a stop did not list {len(one.unlisted)} writes that came after it")
    finally:
        engine.dispose()
    figures: dict[str, float | str] = {
        "allowed s": _MOST_S, "median s": round(statistics.median(stops_s), 3), "longest s": round(max(stops_s), 3),
    }  # fmt: skip
    return Outcome(trials=len(stops_s), violations=tuple(violations), figures=figures)


def _weaker(place: Place, trials: int) -> Outcome:
    """Stop until one comes late: on a busy machine a stop may meet a moment in which nobody holds the row."""
    tried, violations = 0, tuple[str, ...]()
    while tried < min(trials, _MOST_TRIES) and not violations:
        violations = _stop(place, 1, prepare=_row_lock, latencies=(2.5,), stops=1).violations
        tried += 1
    return Outcome(trials=tried, violations=violations)


def _row_lock() -> None:
    """The sender holds the account's row FOR SHARE instead of the advisory lock; whoever shares overtakes the stop."""

    def hold(conn, account_id, *, timeout_s):
        conn.execute(_SHARE, {"id": account_id})
        return True

    fence.hold_shared = hold


GUARANTEE = Guarantee(
    id="I-10",
    statement="A stop returns within the send deadline + 1 s, however busy the senders are and however slowly the"
    " platform answers.",
    enforced_at="actions/stop.py: close; models/fence.py: drain",
    refuted_by="16 sender processes for 4 accounts against a platform that answers at once, within and far beyond the"
    " send deadline; each account is stopped at a random instant.",
    short=24,
    full=1000,
    experiment=_stop,
    weaker={"SELECT FOR SHARE instead of the advisory lock": _weaker},
    judge="this process's monotonic clock (0.25 s are granted to the machine's scheduler)",
    not_promised="That every sender is done by then: whoever is not is listed as in doubt.",
)
