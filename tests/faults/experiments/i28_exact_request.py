"""I-28: what was approved is what is sent, or nothing is: a row that differs from what was shown is refused."""

import random
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, update

from actions import approvals, steps
from actions.request import fingerprint
from domain.actions import Action, ActionState, Level
from domain.permissions import Principal, Role
from models import accounts, ledger_reads, principals
from models.engine import make_engine
from models.tables import actions as rows
from models.tables import approvals as answers
from tests.actions.stage import Stage, budget, set_stage
from tests.faults.guarantee import Guarantee, Outcome, Place

_AT_ONCE = 50  # ad sets of one account: each trial has its own
_UNTOUCHED_EVERY = 10  # so many trials change nothing: they must be sent, or nothing is shown
_Spoil = Callable[[Engine, Action], None]


def _mutations(dice: random.Random) -> dict[str, Any]:
    """One thing that somebody with the owner's rights may write into a row between the yes and the send."""
    return dice.choice(
        [
            {"target": {"daily_budget_minor": dice.randrange(8_000, 12_001)}},
            {"target": {"daily_budget_minor": 9_000, "status": "active"}},
            {"target": {"daily_budget_minor": 9_000, "name": "mine"}},
            {"expected_before": {"daily_budget_minor": 10_000, "status": "active"}},
            {"expected_before": {}},
            {"object_id": "1"},
            {"object_kind": "campaign"},
            {"kind": "activate", "target": {"status": "active"}},
            {"op_token": f"TOKEN{dice.randrange(10**12)}"},
        ]
    )


def _write(engine: Engine, action: Action, values: dict[str, Any]) -> None:
    with engine.begin() as conn:
        conn.exec_driver_sql("SET LOCAL session_replication_role = replica")  # the triggers look away
        conn.execute(update(rows).where(rows.c.id == action.id).values(**values))


def _leave_the_hash(engine: Engine, action: Action) -> None:
    """As it is: the approval keeps the hash of what was shown."""


def _follow_the_row(engine: Engine, action: Action) -> None:
    """Weaker: an approval is for an action's number, whatever its row says: its hash is always the row's."""
    with engine.begin() as conn:
        conn.exec_driver_sql("SET LOCAL session_replication_role = replica")
        now = ledger_reads.get(conn, action.id)
        assert now is not None
        account = accounts.get(conn, now.account_id).platform_account_id
        change = update(answers).where(answers.c.action_id == now.id)
        conn.execute(change.values(request_hash=fingerprint(now, account)))


def _approve(stage: Stage, ana: Principal, number: int) -> Action:
    (action,) = stage.propose(budget(f"1{number}", target=9_000)).actions
    if action.state is not ActionState.AWAITING_APPROVAL:
        raise AssertionError(f"was to wait for approval, and is {action.state}: {action.state_reason}")
    with stage.engine.begin() as conn:
        return approvals.give(conn, ana, action.id, reason="trial").action


def _try(stage: Stage, ana: Principal, number: int, dice: random.Random, spoil: _Spoil) -> str | None:
    """Approve, change the row before it is claimed or between claim and write-ahead, send; the oracle judges."""
    action = _approve(stage, ana, number)
    before = len(stage.platform.oracle)
    if number % _UNTOUCHED_EVERY == 0:
        stage.executor().execute(action.id)
        return None if len(stage.platform.oracle) == before + 1 else f"{number}: unchanged, and not sent"
    values = _mutations(dice)
    if values.get("target") == action.target:
        values = {"target": {"daily_budget_minor": 9_001}}
    is_late = dice.random() < 1 / 3

    def change(step: str = steps.PRECHECKED) -> None:
        if step == steps.PRECHECKED:
            _write(stage.engine, action, values)
            spoil(stage.engine, action)

    if not is_late:
        change()
    stage.executor(checkpoint=change if is_late else lambda _: None).execute(action.id)
    if len(stage.platform.oracle) == before:
        return None
    return f"{number}: sent {stage.platform.oracle[before:]} after {values} {'past the claim' if is_late else ''}"


def _run(place: Place, trials: int, spoil: _Spoil) -> Outcome:
    dice, violations = random.Random(place.seed), list[str]()
    for start in range(0, trials, _AT_ONCE):
        count = min(_AT_ONCE, trials - start)
        engine = make_engine(place.database_url(), pool_size=3)
        try:
            stage = set_stage(engine, ad_set_count=count)
            stage.change_account(level=Level.PROPOSE)
            with engine.begin() as conn:
                one = principals.add(conn, name="ana", role=Role.MANAGER, token_hash=None, created_by="i28")
            ana = Principal(id=one.id, name=one.name, role=one.role)
            for number in range(1, count + 1):
                problem = _try(stage, ana, number, dice, spoil)
                violations.extend([problem] if problem else [])
        finally:
            engine.dispose()
    return Outcome(trials=trials, violations=tuple(violations))


GUARANTEE = Guarantee(
    id="I-28",
    statement=(
        "What a person approved is what is sent: an action whose account, kind, object, values or token differ from"
        " what was shown is not sent."
    ),
    enforced_at="actions/approvals.py: missing_of, as it is written ahead; before it the trigger guard_action",
    refuted_by=(
        "rows changed by the database's owner with the triggers put aside, between the yes and the claim and between"
        " the claim and the write-ahead; every tenth is left alone and must be sent"
    ),
    short=40,
    full=1_000,
    experiment=lambda place, trials: _run(place, trials, _leave_the_hash),
    weaker={"the hash is not compared": lambda place, trials: _run(place, trials, _follow_the_row)},
    judge="the fake platform's oracle",
    not_promised="against an owner of the database who forges the approval's hash as well; the audit tells of it",
)
