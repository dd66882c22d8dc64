"""A/B testing (module 4): looks at every running experiment, and says what may be claimed, picked or given up."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from decisions import experiments as tests
from decisions.experiment_state import Metric, State
from decisions.policy import MaturedPolicy, parse_policy
from domain.actions import ObjectKind
from domain.errors import BadInputError
from domain.evidence import Finding, TestState, TestVerdict
from models import experiment_figures, experiments, findings, policies
from models.accounts import Account
from models.experiment_figures import Fresh
from models.experiments import Experiment
from models.run_history import LogEntry
from workers.celery_app import app
from workers.task import cycle_tasks
from workers.work import Work

STEP = "step_1_ab_testing"
MODULE = "ab_testing"
_MOST_ARMS = 12  # pairs grow with the square; a larger ad set wants a person to name its arms
_MOST_WEIGHT = 200.0  # comparisons that the account's other ads are worth at most: a test may be another kind of ad
_LOOK_BACK = timedelta(days=14)  # so far back count the hours of ads that a label put to the test

log = structlog.get_logger(__name__)


def run(work: Work) -> None:
    """Declare what a label on the platform declares, look at what runs, and write down what is known."""
    with work.step(STEP):
        account = work.reload_account()
        if account.insights_read_at is None:
            work.stats["skipped"] = "no figures have been read yet"
            return
        read_at = min(account.insights_read_at, work.run.now_at)
        with work.transaction() as conn:
            declared = declare_labelled(conn, account, read_at)
            seen = look_at_all(conn, account, read_at)
            findings.replace(conn, account.id, MODULE, read_at, _findings(seen, read_at))
            work.log_in(conn, (_entry(verdict) for verdict in seen if verdict.state is not TestState.RUNNING))
        work.stats |= {
            "declared": declared,
            "looked_at": len(seen),
            **{state.value: sum(row.state is state for row in seen) for state in TestState},
        }


def declare_labelled(conn: Connection, account: Account, read_at: datetime) -> int:
    """Declare tests of ad sets labelled "ab_test": their active ads, by clicks, ended by a pick; return how many."""
    policy = policy_of(conn, account)
    found = experiments.undeclared(conn, account.id, _MOST_ARMS)
    for labelled in found:
        plan = tests.plan_of_label(policy, experiment_id=0, ad_set_id=labelled.ad_set_id, arms=labelled.arms)
        started_at = min(max(labelled.born_at, read_at - _LOOK_BACK), read_at)
        experiments.declare(
            conn, account, plan, started_at=started_at, by='label "ab_test" on the platform', is_implicit=True
        )
    return len(found)


def look_at_all(conn: Connection, account: Account, read_at: datetime) -> tuple[TestVerdict, ...]:
    """Look at every running test by the figures read at `read_at`; one whose figures make no sense is told so."""
    running = experiments.running(conn, account.id)
    if not running:
        return ()
    fresh = experiment_figures.fresh(conn, account, running, read_at=read_at)
    noise = experiment_figures.account_noise(conn, account.id, fresh.until[0])
    found = []
    for experiment in running:
        try:
            found.append(_look(conn, experiment, fresh, read_at, noise))
        except BadInputError as error:
            log.warning("a test was not looked at", experiment=experiment.id, why=str(error))
            found.append(replace(experiment.verdict, words=f"not looked at: {error}"))
    return tuple(found)


def policy_of(conn: Connection, account: Account) -> MaturedPolicy:
    """Return the account's thresholds for tests; an account on another policy has those of matured by default."""
    name, body = policies.current(conn, account.id) or (MaturedPolicy.NAME, {})
    policy = parse_policy(name, body)
    return policy if isinstance(policy, MaturedPolicy) else MaturedPolicy()


def _look(
    conn: Connection, experiment: Experiment, fresh: Fresh, read_at: datetime, noise: tuple[float, float]
) -> TestVerdict:
    plan = experiment.plan
    if plan.metric is Metric.CLICKS and noise[1] > plan.day_noise_weight:
        plan = replace(plan, day_noise=noise[0], day_noise_weight=min(noise[1], _MOST_WEIGHT))
    state = experiment.known or State.empty(len(plan.arms))
    if not experiment_figures.is_cumulative(plan.metric):
        state = state.restarted()
    if experiment.id in fresh.strata:
        state = tests.fold(state, fresh.strata[experiment.id])
    days = experiments.days_between(experiment.started_at, read_at)
    state = tests.advance(plan, state, days=days)
    verdict = tests.look(plan, state, days=days, seed=experiment.id)
    experiments.keep_look(conn, experiment, state, verdict, at=read_at, folded=fresh.folded)
    return verdict


def _findings(seen: tuple[TestVerdict, ...], read_at: datetime) -> Iterator[Finding]:
    """One for every arm: an ad is in one ad set, and an ad set in one running test."""
    for verdict in seen:
        words = f"experiment {verdict.experiment_id}: {verdict.words}"
        for arm in (*verdict.keep, *verdict.drop):
            told = "not_decidable" if verdict.state is TestState.RUNNING else verdict.state.value
            yield Finding(
                object_kind=ObjectKind.AD, object_id=arm, verdict="lost" if arm in verdict.drop else told,
                words=words, evidence={**verdict.evidence, "read_at": read_at.isoformat()},
            )  # fmt: skip


def _entry(verdict: TestVerdict) -> LogEntry:
    return LogEntry(
        step=STEP, action=verdict.state.value, entity_type=ObjectKind.AD_SET, entity_id=verdict.ad_set_id,
        output_snapshot={"experiment": verdict.experiment_id, "words": verdict.words, "drop": list(verdict.drop)},
    )  # fmt: skip


cycle_tasks(app, MODULE, run)
