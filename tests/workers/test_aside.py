"""What waits for others is done beside the tower's rounds, never twice at once, and its failure is not lost."""

import threading

import pytest

from workers.aside import Aside


def test_a_call_while_it_is_at_it_does_nothing():
    may_end, times = threading.Event(), []
    aside = Aside("slow", lambda: (times.append(1), may_end.wait(10)))
    assert aside()
    assert not aside()
    may_end.set()
    assert aside.wait(10)
    assert aside()
    assert aside.wait(10)
    assert len(times) == 2


def test_what_it_failed_with_is_raised_by_the_next_call_and_then_it_is_tried_again():
    times = []

    def fail():
        times.append(1)
        raise KeyError("x")

    aside = Aside("broken", fail)
    assert aside()
    assert aside.wait(10)
    with pytest.raises(KeyError):
        aside()
    assert aside()
    assert aside.wait(10)
    assert len(times) == 2
