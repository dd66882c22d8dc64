"""The executor against a fake platform and a real ledger: every way a send can go, and where the action ends."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from actions.executor import STEPS
from domain.actions import ActionState, Mode, ObjectKind
from domain.errors import (
    GoneError,
    NeedsPersonError,
    NotSentError,
    RefusedError,
    ThrottledError,
    TransientError,
    UnknownOutcomeError,
)
from models import mirror
from models.tables import accounts
from tests.actions.fake_platform import (
    create_twice,
    fail,
    say_done_only,
    take_effect,
    take_effect_then_fail,
)
from tests.actions.stage import PATIENT, budget, create, pause

UNKNOWN = UnknownOutcomeError("read timed out", code=2, http_status=500)


def mirrored_budget(stage, ad_set_id="11"):
    with stage.engine.begin() as conn:
        rows = mirror.listing(conn, stage.account_id, ObjectKind.AD_SET)
    return next(row.daily_budget_minor for row in rows if row.id == ad_set_id)


def test_a_budget_change_is_applied_once_seen_and_our_mirror_follows(stage):
    action = stage.approve(budget())
    assert stage.machinery(action).cap_reserved_minor == 2_000
    assert stage.executor().execute(action.id) is ActionState.APPLIED
    assert stage.platform.objects["11"]["daily_budget_minor"] == 12_000
    assert mirrored_budget(stage) == 12_000
    held = stage.machinery(action)
    assert (held.cap_reserved_minor, held.lease_owner, held.sent_platform_at) == (0, None, stage.clock.at)
    assert stage.events(action) == ["proposed", "judged", "claimed", "sent", "applied"]


def test_every_step_is_passed_in_the_named_order(stage):
    seen = []
    stage.executor(checkpoint=seen.append).execute(stage.approve(budget()).id)
    assert tuple(seen) == STEPS


def test_the_write_is_absolute_and_says_whose_it_is(stage):
    action = stage.approve(pause())
    stage.executor().execute(action.id)
    (request,) = stage.platform.requests
    assert request.fields == {"status": "paused"}
    assert (request.object_id, request.parent_id) == ("111", None)
    assert request.request_id == f"action-{action.id}-1"


def test_a_create_goes_out_paused_with_its_token_and_is_recorded_with_its_id(stage):
    action = stage.approve(create())
    assert stage.executor().execute(action.id) is ActionState.APPLIED
    (request,) = stage.platform.requests
    assert (request.object_id, request.parent_id) == (None, "act_1")
    assert request.fields["status"] == "paused"
    assert request.op_token == action.op_token
    assert len(action.op_token) == 16
    assert stage.platform.objects[stage.get(action).result_object_id]["op_token"] == action.op_token


def test_a_create_that_was_made_twice_keeps_the_oldest_and_lists_the_other(stage):
    stage.platform.writes = [create_twice]
    action = stage.approve(create())
    assert stage.executor().execute(action.id) is ActionState.APPLIED
    oldest, other = sorted(key for key in stage.platform.objects if "op_token" in stage.platform.objects[key])
    assert stage.get(action).result_object_id == oldest
    assert stage.machinery(action).last_error == {"duplicates": [other]}
    assert stage.events(action)[-1] == "duplicate"
    assert all(stage.platform.objects[key]["status"] == "paused" for key in (oldest, other))


@pytest.mark.parametrize("error", [RefusedError("too low", code=100), NeedsPersonError("token expired", code=190)])
def test_a_refusal_is_final_and_frees_the_reservation(stage, error):
    stage.platform.writes = [fail(error)]
    action = stage.approve(budget())
    assert stage.executor().execute(action.id) is ActionState.REFUSED
    held = stage.machinery(action)
    assert held.cap_reserved_minor == 0
    assert held.last_error["code"] == error.code


@pytest.mark.parametrize("error", [NotSentError("no route"), ThrottledError("slow down", retry_after_s=0.0, code=17)])
def test_what_surely_had_no_effect_is_sent_again_later(stage, error):
    stage.platform.writes = [fail(error), take_effect]
    action = stage.approve(budget())
    assert stage.executor().execute(action.id) is ActionState.APPROVED
    held = stage.machinery(action)
    assert (held.cap_reserved_minor, held.sent_platform_at, held.lease_owner) == (2_000, None, None)
    assert stage.executor().execute(action.id) is ActionState.APPLIED
    assert len(stage.platform.oracle) == 1


def test_a_throttled_action_waits_as_long_as_the_platform_asks(stage):
    stage.platform.writes = [fail(ThrottledError("slow down", retry_after_s=600.0))]
    action = stage.approve(budget())
    stage.executor().execute(action.id)
    held = stage.machinery(action)
    assert 590 < (held.next_at - stage.get(action).created_at).total_seconds() < 620
    assert stage.executor().execute(action.id) is ActionState.APPROVED  # not due
    assert len(stage.platform.requests) == 1


@pytest.mark.parametrize("where", ["reads", "writes"])
def test_a_throttled_account_waits_as_a_whole(stage, where):
    error = ThrottledError("slow down", retry_after_s=600.0)
    setattr(stage.platform, where, [error if where == "reads" else fail(error)])
    first, other = stage.approve(budget()), stage.approve(pause())
    stage.executor().execute(first.id)
    calls = stage.platform.read_count
    assert stage.executor().execute(other.id) is ActionState.APPROVED
    assert stage.platform.read_count == calls


@pytest.mark.parametrize("error", [UNKNOWN, RuntimeError("a bug of the client")])
@pytest.mark.parametrize("wanted", [budget(), create()])
def test_an_unknown_outcome_waits_keeps_its_reservation_and_is_never_sent_again(stage, error, wanted):
    stage.platform.writes = [fail(error)]
    action = stage.approve(wanted)
    reserved = stage.machinery(action).cap_reserved_minor
    assert stage.executor(PATIENT).execute(action.id) is ActionState.UNKNOWN
    assert stage.machinery(action).cap_reserved_minor == reserved
    assert stage.executor(PATIENT).execute(action.id) is ActionState.UNKNOWN  # in quarantine
    assert stage.settle(action) is ActionState.NOT_APPLIED
    assert stage.machinery(action).cap_reserved_minor == 0
    assert (len(stage.platform.requests), stage.platform.oracle) == (1, [])


@pytest.mark.parametrize(("wanted", "minutes"), [(budget(), 2), (create(), 15)])
def test_the_quarantine_is_the_platforms_trait(stage, wanted, minutes):
    stage.platform.writes = [fail(UNKNOWN)]
    action = stage.approve(wanted)
    stage.executor(PATIENT).execute(action.id)
    held = stage.machinery(action)
    assert abs((held.next_at - held.quarantine_until).total_seconds()) < 0.01  # two readings of one clock
    assert 0 < (held.quarantine_until - stage.get(action).sent_at).total_seconds() - minutes * 60 < 30


@pytest.mark.parametrize(("mode", "seconds"), [(Mode.STUB, 3), (Mode.LIVE, 120)])
def test_a_shorter_quarantine_is_for_the_sandbox_alone(stage, mode, seconds):
    with stage.engine.begin() as conn:
        conn.execute(update(accounts).values(mode=mode))
    stage.platform.writes = [fail(UNKNOWN)]
    action = stage.approve(budget())
    stage.executor(replace(PATIENT, quarantine_stub_s=3.0)).execute(action.id)
    until = stage.machinery(action).quarantine_until
    assert 0 < (until - stage.get(action).sent_at).total_seconds() - seconds < 30


@pytest.mark.parametrize("wanted", [budget(), create()])
def test_an_effect_whose_answer_was_lost_is_found_after_the_quarantine(stage, wanted):
    stage.platform.writes = [take_effect_then_fail]
    action = stage.approve(wanted)
    assert stage.executor().execute(action.id) is ActionState.UNKNOWN
    stage.end_waits()
    assert stage.executor().execute(action.id) is ActionState.APPLIED
    assert len(stage.platform.oracle) == 1


@pytest.mark.parametrize("wanted", [budget(), create()])
def test_an_answer_alone_makes_nothing_applied(stage, wanted):
    stage.platform.writes = [say_done_only]
    action = stage.approve(wanted)
    assert stage.executor().execute(action.id) is ActionState.UNKNOWN
    assert stage.settle(action) is ActionState.NOT_APPLIED


def test_of_an_update_not_being_seen_is_believed_the_second_time_only(stage):
    """A late old write would overwrite a newer one, so that the object stays closed for another quarantine."""
    stage.platform.writes = [fail(UNKNOWN)]
    action = stage.approve(budget())
    stage.executor(PATIENT).execute(action.id)
    stage.end_waits()
    assert stage.executor(PATIENT).execute(action.id) is ActionState.UNKNOWN
    held = stage.machinery(action)
    assert (held.looks, held.cap_reserved_minor, stage.events(action)[-1]) == (1, 2_000, "not_seen")
    assert stage.executor(PATIENT).execute(action.id) is ActionState.UNKNOWN  # in quarantine again
    (newer,) = stage.propose(budget(target=11_000)).actions
    assert (newer.state, "open" in newer.state_reason) == (ActionState.BLOCKED, True)
    take_effect(stage.platform, stage.platform.requests[0])  # late, and seen all the same
    assert stage.settle(action) is ActionState.APPLIED


def test_of_a_create_one_look_is_enough(stage):
    stage.platform.writes = [fail(UNKNOWN)]
    action = stage.approve(create())
    stage.executor().execute(action.id)
    stage.end_waits()
    assert stage.executor().execute(action.id) is ActionState.NOT_APPLIED


def test_a_failed_read_back_settles_nothing(stage):
    stage.platform.writes = [take_effect_then_fail]
    action = stage.approve(budget())
    stage.executor().execute(action.id)
    stage.platform.reads = [TransientError("502"), ThrottledError("slow", retry_after_s=0.0), NeedsPersonError("token")]
    for _ in range(3):
        stage.end_waits()
        assert stage.executor().execute(action.id) is ActionState.UNKNOWN
    stage.end_waits()
    assert stage.executor().execute(action.id) is ActionState.APPLIED


def test_a_value_that_somebody_changed_is_a_conflict_and_stays(stage):
    stage.platform.objects["11"]["daily_budget_minor"] = 10_500
    action = stage.approve(budget())
    assert stage.executor().execute(action.id) is ActionState.CONFLICT
    assert "daily_budget_minor is 10500 on the platform, not 10000" in stage.get(action).state_reason
    assert stage.platform.requests == []


def test_what_already_is_as_wanted_is_applied_without_sending(stage):
    stage.platform.objects["111"]["status"] = "paused"
    action = stage.approve(pause())
    assert stage.executor().execute(action.id) is ActionState.APPLIED
    assert stage.platform.requests == []


def test_an_object_that_is_gone_is_refused_without_sending(stage):
    stage.platform.reads = [GoneError("no such object", code=100)]
    action = stage.approve(pause())
    assert stage.executor().execute(action.id) is ActionState.REFUSED
    assert stage.platform.requests == []


def test_a_precheck_that_fails_in_passing_is_tried_again(stage):
    stage.platform.reads = [TransientError("502")]
    action = stage.approve(pause())
    assert stage.executor().execute(action.id) is ActionState.APPROVED
    assert stage.executor().execute(action.id) is ActionState.APPLIED
