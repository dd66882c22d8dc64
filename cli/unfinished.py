"""What every command says first: a stop that somebody ordered is not through, and no tower lives to finish it."""

from sqlalchemy import Connection

from cli.console import say
from models import heartbeats, stops
from models.heartbeats import ProcessKind
from workers.overview import tower_problem


def say_unfinished(conn: Connection) -> None:
    """Say so, once a line for each such stop; nothing while a tower lives, which goes on with it by itself."""
    waiting = stops.unfinished(conn)
    if not waiting or tower_problem(heartbeats.listing(conn, ProcessKind.TOWER)) is None:
        return
    for stop_id in waiting:
        held = stops.get(conn, stop_id)
        left = "its answer" if held.fenced_at is None else "its quiet" if held.quiet_at is None else "its pauses"
        say(
            f"stop {stop_id} of {held.actor} is not through ({left} is missing) and no tower lives to finish it:"
            f" nothing is sent meanwhile; start `stakazo tower`, or order it again: `stakazo emergency-stop`"
        )
