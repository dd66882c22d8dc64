"""`health_check` and `resume`: rooms of their own do the work, and tell what came of it."""

from sqlalchemy import Connection

from control_tower.commands.parts import Kind, Ports
from domain.actions import JsonMap
from domain.errors import BadInputError
from domain.health import CommandType
from models import stops
from models.commands import Command


def _begin_check(_conn: Connection, _command: Command, _ports: Ports) -> JsonMap:
    return {"tries": 0}


def _begin_resume(conn: Connection, command: Command, _ports: Ports) -> JsonMap:
    """Settle which stop is meant: the one named, else the only one that is open."""
    found = [held.id for held in stops.listing(conn, only_open=True)]
    named = command.options.get("stop")
    if named is not None and named not in found:
        raise BadInputError(f"stop {named} is not open; `stakazo fence status` shows those that are")
    if named is None and len(found) != 1:
        which = f"several stops are open ({', '.join(map(str, found))}); name one" if found else "no stop is open"
        raise BadInputError(f"{which}; `stakazo fence status` shows them")
    return {"tries": 0, "stop": found[0] if named is None else named, "stage": 0}


COMMANDS = {
    CommandType.HEALTH_CHECK: Kind(begin=_begin_check, go_on=lambda command, ports: ports.check(command)),
    CommandType.RESUME: Kind(begin=_begin_resume, go_on=lambda command, ports: ports.resume(command)),
}
