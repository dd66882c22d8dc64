"""What went wrong in a simulation, and what became of it: faults, unknowns, requests, hand edits, the audit."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, select

from domain.actions import ActionState
from domain.health import RunState
from models import approvals, audit_verify, hand_edits
from models.hand_edits import FoundBy
from models.tables import actions, audit, runs
from models.tables import hand_edits as edits

# The branch of the error tree that a platform's fault may end a run with; whatever else ends one is ours.
_THEIRS: Final = frozenset({
    "PlatformError", "ThrottledError", "TransientError", "NeedsPersonError", "RefusedError", "GoneError",
    "NotSentError", "UnknownOutcomeError",
})  # fmt: skip
_LIMITS: Final = frozenset({"ThrottledError"})
_SPOILT: Final = frozenset({RunState.PARTIAL, RunState.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Troubles:
    """Counts over a whole simulation; `usage_peak` is the largest share of an account's calls, as the platform saw."""

    faults: Mapping[str, int]  # kind of fault → times it was met
    spoilt_runs: int  # ended partial or failed by a fault of the platform
    unknowns: Mapping[str, int]  # state → actions that stand in it now and were unknown once
    requests: Mapping[str, int]  # waiting, expired, superseded: what became of what a person was asked
    edits: Mapping[str, int]  # by how they were found
    left_alone: int  # proposals that were stopped, or not sent, for a hand edit
    held_back: int  # looks of a run at a change that it wanted and did not propose, for a hand edit
    read_to_write_ms: int | None  # the longest window in which an edit could be overwritten unseen
    audit_rows: int
    audit_problems: tuple[str, ...]
    usage_peak: float


def of(conn: Connection, *, faults: Mapping[str, int], usage_peak: float) -> Troubles:
    """Count everything at the end of a simulation."""
    verified = audit_verify.verify(conn)
    return Troubles(
        faults=faults,
        spoilt_runs=sum(is_spoilt(row) for row in conn.execute(select(runs).where(runs.c.state.in_(_SPOILT)))),
        unknowns=_unknowns(conn),
        requests=_requests(conn),
        edits=dict(conn.execute(select(edits.c.found_by, func.count()).group_by(edits.c.found_by)).tuples().all()),
        left_alone=_left_alone(conn),
        held_back=_held_back(conn),
        read_to_write_ms=hand_edits.read_to_write(conn).max_ms,
        audit_rows=verified.rows,
        audit_problems=tuple(f"chain {row.chain}, row {row.seq} {row.words}" for row in verified.problems),
        usage_peak=usage_peak,
    )


def is_spoilt(run: Any, *, is_well: bool = False) -> bool:
    """Whether the platform alone is to blame for how a run ended; one that is well has its limits nevertheless."""
    theirs = _LIMITS if is_well else _THEIRS
    return run.state in _SPOILT and bool(run.errors) and all(row.get("error") in theirs for row in run.errors)


def fired(script: Collection[Mapping[str, Any]]) -> Mapping[str, int]:
    """Count how often each kind of fault was met."""
    counts: dict[str, int] = {}
    for line in script:
        if line.get("fired"):
            counts[line["do"]] = counts.get(line["do"], 0) + int(line["fired"])
    return counts


def flagged(conn: Connection) -> frozenset[int]:
    """Return the actions of ours of which it is on record that they went over a person's edit."""
    query = select(edits.c.action_id).where(edits.c.found_by == FoundBy.OVERWRITTEN, edits.c.action_id.is_not(None))
    return frozenset(int(row.action_id) for row in conn.execute(query))


def believed(conn: Connection, numbers: Collection[int]) -> Mapping[int, Mapping[str, Any]]:
    """Return what each action took for the object's present values."""
    query = select(actions.c.id, actions.c.expected_before).where(actions.c.id == func.any(list(numbers)))
    return {int(row.id): row.expected_before for row in conn.execute(query)}


def _unknowns(conn: Connection) -> Mapping[str, int]:
    once = select(audit.c.action_id).where(audit.c.after_state == ActionState.UNKNOWN)
    query = select(actions.c.state, func.count()).where(actions.c.id.in_(once)).group_by(actions.c.state)
    return dict(conn.execute(query).tuples().all())


def _requests(conn: Connection) -> Mapping[str, int]:
    ends = {"approval.expired": "expired", "superseded": "superseded"}
    query = select(audit.c.event, func.count()).where(audit.c.event.in_(ends)).group_by(audit.c.event)
    counts = {ends[event]: count for event, count in conn.execute(query).tuples()}
    waiting = len(approvals.waiting(conn))
    return {**({"waiting": waiting} if waiting else {}), **counts}


def _held_back(conn: Connection) -> int:
    waits = runs.c.stats_snapshot["waits"]["hands_off"].as_integer()
    return int(conn.execute(select(func.coalesce(func.sum(waits), 0))).scalar_one())


def _left_alone(conn: Connection) -> int:
    is_so = actions.c.blocked_by.contains("hands_off") | (actions.c.state == ActionState.CONFLICT)
    return conn.execute(select(func.count()).select_from(actions).where(is_so)).scalar_one()
