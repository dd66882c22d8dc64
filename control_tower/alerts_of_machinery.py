"""Rules on the machinery: beat, workers, Redis, Postgres, tokens, API versions. Pure; limits are in `thresholds.py`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from control_tower import house, thresholds
from control_tower.evidence import Evidence, Known, PlatformFacts, Unknown, WorkerFacts
from control_tower.thresholds import first_limit
from domain.alerts import Finding, Severity, about
from domain.health import ModuleStatus

Rule = Callable[[Evidence], tuple[Finding, ...] | None]
_GOOD_POLICY: Final = "noeviction"


def machinery_rules() -> Mapping[str, Rule]:
    """Every rule by the kind of alert that it finds."""
    return {
        "beat_dead": beat_dead,
        "worker_dead": worker_dead,
        "worker_stuck": worker_stuck,
        "broker_unhealthy": broker_unhealthy,
        "database_unhealthy": database_unhealthy,
        "token_expires": token_expires,
        "token_invalid": token_invalid,
        "version_ends": version_ends,
    }


def beat_dead(evidence: Evidence) -> tuple[Finding, ...] | None:
    """Beat is silent, whatever becomes of its knocks: it writes its signs itself."""
    beat = evidence.beat
    if not isinstance(beat, Known) or beat.value.age_s is None or beat.value.silent_s is None:
        return None
    is_old, is_dead = (
        _past("beat_silent_s", value, "beat_dead", "", "Beat has given no sign of life for {:.0f} s.")
        for value in (beat.value.age_s, beat.value.silent_s)
    )
    return None if is_old and not is_dead else is_dead  # so young that it owes none yet: neither dead nor back


def worker_dead(evidence: Evidence) -> tuple[Finding, ...] | None:
    """Workers without a sign of life; one that is gone for a quarter of an hour was taken away."""
    if not isinstance(evidence.workers, Known):
        return None
    return tuple(
        about("worker_dead", row.name, f"Its last sign of life is {row.age_s:.0f} s old.", age_s=round(row.age_s))
        for row in evidence.workers.value
        if not _is_there(row)
    )


def worker_stuck(evidence: Evidence) -> tuple[Finding, ...] | None:
    """Workers that give signs of life and process nothing; one at work everywhere is given longer."""
    if not isinstance(evidence.workers, Known):
        return None
    if isinstance(evidence.broker, Unknown):
        return None  # no canary travels without Redis
    found = []
    for row in evidence.workers.value:
        is_busy = row.at_work is not None and row.concurrency is not None and row.at_work >= row.concurrency > 0
        limit = thresholds.row("busy_canary_age_s" if is_busy else "canary_age_s")
        if _is_there(row) and row.canary_age_s is not None and limit.status(row.canary_age_s) is ModuleStatus.OFFLINE:
            text = f"It has not processed its canary for {row.canary_age_s:.0f} s."
            found.append(about("worker_stuck", row.name, text, canary_age_s=round(row.canary_age_s)))
    return tuple(found)


def broker_unhealthy(evidence: Evidence) -> tuple[Finding, ...]:
    """Redis does not answer, loses what it should keep, or is nearly full."""
    broker = evidence.broker
    if isinstance(broker, Unknown):
        return (about("broker_unhealthy", "", f"Redis cannot be asked: {broker.why}.", away=True),)
    facts, wrong = broker.value, []
    if facts.evicted_keys > 0 and facts.policy != house.NEEDED_POLICY:  # else the count is of before
        wrong.append(f"it has thrown {facts.evicted_keys} keys away")
    if facts.policy != _GOOD_POLICY:
        wrong.append(f'its maxmemory-policy is "{facts.policy}", not {_GOOD_POLICY}: messages may vanish')
    if facts.aof_on and not facts.last_write_ok:
        wrong.append("it cannot write its append-only file")
    if facts.max_memory_bytes:
        used = facts.used_memory_bytes / facts.max_memory_bytes
        if thresholds.row("redis_memory").status(used) is not ModuleStatus.ONLINE:
            wrong.append(f"{used:.0%} of its memory is used")
    if thresholds.row("redis_round_trip_ms").status(facts.round_trip_ms) is ModuleStatus.OFFLINE:
        wrong.append(f"it takes {facts.round_trip_ms:.0f} ms to answer")
    return (about("broker_unhealthy", "", f"Redis: {'; '.join(wrong)}.", wrong=wrong),) if wrong else ()


def database_unhealthy(evidence: Evidence) -> tuple[Finding, ...]:
    """Postgres is slow, nearly out of connections, or did not answer the look (who tells, then, reached it after)."""
    database = evidence.database
    if isinstance(database, Unknown):
        return (about("database_unhealthy", "", f"Postgres could not be looked at: {database.why}.", away=True),)
    facts, wrong = database.value, []
    used = facts.active / facts.pool_size if facts.pool_size else 0.0
    if thresholds.row("db_connections").status(used) is ModuleStatus.OFFLINE:
        wrong.append(f"{facts.active} of {facts.pool_size} connections are in use")
    if thresholds.row("db_query_ms").status(facts.query_avg_ms) is ModuleStatus.OFFLINE:
        wrong.append(f"a plain query takes {facts.query_avg_ms:.0f} ms")
    return (about("database_unhealthy", "", f"Postgres: {'; '.join(wrong)}.", wrong=wrong),) if wrong else ()


def token_expires(evidence: Evidence) -> tuple[Finding, ...] | None:
    """Tokens that end within a week; within a day that is critical."""
    rows = _platforms(evidence)
    if rows is None:
        return None
    found = []
    for row in rows:
        left_s = row.token_left_s
        if row.is_token_valid is False or left_s is None or left_s > first_limit("token_left_s"):
            continue
        is_urgent = left_s <= first_limit("token_page_s")
        text = f"The access token of {row.platform} ({row.mode}) ends in {_left(left_s)}."
        severity = Severity.CRITICAL if is_urgent else None
        found.append(about("token_expires", f"{row.platform} {row.mode}", text, severity, days=int(left_s // 86_400)))
    return tuple(found)


def token_invalid(evidence: Evidence) -> tuple[Finding, ...] | None:
    """Tokens that the platform does not take any more."""
    rows = _platforms(evidence)
    if rows is None:
        return None
    return tuple(
        about("token_invalid", f"{row.platform} {row.mode}", f"{row.platform} does not take our access token any more.")
        for row in rows
        if row.is_token_valid is False
    )


def version_ends(evidence: Evidence) -> tuple[Finding, ...] | None:
    """Versions of a platform's API that end within two months."""
    rows = _platforms(evidence)
    if rows is None:
        return None
    found = []
    for row in rows:
        if row.version_ends_on is None:
            continue
        left_days = (row.version_ends_on - evidence.at.date()).days
        if thresholds.row("version_left_days").status(left_days) is not ModuleStatus.ONLINE:
            text = f"We speak {row.version}, which ends on {row.version_ends_on}; the newest is {row.newest_version}."
            found.append(about("version_ends", row.platform, text, left_days=left_days))
    return tuple(found)


def _past(name: str, value: float, kind: str, scope: str, words: str) -> tuple[Finding, ...]:
    if thresholds.row(name).status(value) is ModuleStatus.ONLINE:
        return ()
    return (about(kind, scope, words.format(value), value=round(value)),)


def _is_there(row: WorkerFacts) -> bool:
    return thresholds.row("worker_silent_s").status(row.age_s) is not ModuleStatus.OFFLINE


def _platforms(evidence: Evidence) -> Iterator[PlatformFacts] | None:
    """What is known of platforms lately; None = nothing was asked, or what was is too old to go by."""
    if not isinstance(evidence.platforms, Known):
        return None
    fresh = [row for row in evidence.platforms.value if row.age_s <= first_limit("facts_age_s")]
    return iter(fresh) if len(fresh) == len(evidence.platforms.value) else None


def _left(seconds: float) -> str:
    return f"{seconds / 86_400:.0f} days" if seconds >= 2 * 86_400 else f"{max(0.0, seconds) / 3600:.0f} h"
