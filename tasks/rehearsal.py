"""What the next cycles would do, without doing it; and one step of a cycle by itself, for who looks closely."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from actions import door
from domain.actions import Action, Json, JsonMap
from domain.catalogue import Rhythm, rhythm
from domain.errors import BadInputError
from domain.ids import AccountId
from models import accounts, run_history
from models.accounts import Account
from tasks import collector, full_cycle, optimization
from tasks.full_cycle import Judged
from workers.bootstrap import House, limits_of
from workers.planner import plan_asked
from workers.schedule import wanted_rhythms
from workers.serve import serve

CYCLE = "full_cycle"
OPTIMIZER = "optimization"
STEPS: Mapping[str, str] = {
    "collection": full_cycle.COLLECTION,
    "decisions": full_cycle.DECISIONS,
    "api_actions": full_cycle.API_ACTIONS,
    "finalize": full_cycle.FINALIZE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerRehearsal:
    """What the optimizer would propose after the cycle's own actions, or why it declines; nothing is written."""

    declined: str | None
    gain_minor: float  # expected a day, of all its steps
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a cycle would propose as of `as_of`, judged by the door, with states it would have; nothing is written.

    `actions` carry ids that were rolled back with the rows: they name nothing.
    """

    account: Account
    as_of: datetime
    judged: Judged
    actions: tuple[Action, ...]
    optimizer: OptimizerRehearsal

    @property
    def declined(self) -> str | None:
        """Why nothing would be decided, if so."""
        return self.judged.decided.declined

    @property
    def stats(self) -> dict[str, Json]:
        """The figures that the cycle would record."""
        return full_cycle.figures_of(self.judged.snapshot) | full_cycle.outcomes_of(self.actions)


def plan(house: House, account_id: AccountId) -> Rehearsal:
    """Decide and judge as the next cycle would, in a transaction that is rolled back.

    Where the data is older than the cycle bears, which would collect first, the instant of the last reading is taken.

    Raises:
        NotReadyError: no such account, or its platform's clock cannot be read.
    """
    with house.engine.connect() as conn, conn.begin() as transaction:
        account = accounts.get(conn, account_id)
        cycle = _rhythm(account)
        as_of = instant(account, cycle, house.clock_of(account).now())
        judged = full_cycle.judge(conn, account, cycle, as_of, limits=limits_of(house.settings))
        proposed = full_cycle.propose(
            conn, account, judged.decided, now=as_of, settings=house.settings, run_id=None, actor="rehearsal"
        )  # fmt: skip
        optimizer = _optimizer(house, conn, account, as_of)
        transaction.rollback()
    return Rehearsal(account=account, as_of=as_of, judged=judged, actions=proposed.actions, optimizer=optimizer)


def _optimizer(house: House, conn: Connection, account: Account, as_of: datetime) -> OptimizerRehearsal:
    judged = optimization.judge(conn, account, as_of, doors=limits_of(house.settings))
    if judged.plan is None:
        return OptimizerRehearsal(declined=judged.declined, gain_minor=0.0, actions=())
    proposed = door.propose(
        conn, account=account, run_id=None, now=as_of, proposals=judged.plan.proposals, module=OPTIMIZER,
        actor="rehearsal", limits=limits_of(house.settings),
    )  # fmt: skip
    return OptimizerRehearsal(declined=None, gain_minor=judged.plan.gain_minor, actions=proposed.actions)


def step(house: House, account_id: AccountId, name: str, *, asked_by: str) -> JsonMap:
    """Do one step by itself. Only "collection" changes anything; it is recorded as a run that somebody asked for.

    Raises:
        BadInputError: there is no step of that name.
        NotReadyError: no such account, or its platform does not answer.
    """
    shows: Mapping[str, Callable[[Rehearsal], JsonMap]] = {
        "decisions": _decisions,
        "api_actions": _api_actions,
        "finalize": lambda rehearsal: rehearsal.stats,
    }
    if name == "collection":
        return _collection(house, account_id, asked_by)
    if name not in shows:
        raise BadInputError(f'no step "{name}"; there are {", ".join(STEPS)}')
    return shows[name](plan(house, account_id))


def _collection(house: House, account_id: AccountId, asked_by: str) -> JsonMap:
    with house.engine.begin() as conn:
        account = accounts.get(conn, account_id)
    cycle = _rhythm(account)
    run_id = plan_asked(house, cycle.name, account, asked_by=f"{asked_by}, step collection")
    rhythms = wanted_rhythms(house.settings)
    served = serve(house, run_id, collector.run, rhythm=cycle, rhythms=rhythms, owner=asked_by)
    with house.engine.begin() as conn:
        logs = run_history.logs(conn, run_id)
    outputs: dict[str, Json] = {log.action: dict(log.output_snapshot) for log in logs}
    return {"run": run_id, "state": served.state, "reason": served.reason, **outputs}


def _decisions(rehearsal: Rehearsal) -> JsonMap:
    wanted: list[Json] = [
        {"kind": row.kind, "object": row.object_id, "name": row.object_name, "rule": row.rule, "reason": row.reason}
        for row in rehearsal.judged.decided.proposals
    ]
    return {"as_of": rehearsal.as_of.isoformat(), "declined": rehearsal.declined, "proposals": wanted}


def _api_actions(rehearsal: Rehearsal) -> JsonMap:
    judged: list[Json] = [
        {
            "kind": row.kind,
            "object": row.object_id,
            "name": row.object_name,
            "before": dict(row.expected_before),
            "target": dict(row.target),
            "state": row.state,
            "reason": row.reason,
            "state_reason": row.state_reason,
        }
        for row in rehearsal.actions
    ]
    return {"as_of": rehearsal.as_of.isoformat(), "declined": rehearsal.declined, "actions": judged}


def _rhythm(account: Account) -> Rhythm:
    return rhythm(f"{account.platform}.{CYCLE}")


def instant(account: Account, cycle: Rhythm, now: datetime) -> datetime:
    """As of when to rehearse: now, or the last reading where a cycle would collect anew first."""
    read = [at for at in (account.tree_read_at, account.insights_read_at) if at is not None]
    is_stale = len(read) == 2 and min(read) < now - cycle.cycle.freshness  # noqa: PLR2004 - both were read
    return max(read) if is_stale else now
