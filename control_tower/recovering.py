"""Recovery's duty: look, judge what was done before, act on what calls for it, tell a person what was not cured.

Level-triggered: every attempt is a row that is written before anything is done, so that whoever leads next judges it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from control_tower import recovery, symptoms
from control_tower.recovery import SHOWS_WITHIN, TRIES_WITHIN, Attempt, Procedure, Symptom
from control_tower.remedies import Remedies
from control_tower.symptoms import Scene, Tally
from domain import catalogue
from domain.actions import JsonMap
from domain.alerts import Finding
from domain.recovery import RecoveryAction, RecoveryState, Trigger
from models import incidents, recoveries, recovery_procedures
from models.recoveries import Recovery

EVERY_S: Final = 15.0
FORCE_AFTER: Final = timedelta(seconds=25)  # a worker that drains is gone by then
FAILED: Final = "recovery_failed"  # kind of incident
ACTOR: Final = "recovery"

log = structlog.get_logger(__name__)

Key = tuple[Trigger, str]


@dataclass(slots=True, kw_only=True)
class Recovering:
    """Recovery of one house. `look` returns what is seen now; a symptom is acted on once two looks have found it."""

    engine: Engine
    look: Callable[[], Scene]
    remedies: Remedies
    looks: int = 2
    _seen: dict[Key, tuple[datetime, int]] = field(default_factory=dict)

    def round(self) -> None:
        """Do what is to be done now."""
        scene = self.look()
        self._judge(scene)
        found = symptoms.symptoms(scene)
        self._settle(scene, {symptom.key for symptom in found})
        self._seen = {row.key: self._noticed(row.key, scene) for row in found}
        for symptom in found:
            if self._seen[symptom.key][1] >= self.looks:
                self._treat(symptom, scene)

    def run(self, recovery_id: int, by: str) -> Recovery:
        """Carry a recommendation out, as a person asks; its outcome is judged by the tower's next rounds.

        Raises:
            BadInputError: there is none of that id.
            LostClaimError: it waits no more.
        """
        with self.engine.begin() as conn:
            trigger = recoveries.get(conn, recovery_id).trigger
            row = recoveries.begin_recommended(conn, recovery_id, by=by, verify_within=SHOWS_WITHIN[trigger])
        self._do(row, self.look(), by=by, is_repeated=False)
        with self.engine.begin() as conn:
            return recoveries.get(conn, recovery_id)

    def _noticed(self, key: Key, scene: Scene) -> tuple[datetime, int]:
        first, looks = self._seen.get(key, (scene.now, 0))
        return first, looks + 1

    def _judge(self, scene: Scene) -> None:
        """End attempts whose outcome shows, and push on where a process did not heed."""
        with self.engine.begin() as conn:
            watched = [row for row in recoveries.open_(conn) if row.state is RecoveryState.RUNNING]
        for row in watched:
            with self.engine.begin() as conn:
                still = symptoms.is_still_there(row.trigger, row.target, scene, _since(conn, row))
                until = row.verify_until or row.begun_at
                state = recovery.outcome(is_still_there=still, now=scene.now, verify_until=until)
                if state is RecoveryState.CURED:
                    self._cured(conn, row)
                elif state is RecoveryState.FAILED:
                    self._failed(conn, row, is_seen=still is not None)
            if state is RecoveryState.RUNNING and _wants_force(row, scene):
                self._note(row, [self.remedies.end_by_force(row.target)])

    def _cured(self, conn: Connection, row: Recovery) -> None:
        if recoveries.end(conn, row.id, RecoveryState.CURED, "what called for it is gone"):
            log.info("recovered", recovery=row.id, action=row.action, target=row.target)

    def _failed(self, conn: Connection, row: Recovery, *, is_seen: bool) -> None:
        why = "what called for it is still there" if is_seen else "nothing shows that what called for it is gone"
        if not recoveries.end(conn, row.id, RecoveryState.FAILED, f"not cured: {why}"):
            return
        log.warning("not recovered", recovery=row.id, action=row.action, target=row.target)
        _tell(conn, row.trigger, row.platform, row.target, reason=f"{row.action} did not cure it: {row.reason}",
              detail={"recovery": row.id, "steps": [dict(step) for step in row.steps]},
              noticed_at=row.noticed_at)  # fmt: skip

    def _settle(self, scene: Scene, found: set[Key]) -> None:
        """End what waits for a person where there is nothing left to be done."""
        with self.engine.begin() as conn:
            waiting = [row for row in recoveries.open_(conn) if row.state is not RecoveryState.RUNNING]
            for row in waiting:
                if (row.trigger, row.target) in found or _unsure(row, scene):
                    continue
                recoveries.end(conn, row.id, row.state, "what called for it is gone")
                if row.action is RecoveryAction.ALERT_ADMIN:
                    incidents.resolve(conn, FAILED, row.target)

    def _treat(self, symptom: Symptom, scene: Scene) -> None:
        with self.engine.begin() as conn:
            tried = recoveries.attempts(conn, symptom.target, within=TRIES_WITHIN)
            lately = [_attempt(row) for row in tried]
            if recovery.why_wait(lately, scene.now) is not None:
                return
            failures = recovery.failures_in_a_row(lately)
            chosen = recovery.choose(symptom, _declared(conn), failures)
            row = self._begin(conn, symptom, chosen)
        if row is not None:
            self._do(row, scene, by=ACTOR, is_repeated=failures > 0)

    def _begin(self, conn: Connection, symptom: Symptom, chosen: Procedure) -> Recovery | None:
        """Write down what is to be done; None where that is for a person to do."""
        noticed_at, _ = self._seen[symptom.key]
        evidence: JsonMap = {**symptom.evidence, "noticed_at": noticed_at.isoformat()}
        if chosen.is_automatic and chosen.action is RecoveryAction.ALERT_ADMIN:
            if _is_open(conn, symptom.key, RecoveryState.ESCALATED) is not None:
                return None  # told already: a row must not grow with every look
            _tell(conn, symptom.trigger, symptom.platform, symptom.target, reason=symptom.reason,
                  detail=evidence, noticed_at=noticed_at)  # fmt: skip
            return None
        if not chosen.is_automatic and _is_open(conn, symptom.key, RecoveryState.RECOMMENDED):
            return None
        row = recoveries.add(
            conn, trigger=symptom.trigger, action=chosen.action, platform=symptom.platform, target=symptom.target,
            confidence=chosen.confidence, reason=symptom.reason, evidence=evidence,
            state=RecoveryState.RUNNING if chosen.is_automatic else RecoveryState.RECOMMENDED,
            verify_within=SHOWS_WITHIN[symptom.trigger] if chosen.is_automatic else None,
        )  # fmt: skip
        log.info("recovery", recovery=row.id, state=row.state, action=row.action, target=row.target, why=row.reason)
        return row if chosen.is_automatic else None

    def _do(self, row: Recovery, scene: Scene, *, by: str, is_repeated: bool) -> None:
        try:
            steps = self.remedies.carry_out(row.action, row.target, scene, by=by, is_repeated=is_repeated)
        except SQLAlchemyError:
            raise
        except Exception as error:  # whatever a cure breaks on is told, and judged as any other
            log.exception("cure broke down", recovery=row.id)
            steps = ({"did": "broke down", "error": type(error).__name__},)
        self._note(row, steps)

    def _note(self, row: Recovery, steps: "tuple[JsonMap, ...] | list[JsonMap]") -> None:
        at = {"at": self._now().isoformat()}
        with self.engine.begin() as conn:
            recoveries.note_steps(conn, row.id, [{**at, **step} for step in steps])

    def _now(self) -> datetime:
        with self.engine.begin() as conn:
            return recoveries.now(conn)


def _tell(
    conn: Connection,
    trigger: Trigger,
    platform: str | None,
    target: str,
    *,
    reason: str,
    detail: JsonMap,
    noticed_at: datetime,
) -> None:
    """Tell a person: one incident and one open row however often it fails."""
    text = f"{target}: {reason}"
    incidents.note(conn, Finding(kind=FAILED, scope=target, text=text, detail=detail))
    held = _is_open(conn, (trigger, target), RecoveryState.ESCALATED)
    if held is not None:
        recoveries.note_steps(conn, held.id, [{"did": "told again", "why": reason}])
        return
    recoveries.add(
        conn, trigger=trigger, action=RecoveryAction.ALERT_ADMIN, platform=platform, target=target, confidence=1.0,
        state=RecoveryState.ESCALATED, reason=reason, evidence={**detail, "noticed_at": noticed_at.isoformat()},
    )  # fmt: skip


def _is_open(conn: Connection, key: Key, state: RecoveryState) -> Recovery | None:
    rows = (row for row in recoveries.open_(conn) if row.state is state)
    return next((row for row in rows if (row.trigger, row.target) == key), None)


def _declared(conn: Connection) -> list[Procedure]:
    return [
        Procedure(
            trigger=row.trigger, action=row.action, confidence=row.confidence, pair=row.pair, reason=row.reason
        )
        for row in recovery_procedures.listing(conn)
    ]  # fmt: skip


def _attempt(row: Recovery) -> Attempt:
    return Attempt(trigger=row.trigger, state=row.state, begun_at=row.begun_at, ended_at=row.ended_at)


def _since(conn: Connection, row: Recovery) -> Tally | None:
    """How the pair's runs ended since it was reset."""
    if row.trigger is not Trigger.MANY_ERRORS:
        return None
    tasks = [rhythm.name for rhythm in catalogue.RHYTHMS if rhythm.pair.slug == row.target]
    failed, succeeded = recoveries.runs_since(conn, tasks, row.begun_at)
    return Tally(failed=failed, succeeded=succeeded)


def _unsure(row: Recovery, scene: Scene) -> bool:
    """Whether it may still be so, unseen: it is no symptom now, which is less than being well."""
    if row.trigger is Trigger.MANY_ERRORS:
        return False
    return symptoms.is_still_there(row.trigger, row.target, scene) is not False


def _wants_force(row: Recovery, scene: Scene) -> bool:
    """Whether a worker, or beat, that was asked to end is, well after, the same process still."""
    done = {step.get("did") for step in row.steps}
    if row.action is not RecoveryAction.RESTART_SCHEDULER or "asked to end" not in done or "ended by force" in done:
        return False
    if scene.now < row.begun_at + FORCE_AFTER:
        return False
    if row.target == symptoms.BEAT:  # one that was started anew has given a sign since
        return scene.beat_age_s is not None and scene.now - timedelta(seconds=scene.beat_age_s) < row.begun_at
    was = row.evidence.get("pid")
    return was is not None and was == next((held.pid for held in scene.workers if held.name == row.target), None)
