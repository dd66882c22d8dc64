"""Finds the experiments by listing their folder. A file that cannot be read is named, and stops no other."""

import importlib
from dataclasses import dataclass
from pathlib import Path

from tests.faults.guarantee import Guarantee

FOLDER = Path(__file__).parent / "experiments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The guarantees by number, and the files that hold none, with why."""

    guarantees: tuple[Guarantee, ...]
    broken: dict[str, str]


def names() -> tuple[str, ...]:
    """The experiments' file names without their endings: `i05_caps`."""
    return tuple(sorted(path.stem for path in FOLDER.glob("i[0-9]*.py")))


def load(name: str) -> Guarantee:
    """Import one experiment.

    Raises:
        TypeError: the file has no GUARANTEE.
    """
    held = getattr(importlib.import_module(f"tests.faults.experiments.{name}"), "GUARANTEE", None)
    if not isinstance(held, Guarantee):
        raise TypeError(f"tests/faults/experiments/{name}.py holds no GUARANTEE")
    return held


def find() -> Found:
    """Import every experiment."""
    guarantees, broken = [], {}
    for name in names():
        try:
            guarantees.append(load(name))
        except Exception as error:  # noqa: BLE001 - whatever a file does wrong, the others still run
            broken[name] = f"{type(error).__name__}: {error}"
    return Found(guarantees=tuple(sorted(guarantees, key=lambda held: held.number)), broken=broken)
