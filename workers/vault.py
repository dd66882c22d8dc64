"""Seals and opens secrets. The key comes from SECRET_KEY, or on one machine from a file of random keys, never from
Postgres; each box carries the id of its key, so that two keys can be in use while they are changed.
"""  # noqa: D205 - the sentence needs the room

import fcntl
import functools
import hashlib
import math
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from sqlalchemy import Connection, Engine

from domain.errors import NotReadyError
from models import secrets
from models.secrets import Box, Place
from workers.log import hide
from workers.settings import Settings

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_SALT: Final = b"stakazo secrets"  # the same everywhere: two processes must derive the same key from one SECRET_KEY
_BELIEVED_S: Final = 30.0
_FILE: Final = "secret.key"
_LOCK: Final = "secret.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key and its public name."""

    id: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """Keys, the one to seal with first."""

    keys: tuple[Key, ...] = field(repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take the keys of the settings, else those of the data folder's file, which is made where it is missing.

        Raises:
            NotReadyError: the file can be read by others, or is none of ours.
        """
        path = settings.home / _FILE
        given = (settings.common.secret_key, settings.common.secret_key_previous)
        derived = tuple(_derived(key.get_secret_value()) for key in given if key is not None)
        if settings.common.secret_key is None and not path.exists():
            _write(path, [os.urandom(_KEY_BYTES)])
        return cls(keys=(*derived, *_of_file(path)) if settings.common.secret_key else (*_of_file(path), *derived))

    @property
    def key_id(self) -> str:
        """The name of the key that seals."""
        return self.keys[0].id

    def seal(self, place: Place, value: str) -> Box:
        """Close a value up for one place."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self.keys[0].content).encrypt(nonce, value.encode(), _about(place, self.key_id))
        return Box(key_id=self.key_id, content=nonce + sealed)

    def open(self, place: Place, box: Box) -> str:
        """Open a box.

        Raises:
            NotReadyError: its key is not here, or it was changed or moved.
        """
        name = f"{place.platform}.{place.name}"
        key = next((key for key in self.keys if key.id == box.key_id), None)
        if key is None:
            raise NotReadyError(
                f"secret {name} is sealed with key {box.key_id}, which is not here; set that key as "
                f"SECRET_KEY_PREVIOUS, or set the secret anew with `stakazo secret set {name}`"
            )
        nonce, sealed = box.content[:_NONCE_BYTES], box.content[_NONCE_BYTES:]
        try:
            return AESGCM(key.content).decrypt(nonce, sealed, _about(place, key.id)).decode()
        except InvalidTag:
            pass
        raise NotReadyError(f"secret {name} was changed or moved in Postgres; set it anew: `stakazo secret set {name}`")


class StoredSecret:
    """Reads a secret at the moment of use; what was read is believed for a while, so that a call costs no query.

    `engine` returns None where there is no database: then nothing is stored.
    """

    def __init__(self, settings: Settings, engine: Callable[[], Engine | None], place: Place) -> None:
        self._settings = settings
        self._engine = engine
        self._place = place
        self._value: str | None = None
        self._read_at_s = -math.inf

    def __call__(self) -> str | None:
        """Return the value, None where none is stored.

        Raises:
            NotReadyError: it cannot be opened.
        """
        engine = self._engine()
        if engine is not None and time.monotonic() - self._read_at_s > _BELIEVED_S:
            try:
                self._value = self._open(engine)
            except NotReadyError:  # keys may have been changed between reading the box and reading the keys
                self._value = self._open(engine)
            self._read_at_s = time.monotonic()
        return self._value

    def _open(self, engine: Engine) -> str | None:
        with engine.connect() as conn:
            box = secrets.find(conn, self._place)
        if box is None:
            return None
        value = Vault.of(self._settings).open(self._place, box)
        hide(value)
        return value


def rotate(settings: Settings, engine: Engine, note: Callable[[Connection, Vault, int], None]) -> tuple[str, int]:
    """Seal everything anew under the newest key, in one transaction; `note` writes into the same. Workers read on.

    With SECRET_KEY the new key is the one that was set, and SECRET_KEY_PREVIOUS opens what is there. Without, the data
    folder's file gets a new key first, and loses the old ones once nothing is sealed with them any more.
    """
    path = settings.home / _FILE
    with hold(settings):
        if settings.common.secret_key is None:
            Vault.of(settings)  # makes the file where there is none
            _write(path, [os.urandom(_KEY_BYTES), *(key.content for key in _of_file(path))])
        vault = Vault.of(settings)
        with engine.begin() as conn:
            count = secrets.reseal(conn, lambda place, box: vault.seal(place, vault.open(place, box)))
            note(conn, vault, count)
        if settings.common.secret_key is None:
            _write(path, [vault.keys[0].content])
    return vault.key_id, count


@contextmanager
def hold(settings: Settings) -> Iterator[None]:
    """Be the only one on this data folder who changes keys, or seals with one that must not change meanwhile."""
    settings.home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(settings.home / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)  # closing drops the lock


def _about(place: Place, key_id: str) -> bytes:
    """What the box is bound to besides its key."""
    return f"{place.platform}\0{place.account}\0{place.name}\0{key_id}".encode()


@functools.lru_cache(maxsize=4)
def _derived(text: str) -> Key:
    """Stretch what a person wrote: scrypt makes guessing it from a stolen dump dear (about 50 ms a guess)."""
    return _named(Scrypt(salt=_SALT, length=_KEY_BYTES, n=2**14, r=8, p=1).derive(text.encode()))


def _named(content: bytes) -> Key:
    return Key(id=hashlib.sha256(b"id of " + content).hexdigest()[:12], content=content)


def _of_file(path: Path) -> tuple[Key, ...]:
    try:
        mode, lines = stat.S_IMODE(path.stat().st_mode), path.read_text(encoding="ascii").split()
    except FileNotFoundError:
        return ()
    except ValueError:
        mode, lines = 0, ["?"]
    if mode & 0o077:
        raise NotReadyError(f"{path} holds the keys of the secrets and can be read by others; `chmod 600 {path}`")
    try:
        keys = tuple(_named(bytes.fromhex(line)) for line in lines)
    except ValueError:
        keys = ()
    if not keys or any(len(key.content) != _KEY_BYTES for key in keys):
        raise NotReadyError(f"{path} is not a file of keys; restore it, or remove it and set every secret anew")
    return keys


def _write(path: Path, keys: list[bytes]) -> None:
    """Replace the file at once, so that nobody reads half of it; readable by its owner only from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write("".join(f"{key.hex()}\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
