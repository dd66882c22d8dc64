"""A page of figures that carries its rows as text, ready for a bulk load; rows are made only for who asks for them.

Making 10^6 rows that nobody looks at is what a load would spend most of its time on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import overload

from domain.objects import InsightRow


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightPage(Sequence[InsightRow]):
    """`lines` holds one line per row: the fields of `InsightRow` in their order, tabs between, a line feed at the end.

    Every field is digits, but for the day ("2026-11-20"): nothing needs escaping. Whole days leave the hour out; with
    `has_hours` each is 00..23.
    """

    lines: str
    rows: int
    has_hours: bool = False

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[InsightRow]:
        return iter(self._made())

    @overload
    def __getitem__(self, place: int) -> InsightRow: ...
    @overload
    def __getitem__(self, place: slice) -> list[InsightRow]: ...
    def __getitem__(self, place: int | slice) -> InsightRow | list[InsightRow]:
        return self._made()[place]

    def _made(self) -> list[InsightRow]:
        cells = [line.split("\t") for line in self.lines.splitlines()]
        days = {text: date.fromisoformat(text) for text in {row[3] for row in cells}}
        first = 5 if self.has_hours else 4
        return [
            InsightRow(
                row[0],
                row[1],
                row[2],
                days[row[3]],
                int(row[4]) if self.has_hours else -1,
                *map(int, row[first:]),
            )
            for row in cells
        ]
