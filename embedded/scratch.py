"""Throwaway servers and databases for tests and experiments: fast, not durable, gone afterwards."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from embedded import postgres, redis
from embedded.servers import RunningServer

_MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a folder of our own in it
_ROOM_BYTES = 4 << 30  # a server takes a few hundred MB; where containers allow 64 MB it would fill up


@contextmanager
def scratch_postgres() -> Iterator[RunningServer]:
    """Run a Postgres in a temporary folder."""
    with _scratch_folder() as folder, postgres.start(folder, durable=False) as server:
        yield server


@contextmanager
def scratch_redis() -> Iterator[RunningServer]:
    """Run a Redis in a temporary folder."""
    with _scratch_folder() as folder, redis.start(folder, durable=False) as server:
        yield server


@contextmanager
def scratch_database(server_url: str, *, template: str | None = None) -> Iterator[str]:
    """Make a database, empty or copied from a template that nobody is connected to; yield its url; drop it.

    Copied file by file: through the buffers, Postgres' way by default, it takes three times as long.
    """
    name = f"scratch_{secrets.token_hex(6)}"
    origin = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
    with _administration(server_url) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}{} STRATEGY FILE_COPY").format(sql.Identifier(name), origin))
    try:
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    finally:
        with _administration(server_url) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def as_application(url: str) -> str:
    """Return the same database's url as the role that the application runs as; the server is gone with its tests."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{postgres.APP_USER}:application@{parts.hostname}:{parts.port}"))


def database_name(url: str) -> str:
    """Return the database that a url names."""
    return urlsplit(url).path.removeprefix("/")


def quick_place(memory: Path = _MEMORY, room_bytes: int = _ROOM_BYTES) -> Path | None:
    """Return the folder that the kernel keeps in memory, if it has room; else None = where temporary files belong.

    A database has some 600 files: a busy disk makes of 50 ms a second. Who sets TMPDIR has chosen.
    """
    is_open = memory.is_dir() and os.access(memory, os.W_OK | os.X_OK)
    has_room = is_open and shutil.disk_usage(memory).free >= room_bytes
    return memory if has_room and "TMPDIR" not in os.environ else None


@contextmanager
def _administration(server_url: str) -> Iterator[psycopg.Connection]:
    plain = urlsplit(server_url)._replace(scheme="postgresql", path="/postgres")
    with psycopg.connect(urlunsplit(plain), autocommit=True) as connection:
        yield connection


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="stakazo-", dir=quick_place(), ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # a server under another account must be able to pass through; its own folder is closed
        yield folder
