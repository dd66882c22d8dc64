"""The full autonomous cycle (module 11): collect if stale, decide, propose through the door, write down what was done.

The steps are functions of their own, so that `plan` and `cycle step` can do one without the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from actions import door
from actions.door import Proposed
from actions.guardrails import Limits
from decisions import holds
from decisions.policy import DEFAULT, AccountLimits, MaturedPolicy, Policy, parse_policy
from decisions.registry import Decided, decide
from decisions.waiting_room import waiting_by_guard
from domain import catalogue
from domain.actions import Action, ActionKind, ActionState, Json, JsonMap, ObjectKind
from domain.catalogue import Rhythm
from domain.evidence import NO_EVIDENCE, Finding
from domain.ids import RunId
from domain.snapshot import Snapshot
from models import accounts, evidence, policies, snapshots
from models.accounts import Account
from models.run_history import LogEntry
from tasks import collector, leeway, standing
from workers.bootstrap import limits_of
from workers.celery_app import app
from workers.settings import Settings
from workers.task import cycle_tasks
from workers.work import Work

COLLECTION = collector.STEP
DECISIONS = "step_2_decisions"
API_ACTIONS = "step_3_api_actions"
FINALIZE = "step_4_finalize"
# What the requirements (§4) call an action of a decision, where they have a word of their own for it.
_VERBS = {
    ("ab", ActionKind.PAUSE): "pause_loser",
    ("ab", ActionKind.ACTIVATE): "publish_winner",
    ("roas", ActionKind.SET_DAILY_BUDGET): "update_budget",
    ("spike", ActionKind.SET_DAILY_BUDGET): "update_budget",
    ("fatigue", ActionKind.PROPOSE_VARIANT): "create_new_ad_variant",
    ("tired", ActionKind.PROPOSE_VARIANT): "create_new_ad_variant",
}
_SHOWN = 20  # ad sets left alone that a run's log names, of each reason
STEPS = (COLLECTION, DECISIONS, API_ACTIONS, FINALIZE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a cycle sees and wants at one instant. Nothing of it is written."""

    snapshot: Snapshot
    policy_name: str
    decided: Decided


def run(work: Work) -> None:
    """Do the whole cycle."""
    with work.step(COLLECTION):
        collect_if_stale(work)
    with work.step(DECISIONS):
        decided = _judge(work)
    with work.step(API_ACTIONS):
        proposed = _propose(work, decided)
    with work.step(FINALIZE):
        _finalize(work, decided, proposed)


def collect_if_stale(work: Work) -> None:
    """Collect through the collector's own function, if what is there is older than the cycle bears."""
    account = work.reload_account()
    oldest = work.run.now_at - work.rhythm.cycle.freshness
    instants = (account.tree_read_at, account.insights_read_at)
    if any(instant is None or instant < oldest for instant in instants):
        collector.collect(work)
    else:
        work.write_logs([LogEntry(step=COLLECTION, action="fresh_enough", output_snapshot=_ages(account, work))])


def judge(conn: Connection, account: Account, rhythm: Rhythm, now: datetime, *, limits: Limits) -> Judged:
    """Load the snapshot of this instant and ask the account's policy (classic where none is set); writes nothing."""
    name, policy = policy_of(conn, account)
    snapshot = snapshots.load(
        conn, account, now=now, window_days=policy.window_days, spike_hours=policy.spike_hours
    )  # fmt: skip
    found_out = NO_EVIDENCE
    if isinstance(policy, MaturedPolicy):
        found_out = replace(
            evidence.load(conn, account.id),
            leeway=leeway.gather(conn, account, snapshot, limits),
            steps=standing.waiting_steps(conn, account.id, now),
        )
    return Judged(
        snapshot=snapshot,
        policy_name=name,
        decided=decide(snapshot, policy, limits_of_account(account), rhythm.cycle.freshness, found_out),
    )


def limits_of_account(account: Account) -> AccountLimits:
    """Return what the account itself imposes on a decision."""
    return AccountLimits(
        minimum_daily_budget_minor=account.minimum_daily_budget_minor,
        goal_roas=account.goal_roas,
        goal_cpa_minor=account.goal_cpa_minor,
        margin=account.margin,
        month_budget_minor=account.month_budget_minor,
    )


def policy_of(conn: Connection, account: Account) -> tuple[str, Policy]:
    """Return the account's policy in force and its name."""
    name, body = policies.current(conn, account.id) or (DEFAULT, {})
    return name, parse_policy(name, body)


def propose(
    conn: Connection,
    account: Account,
    decided: Decided,
    *,
    now: datetime,
    settings: Settings,
    run_id: RunId | None,
    actor: str,
) -> Proposed:
    """Hand the proposals to the door, in the caller's transaction, with the caps of the settings."""
    return door.propose(
        conn,
        account=account,
        run_id=run_id,
        now=now,
        proposals=decided.proposals,
        actor=actor,
        module="full_cycle",
        limits=limits_of(settings),
    )


def _judge(work: Work) -> Decided:
    """Decide, and take the run's figures from the snapshot, which ends here: proposing needs the memory."""
    with work.house.engine.begin() as conn:
        judged = judge(
            conn,
            accounts.get(conn, work.account.id),
            work.rhythm,
            work.run.now_at,
            limits=limits_of(work.house.settings),
        )
    snapshot = judged.snapshot
    seen: JsonMap = {"ad_sets": len(snapshot.ad_sets), "ads": len(snapshot.ads), "policy": judged.policy_name}
    wanted: JsonMap = {"proposals": len(judged.decided.proposals)}
    declined = judged.decided.declined
    entries = [
        LogEntry(
            step=DECISIONS,
            action="decide",
            success=declined is None,
            input_snapshot=seen,
            output_snapshot=wanted,
            error_message=declined,
        )
    ]
    if judged.decided.left_alone:
        entries.append(_left_alone_entry(judged))
    if judged.decided.waits:
        entries.append(_waits_entry(judged.decided.waits))
    entries += [_set_aside_entry(words) for words in judged.decided.set_aside]
    work.write_logs(entries)
    work.stats |= figures_of(snapshot)
    return judged.decided


