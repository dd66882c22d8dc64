"""Carries commands out: the oldest first, one turn each, by one carrier at a time. Level-triggered.

A command is begun in the transaction that writes what it wants; from then on turns act and look until the world
agrees. Whoever dies in between leaves a row that says how far it is, and the next round goes on with it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from control_tower.commands import chains, errands, restarting, running, stopping
from control_tower.commands.parts import MOST_TRIES, Kind, Ports, Progress, tries_of
from control_tower.commands.records import record
from domain.actions import Json
from domain.errors import BadInputError, LostClaimError, StakazoError
from domain.health import CommandType
from domain.ids import CommandId
from models import commands, stops
from models.commands import Command, CommandState

KINDS: Final[Mapping[CommandType, Kind]] = {
    **running.COMMANDS,
    **chains.COMMANDS,
    **errands.COMMANDS,
    **stopping.COMMANDS,
    CommandType.RESTART_MODULE: restarting.RESTART_MODULE,
}
_ALONE = 7_305_114_021_019  # advisory lock of the one that carries out

log = structlog.get_logger(__name__)


def carry_out(ports: Ports) -> int | None:
    """Take every open command one turn further, the oldest first; how many, None if somebody else is at it."""
    with _alone(ports.engine) as is_ours:
        if not is_ours:
            return None
        with ports.engine.begin() as conn:
            waiting = commands.open_ids(conn)
        for command_id in waiting:
            try:
                _turn(ports, command_id)
            except LostClaimError as error:
                log.warning("command lost", command=command_id, cause=str(error))
        return len(waiting)


def _turn(ports: Ports, command_id: CommandId) -> None:
    command = begin(ports, command_id)
    if command.state is not CommandState.RUNNING:
        return
    try:
        progress = KINDS[command.command_type].go_on(command, ports)
    except (OperationalError, LostClaimError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever one command raises must not keep the others waiting
        with ports.engine.begin() as conn:
            command = commands.get(conn, command_id)  # it may have noted how far it came
        progress = _failing(command, error)
    _keep(ports, command, progress)


def begin(ports: Ports, command_id: CommandId) -> Command:
    """Write what an accepted command wants, and return it as it stands; nothing for one that was begun already.

    Whoever orders may do so at once, beside the one that carries out: what is wanted then holds from this moment on.
    """
    with ports.engine.begin() as conn:
        command = commands.lock_to_begin(conn, command_id)
        if command is None:
            return commands.get(conn, command_id)
        kind = KINDS[command.command_type]
        try:
            if kind.opens:
                _require_open(conn)
            with conn.begin_nested():
                results = kind.begin(conn, command, ports)
        except OperationalError:  # Postgres went away, or asks to be asked again: it is as if nobody had tried
            raise
        except Exception as error:  # whatever one command raises must not keep the others waiting
            log.warning("command cannot begin", command=command_id, exc_info=error)
            commands.begin(conn, command_id, {})
            held = commands.get(conn, command_id)
            record(conn, commands.end(conn, held, CommandState.FAILED, results={"why": _words(error)}))
        else:
            commands.begin(conn, command_id, results)
        command = commands.get(conn, command_id)
    log.info("command begun", command=command_id, type=command.command_type, state=command.state, by=command.actor)
    return command


def _require_open(conn: Connection) -> None:
    """Nothing is made to run while a stop of all keeps modules still: resuming is an order of its own.

    Raises:
        BadInputError: there is such a stop.
    """
    held = stops.open_of(conn, None)
    if held is not None and held.halts:
        raise BadInputError(
            f"emergency stop {held.id} of {held.actor} keeps every module still ({held.reason});"
            " `stakazo resume` ends it, and then this can be ordered again"
        )


def _keep(ports: Ports, command: Command, progress: Progress) -> None:
    with ports.engine.begin() as conn:
        before = progress.noted or command
        if progress.state is CommandState.RUNNING:
            commands.note(conn, before, results=progress.results, actions=progress.actions)
            return
        ended = commands.end(conn, before, progress.state, results=progress.results, actions=progress.actions)
        record(conn, ended)
    log.info("command ended", command=command.id, type=command.command_type, state=progress.state)


def _failing(command: Command, error: Exception) -> Progress:
    tries = tries_of(command) + 1
    log.warning("command turn failed", command=command.id, exc_info=error)
    is_over = tries >= MOST_TRIES
    results: dict[str, Json] = {**command.results, "tries": tries, "why": _words(error)}
    return Progress(state=CommandState.FAILED if is_over else CommandState.RUNNING, results=results)


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, StakazoError) else f"{type(error).__name__}, see the tower's log"


@contextmanager
def _alone(engine: Engine) -> Iterator[bool]:
    """Hold the carrier's lock on a session of its own; False = somebody else has it. It dies with the session."""
    conn = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    is_ours = False
    try:
        is_ours = bool(conn.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _ALONE}).scalar())
        yield is_ours
    finally:
        try:
            if is_ours:
                conn.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ALONE})
        except SQLAlchemyError:
            conn.invalidate()  # a session that goes back to the pool would keep the lock
        finally:
            conn.close()
