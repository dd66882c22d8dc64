"""This machine: versions, the data folder's rights, room on its disk."""

import os
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from workers import addresses
from workers.bootstrap import House
from workers.doctor.findings import Finding, Grade

_PACKAGES = ("stakazo", "celery", "kombu", "redis", "sqlalchemy", "psycopg", "pydantic")
_GIB = 1024**3
_LEAST_FREE = _GIB // 4  # Postgres stops writing on a full disk, and with it everything
_LITTLE_FREE = 2 * _GIB
_FOR_OTHERS = 0o077


def versions(_house: House) -> Iterator[Finding]:
    """Say what runs here; nothing older than what is pinned was ever tried."""
    found = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    yield Finding(check="versions", grade=Grade.OK, says=f"Python {platform.python_version()}, {found}")


def data_folder(house: House) -> Iterator[Finding]:
    """See that the folder can be written and that secrets in it are for their owner only."""
    home = house.settings.home
    if not home.exists():
        yield Finding(
            check="data folder", grade=Grade.WARN, says=f"{home} is not there yet", advice="`stakazo up` makes it"
        )
        return
    if not home.is_dir() or not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(
            check="data folder",
            grade=Grade.FAIL,
            says=f"{home} is no folder that this user may read and write",
            advice=f"run `chown -R $(id -u) {home}` as its owner, or set STAKAZO_HOME to another folder",
        )
        return
    open_to_others = [path for path in _secrets(house) if path.exists() and path.stat().st_mode & _FOR_OTHERS]
    for path in open_to_others:
        yield Finding(
            check="data folder",
            grade=Grade.FAIL,
            says=f"{path} holds a secret and others may read it",
            advice=f"run `chmod 600 {path}`",
        )
    if not open_to_others:
        yield Finding(
            check="data folder", grade=Grade.OK, says=f"{home} can be written; secrets are for its owner only"
        )


def disk_space(house: House) -> Iterator[Finding]:
    """See that the disk of the data folder has room."""
    place = next(path for path in (house.settings.home, *house.settings.home.parents) if path.exists())
    free = shutil.disk_usage(place).free
    says = f"{free / _GIB:.1f} GiB free in {place}"
    if free >= _LITTLE_FREE:
        yield Finding(check="disk space", grade=Grade.OK, says=says)
        return
    grade = Grade.FAIL if free < _LEAST_FREE else Grade.WARN
    yield Finding(check="disk space", grade=grade, says=says, advice="free some, or set STAKAZO_HOME to another disk")


def _secrets(house: House) -> tuple[Path, ...]:
    rooms = addresses.folders(house.settings)
    sandbox = house.settings.sandbox_data / "credentials.json"
    return (rooms.home / "flower.json", rooms.postgres / "password", rooms.redis / "password", sandbox)
