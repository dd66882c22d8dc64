"""The sandbox's clock is carried on between readings and never goes back."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import NotReadyError
from workers.clock import Reading, SandboxClock, read_sandbox

_T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class _Bench:
    """A sandbox whose readings and a monotonic clock whose seconds the test sets."""

    def __init__(self):
        self.seconds = 0.0
        self.platform_at = _T0
        self.speed = 60.0
        self.asked = 0
        self.clock = SandboxClock(self.read, monotonic_s=lambda: self.seconds)

    def read(self):
        self.asked += 1
        return Reading(platform_at=self.platform_at, speed=self.speed, taken_s=self.seconds)


def test_between_readings_time_passes_at_the_sandbox_s_speed():
    bench = _Bench()
    assert bench.clock.now() == _T0
    bench.seconds = 0.5

    assert bench.clock.now() == _T0 + timedelta(seconds=30)
    assert bench.asked == 1


def test_after_a_second_the_sandbox_is_asked_again():
    bench = _Bench()
    bench.clock.now()
    bench.seconds, bench.platform_at = 2.0, _T0 + timedelta(hours=5)

    assert bench.clock.now() == _T0 + timedelta(hours=5)
    assert bench.asked == 2


def test_the_clock_never_goes_back():
    bench = _Bench()
    bench.seconds = 0.9
    bench.clock.now()
    bench.seconds = 1.8
    told = bench.clock.now()
    bench.seconds, bench.platform_at = 3.0, _T0  # the sandbox was restored from an older state

    assert bench.clock.now() == told


def test_a_sandbox_that_stands_still_stands_still():
    bench = _Bench()
    bench.speed = 0.0
    bench.clock.now()
    bench.seconds = 0.9

    assert bench.clock.now() == _T0
    assert bench.clock.speed() == 0.0


def test_a_sandbox_that_does_not_answer_has_no_time():
    with pytest.raises(NotReadyError, match="does not tell the time"):
        read_sandbox("http://127.0.0.1:9")
