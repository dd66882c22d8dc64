"""The platform's clock: told to nobody twice differently, standing while the process is down, never going back."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.branching import look
from sandbox.clock import PlatformClock, to_us
from sandbox.journal import Journal
from sandbox.process import SandboxProcess
from tests.sandbox.stranger import START, Stranger, open_shop

BEGIN_US = to_us(datetime.fromisoformat(START).replace(tzinfo=UTC))


def told(process: SandboxProcess) -> datetime:
    return datetime.fromisoformat(process.ask("GET", "/clock")["platform_at"])


def test_a_frozen_clock_stands_and_an_advance_moves_it_by_exactly_that(stranger: Stranger) -> None:
    before = told(stranger.process)
    stranger.get(stranger.account)
    assert told(stranger.process) == before
    stranger.advance(hours=1, minutes=30)
    assert told(stranger.process) == before + timedelta(minutes=90)


@pytest.mark.parametrize("body", [{"hours": -1}, {"to": "2020-01-01T00:00:00Z"}, {}, {"weeks": 1}, {"days": "x"}, [1]])
def test_a_step_back_or_into_nonsense_is_refused(stranger: Stranger, body: object) -> None:
    before = told(stranger.process)
    with pytest.raises(ValueError, match="error"):
        stranger.process.ask("POST", "/advance", body)
    assert told(stranger.process) == before


def test_the_clock_stands_while_the_process_is_down_and_never_goes_back(tmp_path: Path) -> None:
    with open_shop(tmp_path, speed=3_600) as process:
        first = told(process)
        process.stop()
        stood = look(tmp_path / "data").now
        assert stood == look(tmp_path / "data").now >= first
        process.restart()
        second = told(process)
        assert second >= stood
        process.kill()
        assert look(tmp_path / "data").now >= second
        process.restart()
        assert told(process) >= second
        process.ask("POST", "/speed", {"speed": 0})
        frozen = told(process)
        process.kill()
        assert look(tmp_path / "data").now == frozen


STEPS = st.lists(st.one_of(st.floats(0, 5), st.just("kill"), st.sampled_from([0.0, 1.0, 60.0, 86_400.0])), max_size=25)


@given(steps=STEPS, data=st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_is_killed_no_instant_told_is_ever_taken_back(
    tmp_path_factory: pytest.TempPathFactory, steps: list[float | str], data: st.DataObject
) -> None:
    """Real seconds pass, processes are killed (the journal stays) and start anew; the real clock may begin anywhere."""
    journal = Journal(tmp_path_factory.mktemp("clock") / "j.sqlite3")
    real = [0.0]
    PlatformClock.start(journal, at_us=BEGIN_US, speed=1.0)
    clock, seen = PlatformClock(journal, real=lambda: real[0]), [BEGIN_US]
    for step in steps:
        if step == "kill":
            real[0] = data.draw(st.floats(0, 1e6))  # another process, after any time
            clock = PlatformClock(journal, real=lambda: real[0])
        elif data.draw(st.booleans()):
            real[0] += float(step)
        else:
            clock.set_speed(float(step))
        seen.append(clock.now_us())
    journal.close()
    assert all(before <= after for before, after in pairwise(seen))


def test_time_between_two_processes_does_not_count(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite3")
    PlatformClock.start(journal, at_us=BEGIN_US, speed=10.0)
    first = PlatformClock(journal, real=lambda: 100.0)
    first.stand()
    later = PlatformClock(journal, real=lambda: 9_000.0)
    assert later.now_us() == first.now_us() == BEGIN_US
    journal.close()


def test_a_frozen_clock_starts_at_exactly_the_instant_asked_for(tmp_path: Path) -> None:
    with open_shop(tmp_path) as process:
        assert told(process) == datetime.fromisoformat(START).replace(tzinfo=UTC)
