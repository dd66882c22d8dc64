"""Streams read side by side: a few threads, what they bring handed to one consumer, never more than a little ahead.

Ends as a whole: the first failure, or a consumer that stops, ends every thread at once. Knows neither HTTP nor Meta.
"""

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Generic, TypeVar

from meta_client.cut import Cut, CutError, under

_T = TypeVar("_T")
Stream = Callable[[], Iterator[_T]]
NAME = "side-by-side"  # its threads are called so, with a number each
AHEAD = 8  # items per thread that may wait for the consumer: it is away for seconds when it merges what it loaded


def side_by_side(streams: Sequence[Stream[_T]], *, degree: int, beat_s: float | None = None) -> Generator[_T | None]:
    """Yield what the streams yield, in the order in which it comes; each stream's own order is kept.

    With `beat_s`, None is yielded when nothing came for so long, so that the consumer may show that it lives. Streams
    run in copies of the caller's context. A single stream runs in the caller's thread.

    Raises:
        BaseException: whatever a stream raised first; by then no thread is left.
    """
    if len(streams) <= 1 or degree <= 1:
        for stream in streams:
            yield from stream()
        return
    room: _Room[_T] = _Room(streams, ahead=AHEAD * degree)
    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(room.work,), name=f"{NAME}-{n}", daemon=True)
        for n in range(min(degree, len(streams)))
    ]
    begun: list[threading.Thread] = []
    try:
        for thread in threads:
            room.expect()
            thread.start()
            begun.append(thread)
        yield from room.items(beat_s)
    finally:
        room.close()
        for thread in begun:
            thread.join()


class _Room(Generic[_T]):
    """Where the threads find their streams and put their items, and the consumer takes them."""

    def __init__(self, streams: Sequence[Stream[_T]], *, ahead: int) -> None:
        self._streams = deque(streams)
        self._items: deque[_T] = deque()
        self._ahead = ahead
        self._at_work = 0
        self._failure: BaseException | None = None
        self._changed = threading.Condition()
        self._cut = Cut()

    def expect(self) -> None:
        """Count a thread that is about to begin, so that the consumer waits for it."""
        with self._changed:
            self._at_work += 1

    def close(self) -> None:
        """End all threads."""
        self._cut.now()
        with self._changed:
            self._changed.notify_all()

    def items(self, beat_s: float | None) -> Iterator[_T | None]:
        """Hand out items until all streams have ended."""
        while True:  # ends: each stream does, and each thread tells when it does
            with self._changed:
                came = self._changed.wait_for(self._has_news, beat_s)
                if self._failure is not None:
                    raise self._failure
                if came and not self._items:
                    return
                item = self._items.popleft() if self._items else None
                self._changed.notify_all()
            yield item

    def _has_news(self) -> bool:
        return bool(self._items) or self._failure is not None or self._at_work == 0

    def work(self) -> None:
        """Run streams until none is left; what a thread does."""
        try:
            with under(self._cut):
                while True:  # ends: each turn takes a stream away
                    with self._changed:
                        if not self._streams:
                            return
                        stream = self._streams.popleft()
                    for item in stream():
                        self._put(item)
        except CutError:
            return
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer's thread
            self._fail(error)
        finally:
            with self._changed:
                self._at_work -= 1
                self._changed.notify_all()

    def _put(self, item: _T) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self._ahead or self._cut.is_done)
            self._cut.check()
            self._items.append(item)
            self._changed.notify_all()

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            if self._failure is None and not self._cut.is_done:
                self._failure = error
        self._cut.now()
        with self._changed:
            self._changed.notify_all()
