"""The control lane with the real app: what beat sends it is done."""

import pytest
from sqlalchemy import text

from domain import catalogue
from models import heartbeats
from models.heartbeats import ProcessKind
from workers.doorbell import sender_app


@pytest.fixture
def send(own_redis):
    app = sender_app(own_redis.url)
    yield lambda task: app.send_task(task, queue=catalogue.CONTROL_QUEUE, retry=False)
    app.close()


def _count(engine, what):
    with engine.begin() as conn:
        return conn.execute(text(f"SELECT count(*) FROM {what}")).scalar_one()


def test_a_check_of_the_hour_is_done_once_and_a_missing_tower_is_an_incident(
    engine, own_redis, send, start_worker, until
):
    worker = start_worker(own_redis.url, lane="control", app="workers.celery_app")

    send("control.health")
    send("control.health")
    send("control.watch")

    until(lambda: _count(engine, "incidents WHERE kind = 'tower_dead'") == 1, "the tower is missed", worker.log)
    with engine.begin() as conn:  # the hour may have turned between the two
        hours = conn.execute(text("SELECT count(*) FROM control_tower_runs WHERE slot_at IS NOT NULL GROUP BY slot_at"))
        assert set(hours.scalars()) == {len(catalogue.built_platforms())}
    with engine.begin() as conn:
        assert heartbeats.listing(conn, ProcessKind.BEAT) == ()  # a message in a queue says nothing of beat now
