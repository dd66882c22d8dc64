"""Makes a scenario the world of a data folder before anything serves it; what was there is kept, moved aside."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sandbox.platform import Platform
from sandbox.server import lock_folder

_JOURNAL: Final = "sandbox.sqlite3"
_PRIVATE: Final = 0o077


def holds_world(data_dir: Path) -> bool:
    """Say whether the folder already holds a platform's state."""
    return (data_dir / _JOURNAL).exists()


def found(data_dir: Path, scenario_file: Path, *, replace: bool) -> Path | None:
    """Found the scenario's world in the folder; returns where the former one was moved, None if there was none.

    All or nothing: the new world is built beside the folder and takes its place when it is whole.

    Raises:
        BlockingIOError: a sandbox runs on the folder.
        FileExistsError: the folder holds a world and `replace` is false.
        ValueError: the scenario cannot be built.
    """
    lock = lock_folder(data_dir)
    try:
        is_taken = holds_world(data_dir)
        if is_taken and not replace:
            message = f"{data_dir} already holds an ad platform"
            raise FileExistsError(message)
        draft = data_dir.with_name(f".{data_dir.name}.founding")
        _build(draft, scenario_file)
        aside = data_dir.with_name(f"{data_dir.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%S}")
        data_dir.rename(aside)
        draft.rename(data_dir)
        if not is_taken:
            shutil.rmtree(aside)
        return aside if is_taken else None
    finally:
        os.close(lock)


def _build(draft: Path, scenario_file: Path) -> None:
    shutil.rmtree(draft, ignore_errors=True)  # left by an import that was killed
    former = os.umask(_PRIVATE)
    try:
        Platform(draft, scenario=str(scenario_file)).close()
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    finally:
        os.umask(former)
