"""The store of experiments: declared, looked at, ended. Figures for a look come from `models/experiment_figures.py`."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, func, insert, select, text, update

from decisions.experiment_state import Claim, Metric, Plan, State
from domain.actions import JsonMap
from domain.clock import require_aware
from domain.errors import BadInputError
from domain.evidence import TestState, TestVerdict
from domain.ids import AccountId
from models.accounts import Account
from models.cleaning import clean_json, clean_text
from models.tables import accounts, experiment_looks, experiments

_ACTED_ON: Final = timedelta(days=7)  # for so long after its end a verdict is evidence
_PASSED_OVER: Final = timedelta(hours=24)
_UNLABELLED: Final = text("""
SELECT s.id, array_agg(a.id ORDER BY a.id COLLATE "C") AS arms, max(a.created_at) AS since
FROM ad_sets s JOIN ads a ON a.account_id = s.account_id AND a.ad_set_id = s.id
JOIN campaigns c ON c.account_id = s.account_id AND c.id = s.campaign_id
WHERE s.account_id = :account AND 'ab_test' = ANY (s.labels)
    AND s.status = 'active' AND c.status = 'active' AND a.status = 'active' AND a.fatigued_at IS NULL
    AND NOT EXISTS (
        SELECT FROM experiments e WHERE e.account_id = s.account_id AND e.ad_set_id = s.id AND e.state = 'running'
    )
