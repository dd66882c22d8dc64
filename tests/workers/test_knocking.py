"""Beat's signs of life: given while its loop turns and its knocks leave, and only then."""

import sys

import pytest
from celery import Celery
from celery.beat import Service
from celery.schedules import schedule
from kombu.exceptions import OperationalError
from sqlalchemy import text

from models import heartbeats
from models.engine import make_engine
from models.heartbeats import ProcessKind
from workers import knocking
from workers.doorbell import sender_app
from workers.knocking import Knocking, Signs
from workers.task import tick_tasks


@pytest.fixture
def now():
    return [100.0]


@pytest.fixture
def signs(now, database_url):
    return Signs(lambda: make_engine(database_url), now_s=lambda: now[0])


def test_a_loop_that_hangs_gives_no_sign(signs, now):
    assert not signs.is_well  # it has not turned yet
    signs.turned()
    now[0] += 20.0
    assert signs.is_well
    now[0] += 0.1
    assert not signs.is_well
    signs.turned()
    assert signs.is_well


def test_a_beat_whose_knocks_do_not_leave_gives_no_sign(signs):
    signs.turned()
    signs.knocked(is_sent=False)
    assert not signs.is_well
    signs.knocked(is_sent=True)
    assert signs.is_well


def test_a_knock_into_a_broker_that_is_away_is_noticed():
    app = sender_app("redis://127.0.0.1:1/0")
    scheduler = Knocking(app, lazy=True)
    entry = scheduler.Entry(name="a", task="meta.collector.tick", options={"queue": "meta.collector"}, schedule=60,
                            app=app)  # fmt: skip
    scheduler._signs.turned()
    with pytest.raises(Exception, match="Couldn't apply scheduled task") as caught:
        scheduler.apply_async(entry)
    assert isinstance(caught.value.__context__, OperationalError)
    assert not scheduler._signs.is_well
    app.close()


class NoSigns:
    """For a beat without Postgres."""

    def turned(self):
        pass


def test_beat_ends_even_where_a_finalizer_swallows_what_its_handler_of_signals_raised(monkeypatch):
    """A signal may come while a connection or a result is finalized; Python ignores what is raised there."""

    class Finalized:
        def __del__(self):
            service.sync()
            raise SystemExit

    class Unsigned(Knocking):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self._signs = NoSigns()

    class SignalledWhenAsked(schedule):
        asked = 0

        def is_due(self, _last_run_at):
            SignalledWhenAsked.asked += 1
            if SignalledWhenAsked.asked > 2:  # when it lays its plan, and in its first turn
                pytest.fail("beat knocks on after its end")
            Finalized()
            return False, 0.01

    app = sender_app("redis://127.0.0.1:1/0")
    app.conf.beat_schedule = {"a": {"task": "a", "schedule": SignalledWhenAsked()}}
    service = Service(app, scheduler_cls=Unsigned, remote_control=False)
    swallowed = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: swallowed.append(told.exc_type))
    service.start()
    assert set(swallowed) == {SystemExit}
    app.close()


def test_tasks_belong_to_the_app_that_registered_them_and_to_no_other():
    """A second app of the same process, such as a sender, must not find two tasks under one name."""
    first, second = (Celery(name, set_as_current=False, fixups=[]) for name in ("first", "second"))
    tick_tasks(first)
    tick_tasks(second)
    third = Celery("third", set_as_current=False, fixups=[])
    assert "meta.collector.tick" in first.tasks
    assert "meta.collector.tick" in second.tasks
    assert "meta.collector.tick" not in third.tasks


def test_a_sign_is_one_row_however_often_it_is_given(database_url):
    engine = make_engine(database_url)
    for _ in range(2):
        knocking.give(engine)
    with engine.begin() as conn:
        conn.execute(text("SELECT 1"))
        assert [sign.process for sign in heartbeats.listing(conn, ProcessKind.BEAT)] == [knocking.NAME]
    engine.dispose()
