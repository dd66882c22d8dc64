"""Many updates in one call: each has an outcome of its own, and what becomes of one harms no other."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from actions.executor import STEPS
from domain.actions import ActionState, Priority
from domain.errors import NotSentError, RefusedError, ThrottledError, TransientError, UnknownOutcomeError
from models import fence, ledger_reads
from models.tables import actions, ad_sets, ads, campaigns, quotas
from tests.actions.fake_platform import NOW, fail, say_done_only, take_effect, take_effect_then_fail
from tests.actions.stage import PATIENT, QUICK, budget, create, pause, set_stage

_S = ActionState
_LIFE = {"effective_status": "ACTIVE", "created_at": NOW, "updated_at": NOW, "seen_at": NOW, "name": "thing"}


@pytest.fixture
def shop(engine):
    """Six ad sets 11..16 of 100.00, each in a campaign of its own, and their ads 111..116."""
    return set_shop(engine, 6)


def set_shop(engine, count, **more):
    stage = set_stage(engine, ad_set_count=count, **more)
    with engine.begin() as conn:
        row = {"account_id": stage.account_id, "status": "active", "objective": "SALES", **_LIFE}
        conn.execute(insert(campaigns), [{**row, "id": f"c{number}"} for number in range(2, count + 1)])
        for number in range(2, count + 1):
            for table, object_id in ((ad_sets, f"1{number}"), (ads, f"11{number}")):
                mine = (table.c.account_id == stage.account_id, table.c.id == object_id)
                conn.execute(update(table).where(*mine).values(campaign_id=f"c{number}"))
    return stage


def raises(stage, count=6):
    return [stage.approve(budget(f"1{number}")) for number in range(1, count + 1)]


def states(stage, rows):
    return [stage.get(row).state for row in rows]


def without_reservations(stage):
    """As if each had been approved before the others' reservations were counted."""
    with stage.engine.begin() as conn:
        conn.execute(update(actions).values(cap_reserved_minor=0))


def test_what_is_due_goes_out_in_one_call_with_one_reading_before_and_one_after(shop):
    rows = raises(shop)
    assert shop.executor().execute(rows[3].id) is _S.APPLIED
    assert states(shop, rows) == [_S.APPLIED] * 6
    assert (shop.platform.batches, shop.platform.read_count) == ([6], 2)
    assert [shop.platform.objects[f"1{n}"]["daily_budget_minor"] for n in range(1, 7)] == [12_000] * 6
    for row in rows:
        assert shop.events(row) == ["proposed", "judged", "claimed", "sent", "applied"]
        assert shop.machinery(row).cap_reserved_minor == 0


def test_a_batch_passes_the_same_steps_as_a_single_action(shop):
    seen = []
    shop.executor(checkpoint=seen.append).execute(raises(shop)[0].id)
    assert tuple(seen) == STEPS


def test_the_mirror_follows_all_of_them(shop):
    shop.executor().execute(raises(shop)[0].id)
    with shop.engine.begin() as conn:
        found = conn.execute(ad_sets.select().order_by(ad_sets.c.id)).mappings()
        assert [row["daily_budget_minor"] for row in found] == [12_000] * 6


def test_every_request_of_a_batch_says_whose_it_is(shop):
    rows = raises(shop, 3)
    shop.executor().execute(rows[0].id)
    assert [request.request_id for request in shop.platform.requests] == [f"action-{row.id}-1" for row in rows]


def test_the_wake_ups_of_those_that_went_along_find_nothing_to_do(shop):
    rows = raises(shop)
    shop.executor().execute(rows[0].id)
    calls = (shop.platform.read_count, len(shop.platform.requests))
    assert [shop.executor().execute(row.id) for row in rows] == [_S.APPLIED] * 6
    assert (shop.platform.read_count, len(shop.platform.requests)) == calls


def test_each_item_has_the_outcome_that_the_platform_gave_it(shop):
    """A null item, a refusal, a throttle, a lie and a success in one answer."""
    shop.platform.writes = [
        take_effect,
        fail(RefusedError("too low", code=100)),
        take_effect_then_fail,
        fail(UnknownOutcomeError("no answer within the batch")),
        fail(ThrottledError("slow down", retry_after_s=600.0)),
        say_done_only,
    ]
    rows = raises(shop)
    shop.executor(PATIENT).execute(rows[0].id)
    assert states(shop, rows) == [_S.APPLIED, _S.REFUSED, _S.UNKNOWN, _S.UNKNOWN, _S.APPROVED, _S.UNKNOWN]
    held = [shop.machinery(row).cap_reserved_minor for row in rows]
    assert held == [0, 0, 2_000, 2_000, 2_000, 2_000]
    assert "within the batch" in shop.get(rows[3]).state_reason
    for _ in range(2):  # an update is looked for twice
        shop.end_waits()
        for row in rows[2:4]:
            shop.executor().execute(row.id)
    assert states(shop, rows[2:4]) == [_S.APPLIED, _S.NOT_APPLIED]
    assert len(shop.platform.oracle) == 2


