"""Who is told what, and when: one card per incident that updates and resolves, and no channel dies unseen."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from control_tower.standins import NotedMessenger
from control_tower.telling import DEAD_AFTER, Telling
from domain.alerts import Severity, about
from domain.errors import BadInputError
from domain.quiet_hours import QuietHours
from models import incidents, notices
from models.engine import db_now
from models.tables import incidents as incident_table
from models.tables import notices as notice_table

CRITICAL, WARNING = "system_critical", "slot_missed"


@pytest.fixture
def messenger():
    return NotedMessenger()


@pytest.fixture
def telling(engine, messenger):
    return Telling(engine=engine, messenger=messenger)


@pytest.fixture
def note(engine):
    def note_one(slug=CRITICAL, scope="", text="it is so", severity=None, **detail):
        with engine.begin() as conn:
            return incidents.note(conn, about(slug, scope, text, severity, **detail))

    return note_one


@pytest.fixture
def resolve(engine):
    def resolve_one(slug=CRITICAL, scope="", ago=timedelta(minutes=3)):
        with engine.begin() as conn:
            incidents.resolve(conn, slug, scope)
            table = incident_table
            conn.execute(update(table).where(table.c.kind == slug).values(resolved_at=table.c.resolved_at - ago))

    return resolve_one


def make_due(engine):
    with engine.begin() as conn:
        conn.execute(update(notice_table).values(due_at=db_now(conn) - timedelta(seconds=1)))


def grow_old(engine, by):
    with engine.begin() as conn:
        columns = {name: notice_table.c[name] - by for name in ("wanted_at", "due_at")}
        conn.execute(update(notice_table).values(**columns))


def rows(engine):
    with engine.begin() as conn:
        return list(conn.execute(select(notice_table).order_by(notice_table.c.id)))


def always_quiet(engine):
    with engine.begin() as conn:
        now = db_now(conn)
    begin, end = now - timedelta(hours=1), now + timedelta(hours=2)
    return QuietHours.parse(f"{begin:%H:%M}-{end:%H:%M} UTC")


def test_every_channel_is_told_once_however_often_it_is_found_and_looked(telling, messenger, note):
    for _ in range(3):
        note()
        telling.tell()
    assert messenger.heard("email") == messenger.heard("slack") == ["[critical] SYSTEM CRITICAL"]


def test_the_message_says_what_to_do_and_where_to_read_on(telling, messenger, note):
    number = note(WARNING, "meta.full_cycle", "2 slots were missed")
    telling.tell()
    body = messenger.bodies[0]
    assert "2 slots were missed" in body
    assert "What to do: see `stakazo schedules`" in body
    assert f"`stakazo alerts show {number}`" in body


def test_what_was_rolled_back_is_told_to_nobody(engine, telling, messenger):
    with engine.connect() as conn:
        incidents.note(conn, about(CRITICAL, "", "x"))
        conn.rollback()
    assert telling.tell() == 0
    assert messenger.told == []


def test_a_rising_severity_is_told_again(telling, messenger, note):
    note("token_expires", "meta")
    telling.tell()
    note("token_expires", "meta", severity=Severity.CRITICAL)
    telling.tell()
    assert messenger.heard("email") == ["[warning] A token ends soon: meta", "[critical] A token ends soon: meta"]


def test_the_end_is_told_after_it_has_lasted_for_two_minutes(telling, messenger, note, resolve):
    note()
    telling.tell()
    resolve(ago=timedelta(seconds=60))
    telling.tell()
    assert len(messenger.heard("email")) == 1
    resolve(ago=timedelta(seconds=61))
    telling.tell()
    telling.tell()
    assert messenger.heard("email") == ["[critical] SYSTEM CRITICAL", "[resolved] SYSTEM CRITICAL"]


def test_the_end_of_something_grave_is_told_as_news_and_of_what_was(telling, messenger, note, resolve):
    """An operator saw "[resolved]" in red, above a sentence that said it was still so."""
    note()
    telling.tell()
    resolve(ago=timedelta(seconds=121))
    telling.tell()
    heard = zip(messenger.told, messenger.bodies, messenger.severities, strict=True)
    begun, ended = (row for row in heard if row[0][0] == "email")
    assert (begun[2], ended[2]) == (Severity.CRITICAL, Severity.INFO)
    assert ended[1].startswith("It is over since")
    assert f"It was: {begun[1].splitlines()[0]}" in ended[1]


def test_what_flickers_is_one_card(telling, messenger, note, resolve):
    for _ in range(4):
        note()
        telling.tell()
        resolve(ago=timedelta(0))
        telling.tell()
    assert messenger.heard("email") == ["[critical] SYSTEM CRITICAL"]


def test_a_critical_one_that_nobody_acknowledges_is_told_again_every_four_hours(engine, telling, messenger, note):
    number = note()
    telling.tell()
    grow_old(engine, timedelta(hours=3, minutes=59))
    telling.tell()
    assert len(messenger.heard("email")) == 1
    grow_old(engine, timedelta(minutes=2))
    telling.tell()
    assert messenger.heard("email")[1:] == ["[still critical] SYSTEM CRITICAL"]
    with engine.begin() as conn:
        incidents.acknowledge(conn, number, "ana")
    grow_old(engine, timedelta(hours=5))
    telling.tell()
    assert len(messenger.heard("email")) == 2


def test_a_warning_is_not_repeated(engine, telling, messenger, note):
    note(WARNING, "meta.full_cycle")
    telling.tell()
    grow_old(engine, timedelta(hours=9))
    telling.tell()
    assert len(messenger.heard("email")) == 1


def test_quiet_hours_hold_back_what_is_not_critical_and_never_what_is(engine, messenger, note):
    telling = Telling(engine=engine, messenger=messenger, quiet=always_quiet(engine))
    note(WARNING, "meta.full_cycle")
    note()
    telling.tell()
    assert messenger.heard("email") == ["[critical] SYSTEM CRITICAL"]
    make_due(engine)  # the morning
    telling.tell()
    assert messenger.heard("email")[1:] == ["[warning] A slot was missed: meta.full_cycle"]


def test_a_warning_that_is_over_before_the_morning_is_not_told_at_all(engine, messenger, note, resolve):
    telling = Telling(engine=engine, messenger=messenger, quiet=always_quiet(engine))
    note(WARNING, "meta.full_cycle")
    telling.tell()
    resolve(WARNING, "meta.full_cycle")
    telling.tell()
    make_due(engine)
    telling.tell()
    assert messenger.told == []


def test_a_critical_one_that_was_over_before_a_channel_worked_is_told_all_the_same(
    engine, telling, messenger, note, resolve
):
    messenger.broken = {"email", "slack"}
    note()
    telling.tell()
    resolve()
    messenger.broken = set()
    telling.plan()
    make_due(engine)
    telling.send()
    assert messenger.heard("email") == ["[critical] SYSTEM CRITICAL", "[resolved] SYSTEM CRITICAL"]


def test_the_gravest_goes_first(engine, messenger, note):
    telling = Telling(engine=engine, messenger=messenger)
    note(WARNING, "a")
    note()
    telling.tell()
    assert messenger.heard("slack")[0] == "[critical] SYSTEM CRITICAL"


def test_a_channel_that_does_not_take_it_is_tried_again_later_and_longer_each_time(engine, telling, messenger, note):
    messenger.broken = {"email"}
    note()
    pauses = []
    for _ in range(3):
        telling.tell()
        with engine.begin() as conn:
            now = db_now(conn)
        [row] = [row for row in rows(engine) if row.channel == "email" and row.event == "opened"]
        pauses.append((row.due_at - now).total_seconds())
        assert row.error == "email did not take it: it answered 500"
        make_due(engine)
    assert pauses[0] == pytest.approx(15, abs=5)
    assert pauses[0] < pauses[1] < pauses[2]
    messenger.broken = set()
    telling.tell()
    assert "[critical] SYSTEM CRITICAL" in messenger.heard("email")


def test_a_channel_that_fails_three_times_is_an_incident_told_on_the_others(engine, telling, messenger, note):
    messenger.broken = {"email"}
    note()
    for _ in range(DEAD_AFTER):
        telling.tell()
        make_due(engine)
    telling.tell()
    with engine.begin() as conn:
        [dead] = [row for row in incidents.listing(conn) if row.kind == "channel_dead"]
    assert dead.scope == "email"
    assert "it answered 500" in dead.body
    assert "[critical] An alert channel does not work: email" in messenger.heard("slack")
    assert not [row for row in rows(engine) if row.channel == "email" and row.incident_id == dead.id]


def test_a_dead_channel_that_takes_something_again_is_alive(engine, telling, messenger, note):
    messenger.broken = {"email"}
    note()
    for _ in range(DEAD_AFTER):
        telling.tell()
        make_due(engine)
    messenger.broken = set()
    make_due(engine)
    telling.tell()
    with engine.begin() as conn:
        assert [row.kind for row in incidents.listing(conn)] == [CRITICAL]
        assert notices.states(conn, ["email"])["email"].failures == 0


def test_a_slow_death_of_one_channel_does_not_keep_the_other_from_hearing(telling, messenger, note):
    messenger.broken = {"email"}
    note()
    assert telling.tell() == 1
    assert messenger.heard("slack") == ["[critical] SYSTEM CRITICAL"]


def test_after_a_day_it_is_given_up(engine, telling, messenger, note):
    messenger.broken = {"email", "slack"}
    note()
    telling.tell()
    grow_old(engine, timedelta(hours=25))
    telling.send()
    assert all(row.given_up_at is not None for row in rows(engine) if row.event == "opened")


def test_a_sender_that_died_leaves_nothing_unsent(engine, telling, messenger, note):
    note()
    telling.plan()
    with engine.begin() as conn:
        assert notices.take(conn, "email") is not None  # and dies before it is sent
        assert notices.take(conn, "email") is None  # nobody else sends it meanwhile
    make_due(engine)
    telling.send()
    assert messenger.heard("email") == ["[critical] SYSTEM CRITICAL"]


def test_what_waits_for_a_channel_that_was_removed_is_given_up(engine, telling, messenger, note):
    messenger.broken = {"email"}
    note()
    telling.tell()
    messenger.names = ("slack",)
    telling.tell()
    [row] = [row for row in rows(engine) if row.channel == "email"]
    assert row.given_up_at is not None


def test_a_channel_that_is_new_hears_of_what_is_open_and_not_of_yesterday(engine, telling, messenger, note, resolve):
    messenger.names = ()
    note()
    resolve(ago=timedelta(hours=2))
    note(WARNING, "meta.full_cycle")
    telling.tell()
    messenger.names = ("email",)
    telling.tell()
    assert messenger.heard("email") == ["[warning] A slot was missed: meta.full_cycle"]


def test_a_test_alert_goes_to_those_that_were_asked_for_and_says_what_became_of_each(telling, messenger):
    messenger.broken = {"slack"}
    told = {row.channel: row for row in telling.test(("email", "slack"), "ana")}
    assert told["email"].sent_at is not None
    assert told["slack"].sent_at is None
    assert told["slack"].error == "slack did not take it: it answered 500"
    assert messenger.heard("email") == ["[test] Stakazo can reach you"]
    telling.tell()
    assert len(messenger.heard("email")) == 1


def test_two_who_tell_at_once_tell_once(engine, messenger, note):
    note()
    one, other = (Telling(engine=engine, messenger=messenger) for _ in range(2))
    one.plan()
    other.plan()
    assert one.send() + other.send() == 2
    assert len(messenger.told) == 2


@pytest.mark.parametrize(
    ("text", "at", "over_at"),
    [
        ("22:00-07:00 Europe/Madrid", "2026-03-01T21:30", "2026-03-02T06:00"),  # 22:30 in Madrid, until 07:00 there
        ("22:00-07:00 Europe/Madrid", "2026-03-02T05:59", "2026-03-02T06:00"),
        ("22:00-07:00 Europe/Madrid", "2026-03-02T06:00", "2026-03-02T06:00"),
        ("22:00-07:00 Europe/Madrid", "2026-03-28T22:00", "2026-03-29T05:00"),  # the clocks go forward that night
        ("13:00-15:30 UTC", "2026-03-01T13:00", "2026-03-01T15:30"),
        ("13:00-15:30 UTC", "2026-03-01T12:59", "2026-03-01T12:59"),
    ],
)
def test_quiet_hours_end_when_people_rise(text, at, over_at):
    begun = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert QuietHours.parse(text).over_at(begun) == datetime.fromisoformat(over_at).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "22-7", "22:00-07:00", "25:00-07:00 UTC", "22:00-07:00 Mars", "07:00-07:00 UTC"])
def test_quiet_hours_that_cannot_be_read_are_refused_with_an_example(text):
    with pytest.raises(BadInputError, match=r"quiet hours|such as"):
        QuietHours.parse(text)


def test_people_are_told_while_a_look_brings_incidents_up_to_date(engine, telling, messenger, note):
    note()
    with engine.begin() as conn:
        incidents.note(conn, about(CRITICAL, "", "it still is"))
        telling.tell()
    assert messenger.heard("email") == ["[critical] SYSTEM CRITICAL"]


def test_whoever_knows_fewer_channels_takes_no_alert_from_those_of_others(engine, telling, messenger, note):
    note()
    telling.plan()
    shell = NotedMessenger(names=())  # without the tower's ALERT_URLS
    Telling(engine=engine, messenger=shell, is_guest=True).tell()
    telling.send()
    assert messenger.heard("email") == messenger.heard("slack") == ["[critical] SYSTEM CRITICAL"]
