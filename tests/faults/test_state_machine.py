"""The door as a state machine under random histories: proposals, deliveries, failures, edits, stops, clocks.

Judged after each step by the fake platform's oracle and by the sums over the ledger.
"""

import itertools
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, update

from actions import stop
from domain.actions import IN_FLIGHT, TERMINAL, ActionKind, ActionState, is_legal
from domain.errors import NotSentError, RefusedError, ThrottledError, UnknownOutcomeError
from models import fence, ledger
from models.tables import actions
from tests.actions.fake_platform import fail, say_done_only, take_effect, take_effect_then_fail
from tests.actions.stage import QUICK, budget, create, pause, set_stage

WAYS = {
    "works": take_effect,
    "answer lost": take_effect_then_fail,
    "lies": say_done_only,
    "lost": fail(UnknownOutcomeError("reset")),
    "refused": fail(RefusedError("no", code=100)),
    "no route": fail(NotSentError("no route")),
    "throttled": fail(ThrottledError("slow down", retry_after_s=0.0)),
}
AD_SETS, ADS = ("11", "12", "13"), ("111", "112", "113")
CAP_MINOR = 33_000  # three ad sets of 100.00 run: room for 30.00 more
NUMBERS = iter(range(10**9))


def _raised(row):
    """By how much the action raises a daily budget; nothing is given back for a cut before it is seen."""
    name = "daily_budget_minor"
    return max(0, row.target[name] - row.expected_before[name]) if row.kind == ActionKind.SET_DAILY_BUDGET else 0


