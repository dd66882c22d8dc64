"""Where the servers answer: what the environment says, else what the embedded servers and the sandbox wrote down.

The layout of the data folder is said here once: the supervisor makes these folders, every other process reads them.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.errors import NotReadyError
from embedded import postgres, redis
from embedded.ports import PortBook
from workers.settings import Settings

_START = "start it with `make run` (or `stakazo up`)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """The data folder's rooms."""

    home: Path

    @property
    def postgres(self) -> Path:
        """Files of the embedded Postgres."""
        return self.home / "postgres"

    @property
    def redis(self) -> Path:
        """Files of the embedded Redis."""
        return self.home / "redis"

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.home / "logs"

    @property
    def ports(self) -> Path:
        """Which port each process was given last."""
        return self.home / "ports.json"


def folders(settings: Settings) -> Folders:
    """Return the layout of the data folder."""
    return Folders(home=settings.home)


def database_url(settings: Settings) -> str:
    """Return the address of Postgres, password included: never log it.

    Raises:
        NotReadyError: there is neither DATABASE_URL nor an embedded server.
    """
    rooms = folders(settings)
    url = settings.database_url or postgres.kept_url(rooms.postgres, ports=PortBook(rooms.ports))
    if url is None:
        raise NotReadyError(f"there is no database in {rooms.home}; {_START}, or set DATABASE_URL")
    return url


def owner_url(settings: Settings) -> str | None:
    """Return the address of Postgres as the owner of the tables, for migrations only: never for a process that runs.

    None where DATABASE_URL names a server and DATABASE_OWNER_URL does not: then one role is both.
    """
    if settings.database_url:
        return settings.common.database_owner_url
    rooms = folders(settings)
    return postgres.kept_owner_url(rooms.postgres, ports=PortBook(rooms.ports))


def redis_url(settings: Settings) -> str:
    """Return the address of Redis, password included: never log it.

    Raises:
        NotReadyError: there is neither REDIS_URL nor an embedded server.
    """
    rooms = folders(settings)
    url = settings.redis_url or redis.kept_url(rooms.redis, ports=PortBook(rooms.ports))
    if url is None:
        raise NotReadyError(f"there is no Redis in {rooms.home}; {_START}, or set REDIS_URL")
    return url


def sandbox_url(settings: Settings) -> str:
    """Return the address at which the sandbox speaks the platforms' dialects.

    Raises:
        NotReadyError: the sandbox has not written its address and SANDBOX_URL is not set.
    """
    return settings.common.sandbox_url or _written(settings, "address.json", "graph")


def sandbox_admin_url(settings: Settings) -> str:
    """Return the sandbox's admin address: its clock and its faults.

    Raises:
        NotReadyError: the sandbox has not written its address and SANDBOX_ADMIN_URL is not set.
    """
    return settings.common.sandbox_admin_url or _written(settings, "address.json", "admin")


def sandbox_pid(settings: Settings) -> int | None:
    """Return the pid that the sandbox wrote beside its address, None if it has not."""
    pid = _read(settings.sandbox_data / "address.json").get("pid")
    return pid if isinstance(pid, int) else None


def sandbox_token(settings: Settings) -> str:
    """Return the token that the sandbox accepts; a real platform's token never goes there.

    Raises:
        NotReadyError: the sandbox has not written its credentials.
    """
    return _written(settings, "credentials.json", "access_token")


def sandbox_app_secret(settings: Settings) -> str | None:
    """Return the sandbox's app secret, None if it uses none."""
    value = _read(settings.sandbox_data / "credentials.json").get("app_secret")
    return str(value) if value else None


def _written(settings: Settings, file: str, key: str) -> str:
    path = settings.sandbox_data / file
    value = _read(path).get(key)
    if not value:
        raise NotReadyError(f"the sandbox has not written {key} into {path}; {_START}")
    return str(value)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
