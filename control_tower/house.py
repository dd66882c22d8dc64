"""What is found of the house itself, from evidence: Postgres, Redis, beat, the tower, workers. Pure.

Findings on Postgres and Redis are every module's too: none works without them.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from control_tower import thresholds
from control_tower.evidence import Evidence, Known, Reading, Sign, Unknown, WorkerFacts
from control_tower.findings import Reason, degraded, measured, offline, span, unknown
from domain.broker_ports import BrokerFacts
from domain.ports import ProcessState

NEEDED_POLICY: Final = "noeviction"


def findings(evidence: Evidence) -> tuple[Reason, ...]:
    """Find everything about the house; what is well is among it, as ONLINE."""
    return (
        *_sources(evidence),
        *database(evidence),
        *broker(evidence),
        *_sign(evidence, "tower", "start `stakazo tower`"),
        *_sign(evidence, "beat", "the tower plans meanwhile"),
        *_workers(evidence),
    )


def database(evidence: Evidence) -> tuple[Reason, ...]:
    """Find how Postgres is."""
    if isinstance(evidence.database, Unknown):
        return (unknown("database", evidence.database.why),)
    facts = evidence.database.value
    share = facts.active / facts.pool_size
    return (
        measured("db_connections", share, f"{facts.active} of Postgres' {facts.pool_size} connections are in use"),
        measured("db_query_ms", facts.query_avg_ms, f"Postgres takes {facts.query_avg_ms:.0f} ms for a plain read"),
    )


def broker(evidence: Evidence) -> tuple[Reason, ...]:
    """Find how Redis is."""
    if isinstance(evidence.broker, Unknown):
        return (unknown("broker", evidence.broker.why),)
    return tuple(_broker(evidence.broker.value))


def _broker(facts: BrokerFacts) -> Iterator[Reason]:
    yield measured("redis_round_trip_ms", facts.round_trip_ms, f"Redis answers after {facts.round_trip_ms:.0f} ms")
    if (
        facts.policy != NEEDED_POLICY
    ):  # under it nothing is thrown away any more; the count of before stays until a restart
        yield measured("redis_evicted", facts.evicted_keys, f"Redis has thrown away {facts.evicted_keys} keys")
    if facts.max_memory_bytes:
        share = facts.used_memory_bytes / facts.max_memory_bytes
        yield measured("redis_memory", share, f"Redis uses {share:.0%} of its memory")
    if facts.policy != NEEDED_POLICY:
        yield degraded("redis_policy", f"Redis' maxmemory-policy is {facts.policy}; set it to {NEEDED_POLICY}")
    if facts.aof_on and not facts.last_write_ok:
        yield degraded("redis_aof", "Redis could not write its append-only file; look at its disk")


def silence(sign: Sign) -> str:
    """Say since when it is silent."""
    return "has never given a sign of life" if sign.age_s is None else f"is silent for {span(sign.age_s)}"


def is_silent(sign: Sign, name: str) -> bool:
    """Whether it is past its limit."""
    limit = thresholds.row(name).degraded
    return sign.age_s is None or (limit is not None and sign.age_s > limit)


def worker_reasons(evidence: Evidence, worker: WorkerFacts) -> tuple[Reason, ...]:
    """Find how one worker is, from its heartbeat, its canary and its process."""
    found = [measured("worker_silent_s", worker.age_s, f"{worker.name} is silent for {span(worker.age_s)}")]
    limit = "busy_canary_age_s" if worker.is_busy else "canary_age_s"
    if worker.canary_age_s is None:
        found.append(unknown("canary", f"{worker.name} was sent none lately"))
    else:
        text = f"{worker.name} has not processed its canary for {span(worker.canary_age_s)}"
        found.append(measured(limit, worker.canary_age_s, text))
    if isinstance(evidence.processes, Unknown):
        found.append(unknown("processes", evidence.processes.why))
    elif worker.child is not None and evidence.processes.value.get(worker.child) is ProcessState.DEAD:
        found.append(offline("process", f"the process {worker.child} is dead"))
    return tuple(found)


def dead(evidence: Evidence) -> frozenset[str]:
    """Name workers whose process is known to be dead, however young their last sign of life."""
    if isinstance(evidence.workers, Unknown) or isinstance(evidence.processes, Unknown):
        return frozenset()
    states = evidence.processes.value
    return frozenset(
        row.name for row in evidence.workers.value if row.child and states.get(row.child) is ProcessState.DEAD
    )


def _sources(evidence: Evidence) -> Iterator[Reason]:
    named = (
        ("stops", evidence.stops), ("desired state", evidence.desired), ("workers", evidence.workers),
        ("consumers", evidence.consumers), ("processes", evidence.processes),
    )  # fmt: skip
    for name, reading in named:
        if isinstance(reading, Unknown):
            yield unknown(name, reading.why)


def _sign(evidence: Evidence, what: str, advice: str) -> Iterator[Reason]:
    """Find how the tower or beat is; a process of this machine that is dead is so at once, however young its sign."""
    name = f"{what}_silent_s"
    reading: Reading[Sign] = getattr(evidence, what)
    if isinstance(reading, Unknown):
        yield unknown(what, reading.why)
    elif is_silent(reading.value, name):
        yield degraded(name, f"{what} {silence(reading.value)}; {advice}")
    elif isinstance(evidence.processes, Known) and evidence.processes.value.get(what) is ProcessState.DEAD:
        yield degraded(name, f"the process {what} is dead; {advice}")


def _workers(evidence: Evidence) -> Iterable[Reason]:
    if isinstance(evidence.workers, Unknown):
        return
    for worker in evidence.workers.value:
        yield from worker_reasons(evidence, worker)
    if isinstance(evidence.consumers, Known):
        for name in sorted(evidence.consumers.value.silent):
            yield degraded("silent_worker", f"{name} gives signs of life but does not answer what it consumes")
