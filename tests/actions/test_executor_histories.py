"""Random histories: whatever fails, dies, is edited or fenced, in any order, the ledger and the platform agree."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from actions import dead
from actions.executor import STEPS
from domain.actions import IN_FLIGHT, TERMINAL, ActionState, is_legal
from domain.errors import (
    NeedsPersonError,
    NotSentError,
    RefusedError,
    ThrottledError,
    TransientError,
    UnknownOutcomeError,
)
from models import fence, ledger
from tests.actions.fake_platform import fail, say_done_only, take_effect, take_effect_then_fail
from tests.actions.stage import ADMIN, QUICK, budget, create, pause, set_stage

WAYS = {
    "works": take_effect,
    "answer lost": take_effect_then_fail,
    "lies": say_done_only,
    "lost": fail(UnknownOutcomeError("reset")),
    "refused": fail(RefusedError("no", code=100)),
    "no route": fail(NotSentError("no route")),
    "throttled": fail(ThrottledError("slow down", retry_after_s=0.0)),
}
WANTED = {"budget": budget(), "pause": pause(), "create": create()}
NUMBERS = itertools.count()


class Death(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


def make_turns():
    return st.lists(
        st.one_of(
            st.tuples(st.just("run"), st.sampled_from(["", *STEPS]), st.sampled_from(sorted(WAYS))),
            st.tuples(st.just("edit"), st.sampled_from([10_000, 10_500, 12_000]), st.just("")),
            st.tuples(st.just("fence"), st.booleans(), st.just("")),
            st.tuples(st.just("read fails"), st.integers(0, 1), st.just("")),
        ),
        min_size=1,
        max_size=8,
    )


def play(stage, action, turn) -> None:
    what, value, way = turn
    match what:
        case "run":
            stage.platform.writes = [WAYS[way]]
            stage.end_waits()
            run_until_death(stage, action, value)
        case "edit":
            stage.platform.objects["11"]["daily_budget_minor"] = value
        case "fence":
            with stage.engine.begin() as conn:
                fence.close(conn, stage.account_id, reason="x") if value else fence.open_(conn, stage.account_id)
        case "read fails":
            stage.platform.reads = [TransientError("502"), NeedsPersonError("token")][value : value + 1]


def run_until_death(stage, action, step: str) -> None:
    def die(passed: str) -> None:
        if passed == step:
            raise Death

    try:
        stage.executor(checkpoint=die).execute(action.id)
    except Death:
        return


def finish(stage, action) -> None:
    with stage.engine.begin() as conn:
        fence.open_(conn, stage.account_id)
    for _ in range(10):
        stage.platform.writes, stage.platform.reads = [], []
        if stage.get(action).state is ActionState.DEAD:  # as a person does who has looked
            with stage.engine.begin() as conn:
                dead.requeue(conn, ADMIN, action.id, reason="the machine had no memory")
        stage.end_waits()
        if stage.executor(QUICK).execute(action.id) in TERMINAL - {ActionState.DEAD}:
            return
    raise AssertionError("not terminal after 10 undisturbed runs")


@settings(max_examples=60)
@given(wanted=st.sampled_from(sorted(WANTED)), turns=make_turns())
def test_any_history_ends_with_at_most_one_effect_and_a_true_ledger(engine, wanted, turns):
    stage = set_stage(engine, platform_account_id=f"act_{next(NUMBERS)}")
    action = stage.approve(WANTED[wanted])
    for turn in turns:
        play(stage, action, turn)
        state = stage.get(action).state
        assert state in IN_FLIGHT | {ActionState.DEAD} or stage.machinery(action).cap_reserved_minor == 0
        assert len(stage.platform.oracle) <= 1
    edited = any(turn[0] == "edit" for turn in turns)
    finish(stage, action)
    state = stage.get(action).state
    if state is ActionState.APPLIED and not edited:
        assert len(stage.platform.oracle) == 1
    if stage.platform.oracle and not edited:
        assert state is ActionState.APPLIED
    with engine.begin() as conn:
        lines = ledger.events(conn, action.id)
    moves = [(line.before, line.after) for line in lines if line.before is not None and line.before is not line.after]
    assert all(is_legal(before, after) for before, after in moves)
    assert [after for _, after in moves][-1] is state
    assert all(first[1] is second[0] for first, second in itertools.pairwise(moves))
