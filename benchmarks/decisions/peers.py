"""Peers of the extra "bench": imported late, and told where they are missing or broken instead of failing a part."""

import importlib
from types import ModuleType

NOT_RUN: dict[str, str] = {}  # name -> why, of this process


def peer(name: str) -> ModuleType | None:
    """Return a peer's module; None, with the reason in `NOT_RUN`, where it cannot be imported."""
    try:
        return importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 - packages built against other versions raise whatever they like
        NOT_RUN[name] = f"{type(error).__name__}: {error}"
        return None


def missing_notes() -> list[str]:
    """Return a sentence for each peer that was asked for and could not run."""
    return [f"peer {name} did not run ({reason})" for name, reason in sorted(NOT_RUN.items())]
