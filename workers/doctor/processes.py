"""The processes: children of a supervisor, workers that consume, the tower, beat."""

from collections.abc import Iterator

from control_tower.thresholds import first_limit
from domain import catalogue
from embedded.runtime import now_utc, read_runtime
from models import heartbeats, module_states
from models.heartbeats import ProcessKind
from workers import overview
from workers.bootstrap import House
from workers.doctor.findings import Finding, Grade

_START = "start it with `stakazo up`"
_MANY_WAITING = 1000


def supervised(house: House) -> Iterator[Finding]:
    """See that the supervisor and its children live; a house on given servers may have none here."""
    runtime = read_runtime(house.settings.home)
    if runtime is None or not runtime.alive:
        is_elsewhere = house.settings.database_url and house.settings.redis_url
        says = f"no supervisor runs on {house.settings.home}"
        grade = Grade.OK if is_elsewhere else Grade.FAIL
        advice = "" if is_elsewhere else "start everything with `stakazo up`"
        yield Finding(check="processes", grade=grade, says=says, advice=advice)
        return
    down = overview.down(runtime)
    for child in down:
        advice = f"read {child.log_path}; the supervisor tries again"
        yield Finding(check="processes", grade=Grade.FAIL, says=f"{child.name} does not live", advice=advice)
    if not down:
        says = f"the supervisor and its {len(runtime.children)} children live"
        yield Finding(check="processes", grade=Grade.OK, says=says)


def workers(house: House) -> Iterator[Finding]:
    """See that each queue of a module that may run is consumed, and is not a heap."""
    with house.engine.begin() as conn:
        stopped = module_states.stopped(conn)
    pair_of = {rhythm.name: rhythm.pair.slug for rhythm in catalogue.RHYTHMS}
    for queue in overview.read_queues(house):
        consumed = f"{queue.name} is consumed by {', '.join(queue.workers) or 'nobody'}"
        says = f"{consumed}; {queue.waiting} waiting"
        if not queue.workers and pair_of.get(queue.name) not in stopped:
            yield Finding(check="workers", grade=Grade.FAIL, says=says, advice=_START)
        elif (queue.waiting or 0) > _MANY_WAITING:
            yield Finding(check="workers", grade=Grade.WARN, says=says, advice="start more workers for its lane")
        else:
            yield Finding(check="workers", grade=Grade.OK, says=says)


def tower(house: House) -> Iterator[Finding]:
    """See that the tower gives signs of life."""
    with house.engine.begin() as conn:
        signs = heartbeats.listing(conn, ProcessKind.TOWER)
    problem = overview.tower_problem(signs)
    if problem:
        yield Finding(check="tower", grade=Grade.FAIL, says=problem, advice=_START)
    else:
        yield Finding(check="tower", grade=Grade.OK, says=f"its last sign is {signs[0].age_s:.0f} s old")


def beat(house: House) -> Iterator[Finding]:
    """See that beat gives signs of life; without its knocks the tower plans, half a minute later."""
    with house.engine.begin() as conn:
        signs = heartbeats.listing(conn, ProcessKind.BEAT)
    silent_s = signs[0].age_s if signs else None
    if silent_s is not None and silent_s <= first_limit("beat_silent_s"):
        yield Finding(check="beat", grade=Grade.OK, says=f"its last sign is {silent_s:.0f} s old")
    elif silent_s is None or _has_just_begun(house):
        advice = "wait a moment after a start; if none comes, see beat.log in the data folder"
        yield Finding(check="beat", grade=Grade.WARN, says="beat has given no sign of life yet", advice=advice)
    else:
        says = f"the last sign of beat is {silent_s:.0f} s old; the tower plans in its place"
        yield Finding(check="beat", grade=Grade.FAIL, says=says, advice=_START)


def _has_just_begun(house: House) -> bool:
    """Whether a beat of this machine lives that had no time to give one."""
    runtime = read_runtime(house.settings.home)
    child = None if runtime is None or not runtime.alive else runtime.child("beat")
    if child is None or not child.alive or child.started_at is None:
        return False
    return (now_utc() - child.started_at).total_seconds() < first_limit("beat_silent_s")
