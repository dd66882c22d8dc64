"""`stakazo emergency-stop` and `stakazo resume` as people use them, with no broker, no worker and no tower there."""

import pytest
from sqlalchemy import Engine, insert, update

from domain import catalogue
from domain.ids import StopId
from domain.permissions import Role
from models import accounts, fence, heartbeats, module_states, principals, stops
from models.heartbeats import ProcessKind
from models.tables import accounts as accounts_table
from models.tables import campaigns
from tests.cli.conftest import NOW, Run

STOP = ("emergency-stop", "--reason", "odd spend")
ONLY = (*STOP, "--no-pause-campaigns")
RESUME = ("resume", "--reason", "all clear", "--no-health-check")


def held(engine: Engine, stop_id: int = 1):
    with engine.begin() as conn:
        return stops.get(conn, StopId(stop_id))


def fence_is_open(engine: Engine) -> bool:
    with engine.begin() as conn:
        return not stops.listing(conn, only_open=True)


def stopped(engine: Engine) -> frozenset[str]:
    with engine.begin() as conn:
        return module_states.stopped(conn)


def switch_on(engine: Engine, count: int = 1) -> None:
    with engine.begin() as conn:
        account_id = accounts.listing(conn)[0].id
        life = {"effective_status": "ACTIVE", "created_at": NOW, "updated_at": NOW, "seen_at": NOW, "name": "C"}
        for number in range(count):
            row = {"account_id": account_id, "id": str(number), "status": "active", "objective": "SALES"}
            conn.execute(insert(campaigns).values(**row, **life))


@pytest.mark.usefixtures("filled")
def test_it_stops_everything_and_prints_its_four_times(on_database: Run, engine: Engine) -> None:
    done = on_database(*STOP)
    assert done.code == 0, done.err
    for word in ("Stop 1", "all accounts", "closed", "quiet", "fenced", "paused", "schedulers", "stand still"):
        assert word in done.out
    assert "spending limit" in done.err
    assert (held(engine).halts, held(engine).pauses, held(engine).alerts) == (True, True, True)
    assert None not in (held(engine).quiet_at, held(engine).fenced_at)
    assert "the tower goes on" in done.err  # no platform is there to pause anything on
    assert stopped(engine) == {pair.slug for pair in catalogue.PAIRS}


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("word", ["stop-schedulers", "pause-campaigns", "send-alerts"])
def test_each_of_its_three_parts_can_be_left_out(on_database: Run, engine: Engine, word: str) -> None:
    assert on_database(*STOP, f"--no-{word}").code == 0
    wanted = {"stop-schedulers": held(engine).halts, "pause-campaigns": held(engine).pauses,
              "send-alerts": held(engine).alerts}  # fmt: skip
    assert [name for name, is_on in wanted.items() if not is_on] == [word]
    assert bool(stopped(engine)) is (word != "stop-schedulers")


@pytest.mark.usefixtures("filled")
def test_the_estimate_says_how_long_the_smallest_tier_takes(on_database: Run, engine: Engine) -> None:
    """40 campaigns of 5 points each: 140 over the 60 that a rested account has, at 12 a minute."""
    switch_on(engine, 40)
    told = on_database(*STOP, "--timeout", "1").err
    assert "40 campaigns to pause" in told
    assert "about 12 min" in told
    assert "the smallest is assumed" in told


@pytest.mark.usefixtures("filled")
def test_a_platform_is_stopped_account_by_account(on_database: Run, engine: Engine) -> None:
    told = on_database(*ONLY, "--platform", "meta", "--json").document
    assert [row["stop"]["account_id"] for row in told["stops"]] == [1]
    assert stopped(engine) == frozenset()  # workers are shared with other platforms
    with engine.begin() as conn:
        assert fence.state(conn, 1).closed
    assert on_database(*ONLY, "--platform", "tiktok").code == 1
    assert on_database(*ONLY, "--platform", "nowhere").code == 2
    assert on_database(*ONLY, "--platform", "meta", "--account", "1").code == 2


