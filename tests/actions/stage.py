"""What the tests of the door start from: an account with a mirror, proposals, an executor over the fake platform."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, insert, update

from actions.door import Proposed, propose
from actions.executor import Executor
from actions.stop import close
from actions.timing import Timing
from domain.actions import IN_FLIGHT, Action, ActionKind, ActionState, Level, Mode, ObjectKind, Priority, Proposal
from domain.ids import AccountId, ActionId, PlatformAccountId, PrincipalId, StopId
from domain.objects import AccountInfo
from domain.permissions import Principal, Role
from models import accounts, ledger, ledger_reads
from models.tables import actions, ad_sets, ads, campaigns
from tests.actions.fake_platform import NOW, FakeClock, FakePlatform

# Deadlines that a busy machine keeps; waits are skipped by `end_waits`, naps are told by a monotonic clock of ours.
QUICK = Timing(
    lease_s=30.0,
    send_deadline_s=5.0,
    client_deadline_s=5.0,
    quarantine_create_s=0.05,
    quarantine_update_s=0.05,
    held_wait_s=0.0,
    retry_wait_s=0.0,
)
PATIENT = Timing()
ADMIN = Principal(id=PrincipalId(1), name="os:ann", role=Role.ADMIN)
_LIFE = {"effective_status": "ACTIVE", "created_at": NOW, "updated_at": NOW, "seen_at": NOW, "name": "thing"}


@dataclass
class Stage:
    """One account of campaign 1 with ad sets 11, 12, 13 (100.00 each, learned) and ads 111, 112, 113."""

    engine: Engine
    account_id: AccountId
    platform: FakePlatform
    clock: FakeClock

    @property
    def account(self) -> accounts.Account:
        with self.engine.begin() as conn:
            return accounts.get(conn, self.account_id)

    def change_account(self, **fields: object) -> None:
        with self.engine.begin() as conn:
            accounts.change(conn, self.account_id, **fields)

    def propose(self, *proposals: Proposal, run_id=None, now=None, **more: Any) -> Proposed:
        common = {"run_id": run_id, "now": now or self.clock.at, "actor": "test", **more}
        with self.engine.begin() as conn:
            return propose(conn, account=self.account, proposals=proposals, **common)

    def approve(self, proposal: Proposal) -> Action:
        """Propose one and expect it to be approved."""
        (action,) = self.propose(proposal).actions
        assert action.state is ActionState.APPROVED, action.state_reason
        return action

    def executor(
        self, timing: Timing = QUICK, checkpoint: Callable[[str], None] = lambda _: None, **more: Any
    ) -> Executor:
        return Executor(
            self.engine,
            lambda _: self.platform.client,
            lambda _: self.clock,
            more.pop("owner", "executor-1"),
            timing,
            checkpoint,
            **more,
        )

    def get(self, action: Action | ActionId) -> Action:
        with self.engine.begin() as conn:
            found = ledger.get(conn, action.id if isinstance(action, Action) else action)
        assert found is not None
        return found

    def machinery(self, action: Action) -> ledger_reads.Machinery:
        with self.engine.begin() as conn:
            found = ledger_reads.machinery(conn, action.id)
        assert found is not None
        return found

    def events(self, action: Action) -> list[str]:
        with self.engine.begin() as conn:
            return [line.event for line in ledger.events(conn, action.id)]

    def stop(self, account_id: AccountId | None = None, *, pauses: bool = False, reason: str = "drill") -> StopId:
        """Close the fence, of all accounts unless told."""
        return close(self.engine, account_id=account_id, reason=reason, actor="os:ann", pauses=pauses).stop.id

    def settle(self, action: Action | ActionId) -> ActionState:
        """Let an executor look as often as it takes until the action is settled, every wait being over."""
        for _ in range(5):
            self.end_waits()
            state = self.executor().execute(action.id if isinstance(action, Action) else action)
            if state not in IN_FLIGHT:
                return state
        raise AssertionError(f"still {state} after five looks")

    def end_waits(self) -> None:
        """Let every lease, wait and quarantine be over, without waiting for it."""
        with self.engine.begin() as conn:
            conn.execute(update(actions).values(next_at=actions.c.created_at, lease_until=actions.c.created_at))


def set_stage(engine: Engine, *, platform_account_id: str = "act_1", ad_set_count: int = 3) -> Stage:
    info = AccountInfo(
        id=PlatformAccountId(platform_account_id),
        name="Shop",
        currency="USD",
        zone="UTC",
        is_active=True,
        status_text="",
        minimum_daily_budget_minor=100,
    )
    clock = FakeClock()
    platform = FakePlatform(clock=clock)
    with engine.begin() as conn:
        account_id = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
        accounts.change(conn, account_id, tree_read_at=NOW, insights_read_at=NOW, activities_read_at=NOW)
        common = {"account_id": account_id, "status": "active", **_LIFE}
        conn.execute(insert(campaigns), [{**common, "id": "1", "objective": "SALES", "daily_budget_minor": None}])
        for number in range(1, ad_set_count + 1):
            row = {"campaign_id": "1", "optimization_goal": "X", "learning": "done", "daily_budget_minor": 10_000}
            conn.execute(insert(ad_sets), [{**common, **row, "id": f"1{number}"}])
            row = {"campaign_id": "1", "ad_set_id": f"1{number}", "creative_id": None}
            conn.execute(insert(ads), [{**common, **row, "id": f"11{number}"}])
            platform.objects[f"1{number}"] = {"status": "active", "daily_budget_minor": 10_000, "name": "thing"}
            platform.objects[f"11{number}"] = {"status": "active", "name": "thing"}
    return Stage(engine=engine, account_id=account_id, platform=platform, clock=clock)


def budget(object_id: str = "11", target: int = 12_000, before: int = 10_000, **more: Any) -> Proposal:
    return _proposal(
        kind=ActionKind.SET_DAILY_BUDGET,
        object_kind=ObjectKind.AD_SET,
        object_id=object_id,
        expected_before={"daily_budget_minor": before},
        target={"daily_budget_minor": target},
        **more,
    )


def pause(object_id: str = "111", object_kind: ObjectKind = ObjectKind.AD, **more: Any) -> Proposal:
    values: dict[str, Any] = {"kind": ActionKind.PAUSE, "object_kind": object_kind, "object_id": object_id}
    return _proposal(**{**values, "expected_before": {"status": "active"}, "target": {"status": "paused"}, **more})


def activate(object_id: str, kind: ObjectKind = ObjectKind.AD_SET, **more: Any) -> Proposal:
    values: dict[str, Any] = {"kind": ActionKind.ACTIVATE, "object_kind": kind, "object_id": object_id}
    return _proposal(**{**values, "expected_before": {"status": "paused"}, "target": {"status": "active"}, **more})


def create(**more: Any) -> Proposal:
    target = {"name": "New", "objective": "OUTCOME_SALES", "status": "paused"}
    values: dict[str, Any] = {"object_kind": ObjectKind.CAMPAIGN, "object_id": "act_1", "target": target}
    return _proposal(**{**values, "kind": ActionKind.CREATE_CAMPAIGN, "expected_before": {}, **more})


def mark_fatigued(object_id: str = "111") -> Proposal:
    return _proposal(
        kind=ActionKind.MARK_FATIGUED,
        object_kind=ObjectKind.AD,
        object_id=object_id,
        expected_before={},
        target={},
        rule="fatigue",
    )


def _proposal(**values: Any) -> Proposal:
    defaults: dict[str, Any] = {
        "object_name": "thing",
        "rule": "roas",
        "priority": Priority.ROAS,
        "reason": "ROAS 4.0 over 3.0",
        "evidence": {},
    }
    return Proposal(**{**defaults, **values})
