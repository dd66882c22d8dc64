"""Looks for tokens in clear where none may be: folders, databases, Redis, whatever a test printed or logged.

A token here is one that a sandbox made (EAA and some 180 letters) or one that a test calls a canary (EAACanary...).
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
from redis import Redis

_TOKEN = rb"EAA(?:Canary[0-9A-Za-z]{8,}|[0-9A-Za-z]{100,})"
PATTERN = re.compile(_TOKEN)
_AS_BYTES = "454141(?:43616e617279(?:[3-7][0-9a-f]){8}|(?:[3-7][0-9a-f]){100})"  # how Postgres writes it from a bytea
# Where a token belongs: the sandbox's own credentials, and what a person keeps for a live account.
ITS_PLACE = frozenset({"credentials.json", "secret.key"})
_TABLES = """
SELECT oid::regclass::text FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0 ORDER BY 1
"""


def is_in(content: bytes | str) -> bool:
    """Whether a token stands in it."""
    return PATTERN.search(content.encode("utf-8", "replace") if isinstance(content, str) else content) is not None


def in_folder(folder: Path) -> Iterator[str]:
    """Name every file below the folder that holds a token and should not; files that vanish meanwhile hold none."""
    for name in _files(str(folder)):
        try:
            with Path(name).open("rb", buffering=0) as file:  # read, not mapped: page by page is dearer
                found = is_in(file.read())
        except OSError:
            continue
        if found:
            yield f"file {Path(name).relative_to(folder)}"


def _files(folder: str) -> Iterator[str]:
    """Scanned by hand: tens of thousands of `Path`s take longer than to read the files."""
    entries: list[os.DirEntry[str]] = []
    with suppress(OSError), os.scandir(folder) as found:
        entries.extend(found)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)
        elif entry.is_file(follow_symlinks=False) and entry.name not in ITS_PLACE:
            yield entry.path


def in_database(url: str) -> Iterator[str]:
    """Name every table with a row that holds a token, whatever the column's type."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as conn:
        tables = [row[0] for row in conn.execute(_TABLES)]
        if not tables:
            return
        asks = " UNION ALL ".join(
            f"(SELECT {name!r} FROM {name} AS row_ WHERE row_::text ~ %(token)s LIMIT 1)" for name in tables
        )
        yield from (f"table {row[0]}" for row in conn.execute(asks, {"token": f"{_TOKEN.decode()}|{_AS_BYTES}"}))


def in_redis(client: Redis) -> Iterator[str]:
    """Name every key whose name or content holds a token."""
    for key in client.scan_iter(count=1000):
        if is_in(key) or any(is_in(item) for item in _content(client, key)):
            yield f"Redis key {key[:40]!r}"


def _content(client: Redis, key: bytes) -> Iterable[bytes]:
    match client.type(key):
        case b"string":
            return [client.get(key) or b""]
        case b"list":
            return client.lrange(key, 0, -1)
        case b"set":
            return client.smembers(key)
        case b"zset":
            return client.zrange(key, 0, -1)
        case b"hash":
            return [part for pair in client.hgetall(key).items() for part in pair]
        case _:
            return []