@pytest.mark.usefixtures("filled")
def test_a_worker_that_does_not_answer_is_named_with_what_to_do(on_database: Run, engine: Engine) -> None:
    with engine.begin() as conn:
        heartbeats.beat(conn, process="cycles@far-away", kind=ProcessKind.WORKER, detail={})
    told = on_database(*ONLY)
    assert "on far-away, end the worker cycles@far-away" in told.err
    assert "does not answer" in told.out
    assert held(engine).quiet_at is not None  # it holds no run, and what it would begin reads the fence


@pytest.mark.usefixtures("filled")
def test_ordering_again_adds_what_was_left_out_and_says_so(on_database: Run, engine: Engine) -> None:
    on_database("fence", "close", "--reason", "first")
    assert not held(engine).halts
    again = on_database(*ONLY)
    assert "closed already, by stop 1" in again.err
    assert held(engine).halts
    assert stopped(engine)


@pytest.mark.usefixtures("filled")
def test_resume_opens_and_lets_modules_run(on_database: Run, engine: Engine) -> None:
    on_database(*ONLY)
    done = on_database(*RESUME)
    assert done.code == 0, done.err
    assert stopped(engine) == frozenset()
    assert held(engine).opened_at is not None


@pytest.mark.usefixtures("filled")
def test_resume_without_schedulers_leaves_every_built_module_to_a_person(on_database: Run, engine: Engine) -> None:
    on_database("modules", "stop", "meta.autonomy", "--reason", "own")
    on_database(*ONLY)
    done = on_database(*RESUME, "--no-resume-schedulers")
    assert (done.code, "`stakazo modules start MODULE`" in done.err) == (0, True)
    assert stopped(engine) == {pair.slug for pair in catalogue.PAIRS if pair.is_built}
    with engine.begin() as conn:
        assert module_states.listing(conn)["meta.autonomy"].reason == "own"  # what a person said stays


@pytest.mark.usefixtures("filled")
def test_a_plan_changes_nothing(on_database: Run, engine: Engine) -> None:
    on_database(*ONLY)
    assert on_database("resume", "--plan").code == 0
    assert held(engine).opened_at is None


@pytest.mark.usefixtures("filled")
def test_resuming_wants_a_reason_and_the_right(on_database: Run, engine: Engine) -> None:
    on_database("actions", "list")  # the first one enters as admin
    with engine.begin() as conn:
        principals.add(conn, name="bob", role=Role.MANAGER, token_hash=principals.hash_of("stk_bob"), created_by="test")
    env = {"STAKAZO_TOKEN": "stk_bob"}
    assert on_database(*ONLY, env=env).code == 0
    assert on_database(*RESUME, env=env).code == 1
    assert on_database("resume").code == 2
    assert held(engine).opened_at is None


@pytest.mark.usefixtures("filled")
def test_resuming_where_nothing_is_stopped_is_refused_with_words(on_database: Run) -> None:
    told = on_database(*RESUME)
    assert (told.code, "no stop is open" in told.err) == (2, True)


@pytest.mark.usefixtures("filled")
def test_every_command_says_that_a_stop_is_not_through_while_no_tower_lives(on_database: Run, engine: Engine) -> None:
    """Whoever ordered it died right after the commit."""
    with engine.begin() as conn:
        stops.add(conn, account_id=None, reason="x", actor="os:ann", pauses=True, halts=True)
        fence.close(conn, None, reason="x")
    told = on_database("actions", "list").err
    assert ("stop 1 of os:ann is not through" in told, "`stakazo tower`" in told) == (True, True)
    with engine.begin() as conn:
        heartbeats.beat(conn, process="tower@here:1", kind=ProcessKind.TOWER, detail={})
    assert "not through" not in on_database("actions", "list").err


@pytest.mark.usefixtures("filled")
def test_a_drill_is_refused_where_it_would_touch_real_money_or_another_stop(on_database: Run, engine: Engine) -> None:
    on_database("fence", "close", "--reason", "x")
    assert "a drill never does" in on_database("drill").err
    on_database("fence", "open", "--reason", "x")
    with engine.begin() as conn:
        conn.execute(update(accounts_table).values(mode="live"))
    told = on_database("drill")
    assert (told.code, "is live" in told.err) == (1, True)
    assert fence_is_open(engine)
