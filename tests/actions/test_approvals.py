"""Approvals: what waits, who may say yes to what, what a yes is worth when the action is sent."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from actions import access, approvals
from domain.actions import ActionState, Level, Priority
from domain.errors import BadInputError, NotAllowedError, NotReadyError, NotSentError
from domain.permissions import Principal, Role
from models import fence, module_levels
from models.engine import make_engine
from models.tables import actions as action_rows
from models.tables import approvals as approval_rows
from tests.actions.fake_platform import fail
from tests.actions.stage import Stage, budget, pause

AWAITING, APPROVED, BLOCKED = ActionState.AWAITING_APPROVAL, ActionState.APPROVED, ActionState.BLOCKED
CANCELLED, APPLIED = ActionState.CANCELLED, ActionState.APPLIED


@dataclass
class House:
    """A stage at level propose with an admin, two managers and a viewer."""

    stage: Stage
    admin: Principal
    ana: Principal
    bob: Principal
    eve: Principal

    def give(self, action, by=None, **more):
        with self.stage.engine.begin() as conn:
            return approvals.give(conn, by or self.ana, action.id, reason="", **more)

    def reject(self, action, by=None):
        with self.stage.engine.begin() as conn:
            return approvals.reject(conn, by or self.ana, action.id, reason="not now")

    def withdraw(self, action, by=None):
        with self.stage.engine.begin() as conn:
            return approvals.withdraw(conn, by or self.ana, action.id)

    def ask(self, proposal=None, **more):
        (action,) = self.stage.propose(proposal or budget(), **more).actions
        assert action.state is AWAITING, action.state_reason
        return action

    def send(self, action):
        self.stage.end_waits()
        self.stage.executor().execute(action.id)
        return self.stage.get(action)


@pytest.fixture
def house(stage):
    stage.change_account(level=Level.PROPOSE)
    with stage.engine.begin() as conn:
        admin = access.enter(conn, token=None, system_user="root")

        def add(name, role):
            person, _ = access.add(conn, admin, name=name, role=role)
            return Principal(id=person.id, name=name, role=role)

        ana, bob, eve = add("ana", Role.MANAGER), add("bob", Role.MANAGER), add("eve", Role.VIEWER)
    return House(stage=stage, admin=admin, ana=ana, bob=bob, eve=eve)


def test_at_level_propose_nothing_is_sent_before_a_person_says_yes(house):
    action = house.ask()
    assert house.send(action).state is AWAITING
    assert house.stage.platform.oracle == []
    given = house.give(action)
    assert given.ring.action_id == action.id
    assert house.send(action).state is APPLIED
    assert [fields for _, fields in house.stage.platform.oracle] == [{"daily_budget_minor": 12_000}]


def test_what_waits_holds_no_room_under_the_cap_until_it_is_sent(house):
    house.stage.change_account(max_total_daily_spend_minor=32_000)
    first = house.ask()
    assert house.stage.machinery(first).cap_reserved_minor == 0
    second = house.ask(budget("12"))
    house.give(first)
    house.give(second)
    assert house.send(first).state is APPLIED
    blocked = house.send(second)
    assert blocked.state is BLOCKED
    assert len(house.stage.platform.oracle) == 1


def test_the_proposer_cannot_say_yes_to_their_own_request(house):
    action = house.ask(budget(priority=Priority.PERSON), actor="ana")
    with pytest.raises(NotAllowedError, match="ana proposed action"):
        house.give(action)
    assert house.give(action, house.bob).action.state is APPROVED


def test_a_viewer_decides_nothing(house):
    action = house.ask()
    for decide in (house.give, house.reject):
        with pytest.raises(NotAllowedError, match="eve is a viewer and lacks"):
            decide(action, house.eve)


def test_a_role_that_was_taken_away_meanwhile_decides_nothing(house):
    action = house.ask()
    with house.stage.engine.begin() as conn:
        access.change_role(conn, house.admin, "ana", Role.VIEWER)
    with pytest.raises(NotAllowedError):
        house.give(action)  # `ana` still says manager: the table does not


def test_a_yes_is_given_once(house):
    action = house.ask()
    house.give(action)
    with pytest.raises(BadInputError, match="does not wait for approval"):
        house.give(action, house.bob)


def test_a_no_cancels_and_is_heard_for_a_day(house):
    action = house.ask()
    assert house.reject(action).state_reason == "rejected by ana: not now"
    (again,) = house.stage.propose(budget()).actions
    assert again.state is BLOCKED
    assert "ana rejected what roas wants here" in again.state_reason
    house.ask(budget(rule="spike"))


def test_a_no_is_heard_at_level_auto_too(house):
    """Somebody said no; the account then goes by itself: it must not do just that without asking."""
    house.reject(house.ask(pause()))
    house.stage.change_account(level=Level.AUTO)
    (again,) = house.stage.propose(pause()).actions
    assert again.state is BLOCKED
    assert "ana rejected what roas wants here" in again.state_reason
    (of_a_person,) = house.stage.propose(pause(priority=Priority.PERSON, rule="person"), actor="bob").actions
    assert of_a_person.state is APPROVED


def test_a_withdrawn_yes_sends_nothing(house):
    action = house.ask()
    house.give(action)
    house.withdraw(action, house.bob)
    assert house.send(action).state is CANCELLED
    assert house.stage.platform.oracle == []
    with pytest.raises(BadInputError):
        house.withdraw(action)


def disable(conn, house, action):
    access.disable(conn, house.admin, "ana")


def demote(conn, house, action):
    access.change_role(conn, house.admin, "ana", Role.VIEWER)


def become_proposer(conn, house, action):
    conn.exec_driver_sql("SET LOCAL session_replication_role = replica")
    conn.execute(update(action_rows).where(action_rows.c.id == action.id).values(proposed_by="ana"))


def let_expire(conn, house, action):
    conn.exec_driver_sql("SET LOCAL session_replication_role = replica")
    conn.execute(update(approval_rows).values(expires_at=approval_rows.c.decided_at))


def use_up(conn, house, action):
    conn.execute(update(approval_rows).values(used_at=approval_rows.c.decided_at))


def change_target(conn, house, action):
    conn.exec_driver_sql("SET LOCAL session_replication_role = replica")
    row = update(action_rows).where(action_rows.c.id == action.id)
    conn.execute(row.values(target={"daily_budget_minor": 11_999}))


def forget(conn, house, action):
    conn.execute(delete(approval_rows))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (disable, "ana was disabled"),
        (demote, "ana is a viewer now"),
        (become_proposer, "ana proposed it"),
        (let_expire, "expired at"),
        (use_up, "was used already"),
        (change_target, "was for another request"),
        (forget, "none stands"),
    ],
)
def test_a_yes_that_no_longer_stands_sends_nothing_and_says_why(house, owner_database_url, spoil, words):
    """Spoilt by the owner of the database, who can put the triggers aside."""
    action = house.ask()
    house.give(action)
    owner = make_engine(owner_database_url)
    with owner.begin() as conn:
        spoil(conn, house, action)
    owner.dispose()
    after = house.send(action)
    assert (after.state, house.stage.platform.oracle) == (BLOCKED, [])
    assert words in after.state_reason


def test_even_without_the_check_the_database_sends_nothing_unapproved(house):
    """The last word: an action marked sent by a path that forgot to ask."""
    action = house.ask()
    house.give(action)
    with house.stage.engine.begin() as conn:
        conn.execute(update(approval_rows).values(withdrawn_at=approval_rows.c.decided_at))
    with pytest.raises(IntegrityError, match="needs an approval, and none stands"), house.stage.engine.begin() as conn:
        conn.execute(update(action_rows).where(action_rows.c.id == action.id).values(state="sent"))


def test_a_yes_is_given_back_when_nothing_was_sent_and_used_when_it_was(house):
    action = house.ask()
    house.give(action)
    house.stage.platform.writes.append(fail(NotSentError("no connection")))
    assert house.send(action).state is APPROVED
    assert used(house) is None
    assert house.send(action).state is APPLIED
    assert used(house) is not None


def used(house):
    with house.stage.engine.begin() as conn:
        return conn.execute(select(approval_rows.c.used_at)).scalar_one()


def test_a_yes_lives_as_long_as_it_was_given_for(house):
    action = house.ask()
    for life in (timedelta(0), timedelta(days=8)):
        with pytest.raises(BadInputError, match="an approval lives"):
            house.give(action, life=life)
    given = house.give(action, life=timedelta(minutes=10))
    with house.stage.engine.begin() as conn:
        decided_at = conn.execute(select(approval_rows.c.decided_at)).scalar_one()
    assert timedelta(minutes=9) < given.expires_at - decided_at < timedelta(minutes=11)


def test_what_nobody_answers_is_cancelled_after_a_day(house):
    early, late = house.ask(), house.ask(budget("12"))
    with house.stage.engine.begin() as conn:
        assert approvals.expire(conn) == 0
        conn.execute(
            update(action_rows)
            .where(action_rows.c.id == late.id)
            .values(created_at=action_rows.c.created_at - timedelta(hours=25))
        )
        assert approvals.expire(conn) == 1
    assert house.stage.get(late).state_reason == "nobody approved it within 24 h; the next cycle decides afresh"
    assert house.stage.get(early).state is AWAITING


def test_where_weeks_pass_in_minutes_the_platform_s_day_ends_what_nobody_answers(house):
    action = house.ask()
    with house.stage.engine.begin() as conn:
        assert approvals.expire_stepped(conn, action.decided_at + timedelta(hours=23)) == 0
        assert approvals.expire_stepped(conn, action.decided_at + timedelta(hours=24)) == 1
    assert house.stage.get(action).state is ActionState.CANCELLED


def test_the_same_request_again_is_counted_and_not_written(house):
    house.ask()
    again = house.stage.propose(budget())
    assert (again.actions, again.repeats) == ((), {"awaiting_approval": 1})


def test_a_newer_request_of_the_same_priority_takes_the_place(house):
    old = house.ask()
    new = house.ask(budget(target=11_000))
    cancelled = house.stage.get(old)
    assert (cancelled.state, cancelled.state_reason) == (
        *(CANCELLED, f"action {new.id} (roas) on the same object took its place"),
    )


def test_a_request_of_lower_priority_does_not_take_the_place(house):
    held = house.ask(budget(priority=Priority.AB_WINNER, rule="winner"))
    (blocked,) = house.stage.propose(budget(target=11_000)).actions
    assert blocked.state is BLOCKED
    assert f"action {held.id} (winner)" in blocked.state_reason
    assert house.stage.get(held).state is AWAITING


def test_at_level_approve_cuts_go_by_themselves_and_raises_wait(house):
    house.stage.change_account(level=Level.APPROVE)
    rows = house.stage.propose(budget(), budget("12", target=9_000), pause("113")).actions
    states = {row.object_id: row.state for row in rows}
    assert states == {"11": AWAITING, "12": APPROVED, "113": APPROVED}


def test_the_level_of_a_module_holds_where_it_is_lower(house):
    house.stage.change_account(level=Level.AUTO)
    with house.stage.engine.begin() as conn:
        module_levels.put(conn, house.stage.account_id, "full_cycle", Level.PROPOSE, set_by="root")
    house.ask(module="full_cycle")
    (other,) = house.stage.propose(budget("12"), module="optimization").actions
    assert other.state is APPROVED


def test_a_level_that_was_lowered_after_the_decision_counts_at_the_send(house):
    house.stage.change_account(level=Level.AUTO)
    action = house.stage.approve(budget())
    house.stage.change_account(level=Level.PROPOSE)
    after = house.send(action)
    assert after.state is BLOCKED
    assert "at level propose, every change waits for approval" in after.state_reason
    assert house.stage.platform.oracle == []


def test_a_yes_beside_an_open_change_of_the_object_waits_for_its_outcome(house):
    action = house.ask()
    house.stage.change_account(level=Level.AUTO)
    house.stage.approve(pause("11", object_kind=action.object_kind, priority=Priority.FATIGUE))
    with pytest.raises(NotReadyError, match="another change of ad set 11 is under way"):
        house.give(action)
    assert house.stage.get(action).state is AWAITING


def test_a_yes_does_not_open_the_fence(house):
    action = house.ask()
    house.give(action)
    with house.stage.engine.begin() as conn:
        fence.close(conn, None, reason="drill")
    assert house.send(action).state is APPROVED
    assert house.stage.platform.oracle == []
