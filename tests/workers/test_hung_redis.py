"""A Redis that takes connections and answers nothing: every asker tries it once, and time-outs do not add up."""

import socket
import threading
from contextlib import suppress

import pytest

from workers import metrics, overview
from workers.bootstrap import House
from workers.broker import Hearing, within
from workers.settings import read_settings


class Silent:
    """A server that counts who comes, and never says a word."""

    def __init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://:secret@127.0.0.1:{self._socket.getsockname()[1]}/0"
        self.came = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):  # until it is closed
            while True:
                self.came.append(self._socket.accept()[0])

    def close(self):
        self._socket.close()
        for line in self.came:
            line.close()


@pytest.fixture
def silent():
    server = Silent()
    yield server
    server.close()


@pytest.fixture
def house(engine, silent, tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("REDIS_URL", silent.url)
    monkeypatch.setenv("STAKAZO_HOME", str(tmp_path))
    with House.open(read_settings()) as house:
        yield house


def test_status_asks_it_once_in_each_of_three_ways_and_then_nobody_asks(house, silent):
    found = overview.look(house)
    assert len(silent.came) <= 3, "what it is, what waits, and who consumes: side by side"
    assert found.queues == ()
    assert any("Redis does not answer" in problem for problem in found.problems)

    came = len(silent.came)
    assert overview.look(house).queues == ()
    assert len(silent.came) == came


def test_a_scrape_asks_it_once(house, silent):
    said = metrics.page(metrics.collector_of(house))
    assert 'ads_source_up{source="redis"} 0.0' in said
    assert len(silent.came) == 1


def test_a_call_that_hangs_in_many_places_is_waited_for_once_and_asked_once():
    clock = {"s": 0.0}
    hearing, go_on, calls = Hearing(lambda: clock["s"]), threading.Event(), []

    def hang():
        calls.append(clock["s"])
        clock["s"] += 2.0
        go_on.wait(60)

    assert hearing.ask(within(0.05, hang), "it") is None
    assert hearing.ask(within(0.05, hang), "it") is None
    assert (len(calls), go_on.is_set()) == (1, False), "it was given up while it still hung"
    go_on.set()


def test_what_a_call_within_its_time_says_or_raises_is_what_its_caller_gets():
    assert within(60, lambda: "an answer")() == "an answer"
    with pytest.raises(ZeroDivisionError):
        within(60, lambda: 1 // 0)()
