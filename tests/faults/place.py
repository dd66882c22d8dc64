"""A place for experiments: throwaway Postgres and Redis, started when first asked for, and folders."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis

from embedded.scratch import database_name, scratch_database, scratch_postgres, scratch_redis
from models.migrate import upgrade


class ScratchPlace:
    """A context manager. Given servers of somebody else's (a test session's), it makes databases there only."""

    def __init__(
        self, seed: int, *, postgres: str | None = None, template: str | None = None, redis: str | None = None
    ) -> None:
        self.seed = seed
        self._postgres = postgres
        self._template = template
        self._redis = redis
        self._stack = ExitStack()
        self._of_one = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()
        self._stack.close()

    def clear(self) -> None:
        """Drop the databases and folders of the experiment that has ended; the servers stay."""
        self._of_one.close()

    def database_url(self) -> str:
        if self._postgres is None:
            self._postgres = self._stack.enter_context(scratch_postgres()).url
        if self._template is None:
            url = self._stack.enter_context(scratch_database(self._postgres))
            upgrade(url)
            self._template = database_name(url)
        return self._of_one.enter_context(scratch_database(self._postgres, template=self._template))

    def folder(self) -> Path:
        name = tempfile.TemporaryDirectory(prefix="stakazo-", ignore_cleanup_errors=True)
        return Path(self._of_one.enter_context(name))

    def redis_url(self) -> str:
        if self._redis is None:
            self._redis = self._stack.enter_context(scratch_redis()).url
        with Redis.from_url(self._redis) as client:
            client.flushall()
        return self._redis
