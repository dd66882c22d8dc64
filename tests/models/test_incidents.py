"""The store of incidents: one open row per kind and scope, that updates, resolves, and counts what is repeated."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from domain.alerts import Finding, Severity
from domain.errors import BadInputError
from models import incidents
from models.tables import incidents as table

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
AT_ONCE = timedelta(0)


def finding(kind="worker_dead", scope="cycles@here", text="silent for 40 s", **more):
    return Finding(kind=kind, scope=scope, text=text, detail=more.pop("detail", {"age_s": 40}), **more)


def grow_old(conn, incident_id, by, *columns):
    values = {name: table.c[name] - by for name in columns}
    conn.execute(update(table).where(table.c.id == incident_id).values(**values))


def test_a_state_that_is_found_again_stays_one_open_row_that_tells_the_latest(conn):
    first = incidents.note(conn, finding())
    second = incidents.note(conn, finding(text="silent for 55 s", detail={"age_s": 55}))
    [row] = incidents.listing(conn)
    assert (first, row.id, row.times, row.body) == (second, first, 2, "silent for 55 s")
    assert row.title == "A worker is silent: cycles@here"
    assert row.severity is Severity.CRITICAL


def test_the_same_kind_about_another_scope_is_another_incident(conn):
    assert incidents.note(conn, finding()) != incidents.note(conn, finding(scope="actions@here"))


def test_a_severity_rises_with_the_finding_and_does_not_fall(conn):
    incidents.note(conn, finding("token_expires", "meta"))
    assert incidents.listing(conn)[0].severity is Severity.WARNING
    incidents.note(conn, finding("token_expires", "meta", severity=Severity.CRITICAL))
    incidents.note(conn, finding("token_expires", "meta"))
    assert incidents.listing(conn)[0].severity is Severity.CRITICAL


def test_a_state_ends_only_after_it_was_missing_for_more_than_one_look(conn):
    gone = incidents.note(conn, finding())
    assert incidents.resolve_missing(conn, {"worker_dead"}, ()) == ()
    grow_old(conn, gone, timedelta(seconds=21), "updated_at")
    assert incidents.resolve_missing(conn, {"worker_dead"}, ()) == (gone,)
    assert incidents.get(conn, gone).resolved_at is not None
    assert incidents.listing(conn) == ()


def test_what_is_still_found_or_could_not_be_judged_does_not_end(conn):
    incidents.note(conn, finding())
    incidents.note(conn, finding("broker_unhealthy", ""))
    still = {("worker_dead", "cycles@here")}
    assert incidents.resolve_missing(conn, {"worker_dead"}, still, unseen_for=AT_ONCE) == ()
    assert len(incidents.listing(conn)) == 2


def test_what_comes_back_within_two_minutes_is_the_same_incident(conn):
    first = incidents.note(conn, finding())
    assert incidents.resolve(conn, "worker_dead", "cycles@here")
    assert incidents.note(conn, finding()) == first
    assert incidents.get(conn, first).resolved_at is None


def test_what_comes_back_later_is_a_new_incident(conn):
    first = incidents.note(conn, finding())
    incidents.resolve(conn, "worker_dead", "cycles@here")
    grow_old(conn, first, timedelta(minutes=3), "resolved_at")
    assert incidents.note(conn, finding()) != first


def test_an_event_is_over_as_it_happens_and_is_counted_once_per_occurrence(conn):
    first = incidents.note(conn, finding("cycle_failed", "meta.full_cycle", detail={"run": 1}))
    incidents.note(conn, finding("cycle_failed", "meta.full_cycle", detail={"run": 1}))
    assert incidents.get(conn, first).times == 1
    incidents.note(conn, finding("cycle_failed", "meta.full_cycle", detail={"run": 2}))
    row = incidents.get(conn, first)
    assert (row.times, row.detail) == (2, {"run": 2})
    assert row.resolved_at is not None


def test_an_event_an_hour_later_is_told_anew(conn):
    first = incidents.note(conn, finding("cycle_failed", "meta.full_cycle", detail={"run": 1}))
    grow_old(conn, first, timedelta(minutes=61), "resolved_at")
    assert incidents.note(conn, finding("cycle_failed", "meta.full_cycle", detail={"run": 9})) != first


def test_open_incidents_come_first_and_the_gravest_of_them_before_all(conn):
    over = incidents.note(conn, finding("cycle_failed", "x"))
    light = incidents.note(conn, finding("slot_missed", "y"))
    grave = incidents.note(conn, finding("system_critical", ""))
    later = incidents.note(conn, finding("slot_missed", "z"))
    assert [row.id for row in incidents.listing(conn, only_open=False)] == [grave, later, light, over]


def test_an_acknowledgement_stays_with_the_first_who_gave_it(conn):
    one = incidents.note(conn, finding())
    incidents.acknowledge(conn, one, "ana")
    assert incidents.acknowledge(conn, one, "bo").acknowledged_by == "ana"


def test_false_alarms_are_counted_beside_all_but_tests_are_neither(conn):
    one = incidents.note(conn, finding())
    incidents.note(conn, finding("slot_missed", "y"))
    incidents.note(conn, finding("test", ""))
    incidents.call_false(conn, one, "ana")
    assert incidents.tally(conn, LONG_AGO) == incidents.Tally(opened=2, called_false=1)


def test_text_that_postgres_cannot_hold_is_cleaned(conn):
    one = incidents.note(conn, finding(text="bad\x00name", scope="a\x00b", detail={"name": "\x00x"}))
    row = incidents.get(conn, one)
    assert (row.body, row.scope, row.detail) == ("badname", "ab", {"name": "x"})
    assert incidents.note(conn, finding(text="again", scope="a\x00b")) == one


def test_an_unknown_kind_and_an_unknown_id_are_named(conn):
    with pytest.raises(BadInputError, match='no kind of alert "nonsense"'):
        incidents.note(conn, finding("nonsense"))
    with pytest.raises(BadInputError, match="no alert 999"):
        incidents.get(conn, 999)


def test_what_ended_long_ago_is_forgotten_and_what_is_open_is_not(conn):
    over = incidents.note(conn, finding())
    still = incidents.note(conn, finding(scope="actions@here"))
    incidents.resolve(conn, "worker_dead", "cycles@here")
    grow_old(conn, over, timedelta(days=91), "resolved_at")
    grow_old(conn, still, timedelta(days=91), "opened_at", "updated_at")
    assert incidents.forget_older(conn, incidents.KEPT) == 1
    assert [row.id for row in incidents.listing(conn, only_open=False)] == [still]
