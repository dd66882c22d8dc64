"""Alerts reach real servers on loopback, and no address with a token gets out: not in a log, an error or a name."""

import json
import logging
import socketserver
import threading
from email import message_from_string
from email.header import decode_header, make_header
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from domain.alerts import Severity
from domain.errors import NotReadyError, SettingsError
from workers import log
from workers.celery_app import secrets_of
from workers.channels import Channel, channels_of, mail_address
from workers.deadman import Deadman
from workers.messenger import AppriseMessenger, messenger_of
from workers.settings import read_settings

KEY = "EAACanaryalerts0key0of0a0web0hook"


@pytest.fixture
def hook():
    """A server that notes what is posted, and answers what it is set to."""

    class Server(ThreadingHTTPServer):
        answer = 200

        def __init__(self):
            self.posted, self.got = [], []
            super().__init__(("127.0.0.1", 0), Handler)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            self.server.posted.append((self.path, json.loads(body)))
            self._answer()

        def do_GET(self):
            self.server.got.append(self.path)
            self._answer()

        def _answer(self):
            self.send_response(self.server.answer)
            self.end_headers()

        def log_message(self, *_):
            pass

    yield from served(Server())


@pytest.fixture
def mail():
    """A mail server that takes every letter."""

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True

        def __init__(self):
            self.letters = []
            super().__init__(("127.0.0.1", 0), Handler)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.say("220 ready")
            recipients = []
            while line := self.rfile.readline().decode().strip():
                word = line.split(":")[0].split()[0].upper()
                if word == "DATA":
                    self.say("354 go on")
                    self.server.letters.append((recipients, self.letter()))
                if word == "RCPT":
                    recipients.append(line.partition(":")[2].strip(" <>"))
                self.say("221 bye" if word == "QUIT" else "250 fine")
                if word == "QUIT":
                    return

        def letter(self):
            lines = []
            while (line := self.rfile.readline().decode()) not in {".\r\n", ""}:
                lines.append(line)
            return "".join(lines)

        def say(self, words):
            self.wfile.write(f"{words}\r\n".encode())

    yield from served(Server())


def served(server):
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def address(server):
    return f"json://127.0.0.1:{server.server_address[1]}/{KEY}"


def messenger(text, name="web-hook"):
    return AppriseMessenger([Channel(name=name, address=SecretStr(text))])


def send(to, title="A worker is silent", body="see `stakazo health`", channel="web-hook"):
    to.send(channel, title=title, body=body, severity=Severity.CRITICAL)


def test_a_web_hook_gets_title_body_and_severity(hook):
    send(messenger(address(hook)))
    [(path, told)] = hook.posted
    assert path == f"/{KEY}"
    assert (told["title"], told["message"]) == ("A worker is silent", "see `stakazo health`")
    assert told["type"] == "failure"


def test_a_letter_arrives_with_its_subject(mail):
    to = mail_address(f"smtp://127.0.0.1:{mail.server_address[1]}", "team@shop.example")
    send(messenger(to, "email"), title="[critical] 10 Módulos", channel="email")
    [(recipients, letter)] = mail.letters
    assert recipients == ["team@shop.example"]
    told = message_from_string(letter)
    assert str(make_header(decode_header(told["Subject"]))) == "[critical] 10 Módulos"
    assert told["From"].endswith("stakazo@shop.example") or "stakazo@shop.example" in told["From"]
    assert b"stakazo health" in told.get_payload(decode=True)


def test_names_of_others_add_no_header_call_nobody_and_bring_no_mark_up(mail, hook):
    to = mail_address(f"smtp://127.0.0.1:{mail.server_address[1]}", "team@shop.example")
    title, body = "Sale\r\nBcc: thief@evil.example", "<!channel> @everyone \x1b[2J <a href='x'>y</a>"
    send(messenger(to, "email"), title=title, channel="email")
    [(recipients, letter)] = mail.letters
    assert recipients == ["team@shop.example"]
    assert message_from_string(letter)["Bcc"] is None
    send(messenger(address(hook)), title=title, body=body)
    [(_, told)] = hook.posted
    text = told["title"] + told["message"]
    assert not {"<", ">", "\x1b", "\n", "\r"} & set(text)
    assert "@everyone" not in text


@pytest.mark.parametrize(("answer", "why"), [(404, "it answered 404"), (500, "it answered 500")])
def test_a_refusal_is_told_with_its_number_and_without_the_address(hook, answer, why):
    hook.answer = answer
    with pytest.raises(NotReadyError) as told:
        send(messenger(address(hook)))
    assert str(told.value) == f"web-hook did not take it: {why}"
    assert told.value.__cause__ is None
    assert told.value.__context__ is None