def test_those_that_differ_are_gone_or_done_already_do_not_go_out(shop):
    shop.platform.objects["12"]["daily_budget_minor"] = 10_500
    del shop.platform.objects["13"]
    shop.platform.objects["14"]["daily_budget_minor"] = 12_000
    rows = raises(shop)
    shop.executor().execute(rows[0].id)
    assert states(shop, rows) == [_S.APPLIED, _S.CONFLICT, _S.REFUSED, _S.APPLIED, _S.APPLIED, _S.APPLIED]
    assert shop.platform.batches == [3]


def test_of_three_raises_a_cap_that_fits_two_lets_the_two_weightiest_pass(shop):
    rows = [
        shop.approve(budget("11", priority=Priority.ROAS)),
        shop.approve(budget("12", priority=Priority.AB_WINNER)),
        shop.approve(budget("13", priority=Priority.PERSON)),
    ]
    without_reservations(shop)
    shop.change_account(max_total_daily_spend_minor=60_000 + 2 * 2_000)
    shop.executor().execute(rows[0].id)
    assert states(shop, rows) == [_S.BLOCKED, _S.APPLIED, _S.APPLIED]
    assert shop.platform.batches == [2]
    assert sum(values.get("daily_budget_minor", 0) for values in shop.platform.objects.values()) == 64_000


def test_the_room_that_one_of_them_holds_is_there_for_itself(shop):
    """The reservations of the batch's own actions are not counted against them a second time."""
    shop.change_account(max_total_daily_spend_minor=60_000 + 6 * 2_000)
    rows = raises(shop)
    shop.executor().execute(rows[0].id)
    assert states(shop, rows) == [_S.APPLIED] * 6


def test_a_row_that_was_lost_drops_out_and_the_others_go(shop):
    rows = raises(shop, 3)

    def lose(step: str) -> None:
        if step == "prechecked":
            with shop.engine.begin() as conn:
                conn.execute(update(actions).where(actions.c.id == rows[1].id).values(epoch=99))

    shop.executor(checkpoint=lose).execute(rows[0].id)
    assert states(shop, rows) == [_S.APPLIED, _S.APPROVED, _S.APPLIED]
    assert [request.object_id for request in shop.platform.requests] == ["11", "13"]


def test_an_outcome_of_a_row_that_was_lost_after_the_send_is_dropped_alone(shop):
    rows = raises(shop, 3)

    def lose(step: str) -> None:
        if step == "read_back":
            with shop.engine.begin() as conn:
                conn.execute(update(actions).where(actions.c.id == rows[0].id).values(epoch=99))

    assert shop.executor(checkpoint=lose).execute(rows[0].id) is _S.SENT
    assert states(shop, rows) == [_S.SENT, _S.APPLIED, _S.APPLIED]


@pytest.mark.parametrize("when", ["claimed", "prechecked", "written_ahead"])
def test_a_fence_that_closes_on_the_way_stops_them_all(shop, when):
    rows = raises(shop, 3)

    def close(step: str) -> None:
        if step == when:
            with shop.engine.begin() as conn:
                fence.close(conn, None, reason="drill")

    shop.executor(checkpoint=close).execute(rows[0].id)
    assert states(shop, rows) == [_S.APPROVED] * 3
    assert shop.platform.requests == []
    with shop.engine.begin() as conn:
        fence.open_(conn, None)
    shop.end_waits()
    shop.executor().execute(rows[0].id)
    assert states(shop, rows) == [_S.APPLIED] * 3


def test_a_call_that_broke_as_a_whole_leaves_each_of_them_unsent_or_unknown(shop):
    rows = raises(shop, 2)
    shop.platform.writes = [fail(NotSentError("no route")), fail(RuntimeError("a bug of the client"))]
    shop.executor(PATIENT).execute(rows[0].id)
    assert states(shop, rows) == [_S.UNKNOWN] * 2  # a client that breaks in between may have sent them all


def test_one_ad_set_of_a_campaign_goes_at_a_time(engine):
    stage = set_stage(engine)
    rows = [stage.approve(budget(f"1{number}")) for number in (1, 2, 3)]
    for row in rows:
        assert stage.executor().execute(row.id) is _S.APPLIED
    assert (stage.platform.batches, len(stage.platform.requests)) == ([], 3)


def test_creates_and_other_kinds_of_object_stay_behind(shop):
    rows = [*raises(shop, 2), shop.approve(pause("115")), shop.approve(create())]
    shop.executor().execute(rows[0].id)
    assert states(shop, rows) == [_S.APPLIED, _S.APPLIED, _S.APPROVED, _S.APPROVED]


