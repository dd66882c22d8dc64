"""A first look at days of hours is written down slice by slice: a kill repeats none of them and misses none."""

import pytest
from sqlalchemy import event, text

from domain.alerts import about
from models import accounts, anomaly_states, incidents
from tasks import budget_spikes, collector
from tasks.budget_spikes import SLICE_HOURS, watch

TASK = "meta.budget_spikes"
HOURS = "SELECT at, spend_minor, expected_minor, usual_cpm_minor FROM anomaly_hours ORDER BY at"
ANOMALIES = "SELECT object_id, metric, since, upto, closed_at, seen, words FROM anomalies ORDER BY 1, 2, 3"
STATES = "SELECT object_kind, upto, body FROM anomaly_states ORDER BY 1"


def _on_record(conn):
    return [conn.execute(text(query)).all() for query in (HOURS, ANOMALIES, STATES)]


def _killed_while_writing(house, slices):
    """Let the process end as it writes that slice down."""
    seen = []

    def end(*arguments):
        seen.append(arguments[2].startswith("INSERT INTO anomaly_states"))
        if sum(seen) == slices and seen[-1]:
            raise KeyboardInterrupt

    event.listen(house.engine, "before_cursor_execute", end)
    return lambda: event.remove(house.engine, "before_cursor_execute", end)


def test_a_kill_between_two_slices_repeats_no_hour_and_misses_none(house, account, do):
    do(collector.run, "meta.collector")
    with house.engine.connect() as conn:
        at_once = watch(conn, accounts.get(conn, account.id), now=house.clock_of(account).now())
        wanted = _on_record(conn)
        conn.rollback()
    assert at_once.hours > 3 * SLICE_HOURS

    undo = _killed_while_writing(house, 3)
    with pytest.raises(KeyboardInterrupt):
        do(budget_spikes.run, TASK)
    undo()
    with house.engine.begin() as conn:
        (told,) = conn.execute(text("SELECT count(*) FROM anomaly_hours")).scalars()
        assert told == 2 * SLICE_HOURS
        assert anomaly_states.upto(conn, account.id) == wanted[0][told - 1].at

    run = do(budget_spikes.run, TASK)
    assert run.stats_snapshot["hours"] == at_once.hours - 2 * SLICE_HOURS
    with house.engine.begin() as conn:
        found = _on_record(conn)
    assert found == wanted


def test_people_are_told_of_an_incident_once_no_hour_is_left(house, account, do):
    """What began and ended in hours long past is no news: between two slices nobody is told."""
    do(collector.run, "meta.collector")
    with house.engine.begin() as conn:
        row, now = accounts.get(conn, account.id), house.clock_of(account).now()
        incidents.note(conn, about(budget_spikes.ALERT, f"account {account.id}", "prices rose"))
        assert not watch(conn, row, now=now, most_hours=SLICE_HOURS).is_whole
        assert len(incidents.listing(conn, slug=budget_spikes.ALERT)) == 1
        assert watch(conn, row, now=now).is_whole
        assert incidents.listing(conn, slug=budget_spikes.ALERT) == ()
