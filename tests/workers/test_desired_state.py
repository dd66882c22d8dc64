"""A stopped module's queue is not consumed: not by a worker that starts, not after Redis came back, not by drift."""

# ruff: noqa: PLR0917 - a test names every fixture that it needs

from domain import catalogue
from domain.health import RunState
from domain.modules import Lane
from models import module_states, run_history
from models.module_states import Desired

CYCLE, COLLECTOR = "meta.full_cycle", "meta.collector"
OTHERS = set(catalogue.queues(Lane.CYCLES)) - {CYCLE}


def _set(engine, desired):
    with engine.begin() as conn:
        module_states.set_desired(conn, [CYCLE], desired, reason="drill", changed_by="ana")


def _state(engine, run_id):
    with engine.begin() as conn:
        return run_history.get(conn, run_id).state


def _consumed(switchboard):
    return {name.partition("@")[0]: set(queues) for name, queues in switchboard.consuming().items()}


def test_a_stopped_module_stays_stopped_through_restarts_of_worker_and_redis(
    engine, own_redis, bell, switchboard, start_worker, plan, open_account, until
):
    _set(engine, Desired.STOPPED)
    stopped_run = plan(account=open_account(1))
    bell.ring_run(CYCLE, stopped_run, about="a shop, a slot")

    worker = start_worker(own_redis.url)
    until(lambda: _consumed(switchboard) == {"cycles": OTHERS}, "all but the stopped cycle is consumed", worker.log)
    own_redis.kill()
    own_redis.start()
    until(lambda: _consumed(switchboard) == {"cycles": OTHERS}, "the same after the outage", worker.log)
    other_run = plan(COLLECTOR, account=open_account(2))
    bell.ring_run(COLLECTOR, other_run, about="a shop, a slot")
    until(lambda: _state(engine, other_run) is RunState.SUCCEEDED, "the collector still works", worker.log)
    assert _state(engine, stopped_run) is RunState.PLANNED

    _set(engine, Desired.RUNNING)
    worker.stop()
    worker.start()
    bell.ring_run(CYCLE, stopped_run, about="a shop, a slot")
    until(lambda: _state(engine, stopped_run) is RunState.SUCCEEDED, "once started, it runs", worker.log)


def test_a_worker_that_cannot_read_the_desired_state_consumes_nothing_until_told(
    own_redis, switchboard, start_worker, until
):
    worker = start_worker(own_redis.url, DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")
    until(lambda: _consumed(switchboard) == {"cycles": set()}, "nothing is consumed", worker.log)

    (name,) = switchboard.consuming()
    switchboard.set_consuming(name, COLLECTOR, on=True)
    until(lambda: _consumed(switchboard) == {"cycles": {COLLECTOR}}, "told, it consumes", worker.log)
    switchboard.set_consuming(name, COLLECTOR, on=False)
    until(lambda: _consumed(switchboard) == {"cycles": set()}, "told again, it ceases", worker.log)


def test_the_switchboard_counts_what_waits(own_redis, bell, switchboard, plan):
    run_id = plan()
    bell.ring_run(CYCLE, run_id, about="a shop, a slot")
    bell.ring_run(CYCLE, run_id, about="a shop, a slot")

    assert switchboard.queue_lengths([CYCLE, COLLECTOR]) == {CYCLE: 2, COLLECTOR: 0}