def test_a_reading_that_fails_for_all_lets_the_first_go_alone(shop):
    """Else an object that cannot be read would hold up the others for ever."""
    rows = raises(shop, 3)
    shop.platform.reads = [TransientError("an object came without an answer")]
    shop.executor().execute(rows[2].id)
    assert states(shop, rows) == [_S.APPLIED, _S.APPROVED, _S.APPROVED]
    shop.executor().execute(rows[2].id)
    assert states(shop, rows) == [_S.APPLIED] * 3


def test_a_throttled_reading_lets_the_whole_account_wait(shop):
    rows = raises(shop, 3)
    other = shop.approve(pause("115"))
    shop.platform.reads = [ThrottledError("slow down", retry_after_s=600.0)]
    shop.executor().execute(rows[0].id)
    assert states(shop, rows) == [_S.APPROVED] * 3
    assert min(shop.machinery(row).next_at for row in [*rows, other]) > shop.get(other).created_at + timedelta(
        minutes=9
    )


def test_a_row_whose_executor_died_goes_alone(shop):
    """It may be what kills them: it must not take others along, three times over, to the dead letters."""
    rows = raises(shop, 3)
    with shop.engine.begin() as conn:
        conn.execute(update(actions).where(actions.c.id == rows[1].id).values(crash_count=1))
    shop.executor().execute(rows[0].id)
    assert states(shop, rows) == [_S.APPLIED, _S.APPROVED, _S.APPLIED]
    shop.executor().execute(rows[1].id)
    assert states(shop, rows) == [_S.APPLIED] * 3


def test_the_writer_is_told_the_last_instant_for_sending(shop):
    rows, clock = raises(shop, 2), [1_000.0]
    shop.executor(monotonic_s=lambda: clock[0]).execute(rows[0].id)
    assert shop.platform.last_instants == [1_000.0 + QUICK.send_deadline_s]


def test_deliveries_of_all_of_them_at_once_carry_each_out_once(engine):
    stage = set_shop(engine, 24)
    stage.platform.write_seconds = 0.02
    rows = raises(stage, 24)
    start = threading.Barrier(8)

    def run(number: int) -> None:
        start.wait()
        for row in rows[number:] + rows[:number]:
            stage.executor(PATIENT, owner=f"executor-{number}", most_at_once=5).execute(row.id)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states(stage, rows) == [_S.APPLIED] * 24
    assert sorted(request.object_id for request in stage.platform.requests) == sorted(row.object_id for row in rows)
    assert 1 < max(stage.platform.batches) <= 5


def test_a_mirror_that_is_being_rewritten_is_waited_for_one_row_at_a_time(shop):
    """A reading holds one of the rows while the batch records: nobody waits in a circle, and nothing is lost."""
    rows = raises(shop, 3)
    holding, done = threading.Event(), threading.Event()

    def read() -> None:
        with shop.engine.begin() as conn:
            conn.execute(update(ad_sets).where(ad_sets.c.id == "12").values(name="read"))
            holding.set()
            assert done.wait(10)
            conn.execute(update(ad_sets).where(ad_sets.c.id == "11").values(name="read"))

    reader = threading.Thread(target=read)

    def meet(step: str) -> None:
        if step == "read_back":
            reader.start()
            assert holding.wait(10)
        if step == "recorded":
            done.set()  # the first is recorded by itself; the second waits for the reading

    shop.executor(checkpoint=meet).execute(rows[0].id)
    reader.join()
    assert states(shop, rows) == [_S.APPLIED] * 3
    with shop.engine.begin() as conn:
        found = {row.id: row for row in conn.execute(ad_sets.select())}
        assert ledger_reads.in_doubt(conn) == ()
    assert [found[key].daily_budget_minor for key in ("11", "12", "13")] == [12_000] * 3
    assert [found[key].name for key in ("11", "12", "13")] == ["read", "read", "thing"]


@pytest.mark.parametrize(("score_limit", "first"), [(None, 6), (60.0, 6), (9000.0, 8)])
def test_a_batch_is_no_larger_than_the_tier_can_ever_take_in_one_call(engine, score_limit, first):
    """On limited access 0.8 x 60 points hold six writes with their readings; more would be put back for ever."""
    shop = set_shop(engine, 8)
    with engine.begin() as conn:
        row = {"platform": "meta", "mode": "stub", "account": "act_1", "score_limit": score_limit}
        conn.execute(insert(quotas), [row])
    rows = raises(shop, 8)
    shop.executor().execute(rows[0].id)
    assert shop.platform.batches == [first]


def test_a_limit_of_one_object_does_not_hold_up_its_account(shop):
    """The platform's four edits an hour are an ad set's own affair."""
    error = ThrottledError("four edits an hour", retry_after_s=600.0, code=613)
    error.is_of_account = False
    shop.platform.writes = [fail(error)]
    first, second = shop.approve(budget("11")), shop.approve(budget("12"))
    assert shop.executor(most_at_once=1).execute(first.id) is _S.APPROVED
    assert shop.executor(most_at_once=1).execute(second.id) is _S.APPLIED
