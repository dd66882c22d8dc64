"""Rules on a look at health: modules, the system, stops, cycles. Pure; limits are in `thresholds.py`."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Final

from control_tower import thresholds
from control_tower.evidence import Evidence, Known, RunFacts, SlotFacts
from control_tower.health import Checked
from control_tower.judging import ModuleHealth
from control_tower.thresholds import first_limit
from domain import catalogue
from domain.alerts import Finding, about
from domain.health import ModuleStatus, SystemStatus

Rule = Callable[[Checked], tuple[Finding, ...] | None]
_NAMED: Final = 8  # modules that a message names one by one
_FULL_CYCLE: Final = "full_cycle"
_FAILING: Final = frozenset({"success_rate", "errors_24h"})  # the reasons that say that a module fails often


def health_rules() -> Mapping[str, Rule]:
    """Every rule by the kind of alert that it finds."""
    return {
        "modules_degraded": modules_degraded,
        "modules_offline": modules_offline,
        "system_critical": system_critical,
        "high_error_rate": high_error_rate,
        "emergency_stop": emergency_stop,
        "cycle_slow": cycle_slow,
        "cycle_missing": cycle_missing,
        "slot_missed": slot_missed,
    }


def modules_degraded(checked: Checked) -> tuple[Finding, ...]:
    """More modules are degraded, or unknown, than a healthy system may have."""
    ill = [row for row in checked.modules if row.counts and row.status in {ModuleStatus.DEGRADED, ModuleStatus.UNKNOWN}]
    if len(ill) <= thresholds.MOST_DEGRADED:
        return ()
    return (about("modules_degraded", "", f"{len(ill)} modules are degraded:\n{_list(ill)}", modules=_slugs(ill)),)


def modules_offline(checked: Checked) -> tuple[Finding, ...]:
    """At least one module is offline."""
    ill = [row for row in checked.modules if row.counts and row.status is ModuleStatus.OFFLINE]
    if not ill:
        return ()
    text = f"{len(ill)} {'module is' if len(ill) == 1 else 'modules are'} offline:\n{_list(ill)}"
    return (about("modules_offline", "", text, modules=_slugs(ill)),)


def system_critical(checked: Checked) -> tuple[Finding, ...]:
    """The system is CRITICAL."""
    if checked.system.status is not SystemStatus.CRITICAL:
        return ()
    return (about("system_critical", "", "\n".join(checked.system.reasons), offline=checked.system.offline),)


def high_error_rate(checked: Checked) -> tuple[Finding, ...]:
    """Modules whose runs fail often, or that had more than 50 errors in 24 h."""
    found = []
    for row in checked.modules:
        reasons = [reason.text for reason in row.reasons if reason.name in _FAILING]
        if row.counts and reasons:
            last = f"\nThe last error: {row.last_error}" if row.last_error else ""
            found.append(about("high_error_rate", row.pair.slug, "; ".join(reasons) + last, errors=row.error_count_24h))
    return tuple(found)


def emergency_stop(checked: Checked) -> tuple[Finding, ...] | None:
    """Stops that are open, but for those that were ordered without alerts."""
    if not isinstance(checked.evidence.stops, Known):
        return None
    found = []
    for stop in checked.evidence.stops.value:
        scope = "" if stop.account_id is None else f"account {stop.account_id}"
        doubt = f" {len(stop.in_doubt)} writes were in doubt." if stop.in_doubt else ""
        text = f"{stop.actor} stopped {scope or 'everything'}: {stop.reason}.{doubt}"
        if stop.alerts:
            found.append(about("emergency_stop", scope, text, stop=stop.id, in_doubt=len(stop.in_doubt)))
    return tuple(found)


def cycle_slow(checked: Checked) -> tuple[Finding, ...] | None:
    """Runs that are at work for over 10 minutes."""
    runs = _runs(checked.evidence)
    if runs is None:
        return None
    row = thresholds.row("slow_cycle_s")
    return tuple(
        about("cycle_slow", _scope(run), f"Run {run.open_run} is at work for {run.open_for_s / 60:.0f} min.",
               run=run.open_run)
        for run in runs
        if run.open_for_s is not None and row.status(run.open_for_s) is not ModuleStatus.ONLINE
    )  # fmt: skip


def cycle_missing(checked: Checked) -> tuple[Finding, ...] | None:
    """Accounts whose full cycle has not begun for an hour of the platform's clock, or for two of its own intervals."""
    evidence = checked.evidence
    runs = _runs(evidence)
    if runs is None or not isinstance(evidence.slots, Known):
        return None
    begun = {(run.task, run.account_id): run.last_run_at or run.planned_since_at for run in runs}
    found = []
    for slot in evidence.slots.value:
        if catalogue.rhythm(slot.task).cycle.name != _FULL_CYCLE or slot.excused or not isinstance(slot.now, Known):
            continue
        last_at, limit = begun.get((slot.task, slot.account_id)), _longest(slot)
        if last_at is not None and slot.now.value - last_at > limit:
            text = f"The last began {last_at:%Y-%m-%d %H:%M} UTC, over {_hours(limit)} ago by the platform's clock."
            found.append(about("cycle_missing", _scope(slot), text, last=last_at.isoformat()))
    return tuple(found)


def slot_missed(checked: Checked) -> tuple[Finding, ...] | None:
    """Cycles with due slots that nobody claimed though half an interval has passed."""
    if not isinstance(checked.evidence.slots, Known):
        return None
    found = []
    for slot in checked.evidence.slots.value:
        missed = slot.view.missed if slot.view is not None and not slot.excused else ()
        if missed:
            text = f"{len(missed)} slots of {slot.account} were missed, the first of {missed[0]:%Y-%m-%d %H:%M} UTC."
            found.append(about("slot_missed", _scope(slot), text, missed=len(missed)))
    return tuple(found)


def _runs(evidence: Evidence) -> Iterable[RunFacts] | None:
    return evidence.runs.value.values() if isinstance(evidence.runs, Known) else None


def _scope(row: RunFacts | SlotFacts) -> str:
    return f"{row.task} of account {row.account_id}"


def _longest(slot: SlotFacts) -> timedelta:
    """How long a full cycle may be away: an hour, or two intervals where a person has set a slower pace."""
    view, own = slot.view, 2 * catalogue.rhythm(slot.task).cycle.every
    if view is not None and view.last_slot is not None:
        own = max(own, 2 * (view.next_slot - view.last_slot)) if not view.missed else own
    return max(timedelta(seconds=first_limit("no_cycle_s")), own)


def _slugs(rows: Iterable[ModuleHealth]) -> list[str]:
    return [row.pair.slug for row in rows]


def _list(rows: list[ModuleHealth]) -> str:
    lines = [f"- {row.pair.slug} {row.word}: {row.reasons[0].text if row.reasons else ''}" for row in rows[:_NAMED]]
    more = [f"- and {len(rows) - _NAMED} more"] if len(rows) > _NAMED else []
    return "\n".join([*lines, *more])


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:g} h"
