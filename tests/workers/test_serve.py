"""A delivery of a run: claimed once, looked at between steps, its outcome recorded whatever the body does."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from sqlalchemy import text

from domain.calls import current_pair
from domain.catalogue import RHYTHMS, rhythm
from domain.errors import NeedsPersonError, RefusedError, ThrottledError, TransientError
from domain.health import RunState
from domain.ids import ActionId
from models import accounts, fence, module_states, run_history
from models.module_states import Desired
from models.run_history import LogEntry
from tests.workers.conftest import SLOT
from workers.serve import serve

CYCLE = rhythm("meta.full_cycle")
TOKEN = "EAAB" + "x1" * 20


def _serve(house, run_id, body, owner="worker@a/1/x", of=CYCLE):
    return serve(house, run_id, body, rhythm=of, rhythms=RHYTHMS, owner=owner)


def _get(engine, run_id):
    with engine.begin() as conn:
        return run_history.get(conn, run_id)


def _nothing(_work):
    return None


def _raising(error):
    def body(_work):
        raise error

    return body


def test_a_run_that_ends_well_is_recorded_with_its_steps_and_figures(house, engine, plan):
    run_id = plan()

    def body(work):
        with work.step("step_1_collection"):
            work.stats["ads_active"] = 4
        work.write_logs([LogEntry(step="ab_decision", action="pause_loser")])

    served = _serve(house, run_id, body)

    run = _get(engine, run_id)
    assert served.state is run.state is RunState.SUCCEEDED
    assert [step["step"] for step in run.steps_executed] == ["step_1_collection"]
    assert run.stats_snapshot == {"ads_active": 4}
    assert run.duration_ms is not None
    assert run.worker == "worker@a"
    with engine.begin() as conn:
        assert [log.action for log in run_history.logs(conn, run_id)] == ["pause_loser"]


def test_any_number_of_deliveries_at_once_does_the_body_once(house, engine, plan):
    run_id, done, all_in = plan(), [], Event()

    def body(_work):
        all_in.wait(5)
        done.append(1)

    def deliver(number):
        served = _serve(house, run_id, body, owner=f"w{number}")
        all_in.set()  # whoever comes away first was refused: the body waits for that
        return served

    with ThreadPoolExecutor(6) as pool:
        served = list(pool.map(deliver, range(6)))

    assert done == [1]
    assert sum(one.state is RunState.SUCCEEDED for one in served) == 1
    assert _get(engine, run_id).attempts == 1


def test_a_delivery_of_an_ended_or_unknown_run_does_nothing(house, plan):
    run_id = plan()
    _serve(house, run_id, _nothing)

    assert _serve(house, run_id, _raising(AssertionError)).state is None
    assert _serve(house, run_id + 1000, _raising(AssertionError)).state is None


def test_errors_that_do_not_end_the_run_make_it_partial(house, engine, plan):
    run_id = plan()
    _serve(house, run_id, lambda work: work.note_error("step_1_collection", RefusedError("no such field")))

    run = _get(engine, run_id)
    assert run.state is RunState.PARTIAL
    assert run.errors == [{"step": "step_1_collection", "error": "RefusedError", "message": "no such field"}]


@pytest.mark.parametrize("error", [NeedsPersonError("the token has expired"), ValueError("a bug"), KeyError("bug")])
def test_what_another_attempt_cannot_mend_fails_at_once_with_the_reason(house, engine, plan, error):
    run_id = plan()
    _serve(house, run_id, _raising(error))

    run = _get(engine, run_id)
    assert run.state is RunState.FAILED
    assert run.reason == f"{type(error).__name__}: {error}"


def test_what_passes_is_tried_three_times_and_then_failed(house, engine, plan):
    run_id = plan()
    states = []
    for _attempt in range(3):
        _serve(house, run_id, _raising(TransientError("connection reset")))
        states.append(_get(engine, run_id).state)

    assert states == [RunState.PLANNED, RunState.PLANNED, RunState.FAILED]


def test_a_throttled_account_is_put_back_with_the_platform_s_time_and_keeps_its_attempts(house, engine, plan):
    run_id = plan()
    for _delivery in range(5):
        _serve(house, run_id, _raising(ThrottledError("too many calls", retry_after_s=300.0)))

    run = _get(engine, run_id)
    assert (run.state, run.attempts) == (RunState.PLANNED, 0)
    with engine.begin() as conn:
        wait_s = conn.execute(text("SELECT extract(epoch FROM ring_at - clock_timestamp()) FROM runs")).scalar()
    assert 290 < wait_s <= 300


def test_a_module_stopped_in_mid_run_ends_it_at_the_next_step(house, engine, plan):
    run_id, reached = plan(), []

    def body(work):
        with work.step("step_1_collection"), engine.begin() as conn:
            module_states.set_desired(conn, ["meta.full_cycle"], Desired.STOPPED, reason="drill", changed_by="ana")
        with work.step("step_2_decisions"):
            reached.append("step_2_decisions")

    _serve(house, run_id, body)

    run = _get(engine, run_id)
    assert (run.state, run.reason) == (RunState.STOPPED, "module meta.full_cycle is stopped")
    assert reached == []


def test_a_module_restarted_in_mid_run_has_it_begin_anew_at_once_and_only_once(house, engine, plan):
    run_id, attempts = plan(), []

    def body(work):
        attempts.append(work.run.attempts)
        with work.step("step_1_collection"):
            if len(attempts) == 1:
                with engine.begin() as conn:
                    module_states.restart(conn, ["meta.full_cycle"], reason="it hangs", changed_by="ana")
        with work.step("step_2_decision"):
            pass

    served = _serve(house, run_id, body)
    run = _get(engine, run_id)
    assert (served.state, run.attempts) == (RunState.PLANNED, 0)
    assert run.reason.startswith("module meta.full_cycle was restarted at ")
    assert run.ring_at <= run.created_at + timedelta(minutes=1)

    assert _serve(house, run_id, body).state is RunState.SUCCEEDED
    assert attempts == [1, 1]


def test_calls_of_a_run_are_made_in_the_name_of_its_pair(house, plan):
    names = []
    _serve(house, plan(), lambda _work: names.append(current_pair()))
    assert (names, current_pair()) == (["meta.full_cycle"], "")


def test_a_paused_account_and_a_closed_fence_end_a_run_before_it_begins(house, engine, account, plan):
    paused = plan()
    with engine.begin() as conn:
        accounts.change(conn, account.id, is_paused=True)
    _serve(house, paused, _raising(AssertionError))
    fenced = plan(task="meta.collector")
    with engine.begin() as conn:
        accounts.change(conn, account.id, is_paused=False)
        fence.close(conn, None, reason="spend spike")
    _serve(house, fenced, _raising(AssertionError), of=rhythm("meta.collector"))

    assert _get(engine, paused).reason == "account Shop is paused"
    assert _get(engine, fenced).reason == "the fence is closed: spend spike"


def test_a_worker_that_lost_its_claim_writes_nothing_more(house, engine, plan):
    run_id = plan()

    def body(work):
        with engine.begin() as conn:  # its lease ran out, and another worker came
            conn.execute(text("UPDATE runs SET lease_owner = 'another'"))
        with work.step("step_1_collection"):
            raise AssertionError

    assert _serve(house, run_id, body).state is None
    assert _get(engine, run_id).lease_owner == "another"


def test_a_transaction_whose_claim_is_lost_rolls_back(house, engine, plan):
    run_id = plan()

    def body(work):
        with work.load() as conn:
            work.log_in(conn, [LogEntry(step="s", action="written by a ghost")])
            with engine.begin() as other:
                other.execute(text("UPDATE runs SET lease_owner = 'another'"))

    _serve(house, run_id, body)
    with engine.begin() as conn:
        assert run_history.logs(conn, run_id) == ()


def test_bells_ring_after_the_commit_and_not_without_one(house, plan):
    heard = []

    def body(work):
        with work.transaction():
            work.ring_action_after("meta.actions", ActionId(1), "pause ad 1")
            heard.append(list(house.doorbell.actions))
        with work.transaction():
            work.ring_action_after("meta.actions", ActionId(2), "pause ad 2")
            raise RefusedError("rolled back")

    _serve(house, plan(), body)

    assert heard == [[]]
    assert house.doorbell.actions == [("meta.actions", ActionId(1))]


def test_a_process_told_to_end_hands_its_run_over(house, engine, plan):
    run_id = plan()
    with pytest.raises(SystemExit):
        _serve(house, run_id, _raising(SystemExit(0)))

    run = _get(engine, run_id)
    assert (run.state, run.reason) == (RunState.PLANNED, "its worker was stopped in mid-run")


def test_the_end_of_a_run_rings_for_those_that_waited_for_it(house, plan):
    collector, cycle = plan(task="meta.collector"), plan()

    assert _serve(house, cycle, _raising(AssertionError)).reason == "waiting"
    _serve(house, collector, _nothing, of=rhythm("meta.collector"))

    assert house.doorbell.runs == [("meta.full_cycle", cycle)]
    assert _serve(house, cycle, _nothing).state is RunState.SUCCEEDED


def test_a_run_that_found_another_of_its_account_at_work_is_rung_for_when_that_one_ends(house, plan):
    """`stakazo up` after a Ctrl-C in mid-cycle stood still for a minute: nobody rang until the tower did."""
    earlier, later, last = plan(), plan(slot_at=SLOT + timedelta(minutes=30)), plan(slot_at=SLOT + timedelta(hours=1))

    def body(_work):
        assert _serve(house, later, _raising(AssertionError), owner="another").reason == "busy"

    _serve(house, earlier, body)
    assert house.doorbell.runs == [("meta.full_cycle", later)]
    _serve(house, later, _nothing)
    assert house.doorbell.runs[1:] == [("meta.full_cycle", last)]


def test_a_run_that_was_put_back_keeps_its_own_time(house, plan):
    throttled, other = plan(), plan(slot_at=SLOT + timedelta(minutes=30))
    _serve(house, throttled, _raising(ThrottledError("too many calls", retry_after_s=300.0)))
    house.doorbell.runs.clear()

    _serve(house, other, _nothing)

    assert house.doorbell.runs == []


def test_no_token_reaches_the_recorded_reason(house, engine, plan):
    run_id = plan()
    _serve(house, run_id, _raising(ValueError(f"bad answer to {TOKEN}")))

    run = _get(engine, run_id)
    assert TOKEN not in run.reason + str(run.errors)


def test_a_run_whose_postgres_session_was_cut_is_tried_again(house, engine, plan):
    run_id = plan()

    def body(work):
        with work.transaction() as conn:
            conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    served = _serve(house, run_id, body)

    assert served.state is RunState.PLANNED
    assert _get(engine, run_id).reason.startswith(("OperationalError", "AdminShutdown"))
    assert _serve(house, run_id, _nothing).state is RunState.SUCCEEDED
