"""Secrets at rest: what opens a box, what does not, and a change of keys while others read."""

import threading

import pytest
from sqlalchemy import text

from domain.errors import NotReadyError
from models import secrets
from models.engine import make_engine
from models.secrets import Box, Place
from workers.bootstrap import House
from workers.settings import read_settings
from workers.vault import StoredSecret, Vault, rotate

TOKEN = "EAACanaryOfTheVault0123456789"
PLACE = Place(platform="meta", name="access_token")
OLD, NEW = "the key of yesterday, quite long", "the key of tomorrow, quite long"


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("SECRET_KEY", "SECRET_KEY_PREVIOUS", "META_ACCESS_TOKEN", "META_APP_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STAKAZO_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def settings(home, monkeypatch):
    """Settings with these keys."""

    def make(key=None, previous=None):
        for name, value in (("SECRET_KEY", key), ("SECRET_KEY_PREVIOUS", previous)):
            monkeypatch.setenv(name, value or "")
        return read_settings()

    return make


@pytest.fixture
def engine(database_url):
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


def keep(engine, settings, value=TOKEN, place=PLACE):
    with engine.begin() as conn:
        secrets.put(conn, place, Vault.of(settings).seal(place, value), set_by="test")


def read(engine, settings):
    return StoredSecret(settings, lambda: engine, PLACE)()


def test_what_was_sealed_opens_in_another_process_with_the_same_key(engine, settings) -> None:
    keep(engine, settings(OLD))
    assert read(engine, settings(OLD)) == TOKEN
    assert read(engine, settings(NEW, previous=OLD)) == TOKEN


def test_another_key_opens_nothing_and_says_which_one_is_missing(engine, settings) -> None:
    keep(engine, settings(OLD))
    with pytest.raises(NotReadyError, match=r"sealed with key [0-9a-f]{12}, which is not here") as error:
        read(engine, settings(NEW))
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize(
    "other",
    [
        Place(platform="meta", name="app_secret"),
        Place(platform="tiktok", name="access_token"),
        Place(platform="meta", name="access_token", account="act_1"),
    ],
)
def test_a_box_opens_in_its_own_place_only(settings, other) -> None:
    vault = Vault.of(settings(OLD))
    with pytest.raises(NotReadyError, match="was changed or moved"):
        vault.open(other, vault.seal(PLACE, TOKEN))


def test_a_box_of_which_one_bit_was_changed_does_not_open(settings) -> None:
    vault = Vault.of(settings(OLD))
    box = vault.seal(PLACE, TOKEN)
    for place in range(0, len(box.content), 5):
        content = bytearray(box.content)
        content[place] ^= 1
        with pytest.raises(NotReadyError):
            vault.open(PLACE, Box(key_id=box.key_id, content=bytes(content)))


def test_no_two_boxes_of_one_value_are_alike(settings) -> None:
    vault = Vault.of(settings(OLD))
    assert len({vault.seal(PLACE, TOKEN).content for _ in range(100)}) == 100


def test_without_a_secret_key_a_file_of_random_keys_is_made_for_its_owner_only(engine, settings, home) -> None:
    keep(engine, settings())
    assert (home / "secret.key").stat().st_mode & 0o777 == 0o600
    assert read(engine, settings()) == TOKEN
    (home / "secret.key").chmod(0o640)
    with pytest.raises(NotReadyError, match="can be read by others; `chmod 600"):
        read(engine, settings())


@pytest.mark.parametrize("content", ["", "no hex", "00ff"])
def test_a_file_that_holds_no_keys_is_refused_by_name(settings, home, content) -> None:
    (home / "secret.key").write_text(content)
    (home / "secret.key").chmod(0o600)
    with pytest.raises(NotReadyError, match="is not a file of keys"):
        Vault.of(settings())


def test_boxes_of_the_file_open_after_a_secret_key_was_set(engine, settings) -> None:
    keep(engine, settings())
    assert read(engine, settings(NEW)) == TOKEN


def test_rotating_seals_all_anew_and_the_old_key_opens_none(engine, settings) -> None:
    other = Place(platform="meta", name="app_secret")
    keep(engine, settings(OLD))
    keep(engine, settings(OLD), "another secret", other)
    noted = []
    key_id, count = rotate(settings(NEW, previous=OLD), engine, lambda _conn, vault, n: noted.append((vault.key_id, n)))
    assert (count, noted) == (2, [(key_id, 2)])
    assert read(engine, settings(NEW)) == TOKEN
    with pytest.raises(NotReadyError):
        read(engine, settings(OLD))


def test_rotating_that_fails_in_the_middle_changes_nothing(engine, settings) -> None:
    keep(engine, settings(OLD))

    def fail(*_):
        raise RuntimeError("no room for the audit")

    with pytest.raises(RuntimeError):
        rotate(settings(NEW, previous=OLD), engine, fail)
    assert read(engine, settings(OLD)) == TOKEN


def test_a_rotated_file_forgets_its_old_keys(engine, settings, home) -> None:
    keep(engine, settings())
    before = (home / "secret.key").read_text()
    rotate(settings(), engine, lambda *_: None)
    assert before not in (home / "secret.key").read_text()
    assert read(engine, settings()) == TOKEN


def test_readers_never_fail_while_keys_are_rotated(engine, settings, database_url) -> None:
    """20 rotations of the key file under readers of the old and the new boxes."""
    known = settings()
    keep(engine, known)
    is_over, seen, failures = threading.Event(), [], []

    def read_on():
        own = make_engine(database_url)
        while not is_over.is_set():
            try:
                seen.append(StoredSecret(known, lambda: own, PLACE)() == TOKEN)
            except NotReadyError as error:
                failures.append(str(error))
        own.dispose()

    readers = [threading.Thread(target=read_on) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(20):
        rotate(known, engine, lambda *_: None)
    is_over.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert all(seen)


def test_postgres_holds_the_token_nowhere_in_clear(engine, settings) -> None:
    keep(engine, settings(OLD))
    with engine.begin() as conn:
        row = conn.execute(text("SELECT secrets::text, encode(box, 'escape') FROM secrets")).one()
    assert TOKEN not in row[0] + row[1]


def test_a_live_client_uses_the_stored_token_where_the_environment_has_none(
    engine, settings, database_url, monkeypatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("META_APP_ID", "1")
    keep(engine, settings(OLD))
    with House.open(settings(OLD)) as house, pytest.raises(NotReadyError, match="needs META_APP_SECRET; set"):
        house.reader_to_examine("meta")
    keep(engine, settings(OLD), "app secret", Place(platform="meta", name="app_secret"))
    with House.open(settings(OLD)) as house:
        assert house.reader_to_examine("meta") is not None


def test_keys_changed_by_several_people_at_once_still_open_what_is_there(engine, settings) -> None:
    """Two rotations that interleave on the file would throw away the key that the boxes are sealed with."""
    keep(engine, settings())
    here = settings()

    def change() -> None:
        for _ in range(5):
            rotate(here, engine, lambda *_: None)

    people = [threading.Thread(target=change) for _ in range(4)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert read(engine, settings()) == TOKEN
