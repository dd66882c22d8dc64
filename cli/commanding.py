"""Ordering the tower about, and waiting for what comes of it. With no tower alive the orderer carries it out."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.text import Text

from cli.console import compact, err, instant, print_facts, print_json, print_table, say
from cli.session import actor, chosen_or_all, reading, transaction
from control_tower.commands import carrying, ordering
from control_tower.commands.parts import Ports
from domain.actions import JsonMap
from domain.health import CommandType
from domain.ids import CommandId
from models import commands, heartbeats
from models.commands import OPEN_STATES, Command, CommandState
from models.heartbeats import ProcessKind
from workers.bootstrap import House
from workers.orders import ports_of

TOWER_SILENT_S: Final = 20.0  # four of its rounds
_POLL_S, _TURN_S = 0.3, 1.0


def give(
    house: House,
    command_type: CommandType,
    *,
    reason: str,
    platform: str | None = None,
    modules: Sequence[str] = (),
    account: str | None = None,
    is_held: bool = False,
    options: JsonMap | None = None,
) -> Command:
    """Write an order down and what it wants of the world, unless it is held; the rest is the tower's."""
    with transaction(house) as conn:
        command_id = ordering.give(
            conn, command_type, reason=reason, actor=actor(), platform=platform, modules=modules,
            account=chosen_or_all(conn, account), execute_immediately=not is_held, options=options,
        )  # fmt: skip
    return read(house, command_id) if is_held else begin(house, command_id)


def begin(house: House, command_id: CommandId) -> Command:
    """Write what an accepted order wants, at once; the tower does the rest."""
    with reading():
        return carrying.begin(ports_of(house), command_id)


def read(house: House, command_id: CommandId) -> Command:
    """Read an order as it stands."""
    with transaction(house) as conn:
        return commands.get(conn, command_id)


def tower_lives(house: House) -> bool:
    """Whether a tower that leads gave a sign of life lately."""
    with transaction(house) as conn:
        signs = heartbeats.listing(conn, ProcessKind.TOWER)
    return any(sign.age_s <= TOWER_SILENT_S and sign.detail.get("leads") for sign in signs)


def carry_if_alone(house: House, ports: Ports | None = None) -> bool:
    """Take open commands a turn further ourselves where no tower does; say whether that was so."""
    if tower_lives(house):
        return False
    with reading():
        carrying.carry_out(ports or ports_of(house))
    return True


def wait(house: House, command: Command, timeout_s: float) -> Command:
    """Wait until it has ended, for so many seconds at most; Ctrl-C ends the waiting alone."""
    deadline_s = time.monotonic() + timeout_s
    ports, is_told = ports_of(house), False
    try:
        with err.status(f"command {command.id}") as status:
            while command.state in OPEN_STATES and time.monotonic() < deadline_s:
                is_alone = carry_if_alone(house, ports)
                if is_alone and not is_told:
                    say("no tower gives a sign of life, so it is carried out here; `stakazo up` starts one")
                    is_told = True
                command = read(house, command.id)
                status.update(Text(f"command {command.id}: {command.state}"))
                if command.state in OPEN_STATES:
                    time.sleep(_TURN_S if is_alone else _POLL_S)
    except KeyboardInterrupt:
        say(f"no longer waiting: command {command.id} goes on; `stakazo command show {command.id}`")
        raise
    return command


def show(command: Command, *, as_json: bool) -> None:
    """Print one order with what came of it."""
    if as_json:
        print_json({"command": command})
        return
    about = ", ".join(command.target_modules) or command.platform or "everything"
    about = about if command.account_id is None else f"account {command.account_id}"
    facts = [
        (
            "what",
            f"{command.command_type} of {about if command.account_id is None else f'account {command.account_id}'}",
        ),
        ("state", str(command.state)),
        ("why", command.reason),
        ("ordered", f"{instant(command.created_at)} by {command.actor}"),
        *([("released", f"{instant(command.released_at)} by {command.released_by}")] if command.released_by else []),
        *_ending(command),
        *([("outcome", command.results["why"])] if "why" in command.results else []),
    ]
    print_facts(f"Command {command.id}", facts)
    _show_results(command.results)
    if command.actions:
        print_table("What was done", ("what",), [(row.get("did", ""),) for row in command.actions], empty="nothing")
    _show_way_on(command)


def _ending(command: Command) -> list[tuple[str, str]]:
    """How long it took; of one that nobody carried out only when it ended."""
    if command.finished_at is None:
        return []
    if command.state is CommandState.CANCELLED:
        return [("cancelled", instant(command.finished_at))]
    return [("took", f"{(command.finished_at - (command.started_at or command.created_at)).total_seconds():.1f} s")]


def _show_results(results: Any) -> None:
    if targets := results.get("targets"):
        rows = [(name, held["was"], held["done"], held["seen"]) for name, held in targets.items()]
        print_table("Targets", ("what", "was", "done", "seen afterwards"), rows, empty="none")
    if runs := results.get("runs"):
        columns = ("account", "cycle", "run", "state", "why", "figures")
        lines = [[_told(row.get(name)) for name in columns] for row in runs]
        print_table("Runs", columns, lines, empty="none")
    if times := results.get("times"):
        names = ("stop", "closed", "quiet", "fenced", "paused", "in_doubt")
        cells = [[row[name] for name in names] for row in times]
        print_table("Stops, seconds after closing", [name.replace("_", " ") for name in names], cells, empty="none")
    if health := results.get("health"):
        print_facts("Health", list(_health(health)))


def _health(found: Any) -> Iterator[tuple[str, object]]:
    """What a check found: the verdict and why first, then how many modules are how; the keys are health.py's."""
    yield "status", found.get("status")
    if why := found.get("why"):
        yield "why", why if isinstance(why, str) else "; ".join(why)
    named = ("online", "degraded", "unknown", "offline", "stopped")
    yield "modules", ", ".join(f"{found[name]} {name}" for name in named if found.get(name)) or "none is built"
    if "took_ms" in found:
        yield "looked at in", f"{found['took_ms']} ms"


def _told(value: object) -> object:
    return compact(value) if isinstance(value, dict) else value


def _show_way_on(command: Command) -> None:
    match command.state:
        case CommandState.HELD:
            say(f"it waits: `stakazo command release {command.id}` lets it be carried out, `command cancel` drops it")
        case CommandState.ACCEPTED | CommandState.RUNNING:
            say(f"it goes on; `stakazo command show {command.id}` tells how far it is")
        case _:
            pass
