"""`restart_module`: its consumers off on every worker, what waits dropped, consumers on again, what is due rung.

Runs that began before end at their next look and begin anew; a module that a person stopped stays stopped.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from control_tower.commands import consumers
from control_tower.commands.parts import MOST_TRIES, Kind, Ports, Progress, Target, tries_of
from control_tower.commands.targets import pairs_of, queues_of
from domain.actions import Json, JsonMap
from domain.errors import BadInputError
from models import module_states, run_looks, run_rings
from models.commands import Command, CommandState
from models.module_states import Desired

_OFF, _ON = "off", "on"
_RINGS = 200


def _begin(conn: Connection, command: Command, _ports: Ports) -> JsonMap:
    if not command.target_modules:
        raise BadInputError("restart_module needs to know which: --module full_cycle")
    slugs = [pair.slug for pair in pairs_of(command.platform, command.target_modules)]
    stopped = module_states.stopped(conn)
    runs = [slug for slug in slugs if slug not in stopped]
    module_states.restart(conn, runs, reason=command.reason, changed_by=command.actor)
    targets: dict[str, Json] = {
        slug: Target(was="running", done="restart ordered").as_json()
        if slug in runs
        else Target(
            was="stopped", seen=f"left stopped; `stakazo modules start {slug}` lets it run", is_confirmed=True
        ).as_json() | {"left": True}
        for slug in slugs
    }  # fmt: skip
    return {"targets": targets, "tries": 0, "phase": _OFF if runs else _ON}


def _go_on(command: Command, ports: Ports) -> Progress:
    with ports.engine.begin() as conn:
        stopped, living = module_states.stopped(conn), consumers.alive(conn)
    targets: dict[str, Any] = {slug: dict(held) for slug, held in command.results["targets"].items()}
    mine = [slug for slug, held in targets.items() if not held.get("left") and slug not in stopped]
    for slug, held in targets.items():
        if slug not in mine and not held.get("left"):
            targets[slug] = {**held, "seen": "stopped by somebody since", "confirmed": True}
    queues, acts, phase = queues_of(mine), list[JsonMap](), str(command.results["phase"])
    missing: dict[str, str] = {}
    if phase == _OFF:
        missing = _switch(ports, mine, {*stopped, *mine}, living, acts, on=False)
        purged = None if missing else ports.switchboard.purge(queues)
        if not missing and purged is None:
            missing = dict.fromkeys(mine, "the broker does not answer, so that stale ticks may wait there")
        if purged:
            acts.append({"did": f"dropped {purged} messages that waited", "queues": list(queues)})
        phase = _OFF if missing else _ON
    if phase == _ON and not missing:
        missing = _switch(ports, mine, stopped, living, acts, on=True)
    if not missing:
        _ring(ports, queues, acts)
    for slug in mine:
        why = missing.get(slug)
        seen = f"not confirmed: {why}" if why else "taken from every worker, and consumed by every worker again"
        targets[slug] = {**targets[slug], "seen": seen, "confirmed": not why}
    return _judge(command, {**command.results, "targets": targets, "phase": phase}, acts)


def _switch(
    ports: Ports, slugs: Sequence[str], stopped: set[str] | frozenset[str], living: frozenset[str],
    acts: list[JsonMap], *, on: bool,
) -> dict[str, str]:  # fmt: skip
    """Tell workers, look again, and say what is missing."""
    queues = queues_of(slugs)
    first = consumers.look(ports.switchboard, living, at_everybody=False)
    told = consumers.tell(ports.switchboard, first, stopped, queues)
    acts.extend({"did": line} for line in told)
    seen = consumers.look(ports.switchboard, living)
    missing: dict[str, str] = {}
    for slug in slugs:
        for queue in queues_of([slug]):
            if why := seen.confirm(queue, on=on):
                missing[slug] = why
    return missing


def _ring(ports: Ports, queues: Sequence[str], acts: list[JsonMap]) -> None:
    """Ring for what waits: the messages that would have were dropped."""
    with ports.engine.begin() as conn:
        run_looks.make_due(conn, queues)
        due = run_rings.take_due(conn, queues, _RINGS)
    for run in due:
        ports.doorbell.ring_run(run.task, run.id, about=run.about)
    if due:
        acts.append({"did": f"rung for {len(due)} runs that wait"})


def _judge(command: Command, results: dict[str, Any], acts: Sequence[JsonMap]) -> Progress:
    tries = tries_of(command) + 1
    results["tries"] = tries
    open_ = [slug for slug, held in results["targets"].items() if not held["confirmed"]]
    left = [slug for slug, held in results["targets"].items() if held.get("left")]
    if open_ and tries < MOST_TRIES:
        return Progress(state=CommandState.RUNNING, results=results, actions=acts)
    if open_:
        results["why"] = (
            f"not confirmed for {', '.join(open_)} after {tries} looks: `stakazo status` shows who does not answer,"
            " `stakazo up` starts what is gone"
        )
        return Progress(state=CommandState.FAILED, results=results, actions=acts)
    if left and len(left) == len(results["targets"]):
        results["why"] = f"{', '.join(left)} is {Desired.STOPPED}, and a restart starts nothing that a person stopped"
        return Progress(state=CommandState.FAILED, results=results, actions=acts)
    return Progress(state=CommandState.DONE, results=results, actions=acts)


RESTART_MODULE = Kind(begin=_begin, go_on=_go_on, opens=True)
