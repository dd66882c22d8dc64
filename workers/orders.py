"""Commands with the house's parts: the tower carries them out with these, and whoever orders while no tower lives."""

from collections.abc import Sequence

import structlog

from control_tower import emergency, health, resuming
from control_tower.commands.parts import Ports, Progress
from control_tower.resuming import AT_ONCE, STAGES, Wish
from control_tower.standins import NotedDoorbell
from domain import catalogue
from domain.actions import IN_FLIGHT, ActionState, Json, JsonMap
from domain.errors import NotReadyError
from domain.ids import ActionId, StopId
from domain.permissions import Principal
from domain.ports import Doorbell
from models import ledger_reads, principals
from models.commands import Command, CommandState
from workers.bootstrap import House
from workers.emergencies import resuming_of, stopping_of, why_unwell
from workers.health import sources_of
from workers.schedule import wanted_rhythms

log = structlog.get_logger(__name__)


def ports_of(house: House) -> Ports:
    """Build what commands act through; without a broker nobody answers, and nothing counts as obeyed."""
    stopping, doorbell = stopping_of(house), _doorbell(house)
    return Ports(
        engine=house.engine,
        switchboard=stopping.floor.switchboard,
        doorbell=doorbell,
        clock_of=house.clock_of,
        rhythms=wanted_rhythms(house.settings),
        check=lambda command: _check(house, command),
        resume=lambda command: _resume(house, doorbell, command),
        finish_stop=lambda stop_id: emergency.finish(stopping, stop_id),
    )


def _doorbell(house: House) -> Doorbell:
    try:
        return house.doorbell
    except NotReadyError as error:
        log.warning("nobody can be rung", cause=str(error))
        return NotedDoorbell()


def _after(house: House, command: Command) -> Progress:
    """All stages are through: check health, if that was asked for."""
    if not command.options.get("run_health_check", True):
        return Progress(state=CommandState.DONE, results=command.results)
    return _check(house, command)


def _check(house: House, command: Command) -> Progress:
    """Check health now; the command is done once the check is written, however the house is."""
    found = health.check(sources_of(house), executed_by=command.actor)
    told: dict[str, Json] = {
        "status": found.system.status,
        "why": "; ".join(found.system.reasons),
        **{name: getattr(found.system, name) for name in ("online", "degraded", "offline", "unknown", "stopped")},
        "took_ms": found.took_ms,
        "runs": [str(run_id) for run_id in found.run_ids.values()],
    }
    return Progress(state=CommandState.DONE, results={**command.results, "health": told})


def _resume(house: House, doorbell: Doorbell, command: Command) -> Progress:
    """Take the next stage once the one before is well; who ordered it must still be allowed to."""
    stages = STAGES if command.options.get("staged") else AT_ONCE
    before = command.results.get("resumed", [])
    if before and (waits := _settled(house, command, before[-1]["actions"])) is not None:
        return waits
    stage = int(command.results["stage"])
    if stage == len(stages):
        return _after(house, command)
    if stage and (wrong := why_unwell(house, command.actor)) is not None:
        why = f"held back after {stages[stage - 1]:.0%}: {wrong}; `stakazo resume` goes on once it is well"
        return Progress(state=CommandState.FAILED, results={**command.results, "why": why})
    wish = Wish(
        reason=command.reason,
        schedulers=bool(command.options.get("resume_schedulers", True)),
        campaigns=bool(command.options.get("resume_campaigns", True)),
        stages=stages,
    )
    taken = resuming.take_stage(
        resuming_of(house), StopId(command.results["stop"]), _by(house, command), wish, stages[stage]
    )  # fmt: skip
    for one in taken.done.proposed:
        for ring in one.rings:
            queue = catalogue.actions_queue(catalogue.platform(ring.platform))
            doorbell.ring_action(queue, ring.action_id, about=ring.about)
    ids: list[Json] = [row.id for one in taken.done.proposed for row in one.actions]
    resumed: list[Json] = [*before, {"share": stages[stage], "actions": ids}]
    results: dict[str, Json] = {**command.results, "tries": 0, "stage": stage + 1, "resumed": resumed}
    told: JsonMap = {"did": f"resumed up to {stages[stage]:.0%} of what stop {command.results['stop']} paused"}
    return Progress(state=CommandState.RUNNING, results=results, actions=(told,))


def _settled(house: House, command: Command, ids: Sequence[int]) -> Progress | None:
    """Say that a stage still moves, or that one of its actions came to nothing; None = it is well."""
    with house.engine.begin() as conn:
        rows = [row for one in ids if (row := ledger_reads.get(conn, ActionId(one))) is not None]
    if any(row.state in IN_FLIGHT for row in rows):
        return Progress(state=CommandState.RUNNING, results=command.results)
    bad = [f"action {row.id} is {row.state}: {row.reason}" for row in rows if row.state is not ActionState.APPLIED]
    if not bad:
        return None
    why = f"{'; '.join(bad[:5])}; `stakazo fence status` shows what the stop paused, and `stakazo resume` goes on"
    return Progress(state=CommandState.FAILED, results={**command.results, "why": why})


def _by(house: House, command: Command) -> Principal:
    with house.engine.begin() as conn:
        person = principals.by_name(conn, command.actor)
        found = None if person is None else principals.standing(conn, person.id)
    if found is None:
        raise NotReadyError(f"{command.actor}, who ordered it, may use this house no more; order it anew")
    return found
