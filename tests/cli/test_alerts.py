"""`stakazo alerts` as people type it: what is open, who sees to it, which channels work, no address shown."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from domain.alerts import about
from models import audit_reads, incidents

KEY = "EAACanaryalerts0key0of0a0web0hook"


@pytest.fixture
def hook():
    posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.posted = posted
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def note(engine):
    def note_one(slug="worker_dead", scope="cycles@a", text="silent for 70 s"):
        with engine.begin() as conn:
            return incidents.note(conn, about(slug, scope, text))

    return note_one


def address(server):
    return {"ALERT_URLS": f"json://127.0.0.1:{server.server_address[1]}/{KEY}"}


def test_what_is_open_is_listed_the_gravest_first_and_a_house_without_channels_is_warned(on_database, note):
    note("slot_missed", "meta.full_cycle of account 1")
    note()
    done = on_database("alerts")
    assert done.code == 0
    assert done.out.index("A worker is silent") < done.out.index("A slot was missed")
    assert "nobody is told: no channel is set up" in done.err


def test_less_grave_ones_can_be_left_out(on_database, note):
    note("slot_missed", "x")
    note()
    document = on_database("alerts", "list", "--severity", "critical", "--json").document
    assert [row["kind"] for row in document["alerts"]] == ["worker_dead"]
    assert document["alerts"][0]["severity"] == "critical"


def test_many_slight_ones_do_not_crowd_a_grave_one_of_before_out(engine, on_database, note):
    note()
    with engine.begin() as conn:
        incidents.resolve(conn, "worker_dead", "cycles@a")
    for number in range(3):
        note("slot_missed", f"{number}")
    listed = on_database("alerts", "list", "--all", "--severity", "critical", "--limit", "1", "--json")
    assert [row["kind"] for row in listed.document["alerts"]] == ["worker_dead"]


def test_with_nothing_open_it_says_so_and_all_shows_what_was(engine, on_database, note):
    note()
    with engine.begin() as conn:
        incidents.resolve(conn, "worker_dead", "cycles@a")
    assert "Open alerts: none" in on_database("alerts").out
    assert "over" in on_database("alerts", "--all").out


def test_one_alert_is_shown_with_what_to_do(on_database, note):
    number = note()
    done = on_database("alerts", "show", str(number))
    assert "silent for 70 s" in done.out
    assert "see `stakazo status`" in done.out
    assert "nobody yet" in done.out


def test_names_of_others_cannot_redraw_the_terminal(on_database, note):
    number = note("cycle_failed", "x", "=cmd|' /C calc'!A0 \x1b[2Jgone")
    assert "\x1b" not in on_database("alerts", "show", str(number)).out


def test_who_sees_to_it_is_kept_and_told_in_the_audit(engine, on_database, note):
    number = note()
    assert on_database("alerts", "ack", str(number)).code == 0
    assert "open, seen to by" in on_database("alerts").out
    assert on_database("alerts", "false", str(number)).code == 0
    with engine.begin() as conn:
        assert incidents.get(conn, number).false_by
        events = {row.event for row in audit_reads.listing(conn)}
    assert {"alert.acknowledged", "alert.called_false"} <= events


def test_an_alert_that_is_not_there_is_refused(on_database):
    done = on_database("alerts", "ack", "99")
    assert done.code == 2
    assert "no alert 99; `stakazo alerts --all` lists them" in done.err


def test_a_test_alert_arrives_and_the_channel_is_named_without_its_address(on_database, hook):
    done = on_database("alerts", "test", env=address(hook))
    assert done.code == 0, done.err
    assert [row["title"] for row in hook.posted] == ["[test] Stakazo can reach you"]
    assert "web-hook" in done.out
    assert KEY not in done.out + done.err


def test_a_channel_that_does_not_take_the_test_ends_it_with_1_and_shows_no_address(on_database):
    env = {"ALERT_URLS": f"json://127.0.0.1:9/{KEY}"}
    done = on_database("alerts", "test", "--json", env=env)
    assert done.code == 1
    [row] = done.document["notices"]
    assert row["sent_at"] is None
    assert row["error"].startswith("web-hook did not take it")
    listed = on_database("alerts", "channels", env=env)
    assert "web-hook did not take it" in listed.out
    assert KEY not in done.out + done.err + listed.out + listed.err


def test_a_test_without_channels_or_of_a_stranger_says_what_to_set(on_database, hook):
    nothing = on_database("alerts", "test")
    assert nothing.code == 2
    assert "set ALERT_EMAIL, ALERT_SLACK_WEBHOOK_URL or ALERT_URLS" in nothing.err
    stranger = on_database("alerts", "test", "--channel", "pager", env=address(hook))
    assert stranger.code == 2
    assert 'no channel "pager"; there are web-hook' in stranger.err


def test_channels_tell_of_quiet_hours_and_of_the_dead_mans_signal(on_database, hook):
    more = {"ALERT_QUIET_HOURS": "22:00-07:00 Europe/Madrid", "DEADMAN_URL": f"https://watch.example/{KEY}"}
    done = on_database("alerts", "channels", env={**address(hook), **more})
    assert "quiet hours: 22:00-07:00 Europe/Madrid; dead-man's signal: on" in done.err
    assert KEY not in done.out + done.err
