"""A canary for every worker, each minute: that a worker answers proves its main process, a canary done its pool."""

from collections.abc import Sequence

from sqlalchemy import Engine

from domain import catalogue
from domain.broker_ports import Switchboard
from models import canaries, heartbeats
from models.canaries import Canary
from models.engine import db_now
from models.heartbeats import ProcessKind

EVERY_S = 60.0
NEW_EVERY_S = 5.0  # a worker that has just begun is not left unproven for a minute
_ALIVE_S = 60.0  # who gave no sign for longer gets none: its queue would only fill


def send(engine: Engine, switchboard: Switchboard) -> tuple[str, ...]:
    """Send one to every worker that gives signs of life; returns whom it reached. Queues of the forgotten are dropped.

    Nothing is written down of one that could not be sent: then its age says nothing about the worker.
    """
    with engine.begin() as conn:
        signs = heartbeats.listing(conn, ProcessKind.WORKER)
        gone = canaries.forget_gone(conn)
    if gone:
        switchboard.purge([catalogue.canary_queue(worker) for worker in gone])
    return _send(engine, switchboard, [sign.process for sign in signs if sign.age_s <= _ALIVE_S])


def send_to_new(engine: Engine, switchboard: Switchboard) -> tuple[str, ...]:
    """Send one to every living worker that was sent none since it began; returns whom it reached."""
    with engine.begin() as conn:
        signs = heartbeats.listing(conn, ProcessKind.WORKER)
        known = canaries.listing(conn)
    return _send(
        engine,
        switchboard,
        [row.process for row in signs if row.age_s <= _ALIVE_S and _is_new(known.get(row.process))],
    )


def _send(engine: Engine, switchboard: Switchboard, workers: Sequence[str]) -> tuple[str, ...]:
    """Note the instant before the first one went: a pool may have done its own before we can write that it was sent."""
    if not workers:
        return ()
    with engine.begin() as conn:
        at = db_now(conn)
    sent = tuple(worker for worker in workers if switchboard.send_canary(worker))
    with engine.begin() as conn:
        for worker in sent:
            canaries.send(conn, worker, at=at)
    return sent


def _is_new(canary: Canary | None) -> bool:
    return canary is None or canary.sent_s is None
