"""A slice of an insights table as columns, and the texts of figures, written once for each figure that comes again."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandbox.meta.insights.report import FIGURES, Report

Ints = list[int]
_MOST_KEPT: Final = 30_000


class Texts(dict[int, str]):
    """A text per number; each is written once and kept, all are forgotten when there are too many."""

    def __init__(self, write: Callable[[int], str]) -> None:
        super().__init__()
        self._write = write

    def __missing__(self, number: int) -> str:
        """Write the text of a number."""
        if len(self) >= _MOST_KEPT:
            self.clear()
        text = self[number] = self._write(number)
        return text

    def column(self, numbers: Iterable[int]) -> list[str]:
        """Return the texts of numbers."""
        return [self[number] for number in numbers]


def money(minor: int, offset: int) -> str:
    """Return minor units as major units with two decimals, exactly (whole units where the currency has no cents)."""
    if offset == 1:
        return str(minor)
    return f"{minor // offset}.{minor % offset:02d}"


@lru_cache(maxsize=64)
def fields_of(name: str, offset: int = 1) -> Texts:
    """Return the texts of a scalar field; `offset` is the minor units in a major one where it is money."""
    return Texts(lambda number: f'"{name}":"{money(number, offset)}",')


@lru_cache(maxsize=64)
def values_of(offset: int = 1) -> Texts:
    """Return the bare texts of figures, '' for nothing."""
    return Texts(lambda number: money(number, offset) if number else "")


@lru_cache(maxsize=256)
def entries_of(kinds: tuple[str, ...], tail: str, offset: int = 1) -> Texts:
    """Return the entries of a list of actions that some kinds of one figure have, '' for nothing."""

    def write(number: int) -> str:
        value = money(number, offset)
        return "".join(f'{{"action_type":"{kind}","value":"{value}"{tail},' for kind in kinds) if number else ""

    return Texts(write)


class Columns:
    """A slice of a table as lists, and what entries of actions carry: windows, and further keys by action type."""

    def __init__(
        self, *, offset: int, windows: tuple[str, ...] = (), bought_tail: str = "}", acted_tail: str = "}"
    ) -> None:  # fmt: skip
        self.offset, self.windows = offset, windows
        self.bought_tail, self.acted_tail = bought_tail, acted_tail  # what ends entries about purchases, and others
        self.ranks: dict[str, list[str]] | None = None
        self._columns: dict[str, NDArray[np.int64]] = {}
        self._lists: dict[str, Ints] = {}

    def of(self, table: Report, here: slice) -> "Columns":
        """Return the slice of a table in this shape."""
        found = Columns(
            offset=self.offset, windows=self.windows, bought_tail=self.bought_tail, acted_tail=self.acted_tail
        )
        found._columns = {name: column[here] for name, column in zip(FIGURES, table.figures, strict=True)}
        found._columns |= {name: column[here] for name, column in table.more.items()}
        return found

    def __getitem__(self, name: str) -> Ints:
        """Return a figure's column; zeros where the table was built without it."""
        held = self._lists.get(name)
        if held is None:
            column = self._columns.get(name)
            held = self._lists[name] = column.tolist() if column is not None else [0] * len(self)
        return held

    def __len__(self) -> int:
        return len(self._columns["impressions"])

    def has(self, name: str) -> bool:
        """Say whether the table was built with a figure."""
        return name in self._columns