@pytest.mark.parametrize(
    "text",
    [
        f"json://127.0.0.1:9/{KEY}", f"nonsense://{KEY}/x", f"tgram://{KEY}", f"json://[{KEY}", f"slack://{KEY}/x/y/#z",
        f"mailtos://ana:{KEY}@127.0.0.1:9?smtp=127.0.0.1&to=team@shop.example&mode=ssl",
    ],
)  # fmt: skip
def test_no_failure_shows_the_address(text, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(NotReadyError) as told:
        send(messenger(text))
    shown = capsys.readouterr()
    assert KEY not in f"{told.value!r}{caplog.text}{shown.out}{shown.err}"
    assert "127.0.0.1" not in str(told.value)


def test_apprise_itself_logs_nothing_not_even_while_debugging(hook, caplog):
    caplog.set_level(logging.DEBUG)
    send(messenger(address(hook)))
    assert KEY not in caplog.text
    assert not [row for row in caplog.records if row.name.startswith("apprise")]


def test_a_channel_that_is_not_set_up_is_named_with_those_that_are():
    with pytest.raises(NotReadyError, match="no channel x is set up; there are web-hook"):
        send(messenger("json://127.0.0.1:9"), channel="x")


def settings(monkeypatch, **values):
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return read_settings()


def test_every_setting_is_a_channel_whose_name_shows_no_address(monkeypatch):
    found = settings(
        monkeypatch,
        ALERT_EMAIL="team@shop.example",
        ALERT_SMTP_URL=f"smtp://bot:{KEY}@mail.example:587",
        ALERT_SLACK_WEBHOOK_URL=f"https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/{KEY[:24]}",
        ALERT_URLS=f"tgram://123456789:{KEY}/12315544 json://one.example/{KEY} jsons://two.example/{KEY}",
    )
    assert messenger_of(found).channels() == ("email", "slack", "telegram", "web-hook", "web-hook-2")
    assert KEY not in repr(found) + repr(list(channels_of(found)))


def test_without_a_setting_there_is_no_channel(monkeypatch):
    assert messenger_of(settings(monkeypatch)).channels() == ()


def test_a_password_never_goes_to_a_mail_server_in_the_clear():
    assert "mode=starttls" in mail_address("smtp://bot:pw@mail.example", "a@shop.example")
    assert "mode=starttls" in mail_address("smtp://bot:pw@localhost:25", "a@shop.example")
    assert "mode=starttls" in mail_address("smtp://mail.example", "a@shop.example")
    assert "mode=ssl" in mail_address("smtps://bot:pw@mail.example", "a@shop.example")
    assert "mode=insecure" in mail_address("smtp://localhost:25", "a@shop.example")


def test_keys_of_channels_are_cut_out_of_every_log_line(monkeypatch):
    key = "a-key-that-looks-like-nothing"
    found = settings(
        monkeypatch,
        ALERT_URLS=f"json://one.example/{key}/x",
        DEADMAN_URL="https://watch.example/ping/another-long-key",
        ALERT_SMTP_URL="smtp://bot:p%40ssword-of-mail@mail.example",
        ALERT_EMAIL="team@shop.example",
    )
    clean = log.Redaction(secrets_of(found))
    line = clean(None, "", {"event": f"post /{key}/x, /ping/another-long-key, p@ssword-of-mail, p%40ssword-of-mail"})
    for secret in (key, "another-long-key", "p@ssword-of-mail", "p%40ssword-of-mail"):
        assert secret not in line["event"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALERT_URLS", f"{KEY}"), ("ALERT_SMTP_URL", f"http://{KEY}"), ("DEADMAN_URL", f"http://watch.example/{KEY}"),
        ("ALERT_QUIET_HOURS", "at night"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_used_is_refused_and_a_secret_one_not_shown(monkeypatch, name, value):
    with pytest.raises(SettingsError) as told:
        settings(monkeypatch, **{name: value})
    assert name in str(told.value)
    assert KEY not in str(told.value)


def deadman(server, *, is_well=True):
    text = f"http://127.0.0.1:{server.server_address[1]}/ping/{KEY}"
    return Deadman(address=SecretStr(text), is_well=lambda: is_well)


def test_the_outside_watcher_is_called_while_all_is_well_and_not_otherwise(hook):
    assert deadman(hook).signal()
    assert hook.got == [f"/ping/{KEY}"]
    assert not deadman(hook, is_well=False).signal()
    assert len(hook.got) == 1


def test_a_watcher_that_refuses_or_is_away_harms_nothing_and_its_address_is_not_shown(hook, capsys):
    hook.answer = 500
    signal = deadman(hook)
    assert not signal.signal()
    hook.shutdown()
    hook.server_close()
    assert not signal.signal()
    shown = capsys.readouterr()
    assert KEY not in shown.out + shown.err + repr(signal)
