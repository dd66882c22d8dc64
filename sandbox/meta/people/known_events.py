"""By what events are known again: when a pixel last received each key. A cache of the records, each read once."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from sandbox.records import Record

Keys = Callable[[Record], Iterable[str]]


class KnownEvents:
    """The keys of one account's pixels; the oldest are forgotten as time goes on."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._read = 0
        self._last_s: dict[tuple[str, str], int] = {}
        self._order: deque[tuple[int, tuple[str, str]]] = deque()

    def since(self, requests: Sequence[Record], pixel_id: str, since_s: float) -> Callable[[str], bool]:
        """Read what came since the last time; tell of a key whether the pixel received it since then.

        `requests` are all of the account's, oldest first; `since_s` never goes back.
        """
        for request in requests[self._read :]:
            for key in self._keys(request):
                place = (request.values["pixel_id"], key)
                self._last_s[place] = request.created_s
                self._order.append((request.created_s, place))
        self._read = len(requests)
        while self._order and self._order[0][0] < since_s:
            at_s, place = self._order.popleft()
            if self._last_s.get(place) == at_s:
                del self._last_s[place]
        return lambda key: (pixel_id, key) in self._last_s