def _propose(work: Work, decided: Decided) -> Proposed:
    """Propose, write a log row per action and ring: rows and bells are one transaction, bells after it."""
    actor = f"{work.rhythm.pair.slug}, run {work.run.id}"
    with work.transaction() as conn:
        proposed = propose(
            conn,
            work.account,
            decided,
            now=work.run.now_at,
            settings=work.house.settings,
            run_id=work.run.id,
            actor=actor,
        )
        standing.link(conn, work.account.id, work.run.now_at, proposed.actions)
        work.log_in(conn, (action_entry(action) for action in proposed.actions))
        if proposed.repeats:
            work.log_in(conn, [_repeats_entry(proposed)])
        for ring in proposed.rings:
            queue = catalogue.actions_queue(catalogue.platform(ring.platform))
            work.ring_action_after(queue, ring.action_id, ring.about)
    return proposed


def _finalize(work: Work, decided: Decided, proposed: Proposed) -> None:
    work.stats |= outcomes_of(proposed.actions, repeated=proposed.repeated)
    if decided.left_alone:
        work.stats["left_alone"] = dict(decided.left_alone)
    if decided.waits:
        work.stats["waits"] = dict(waiting_by_guard(decided.waits))
    if decided.set_aside:  # a lack of the modules that are late, whose own health tells it: this run is whole
        work.stats["set_aside"] = list(decided.set_aside)
    declined = decided.declined
    if declined is not None:  # the cycle ran, and decided not to decide: an operator must see that
        work.stats["declined"] = declined
        work.errors.append({"step": DECISIONS, "error": "Declined", "message": declined})


def figures_of(snapshot: Snapshot) -> dict[str, Json]:
    """Return the run's figures of the account (REQUIREMENTS §4.4); money in minor units."""
    spend, revenue = int(snapshot.ad_sets.spend_window.sum()), int(snapshot.ad_sets.revenue_window.sum())
    return {
        "campaigns_active": snapshot.campaigns_active,
        "adsets_active": int(snapshot.ad_sets.is_active.sum()),
        "ads_active": int(snapshot.ads.is_active.sum()),
        "total_spend_today": int(snapshot.ad_sets.spend_today.sum()),
        "currency": snapshot.currency,
        "avg_roas": round(revenue / spend, 4) if spend else None,
    }


def outcomes_of(actions: Sequence[Action], *, repeated: int = 0) -> dict[str, Json]:
    """Return what became of each proposal; `repeated` were blocked for a reason on record, and have no row."""
    counts = {state: sum(action.state is state for action in actions) for state in ActionState}
    return {
        "proposed": len(actions) + repeated,
        **({"repeated": repeated} if repeated else {}),
        "actions_taken": counts[ActionState.APPROVED] + counts[ActionState.APPLIED],
        **{state.value: count for state, count in counts.items() if count},
    }


def action_entry(action: Action) -> LogEntry:
    """Say in the run's log what was proposed and how the door judged it: such as ab_decision / publish_winner."""
    family = action.rule.partition("_")[0]
    return LogEntry(
        step=f"{family}_decision",
        action=_VERBS.get((family, action.kind), action.kind.value),
        input_snapshot={"rule": action.rule, "before": dict(action.expected_before), "evidence": dict(action.evidence)},
        output_snapshot={"action": action.id, "target": dict(action.target), "state": action.state},
        success=action.state is not ActionState.BLOCKED,
        error_message=action.state_reason if action.state is ActionState.BLOCKED else None,
        entity_type=action.object_kind,
        entity_id=action.object_id,
    )


def _left_alone_entry(judged: Judged) -> LogEntry:
    """Say once a run which ad sets keep their budgets and why: thousands of ledger rows would say no more."""
    examples = holds.examples(judged.snapshot, _SHOWN)
    shown: dict[str, Json] = {reason: list[Json](ids) for reason, ids in examples.items()}
    return LogEntry(
        step=DECISIONS,
        action="left_alone",
        output_snapshot={"ad_sets": dict(judged.decided.left_alone), "such_as": shown},
        entity_type=ObjectKind.AD_SET,
    )


def _waits_entry(waits: Sequence[Finding]) -> LogEntry:
    """Say once a run what waits for which guardrail; `stakazo why` has the words for one object."""
    counts: dict[str, Json] = dict(waiting_by_guard(waits))
    return LogEntry(
        step=DECISIONS,
        action="waits",
        output_snapshot={"by_guardrail": counts, "such_as": [row.words for row in waits[:_SHOWN]]},
    )


def _set_aside_entry(words: str) -> LogEntry:
    return LogEntry(step=DECISIONS, action="evidence_set_aside", success=False, error_message=words)


def _repeats_entry(proposed: Proposed) -> LogEntry:
    return LogEntry(
        step=API_ACTIONS,
        action="blocked_again",
        output_snapshot={
            "message": f"{proposed.repeated} proposals blocked again for the same reasons",
            "by_guardrail": dict(proposed.repeats),
        },
    )


def _ages(account: Account, work: Work) -> JsonMap:
    read = {"tree": account.tree_read_at, "insights": account.insights_read_at}
    return {f"{name}_age_s": int((work.run.now_at - at).total_seconds()) for name, at in read.items() if at is not None}


cycle_tasks(app, "full_cycle", run)
