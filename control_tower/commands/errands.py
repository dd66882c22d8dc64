"""`health_check`, `emergency_stop` and `resume`: rooms of their own do the work, and tell what came of it."""

from sqlalchemy import Connection

from control_tower.commands.parts import Kind, Ports
from domain.actions import JsonMap
from domain.health import CommandType
from models.commands import Command


def _nothing(_conn: Connection, _command: Command, _ports: Ports) -> JsonMap:
    return {"tries": 0}


COMMANDS = {
    CommandType.HEALTH_CHECK: Kind(begin=_nothing, go_on=lambda command, ports: ports.check(command)),
    CommandType.EMERGENCY_STOP: Kind(begin=_nothing, go_on=lambda command, ports: ports.stop(command)),
    CommandType.RESUME: Kind(begin=_nothing, go_on=lambda command, ports: ports.resume(command)),
}
