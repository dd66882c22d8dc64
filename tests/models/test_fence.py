"""The fence: what closes it, for whom, and that the locks make a closing mean something."""

import threading

import pytest
from sqlalchemy import delete

from domain.actions import Level, Mode
from domain.errors import InvariantError
from domain.ids import AccountId, PlatformAccountId
from domain.objects import AccountInfo
from models import accounts, fence, tables


@pytest.fixture
def account_ids(engine):
    with engine.begin() as conn:
        return [open_account(conn, f"act_{number}") for number in (1, 2)]


@pytest.fixture
def conn(engine):
    """A transaction on the database that the accounts are in."""
    with engine.connect() as conn:
        yield conn


def open_account(conn, name):
    info = AccountInfo(
        id=PlatformAccountId(name), name="Shop", currency="USD", zone="UTC", is_active=True, status_text="",
        minimum_daily_budget_minor=100,
    )  # fmt: skip
    return accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)


def test_closing_one_account_leaves_the_others_open(conn, account_ids):
    first, second = account_ids
    fence.close(conn, first, reason="odd spend")
    assert fence.state(conn, first) == fence.FenceState(closed=True, epoch=1, reason="odd spend")
    assert not fence.state(conn, second).closed


def test_closing_for_all_closes_every_account_until_that_is_opened(conn, account_ids):
    first, second = account_ids
    fence.close(conn, None, reason="stop")
    fence.open_(conn, first)
    assert fence.state(conn, first).closed
    assert fence.state(conn, second).closed
    fence.open_(conn, None)
    assert not fence.state(conn, first).closed


def test_every_closing_and_opening_grows_the_epoch(conn, account_ids):
    first, _ = account_ids
    epochs = [fence.state(conn, first).epoch]
    for change in (
        lambda: fence.close(conn, first, reason="a"),
        lambda: fence.open_(conn, first),
        lambda: fence.close(conn, None, reason="b"),
        lambda: fence.open_(conn, None),
    ):
        change()
        epochs.append(fence.state(conn, first).epoch)
    assert epochs == [0, 1, 2, 3, 4]


def test_a_fence_that_cannot_be_read_is_closed(conn, account_ids):
    assert fence.state(conn, AccountId(999)).closed
    conn.execute(delete(tables.fence))
    assert fence.state(conn, account_ids[0]).reason == "the fence cannot be read"


def test_an_account_that_there_is_none_of_cannot_be_fenced(conn):
    with pytest.raises(InvariantError):
        fence.close(conn, AccountId(999), reason="x")


@pytest.mark.parametrize("for_all", [True, False])
def test_draining_waits_for_the_sender_and_only_for_it(engine, account_ids, for_all):
    first, second = account_ids
    scope = None if for_all else first
    with engine.connect() as sender, engine.connect() as stop:
        assert fence.hold_shared(sender, first, timeout_s=1)
        assert not fence.drain(stop, scope, timeout_s=0.05)
        stop.rollback()
        assert fence.drain(stop, second, timeout_s=1)
        stop.rollback()
        sender.rollback()
        assert fence.drain(stop, scope, timeout_s=1)


def test_senders_do_not_wait_for_each_other(engine, account_ids):
    with engine.connect() as one, engine.connect() as other:
        assert fence.hold_shared(one, account_ids[0], timeout_s=1)
        assert fence.hold_shared(other, account_ids[0], timeout_s=1)


def test_a_sender_gives_up_on_a_stop_that_holds_the_lock(engine, account_ids):
    with engine.connect() as stop, engine.connect() as sender:
        assert fence.drain(stop, None, timeout_s=1)
        assert not fence.hold_shared(sender, account_ids[0], timeout_s=0.05)


def test_the_cap_lock_is_one_accounts_alone(engine, account_ids):
    first, second = account_ids
    got = threading.Event()

    def wait_for_it():
        with engine.begin() as conn:
            fence.lock_caps(conn, first)
            got.set()

    with engine.begin() as holder, engine.begin() as other:
        fence.lock_caps(holder, first)
        fence.lock_caps(other, second)
        waiter = threading.Thread(target=wait_for_it)
        waiter.start()
        assert not got.wait(0.1)
    waiter.join()
    assert got.is_set()
