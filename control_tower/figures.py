"""The figures of a module, from evidence: each is None where its source is unknown. Pure; nothing is judged here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from control_tower.evidence import CallFacts, Evidence, Known, RunFacts, SlotFacts, Unknown, WorkerFacts
from domain.catalogue import Pair, Rhythm


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cycle of one account, with its slots and its runs side by side."""

    rhythm: Rhythm
    slot: SlotFacts
    runs: RunFacts

    @property
    def success_age_intervals(self) -> float | None:
        """How old its last success is in intervals; None = it has none, or the clock cannot be read."""
        if isinstance(self.slot.now, Unknown) or self.runs.last_success_at is None:
            return None
        return (self.slot.now.value - self.runs.last_success_at) / self.rhythm.cycle.every

    @property
    def tried_for_intervals(self) -> float | None:
        """For how long it has been planned again since that success; None = it has not been."""
        if isinstance(self.slot.now, Unknown) or self.runs.planned_since_at is None:
            return None
        return (self.slot.now.value - self.runs.planned_since_at) / self.rhythm.cycle.every


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a module's health tells beside its status; the names are `ModuleHealth`'s."""

    success_rate: float | None = None
    avg_execution_ms: float | None = None
    error_count_24h: int | None = None
    api_calls_24h: int | None = None
    last_run_at: datetime | None = None
    last_success_at: datetime | None = None
    next_run_at: datetime | None = None
    success_age_intervals: float | None = None
    missed_slots: int | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    worker: str | None = None
    db_connections: int | None = None
    memory_mb: float | None = None
    cpu_pct: float | None = None


def cells(evidence: Evidence, rhythms: Sequence[Rhythm]) -> tuple[Cell, ...]:
    """Join slots and runs of these cycles; empty where either is unknown."""
    if isinstance(evidence.slots, Unknown) or isinstance(evidence.runs, Unknown):
        return ()
    by_name = {rhythm.name: rhythm for rhythm in rhythms}
    runs = evidence.runs.value
    return tuple(
        Cell(
            rhythm=by_name[slot.task],
            slot=slot,
            runs=runs.get((slot.task, slot.account_id)) or RunFacts(task=slot.task, account_id=slot.account_id),
        )
        for slot in evidence.slots.value
        if slot.task in by_name
    )


def tally(facts: Sequence[RunFacts]) -> RunFacts:
    """Add the counts of several cycles up; task and account are those of the first."""
    return RunFacts(
        task=facts[0].task,
        account_id=facts[0].account_id,
        succeeded=sum(row.succeeded for row in facts),
        partial=sum(row.partial for row in facts),
        failed=sum(row.failed for row in facts),
        errors=sum(row.errors for row in facts),
        total_ms=sum(row.total_ms for row in facts),
    )


def ended(facts: RunFacts) -> int:
    """How many runs came to an end by themselves."""
    return facts.succeeded + facts.partial + facts.failed


def facts_of(evidence: Evidence, rhythms: Sequence[Rhythm]) -> tuple[RunFacts, ...] | None:
    """What the run rows say of these cycles, all accounts, paused ones too; None = unknown."""
    if isinstance(evidence.runs, Unknown):
        return None
    names = {rhythm.name for rhythm in rhythms}
    return tuple(row for (task, _), row in evidence.runs.value.items() if task in names)


def figures_of(evidence: Evidence, pair: Pair, rhythms: Sequence[Rhythm]) -> Figures:
    """Read a module's figures off the evidence."""
    facts = facts_of(evidence, rhythms)
    last = max(facts or (), key=lambda row: (row.last_run_at is not None, row.last_run_at), default=None)
    bad = max(facts or (), key=lambda row: (row.last_error_at is not None, row.last_error_at), default=None)
    worker = _worker(evidence, last.worker if last else None)
    mine = cells(evidence, rhythms)
    due = [cell for cell in mine if not cell.slot.excused]
    views = [cell.slot.view for cell in due if cell.slot.view is not None]
    ages = [age for cell in due if (age := cell.success_age_intervals) is not None]
    successes = [cell.runs.last_success_at for cell in due or mine]
    total = tally(facts) if facts else None
    return Figures(
        success_rate=total.succeeded / ended(total) if total and ended(total) else None,
        avg_execution_ms=total.total_ms / ended(total) if total and ended(total) else None,
        error_count_24h=None if facts is None else (total.errors if total else 0),
        api_calls_24h=_calls(evidence, pair),
        last_run_at=last.last_run_at if last else None,
        last_success_at=min((row for row in successes if row), default=None) if all(successes) else None,
        next_run_at=min((view.next_slot for view in views), default=None),
        success_age_intervals=max(ages, default=None),
        missed_slots=sum(len(view.missed) for view in views) if len(views) == len(due) > 0 else None,
        last_error=bad.last_error if bad else None,
        last_error_at=bad.last_error_at if bad else None,
        worker=last.worker if last else None,
        db_connections=worker.db_connections if worker else None,
        memory_mb=worker.rss_mb if worker else None,
        cpu_pct=worker.cpu_pct if worker else None,
    )


def _calls(evidence: Evidence, pair: Pair) -> int | None:
    if isinstance(evidence.client, Unknown):
        return None
    return evidence.client.value.of_pair.get(pair.slug, CallFacts()).calls


def _worker(evidence: Evidence, name: str | None) -> WorkerFacts | None:
    if not isinstance(evidence.workers, Known):
        return None
    return next((row for row in evidence.workers.value if row.name == name), None)
