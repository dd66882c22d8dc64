"""The JSONPath of batch references: `$.data.*.id`, `$.data[0].id`, `$['id']`, `$..id`. Filters and slices are none.

Reading is bounded in steps and in finds, so that no expression can keep the sandbox busy.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_STEP: Final = re.compile(
    r"""(?P<deep>\.\.)?(?:
        \.?(?P<any>\*) | \[(?P<every>\*)\] | \[(?P<place>-?\d{1,9})\]
        | \[(?P<quote>['"])(?P<quoted>[^'"\]]*)(?P=quote)\] | \.?(?P<name>[A-Za-z0-9_$-]+)
    )""",
    re.VERBOSE,
)
_MOST_STEPS: Final = 32
_MOST_FINDS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One part of a path: a property, an index, or every child (`key` None); `is_deep` looks at any depth."""

    key: str | int | None
    is_deep: bool = False


def read_path(text: str) -> tuple[Step, ...]:
    """Return the steps of a path.

    Raises:
        ValueError: it does not begin with `$`, it is too long, or it holds what is not supported.
    """
    text = text.strip()
    if not text.startswith("$"):
        message = f"a path begins with $: {text[:80]!r}"
        raise ValueError(message)
    steps: list[Step] = []
    at = 1
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None or len(steps) == _MOST_STEPS or not _begins_well(text, at, match):
            message = f"{text[:80]!r} is no path of properties, indexes and *: at {text[at : at + 20]!r}"
            raise ValueError(message)
        steps.append(_step(match))
        at = match.end()
    return tuple(steps)


def find(document: Any, text: str) -> list[Any]:
    """Return everything in a document that a path leads to, in order.

    Raises:
        ValueError: the path cannot be read, or leads to too much.
    """
    found = [document]
    for step in read_path(text):
        found = _taken(found, step)
    return found


def _taken(values: list[Any], step: Step) -> list[Any]:
    found: list[Any] = []
    for value in values:
        for holder in _depths(value) if step.is_deep else (value,):
            found.extend(_children(holder, step.key))
            if len(found) > _MOST_FINDS:
                message = f"the path leads to more than {_MOST_FINDS} values"
                raise ValueError(message)
    return found


def _children(value: Any, key: str | int | None) -> list[Any]:
    if key is None:
        return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if isinstance(value, dict):
        return [value[str(key)]] if str(key) in value else []
    is_place = isinstance(key, int) or key.isdecimal()
    if not isinstance(value, list) or not is_place or not -len(value) <= int(key) < len(value):
        return []
    return [value[int(key)]]


def _depths(value: Any) -> Iterator[Any]:
    """Yield a value and all that it holds, outermost first."""
    waiting = [value]
    while waiting:
        held = waiting.pop()
        yield held
        waiting.extend(reversed(_children(held, None)))


def _step(match: re.Match[str]) -> Step:
    is_deep = match["deep"] is not None
    if match["any"] or match["every"]:
        return Step(key=None, is_deep=is_deep)
    if match["place"] is not None:
        return Step(key=int(match["place"]), is_deep=is_deep)
    return Step(key=match["name"] if match["name"] is not None else match["quoted"], is_deep=is_deep)


def _begins_well(text: str, at: int, match: re.Match[str]) -> bool:
    """Say whether a step is set off from the one before: by a dot, two dots or a bracket."""
    return text[at] in ".[" and not (match["deep"] and text[at : at + 3] == "...")