GROUP BY s.id
HAVING count(*) BETWEEN 2 AND :most AND NOT EXISTS (
    SELECT FROM experiments e
    WHERE e.account_id = :account AND e.ad_set_id = s.id
        AND e.arms = array_agg(a.id ORDER BY a.id COLLATE "C")
)
ORDER BY s.id
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A row; `known` is None before the first look. Instants are the platform's clock."""

    plan: Plan
    account_id: AccountId
    is_implicit: bool
    declared_by: str
    started_at: datetime
    ended_at: datetime | None
    looked_at: datetime | None
    first_day: date
    folded: tuple[date, int]
    state: TestState
    keep: tuple[str, ...]
    lost: tuple[str, ...]
    words: str
    evidence: JsonMap
    known: State | None

    @property
    def id(self) -> int:
        """Its number."""
        return self.plan.experiment_id

    @property
    def verdict(self) -> TestVerdict:
        """What the last look said."""
        return TestVerdict(
            experiment_id=self.id, ad_set_id=self.plan.ad_set_id, state=self.state, keep=self.keep, drop=self.lost,
            words=self.words, evidence=self.evidence,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look, as its graph needs it."""

    looked_at: datetime
    state: TestState
    events: float
    log_e: float
    lead: float
    low: float | None
    high: float | None
    p_best: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """An ad set that is labelled a test on the platform, its active ads, and the birth of the youngest."""

    ad_set_id: str
    arms: tuple[str, ...]
    born_at: datetime


def declare(
    conn: Connection, account: Account, plan: Plan, *, started_at: datetime, by: str, is_implicit: bool = False
) -> int:
    """Write down a test before anything is known of it; return its number. `plan.experiment_id` is not looked at.

    Raises:
        BadInputError: a test of the ad set is running.
    """
    running = select(experiments.c.id).where(
        experiments.c.account_id == account.id,
        experiments.c.ad_set_id == plan.ad_set_id,
        experiments.c.state == TestState.RUNNING,
    )
    found = conn.execute(running).scalar_one_or_none()
    if found is not None:
        raise BadInputError(
            f"experiment {found} of ad set {plan.ad_set_id} is running; end it with `stakazo experiment stop {found}`"
        )
    local = require_aware("started_at", started_at).astimezone(ZoneInfo(account.zone))
    values: dict[str, Any] = {
        "account_id": account.id, "ad_set_id": plan.ad_set_id, "arms": sorted(plan.arms), "metric": plan.metric,
        "claim": plan.claim, "alpha": plan.alpha, "loss": plan.loss, "equal_within": plan.equal_within,
        "max_days": plan.max_days, "planned_events": plan.planned_events, "ends_on_pick": plan.ends_on_pick,
        "is_implicit": is_implicit, "declared_by": clean_text(by), "started_at": started_at,
        "first_day": local.date(), "folded_day": local.date(), "folded_hour": local.hour,
        "state": TestState.RUNNING, "keep": sorted(plan.arms), "words": "not looked at yet", "evidence": {},
    }  # fmt: skip
    return int(conn.execute(insert(experiments).values(values).returning(experiments.c.id)).scalar_one())


def undeclared(conn: Connection, account_id: AccountId, most_arms: int) -> tuple[Labelled, ...]:
    """Return ad sets labelled "ab_test" whose active ads are in no test, with these and the birth of the youngest.

    Ads that a test has already judged together are not tested again.
    """
    rows = conn.execute(_UNLABELLED, {"account": account_id, "most": most_arms})
    return tuple(Labelled(ad_set_id=row.id, arms=tuple(row.arms), born_at=row.since) for row in rows)


def running(conn: Connection, account_id: AccountId) -> tuple[Experiment, ...]:
    """Return the tests that are open, by number."""
    return _read(conn, experiments.c.account_id == account_id, experiments.c.state == TestState.RUNNING)


def listing(conn: Connection, account_id: AccountId | None, limit: int = 200) -> tuple[Experiment, ...]:
    """Return the newest first, of one account or of all."""
    where = () if account_id is None else (experiments.c.account_id == account_id,)
    return _read(conn, *where, newest=limit)


def get(conn: Connection, experiment_id: int) -> Experiment:
    """Read one.

    Raises:
        BadInputError: there is none.
    """
    found = _read(conn, experiments.c.id == experiment_id)
    if not found:
        raise BadInputError(f"no experiment {experiment_id}; `stakazo experiment list` shows those there are")
    return found[0]


def current(conn: Connection, account_id: AccountId) -> tuple[TestVerdict, ...]:
    """Return the verdicts to act on: of open tests that were looked at, and of those that ended in the last 7 days.

    "Last" is counted back from the newest reading of figures, on the platform's clock. An open test that the looks of
    a day passed over, since its figures make no sense, is not acted on.
    """
    read_at = select(accounts.c.insights_read_at).where(accounts.c.id == account_id).scalar_subquery()
    is_recent = experiments.c.ended_at.is_(None) | (experiments.c.ended_at >= read_at - _ACTED_ON)
    found = _read(
        conn, experiments.c.account_id == account_id, experiments.c.looked_at.is_not(None), is_recent,
        experiments.c.state != TestState.STOPPED,
    )  # fmt: skip
    looks_at = [row.looked_at for row in found if row.state is TestState.RUNNING and row.looked_at is not None]
    oldest = max(looks_at) - _PASSED_OVER if looks_at else None
    return tuple(
        row.verdict
        for row in found
        if row.state is not TestState.RUNNING
        or oldest is None
        or (row.looked_at is not None and row.looked_at >= oldest)
    )


def looked_at(conn: Connection, account_id: AccountId) -> datetime | None:
    """Return when one of the tests that run was last looked at; None where none was."""
    query = select(func.max(experiments.c.looked_at)).where(
        experiments.c.account_id == account_id, experiments.c.state == TestState.RUNNING
    )
    found: datetime | None = conn.execute(query).scalar_one()
    return found


def keep_look(
    conn: Connection,
    experiment: Experiment,
    state: State,
    verdict: TestVerdict,
    *,
    at: datetime,
    folded: tuple[date, int],
) -> None:
    """Write a look down: the running state, the verdict, a point of the graph; the end, if it is one."""
    evidence = dict(verdict.evidence)
    is_over = verdict.state is not TestState.RUNNING
    conn.execute(
        update(experiments)
        .where(experiments.c.id == experiment.id, experiments.c.state == TestState.RUNNING)
        .values(
            known=json.loads(json.dumps(state.to_json(), allow_nan=False)), state=verdict.state,
            keep=list(verdict.keep), lost=list(verdict.drop), words=clean_text(verdict.words),
            evidence=clean_json(evidence), looked_at=at, ended_at=at if is_over else None,
            folded_day=folded[0], folded_hour=folded[1],
        )
    )  # fmt: skip
    posterior = cast("dict[str, float]", evidence["posterior"])
    point = {
        "experiment_id": experiment.id, "looked_at": at, "state": verdict.state,
        "events": sum(cast("dict[str, float]", evidence["counts"]).values()),
        "log_e": evidence["log_e"], "lead": posterior["mean"], "low": posterior["low"], "high": posterior["high"],
        "p_best": posterior["certainty"],
    }  # fmt: skip
    conn.exec_driver_sql(
        "DELETE FROM experiment_looks WHERE experiment_id = %(experiment_id)s AND looked_at = %(looked_at)s",
        {"experiment_id": experiment.id, "looked_at": at},
    )
    conn.execute(insert(experiment_looks).values(point))


def stop(conn: Connection, experiment_id: int, *, at: datetime, by: str) -> Experiment:
    """End a test by a person's word; nothing is concluded from it.

    Raises:
        BadInputError: there is none, or it has ended.
    """
    found = get(conn, experiment_id)
    if found.state is not TestState.RUNNING:
        raise BadInputError(f"experiment {experiment_id} has ended already: it is {found.state}")
    words = clean_text(f"stopped by {by}; last look: {found.words}")
    conn.execute(
        update(experiments)
        .where(experiments.c.id == experiment_id)
        .values(state=TestState.STOPPED, ended_at=at, words=words, keep=list(found.plan.arms), lost=[])
    )
    return get(conn, experiment_id)


def looks(conn: Connection, experiment_id: int) -> tuple[Look, ...]:
    """Return the looks at one, oldest first."""
    query = (
        select(experiment_looks)
        .where(experiment_looks.c.experiment_id == experiment_id)
        .order_by(experiment_looks.c.looked_at)
    )
    return tuple(
        Look(
            looked_at=row.looked_at, state=TestState(row.state), events=row.events, log_e=row.log_e, lead=row.lead,
            low=row.low, high=row.high, p_best=row.p_best,
        )
        for row in conn.execute(query)
    )  # fmt: skip


def days_between(earlier: datetime, later: datetime) -> float:
    """Return days, never under 0."""
    return max(0.0, (later.astimezone(UTC) - earlier.astimezone(UTC)).total_seconds() / 86_400)


def _read(conn: Connection, *where: Any, newest: int | None = None) -> tuple[Experiment, ...]:
    query = select(experiments).where(*where)
    query = (
        query.order_by(experiments.c.id) if newest is None else query.order_by(experiments.c.id.desc()).limit(newest)
    )
    return tuple(_experiment(row) for row in conn.execute(query))


def _experiment(row: Row[Any]) -> Experiment:
    plan = Plan(
        experiment_id=row.id, ad_set_id=row.ad_set_id, arms=tuple(row.arms), metric=Metric(row.metric),
        claim=Claim(row.claim), alpha=row.alpha, loss=row.loss, equal_within=row.equal_within, max_days=row.max_days,
        planned_events=row.planned_events, ends_on_pick=row.ends_on_pick,
    )  # fmt: skip
    return Experiment(
        plan=plan, account_id=AccountId(row.account_id), is_implicit=row.is_implicit, declared_by=row.declared_by,
        started_at=row.started_at, ended_at=row.ended_at, looked_at=row.looked_at, first_day=row.first_day,
        folded=(row.folded_day, row.folded_hour), state=TestState(row.state), keep=tuple(row.keep),
        lost=tuple(row.lost), words=row.words, evidence=row.evidence,
        known=None if row.known is None else State.from_json(row.known),
    )  # fmt: skip