class Door(RuleBasedStateMachine):
    """One account with a cap; everything that may happen to its actions, in any order."""

    engine = None

    @initialize()
    def open_account(self):
        with self.engine.begin() as conn:
            fence.open_(conn, None)
        self.stage = set_stage(self.engine, platform_account_id=f"act_{next(NUMBERS)}")
        self.stage.change_account(max_total_daily_spend_minor=CAP_MINOR)
        self.wanted = {}
        self.edited = set()

    @rule(ad_set=st.sampled_from(AD_SETS), percent=st.integers(-20, 20).filter(bool))
    def propose_budget(self, ad_set, percent):
        before = self.stage.platform.objects[ad_set]["daily_budget_minor"]
        self._propose(budget(ad_set, before + before * percent // 100, before))

    @rule(ad=st.sampled_from(ADS))
    def propose_pause(self, ad):
        self._propose(pause(ad))

    @rule(number=st.integers(0, 3))
    def propose_create(self, number):
        target = {"name": f"New {number}", "objective": "OUTCOME_SALES", "status": "paused"}
        self._propose(create(target=target))

    def _propose(self, proposal):
        for action in self.stage.propose(proposal).actions:
            self.wanted[action.id] = action

    @precondition(lambda self: self.wanted)
    @rule(data=st.data(), way=st.sampled_from(sorted(WAYS)), deliveries=st.integers(1, 3))
    def deliver(self, data, way, deliveries):
        self._deliver(data.draw(st.sampled_from(sorted(self.wanted))), way, deliveries)

    @precondition(lambda self: self._open())
    @rule(data=st.data(), way=st.sampled_from(sorted(WAYS)), deliveries=st.integers(1, 3))
    def deliver_what_is_open(self, data, way, deliveries):
        self._deliver(data.draw(st.sampled_from(self._open())), way, deliveries)

    @precondition(lambda self: self._open())
    @rule(data=st.data(), way=st.sampled_from(("works", "answer lost", "lies", "lost")))
    def open_the_fence_and_deliver(self, data, way):
        self.open_the_fence()
        self._deliver(data.draw(st.sampled_from(self._open())), way, 1)

    def _open(self):
        return sorted(row.id for row in self._rows() if ActionState(row.state) in IN_FLIGHT)

    def _deliver(self, action_id, way, deliveries):
        self.stage.platform.writes = [WAYS[way]]
        for _ in range(deliveries):
            self.stage.executor(QUICK, most_at_once=1).execute(action_id)
        self.stage.platform.writes = []

    @rule()
    def let_waits_end(self):
        self.stage.end_waits()

    @rule(hours=st.integers(1, 30))
    def let_the_platforms_clock_go_on(self, hours):
        self.stage.clock.at += timedelta(hours=hours)
        at = self.stage.clock.at
        self.stage.change_account(tree_read_at=at, insights_read_at=at, activities_read_at=at)

    @rule(ad_set=st.sampled_from(AD_SETS), minor=st.integers(5_000, 10_000))
    def edit_by_hand(self, ad_set, minor):
        self.stage.platform.objects[ad_set]["daily_budget_minor"] = minor
        self.edited.add(ad_set)

    @rule()
    def close_the_fence(self):
        stop.close(self.engine, account_id=self.stage.account_id, reason="x", actor="test", timing=QUICK)

    @rule()
    def open_the_fence(self):
        with self.engine.begin() as conn:
            fence.open_(conn, self.stage.account_id)

    def _rows(self):
        with self.engine.begin() as conn:
            table = actions.c
            query = select(table.id, table.state, table.op_token, table.cap_reserved_minor, table.kind)
            query = query.add_columns(table.expected_before, table.target)
            return conn.execute(query.where(actions.c.account_id == self.stage.account_id)).all()

    @invariant()
    def nothing_takes_effect_twice(self):
        effects = Counter(token for token, _ in self.stage.platform.oracle if token != "by hand")
        assert not {token: count for token, count in effects.items() if count > 1}

    @invariant()
    def what_is_terminal_is_true_and_reserves_nothing(self):
        tokens = {token for token, _ in self.stage.platform.oracle}
        for row in self._rows():
            state = ActionState(row.state)
            assert state in IN_FLIGHT or row.cap_reserved_minor == 0
            if state in TERMINAL and state is not ActionState.APPLIED:
                assert row.op_token not in tokens, f"{state}, and yet it took effect"

    @invariant()
    def budgets_never_exceed_the_cap(self):
        running = sum(self.stage.platform.objects[ad_set]["daily_budget_minor"] for ad_set in AD_SETS)
        assert running <= CAP_MINOR

    @invariant()
    def reservations_are_the_sum_of_open_raises(self):
        rows = self._rows()
        raises = [_raised(row) for row in rows if ActionState(row.state) in IN_FLIGHT]
        assert sum(row.cap_reserved_minor for row in rows) == sum(raises)

    @invariant()
    def every_move_is_legal_and_follows_the_one_before(self):
        for action_id in self.wanted:
            with self.engine.begin() as conn:
                lines = ledger.events(conn, action_id)
            moves = [(line.before, line.after) for line in lines if line.before and line.before is not line.after]
            assert all(is_legal(before, after) for before, after in moves)
            assert all(first[1] is second[0] for first, second in itertools.pairwise(moves))


class Forgetful(Door):
    """A weaker door: an outcome that nobody knows gives its room under the cap back."""

    def _rows(self):
        with self.engine.begin() as conn:
            forget = update(actions).where(actions.c.state == ActionState.UNKNOWN).values(cap_reserved_minor=0)
            conn.execute(forget.where(actions.c.account_id == self.stage.account_id))
        return super()._rows()


def _run(machine, engine, *, most_steps, most_examples, **more):
    bound = type(f"Bound{machine.__name__}", (machine,), {"engine": engine})
    run_state_machine_as_test(
        bound,
        settings=settings(
            max_examples=most_examples,
            stateful_step_count=most_steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            **more,
        ),
    )


@pytest.mark.parametrize("most_steps", [25])
@pytest.mark.hypothesis  # its plugin marks no state machines; `make fuzz` takes what is marked
def test_no_history_breaks_the_state_machine_or_the_cap(engine, most_steps):
    _run(Door, engine, most_steps=most_steps, most_examples=25)


def test_the_same_histories_find_a_door_that_forgets_what_it_does_not_know(engine):
    with pytest.raises(AssertionError):
        _run(Forgetful, engine, most_steps=25, most_examples=50, phases=(Phase.generate,), database=None)
