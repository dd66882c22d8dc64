"""`stakazo fence` as people use it: one word to stop, a reason and a choice to go on."""

import pytest
from sqlalchemy import Engine, insert

from domain.actions import ActionState
from domain.permissions import Role
from models import fence, principals, stop_items, stops
from models.tables import accounts, actions, campaigns
from tests.cli.conftest import NOW, Run

CLOSE = ("fence", "close", "--reason", "odd spend")
OPEN = ("fence", "open", "--reason", "all clear")


def is_closed(engine: Engine) -> bool:
    with engine.begin() as conn:
        return fence.state(conn, conn.execute(accounts.select()).first().id).closed


@pytest.mark.usefixtures("filled")
def test_closing_needs_no_broker_and_tells_its_times(on_database: Run, engine: Engine) -> None:
    done = on_database(*CLOSE)
    assert done.code == 0
    assert is_closed(engine)
    for word in ("Stop 1", "all accounts", "odd spend", "closed", "quiet", "fenced", "not asked for", "In doubt"):
        assert word in done.out


def test_the_help_of_closing_says_that_it_means_all_accounts(stakazo: Run) -> None:
    assert "left out: all" in " ".join(stakazo("fence", "close", "--help").out.split())


@pytest.mark.usefixtures("filled")
def test_a_cycle_that_a_closed_fence_keeps_back_names_the_way_out(on_database: Run) -> None:
    on_database(*CLOSE)
    done = on_database("cycle", "run")
    assert (done.code, "`stakazo fence open`" in done.err) == (1, True)


@pytest.mark.usefixtures("filled")
def test_closing_again_adds_nothing_and_says_so(on_database: Run, engine: Engine) -> None:
    on_database(*CLOSE)
    again = on_database("fence", "close", "--reason", "me too", "--json")
    assert "closed already, by stop 1" in again.err
    (held,) = again.document["stops"]
    assert (held["stop"]["reason"], held["stop"]["id"]) == ("odd spend", 1)


@pytest.mark.usefixtures("filled")
def test_status_exits_1_while_a_fence_is_closed(on_database: Run) -> None:
    assert on_database("fence", "status").code == 0
    on_database(*CLOSE)
    told = on_database("fence", "status", "--json")
    assert (told.code, told.document["closed"]) == (1, True)
    assert on_database(*OPEN).code == 0
    assert on_database("fence", "status").code == 0
    over = on_database("fence", "status", "--all", "--json").document["stops"]
    assert [row["stop"]["opened_by"] is not None for row in over] == [True]


@pytest.mark.usefixtures("filled")
def test_stakazo_status_says_loudly_that_the_fence_is_closed(on_database: Run) -> None:
    on_database(*CLOSE)
    told = on_database("status")
    assert told.code == 1
    assert "THE FENCE OF ALL ACCOUNTS IS CLOSED" in told.err


@pytest.mark.usefixtures("filled")
def test_with_several_stops_open_one_must_be_named(on_database: Run, engine: Engine) -> None:
    on_database(*CLOSE)
    on_database(*CLOSE, "--account", "act_1001")
    told = on_database(*OPEN)
    assert (told.code, "several stops are open; name one with --stop" in told.err) == (2, True)
    assert on_database(*OPEN, "--stop", "1").code == 0
    assert is_closed(engine)
    assert on_database(*OPEN).code == 0
    assert not is_closed(engine)


def test_opening_where_nothing_is_closed_is_refused_with_words(on_database: Run) -> None:
    told = on_database(*OPEN)
    assert (told.code, "no stop is open" in told.err) == (2, True)


@pytest.mark.usefixtures("filled")
def test_a_reason_is_needed(on_database: Run, engine: Engine) -> None:
    assert on_database("fence", "close").code == 2
    assert on_database("fence", "close", "--reason", " ").code == 2
    assert not is_closed(engine)


@pytest.mark.usefixtures("filled")
def test_a_stop_that_paused_something_is_opened_with_a_choice(on_database: Run, engine: Engine) -> None:
    on_database(*CLOSE)
    with engine.begin() as conn:
        account_id = conn.execute(accounts.select()).first().id
        (held,) = stops.listing(conn)
        item = {"stop_id": held.id, "account_id": account_id, "object_kind": "campaign", "object_id": "1"}
        stop_items.add(conn, [{**item, "object_name": "Summer", "status_before": "active", "action_id": None}])
    told = on_database(*OPEN)
    assert (told.code, "say --resume or --no-resume" in told.err) == (2, True)
    assert is_closed(engine)
    assert on_database(*OPEN, "--no-resume").code == 0
    assert not is_closed(engine)


@pytest.mark.usefixtures("filled")
def test_the_order_to_pause_stands_although_the_platform_is_away(on_database: Run, engine: Engine) -> None:
    """The fence is closed all the same, and the tower finds what is left to do."""
    with engine.begin() as conn:
        account_id = conn.execute(accounts.select()).first().id
        life = {"effective_status": "ACTIVE", "created_at": NOW, "updated_at": NOW, "seen_at": NOW, "name": "C"}
        row = {"account_id": account_id, "id": "1", "status": "active", "objective": "SALES"}
        conn.execute(insert(campaigns).values(**row, **life))
    done = on_database(*CLOSE, "--pause-campaigns", "--timeout", "1")
    assert "the tower goes on" in done.err
    assert is_closed(engine)
    with engine.begin() as conn:
        assert stops.unfinished(conn) == (1,)


@pytest.mark.usefixtures("filled")
def test_a_manager_may_stop_and_not_open(on_database: Run, engine: Engine) -> None:
    on_database("actions", "list")  # the first one enters as admin
    with engine.begin() as conn:
        principals.add(conn, name="bob", role=Role.MANAGER, token_hash=principals.hash_of("stk_bob"), created_by="test")
    env = {"STAKAZO_TOKEN": "stk_bob"}
    assert on_database(*CLOSE, env=env).code == 0
    refused = on_database(*OPEN, env=env)
    assert (refused.code, "fence.open" in refused.err) == (1, True)
    assert is_closed(engine)
    with engine.begin() as conn:
        assert {row.actor for row in stops.listing(conn)} == {"bob"}
        assert conn.execute(actions.select().where(actions.c.state == ActionState.SENT)).first() is None


def test_a_stop_of_all_shows_at_every_account(on_database, filled):
    """An account's own flag is open then; what counts is that nothing is sent for it."""
    assert "runs" in on_database("account", "list").out
    on_database("fence", "close", "--reason", "spend looks wrong")
    for words in (("account", "list"), ("status",)):
        assert "fence closed" in on_database(*words).out  # folded where columns are narrow
