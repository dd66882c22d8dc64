"""Runs the items of a batch: in order, but each after those that it names; what needs one that failed is not sent."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec

from sandbox.meta.batches import parts as batch
from sandbox.meta.graph import Answer
from sandbox.meta.protocol.errors import GraphError, parameter
from sandbox.meta.protocol.references import resolved
from sandbox.meta.protocol.request import GraphCall

_OK: Final = 200
_FAILED_DEPENDENCY: Final = 424
Ask = Callable[[GraphCall], Awaitable[Answer | None]]
Refuse = Callable[[GraphError], Answer]


class BatchRun:
    """One batch under way; `ask` answers a call, with None where its line is cut."""

    def __init__(self, items: Sequence[batch.Item], *, ask: Ask, refuse: Refuse) -> None:
        self._items = items
        self._ask = ask
        self._refuse = refuse
        self._answers: dict[int, Answer | None] = {}
        self._places = {item.name: place for place, item in reversed(list(enumerate(items))) if item.name}
        self._is_needed = {name for item in items for name in item.needs}

    async def rows(self, *, headers: bool) -> list[dict[str, Any] | None]:
        """Return an answer for each item, in order; None where one is left out or its line was cut."""
        for place in self._order():
            self._answers[place] = await self._answer(place)
        return [self._row(place, headers=headers) for place in range(len(self._items))]

    def _order(self) -> list[int]:
        """Return the places, each after those that it needs; of a circle none can come first, so it keeps its order."""
        order: dict[int, None] = {}
        for first in range(len(self._items)):
            waiting = [first]
            seen: set[int] = set()
            while waiting:
                place = waiting[-1]
                before = [at for at in self._before(place) if at not in order and at not in seen]
                if before and place not in seen:
                    seen.add(place)
                    waiting.extend(reversed(before))
                    continue
                order.setdefault(waiting.pop())
        return list(order)

    def _before(self, place: int) -> list[int]:
        return [self._places[name] for name in self._items[place].needs if name in self._places]

    async def _answer(self, place: int) -> Answer | None:
        item = self._items[place]
        problem = item.problem or self._missing(item)
        if problem is not None or item.call is None:
            return self._refuse(problem or parameter("Invalid parameter"))
        try:
            call = resolved(item.call, {name: self._body(name) for name in item.needs})
        except GraphError as error:
            return self._refuse(error)
        return await self._ask(call)

    def _missing(self, item: batch.Item) -> GraphError | None:
        """Return why an item cannot be sent: it names none of the batch, or one that did not go well."""
        for name in item.needs:
            if name not in self._places:
                return parameter(f"No request of this batch is named {name[:80]!r}, which another one depends on")
            answer = self._answers.get(self._places[name])
            if answer is None or answer.status != _OK:
                text = f"(#100) The request named {name[:80]!r}, which this one depends on, has failed"
                return GraphError(100, text, status=_FAILED_DEPENDENCY, kind="GraphBatchException")
        return None

    def _body(self, name: str) -> bytes:
        answer = self._answers[self._places[name]]
        return msgspec.json.encode(None) if answer is None else answer.body

    def _row(self, place: int, *, headers: bool) -> dict[str, Any] | None:
        item, answer = self._items[place], self._answers[place]
        if answer is None:
            return None
        omits = item.name in self._is_needed if item.omits is None else item.omits
        return None if omits and answer.status == _OK else batch.shown(answer, headers=headers)
