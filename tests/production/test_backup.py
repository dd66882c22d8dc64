"""A backup of a house at work, and what wakes up from it: everything that was told, and nothing that acts."""

import os
import stat
import subprocess
import sys
import threading

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from actions.stop import Order, order
from domain import catalogue
from domain.actions import Level, Mode
from domain.errors import BadInputError, NotReadyError
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from embedded.scratch import as_application, scratch_database
from models import accounts, audit, fence, migrate, module_states, stops
from models.engine import make_engine
from tests.production.place import wait_until
from workers import backups


@pytest.fixture
def engine(owner_database_url):
    engine = make_engine(as_application(owner_database_url), pool_size=4)
    yield engine
    engine.dispose()


@pytest.fixture
def restored_into(postgres_url):
    """Restore a file into a database of its own; hand out the application's engine."""
    with scratch_database(postgres_url) as url:
        engine = make_engine(as_application(url), pool_size=2)
        yield lambda path: (backups.restore(url, as_application(url), path), engine)
        engine.dispose()


@pytest.fixture
def shops(engine):
    """Two accounts with an open fence; a person has stopped the second one."""
    with engine.begin() as conn:
        fence.open_(conn, None)
        opened = [_open(conn, number) for number in (1, 2)]
    order(engine, (opened[1],), Order(reason="their page is down", actor="ana"))
    return opened


def _open(conn, number):
    info = AccountInfo(
        id=PlatformAccountId(f"act_{number}"), name=f"Shop {number}", currency="USD", zone="UTC", is_active=True,
        status_text="active", minimum_daily_budget_minor=100,
    )  # fmt: skip
    return accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)


@pytest.fixture
def busy(engine, shops):
    """Somebody who tells the audit things all the while, as a house at work does."""
    over = threading.Event()
    told = []

    def work():
        while not over.is_set():
            with engine.begin() as conn:
                audit.note(conn, actor="worker", event="noted", account_id=shops[0], detail={"n": len(told)})
            told.append(len(told))

    thread = threading.Thread(target=work)
    thread.start()
    yield told
    over.set()
    thread.join()


def test_what_wakes_up_is_whole_and_stopped(owner_database_url, tmp_path, shops, busy, restored_into):
    """Audit unbroken, the person's stop standing, and another one of all: nothing runs, nothing is sent."""
    wait_until(lambda: len(busy) >= 5, "the house is at work", 30)
    backups.write(owner_database_url, tmp_path / "house.dump")
    done, restored = restored_into(tmp_path / "house.dump")

    assert done.audit.problems == ()
    assert done.audit.rows >= 5
    with restored.begin() as conn:
        standing = {stop.account_id: stop.reason for stop in stops.listing(conn, only_open=True)}
        barriers = [fence.barrier(conn, account_id, None) for account_id in shops]
        stopped = module_states.stopped(conn)
    assert standing == {shops[1]: "their page is down", None: "restored from house.dump"}
    assert all(barriers)
    assert {pair.slug for pair in catalogue.WATCHED if pair.is_built} <= set(stopped)
    assert (done.open_stops, done.is_split) == (2, True)


def test_the_application_may_do_after_it_what_it_may_do_ever(owner_database_url, tmp_path, shops, restored_into):
    backups.write(owner_database_url, tmp_path / "house.dump")
    _done, restored = restored_into(tmp_path / "house.dump")

    with restored.begin() as conn:
        audit.note(conn, actor="ana", event="looked", account_id=shops[0], detail={})
        accounts.change(conn, shops[0], is_paused=True)
        rights = "SELECT has_table_privilege(current_user, 'audit', 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')"
        assert conn.execute(text(rights)).scalar_one() is False


def test_a_backup_is_for_its_owners_eyes_and_whole_or_not_there(owner_database_url, tmp_path):
    path = tmp_path / "house.dump"
    path.write_text("the one of yesterday")

    with pytest.raises(NotReadyError, match="pg_dump failed"):
        _write_without_the_right_to(owner_database_url, path)
    assert path.read_text() == "the one of yesterday"
    written = backups.write(owner_database_url, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert written.size_bytes == path.stat().st_size > 10_000
    assert [entry.name for entry in tmp_path.iterdir()] == ["house.dump"]


def test_an_address_that_says_its_server_behind_the_question_mark_is_understood(owner_database_url, tmp_path):
    """As those of managed servers and of sockets do; what is said of TLS goes the same way."""
    url = make_url(owner_database_url)
    said = url.set(host=None, port=None).update_query_dict({"host": url.host, "port": str(url.port)})

    written = backups.write(said.render_as_string(hide_password=False), tmp_path / "house.dump")

    assert written.size_bytes > 10_000


def test_a_folder_that_cannot_be_written_is_named(owner_database_url, tmp_path):
    with pytest.raises(NotReadyError, match=r"nowhere/house.dump.part cannot be written: No such file or directory"):
        backups.write(owner_database_url, tmp_path / "nowhere" / "house.dump")


def _write_without_the_right_to(owner_url, path):
    """As the application's role, which may look at less than all of it."""
    engine = make_engine(owner_url)
    with engine.begin() as conn:
        conn.execute(text("REVOKE SELECT ON accounts FROM stakazo_app"))
    engine.dispose()
    backups.write(as_application(owner_url), path)


def test_a_database_in_use_is_never_filled_over(owner_database_url, tmp_path):
    backups.write(owner_database_url, tmp_path / "house.dump")

    with pytest.raises(BadInputError, match="restore into an empty one"):
        backups.restore(owner_database_url, as_application(owner_database_url), tmp_path / "house.dump")


def test_a_torn_file_leaves_the_database_empty(owner_database_url, tmp_path, empty_database_url):
    backups.write(owner_database_url, tmp_path / "house.dump")
    torn = tmp_path / "torn.dump"
    torn.write_bytes((tmp_path / "house.dump").read_bytes()[:-20_000])

    with pytest.raises(NotReadyError, match="pg_restore failed"):
        backups.restore(empty_database_url, as_application(empty_database_url), torn)
    engine = make_engine(empty_database_url)
    with engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")).scalar_one() == 0
    engine.dispose()


def test_the_commands_say_what_to_do_next(owner_database_url, postgres_url, tmp_path):
    path = str(tmp_path / "house.dump")
    with scratch_database(postgres_url) as url:
        for words, owner in ((["write", path], owner_database_url), (["restore", path], url)):
            env = {
                "PATH": os.environ["PATH"],
                "STAKAZO_HOME": str(tmp_path / "home"),
                "DATABASE_URL": as_application(owner),
                "DATABASE_OWNER_URL": owner,
            }
            done = subprocess.run(
                [sys.executable, "-m", "cli.main", "backup", *words],
                env=env, capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
        assert "stakazo resume" in done.stdout
        assert migrate.pending(url) == ()
