"""Rules on runs, writes and money, from small reads of their own. Pure; limits and their sources stand at the top."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from control_tower import thresholds
from control_tower.spend_spikes import Spike
from domain.alerts import Finding
from domain.health import ModuleStatus
from domain.money import Money, exponent
from models.alert_reads import BudgetChange, Calls, Doubt, FailedRun, Unknowns, Waiting
from models.audit_verify import Verified
from models.pacing import LiveWarning
from models.promotions import Kept

LARGE_CHANGE_MAJOR: Final = 1_000  # REQUIREMENTS §4: budget change over 1,000 (dollars there), LIVE only
PILED_UP: Final = 3  # facts/reliability.md §5.3 UnknownPiling: 3 in 10 minutes, or one older than two quarantines


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """What was read for these rules. None = not looked at this time: nothing of that kind is over."""

    failed: Sequence[FailedRun] = ()
    budgets: Sequence[BudgetChange] = ()
    calls: Mapping[str, Calls] = field(default_factory=dict)
    unknowns: Sequence[Unknowns] = ()
    waiting: Sequence[Waiting] = ()
    doubts: Sequence[Doubt] = ()
    spikes: Sequence[Spike] | None = None
    audit: Verified | None = None
    live: Sequence[LiveWarning] = ()
    demoted: Sequence[Kept] = ()
    failing_duties: Mapping[str, str] = field(default_factory=dict)  # of the tower → what each failed with


Rule = Callable[[Business], tuple[Finding, ...] | None]


def business_rules() -> Mapping[str, Rule]:
    """Every rule by the kind of alert that it finds."""
    return {
        "cycle_failed": cycle_failed,
        "large_budget_change": large_budget_change,
        "api_errors": api_errors,
        "unknown_piling": unknown_piling,
        "approvals_wait": approvals_wait,
        "in_doubt_after_stop": in_doubt_after_stop,
        "spend_spike": spend_spike,
        "runaway_spend": runaway_spend,
        "pace_off": pace_off,
        "module_demoted": module_demoted,
        "audit_broken": audit_broken,
        "duty_failed": duty_failed,
    }


def cycle_failed(business: Business) -> tuple[Finding, ...]:
    """Runs that failed lately, the newest of each cycle and account."""
    return tuple(
        Finding(
            kind="cycle_failed",
            scope=f"{row.task} of account {row.account_id}",
            text=f"Run {row.run_id} of {row.account} failed: {row.error}",
            detail={"run": row.run_id},
        )
        for row in business.failed
    )


def large_budget_change(business: Business) -> tuple[Finding, ...]:
    """Daily budgets of live accounts that moved by over 1,000 of their currency."""
    found = []
    for row in business.budgets:
        if abs(row.after_minor - row.before_minor) <= LARGE_CHANGE_MAJOR * 10 ** exponent(row.currency):
            continue
        before, after = Money(row.before_minor, row.currency), Money(row.after_minor, row.currency)
        text = (
            f"{row.object_name} ({row.object_id}) of {row.account}: {before} a day became {after}, "
            f"by {row.proposed_by or 'a module'} with action {row.action_id}."
        )
        detail = {"action": row.action_id, "object": row.object_id}
        found.append(Finding(kind="large_budget_change", scope=f"action {row.action_id}", text=text, detail=detail))
    return tuple(found)


def api_errors(business: Business) -> tuple[Finding, ...]:
    """Platforms over 10 % of whose answers were errors in the last hours; few calls say nothing."""
    limit = thresholds.row("alert_api_error_rate")
    found = []
    for platform, row in business.calls.items():
        rate = row.errors / row.calls if row.calls else 0.0
        if row.calls >= thresholds.FEWEST_CALLS and limit.status(rate) is not ModuleStatus.ONLINE:
            text = f"{row.errors} of {row.calls} calls to {platform} failed in the last one to two hours ({rate:.0%})."
            found.append(Finding(kind="api_errors", scope=platform, text=text, detail={"rate": round(rate, 3)}))
    return tuple(found)


def unknown_piling(business: Business) -> tuple[Finding, ...]:
    """Accounts with three writes of unknown outcome in 10 minutes, or with one older than two quarantines."""
    return tuple(
        Finding(
            kind="unknown_piling",
            scope=f"account {row.account_id}",
            text=f"{row.account}: {row.lately} writes of the last 10 min have no known outcome, {row.overdue} wait for "
            f"longer than two quarantines; the oldest for {row.oldest_s / 60:.0f} min.",
            detail={"lately": row.lately, "overdue": row.overdue},
        )
        for row in business.unknowns
        if row.lately >= PILED_UP or row.overdue
    )


def approvals_wait(business: Business) -> tuple[Finding, ...]:
    """Accounts with changes that wait for a person."""
    return tuple(
        Finding(
            kind="approvals_wait",
            scope=f"account {row.account_id}",
            text=f"{row.count} {'change' if row.count == 1 else 'changes'} of {row.account} "
            f"{'waits' if row.count == 1 else 'wait'}, the oldest for {row.oldest_s / 60:.0f} min.",
            detail={"count": row.count},
        )
        for row in business.waiting
    )


def in_doubt_after_stop(business: Business) -> tuple[Finding, ...]:
    """Open stops whose writes in doubt are not settled."""
    return tuple(
        Finding(
            kind="in_doubt_after_stop",
            scope=f"stop {row.stop_id}",
            text=f"{row.count} {'write' if row.count == 1 else 'writes'} sent before stop {row.stop_id} may still land;"
            " each is read back after its quarantine.",
            detail={"count": row.count},
        )
        for row in business.doubts
    )


def spend_spike(business: Business) -> tuple[Finding, ...] | None:
    """Accounts that spend far above what is usual at this hour."""
    if business.spikes is None:
        return None
    return tuple(
        Finding(
            kind="spend_spike",
            scope=f"account {row.account_id}",
            text=f"{row.account} spent {row.spent} from {row.hour:02d}:00 to {row.hour + 1:02d}:00 on {row.day} (its"
            f" zone); the median of that hour over 14 days is {row.usual}, and {row.floor} would not be remarkable.",
            detail={"minor": row.spent.minor, "usual_minor": row.usual.minor},
        )
        for row in business.spikes
    )


def runaway_spend(business: Business) -> tuple[Finding, ...]:
    """What real time would pause, or has paused, because it cannot wait."""
    return _live(business, "runaway_spend")


def pace_off(business: Business) -> tuple[Finding, ...]:
    """Spans of accounts that will miss their target."""
    return _live(business, "pace_off")


def module_demoted(business: Business) -> tuple[Finding, ...]:
    """Modules that were set back at their last look, until the next."""
    return tuple(
        Finding(
            kind="module_demoted",
            scope=f"{row.module} of account {row.account_id}",
            text=f"{row.module} of account {row.account_id} was set back from {row.level} to {row.to}:"
            f" {'; '.join(row.reasons)}.",
            detail={"account": row.account_id, "module": row.module, "level": row.to},
        )
        for row in business.demoted
    )


def _live(business: Business, kind: str) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            kind=kind,
            scope=f"{row.scope} of account {row.account_id}",
            text=f"{row.account}: {row.words}.",
            detail={"account": row.account_id, "scope": row.scope},
        )
        for row in business.live
        if row.kind == kind
    )


def audit_broken(business: Business) -> tuple[Finding, ...] | None:
    """The audit's chain does not hold."""
    if business.audit is None:
        return None
    problems = business.audit.problems
    if not problems:
        return ()
    first = problems[0]
    text = f"{len(problems)} problems, the first in chain {first.chain} at entry {first.seq}: {first.words}."
    return (Finding(kind="audit_broken", scope="", text=text, detail={"problems": len(problems)}),)


def duty_failed(business: Business) -> tuple[Finding, ...]:
    """Duties of the tower that fail: a bug, or something that nobody foresaw."""
    return tuple(
        Finding(kind="duty_failed", scope=name, text=f'The duty "{name}" fails with {what}.', detail={"error": what})
        for name, what in business.failing_duties.items()
    )
