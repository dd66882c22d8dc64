"""Streams read side by side: complete, bounded, in the caller's name, and gone as soon as they are not wanted."""

import threading
from collections.abc import Iterator
from functools import partial

import pytest

from domain.calls import calling, current_class
from domain.ports import CallClass
from meta_client import cut
from meta_client.side_by_side import AHEAD, side_by_side
from tests.meta_client.scripted import wait_until


def _counting(first: int, items: int) -> Iterator[int]:
    yield from range(first, first + items)


def _threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread is not threading.current_thread()}


@pytest.mark.parametrize(("streams", "degree"), [(0, 4), (1, 4), (3, 1), (3, 8), (20, 3)])
def test_everything_that_every_stream_yields_comes_once(streams: int, degree: int) -> None:
    got = list(side_by_side([partial(_counting, 100 * n, 50) for n in range(streams)], degree=degree))
    assert sorted(item for item in got if item is not None) == [100 * n + i for n in range(streams) for i in range(50)]


def test_each_stream_keeps_its_order() -> None:
    got = list(side_by_side([partial(_counting, 100 * n, 50) for n in range(4)], degree=4))
    for n in range(4):
        assert [item for item in got if item is not None and item // 100 == n] == list(range(100 * n, 100 * n + 50))


def test_no_stream_runs_far_ahead_of_a_slow_consumer() -> None:
    made: list[int] = []

    def noted(first: int) -> Iterator[int]:
        for item in range(first, first + 1000):
            made.append(item)
            yield item

    reading = side_by_side([partial(noted, 0), partial(noted, 1000)], degree=2)
    next(reading)
    wait_until(lambda: len(made) >= 2 * AHEAD)
    reading.close()
    assert len(made) <= 2 * AHEAD + 4  # one taken, what the room holds, one in the hands of each thread, one to spare


def test_a_consumer_that_stops_leaves_no_thread_behind() -> None:
    before = _threads()
    reading = side_by_side([partial(_counting, 0, 10**9) for _ in range(5)], degree=5)
    next(reading)
    assert len(_threads() - before) == 5
    reading.close()
    assert _threads() <= before


def test_the_first_failure_ends_all_and_is_what_the_consumer_sees() -> None:
    before, waiting = _threads(), threading.Event()

    def failing() -> Iterator[int]:
        assert waiting.wait(10)
        raise ValueError("the first")
        yield 0

    def asleep() -> Iterator[int]:
        waiting.set()
        cut.sleep(60)
        yield 0

    with pytest.raises(ValueError, match="the first"):
        list(side_by_side([failing, asleep, asleep], degree=3))
    assert _threads() <= before


def test_streams_run_in_the_name_of_who_reads() -> None:
    def classes() -> Iterator[CallClass]:
        yield current_class()

    with calling(CallClass.COLLECT):
        assert set(side_by_side([classes] * 4, degree=2)) == {CallClass.COLLECT}


def test_while_nothing_comes_the_consumer_is_woken_now_and_then() -> None:
    may_go = threading.Event()

    def late() -> Iterator[int]:
        assert may_go.wait(10)
        yield 1

    got = []
    for item in side_by_side([late, late], degree=2, beat_s=0.01):
        got.append(item)
        may_go.set()
    assert got[0] is None
    assert [item for item in got if item is not None] == [1, 1]
