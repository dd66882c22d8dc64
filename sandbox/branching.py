"""Branches a world: a copy of a data folder as it stands now, to be lived on elsewhere. The original is only read."""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sandbox.clock import PlatformClock, from_us
from sandbox.founding import holds_world
from sandbox.journal import Journal
from sandbox.scenario import Scenario
from sandbox.world import World

_JOURNAL: Final = "sandbox.sqlite3"
_CREDENTIALS: Final = "credentials.json"
_PRIVATE: Final = 0o077


@dataclass(frozen=True, slots=True, kw_only=True)
class Branched:
    """What the copy holds: its present, how many effects were in its log, and its accounts (digits only)."""

    now: datetime
    effects: int
    account_ids: tuple[str, ...]


def branch(source: Path, target: Path, *, seed: int | None = None, from_start: bool = False) -> Branched:
    """Copy a world into a folder that has none; the copy's clock stands. A sandbox may run on the source meanwhile.

    With `seed` the copy's dice fall otherwise, in its simulated past too; history of a report stays as it was. With
    `from_start` the copy's clock stands at the very instant of its founding, for a world in which nothing happened yet.

    Raises:
        FileNotFoundError: the source holds no world.
        FileExistsError: the target holds one.
    """
    if not holds_world(source):
        message = f"{source} holds no ad platform"
        raise FileNotFoundError(message)
    if holds_world(target):
        message = f"{target} already holds an ad platform"
        raise FileExistsError(message)
    former = os.umask(_PRIVATE)
    try:
        target.mkdir(parents=True, exist_ok=True)
        if (source / _CREDENTIALS).exists():
            shutil.copyfile(source / _CREDENTIALS, target / _CREDENTIALS)
        draft = target / f".{_JOURNAL}.draft"
        draft.unlink(missing_ok=True)
        with closing(sqlite3.connect(source / _JOURNAL)) as old, closing(sqlite3.connect(draft)) as new:
            old.backup(new)
        with closing(Journal(draft)) as journal:
            _hold_still(journal, from_start=from_start)
            if seed is not None:
                _cast_anew(journal, seed)
        draft.rename(target / _JOURNAL)
    finally:
        os.umask(former)
    return look(target)


def look(data_dir: Path) -> Branched:
    """Say what a world holds; changes nothing.

    Raises:
        FileNotFoundError: there is none.
    """
    if not holds_world(data_dir):
        message = f"{data_dir} holds no ad platform"
        raise FileNotFoundError(message)
    with closing(Journal(data_dir / _JOURNAL)) as journal:
        return Branched(now=from_us(_kept_us(journal)), effects=journal.last_seq(), account_ids=_account_ids(journal))


def _hold_still(journal: Journal, *, from_start: bool) -> None:
    at_us = int(journal.setting("start_us") or 0) if from_start and not journal.last_seq() else _kept_us(journal)
    PlatformClock.start(journal, at_us=at_us, speed=0.0)


def _kept_us(journal: Journal) -> int:
    """Return the present as the clock last kept it; of one that runs, at most its lease of a second ahead."""
    return int(json.loads(journal.setting("clock") or "{}")["platform_us"])


def _cast_anew(journal: Journal, seed: int) -> None:
    ids = _account_ids(journal)  # those minted from the former seed must stay, for the log names them
    scenario = _scenario(journal)
    accounts = tuple(spec.model_copy(update={"id": own}) for spec, own in zip(scenario.accounts, ids, strict=True))
    journal.set("scenario", scenario.model_copy(update={"seed": seed, "accounts": accounts}).model_dump_json())


def _account_ids(journal: Journal) -> tuple[str, ...]:
    return tuple(World(_scenario(journal), start_us=int(journal.setting("start_us") or 0)).accounts)


def _scenario(journal: Journal) -> Scenario:
    return Scenario.model_validate_json(journal.setting("scenario") or "")
