"""Many executors and many raises at once: at no instant does the platform hold more than the account's cap."""

import threading

from sqlalchemy import update

from domain.actions import ActionState, ObjectKind
from models import ledger
from models.tables import actions
from tests.actions.fake_platform import take_effect
from tests.actions.stage import PATIENT, budget, set_stage


def test_sixteen_threads_that_raise_never_pass_the_account_cap(engine):
    """16 raises of 20.00 were approved; then the cap was set to leave room for four of them."""
    count, highest = 16, []
    stage = set_stage(engine, ad_set_count=count)
    approved = [stage.approve(budget(f"1{number}")) for number in range(1, count + 1)]
    with engine.begin() as conn:  # as if each had been approved before the others' reservations were counted
        conn.execute(update(actions).values(cap_reserved_minor=0))
    stage.change_account(max_total_daily_spend_minor=count * 10_000 + 4 * 2_000)
    start = threading.Barrier(count)

    def weigh(platform, request):
        object_id = take_effect(platform, request)
        highest.append(sum(values.get("daily_budget_minor", 0) for values in list(platform.objects.values())))
        return object_id

    stage.platform.writes = [weigh] * count

    def run(number: int) -> None:
        start.wait()
        stage.executor(PATIENT, owner=f"executor-{number}").execute(approved[number].id)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    states = [stage.get(action).state for action in approved]
    assert max(highest) == count * 10_000 + 4 * 2_000
    assert (states.count(ActionState.APPLIED), states.count(ActionState.BLOCKED)) == (4, 12)


def test_a_raise_whose_outcome_is_unknown_keeps_its_room(engine):
    stage = set_stage(engine)
    stage.change_account(max_total_daily_spend_minor=32_000)
    first = stage.approve(budget("11"))

    def lose(platform, request):
        raise TimeoutError

    stage.platform.writes = [lose]
    assert stage.executor(PATIENT).execute(first.id) is ActionState.UNKNOWN
    (second,) = stage.propose(budget("12")).actions
    assert second.state is ActionState.BLOCKED
    for state in (ActionState.UNKNOWN, ActionState.NOT_APPLIED):  # an update is looked for twice
        stage.end_waits()
        assert stage.executor(PATIENT).execute(first.id) is state
    (third,) = stage.propose(budget("12")).actions
    assert third.state is ActionState.APPROVED
    with engine.begin() as conn:
        assert len(ledger.listing(conn, stage.account_id)) == 3
    assert third.object_kind is ObjectKind.AD_SET
