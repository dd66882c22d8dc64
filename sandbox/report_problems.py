"""What is wrong with a report, by line and column; every problem is collected before anything is refused."""

from dataclasses import dataclass
from typing import Final

SHOWN: Final = 50
_CELL_CHARS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fault; `line` is the line of the file at which the row starts, 0 where the file as a whole is meant."""

    line: int
    column: str
    reason: str


class ReportError(Exception):
    """The report cannot be imported and nothing was; `problems` are the first ones, `total` counts all of them."""

    def __init__(self, problems: tuple[Problem, ...], *, total: int | None = None) -> None:
        self.problems = problems
        self.total = len(problems) if total is None else total
        super().__init__(f"{self.total} problem(s) in the report; nothing was imported")


class CellError(ValueError):
    """A cell cannot be understood; the message is the reason."""


class Collector:
    """Takes problems in, keeps the first ones and counts all."""

    def __init__(self) -> None:
        self._kept: list[Problem] = []
        self.total = 0

    def add(self, line: int, column: str, reason: str) -> None:
        """Note a problem."""
        self.total += 1
        if len(self._kept) < SHOWN:
            self._kept.append(Problem(line=line, column=column, reason=reason))

    def raise_if_any(self) -> None:
        """Refuse the report if anything was noted.

        Raises:
            ReportError: at least one problem was noted.
        """
        if self.total:
            raise ReportError(tuple(self._kept), total=self.total)


def shown(cell: str) -> str:
    """Return a cell as it may stand in a reason: quoted, escapes visible, not too long."""
    return ascii(cell if len(cell) <= _CELL_CHARS else cell[:_CELL_CHARS] + "…")
