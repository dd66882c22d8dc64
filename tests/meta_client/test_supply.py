"""Audiences, events, copies and labels on the sandbox: typed answers, the token in names, nothing raw anywhere."""

import logging
from datetime import timedelta
from itertools import chain
from pathlib import Path

import pytest

from domain.actions import ObjectKind
from domain.asset_ports import AssetReader, AssetWriters, Sending
from domain.assets import FileAt
from domain.audiences import Browser, ConversionEvent, EventSource, Person
from domain.errors import GoneError, NotSentError, PlatformError, RefusedError, UnknownOutcomeError
from domain.ids import PlatformAccountId
from domain.money import Money
from domain.objects import Ad, Status
from domain.ports import Client
from meta_client.supply import open_writers
from sandbox.process import SandboxProcess
from tests.meta_client.living import LONG_AGO, START, break_calls, oracle
from tests.meta_client.scripted import ACCOUNT, Kit, Scripted, answering, graph_error, hanging_up, open_kit
from tests.meta_client.shown import everything_shown

SENDING = Sending(request_id="action-2-1", deadline_s=20)
CANARIES = ("canary.person@example.com", "34600998877", "canaryname", "203.0.113.77", "canary-agent")
PERSON = Person(email=CANARIES[0], phone="+34 600 99 88 77", first_name="Canaryname", city="Canaryname")
BROWSER = Browser(ip_address=CANARIES[3], user_agent=CANARIES[4])


def people(count: int) -> list[Person]:
    return [Person(email=f"person{n}@example.com", country="es") for n in range(count)]


def event(n: int = 0, **more: object) -> ConversionEvent:
    values: dict[str, object] = {
        "name": "Purchase", "event_id": f"order-{n}", "at": START - timedelta(hours=2), "source": EventSource.WEBSITE,
        "person": Person(email=f"buyer{n}@example.com"), "value": Money(1234, "EUR"), **more,
    }  # fmt: skip
    return ConversionEvent(**values)  # type: ignore[arg-type]  # one of the values is another in each test


def test_an_audience_is_made_filled_and_found_by_its_token(
    account: PlatformAccountId, writers: AssetWriters, assets: AssetReader
) -> None:
    audience_id = writers.audiences.create_audience(
        account, name="Buyers of oil", description="by hand", op_token="AUDTOKEN1", sending=SENDING
    )
    added = writers.audiences.add_people(account, audience_id, [*people(200), Person(city="Madrid")], sending=SENDING)
    assert (added.received, added.invalid, added.unusable) == (200, 0, (200,))
    (audience,) = assets.find_audiences(account, "AUDTOKEN1")
    assert (audience.id, audience.name, audience.kind) == (audience_id, "Buyers of oil", "custom")
    assert (audience.people_low, audience.people_high) == (None, None)  # people are sought for an hour
    assert (audience.is_ready, audience.created_at) == (False, START)
    assert audience in list(chain.from_iterable(assets.audiences(account)))


def test_people_who_are_added_twice_are_there_once(
    platform: SandboxProcess, account: PlatformAccountId, writers: AssetWriters
) -> None:
    """So an adding whose answer was lost can be done again."""
    audience_id = writers.audiences.create_audience(
        account, name="Twice", description="", op_token="AUDTOKEN2", sending=SENDING
    )
    break_calls(platform, "commit_then_drop", match={"path": "users"})
    with pytest.raises(UnknownOutcomeError):
        writers.audiences.add_people(account, audience_id, people(150), sending=SENDING)
    writers.audiences.add_people(account, audience_id, people(150), sending=SENDING)
    changes = [line["change"] for line in oracle(platform) if line["object_id"] == audience_id]
    assert [change["people"] for change in changes if "people" in change] == [[None, 0], [0, 150]]


def test_events_arrive_with_exact_amounts_and_the_same_event_counts_once(
    account: PlatformAccountId, writers: AssetWriters, assets: AssetReader
) -> None:
    (pixel,) = assets.pixels(account)
    events = [event(n) for n in range(3)]
    for _ in range(2):
        told = writers.events.send_events(account, pixel.id, events, now=START, sending=SENDING)
        assert told.received == 3
    assert told.remarks == ("3 of 3 events: website events should have an event_source_url",)


@pytest.mark.parametrize(
    ("money", "text"), [(Money(1234, "USD"), "12.34"), (Money(1234, "JPY"), "1234"), (Money(1234, "KWD"), "1.234"),
                        (Money(90071992547409931, "USD"), "900719925474099.31"), (Money(5, "HUF"), "0.05")]
)  # fmt: skip
def test_the_value_of_an_event_goes_out_in_major_units_to_the_last_digit(
    server: Scripted, kit: Kit, money: Money, text: str
) -> None:
    server.answer({"events_received": 1, "messages": [], "fbtrace_id": "T"})
    open_writers(kit.transport).events.send_events(ACCOUNT, "55", [event(value=money)], now=START, sending=SENDING)
    assert f'"custom_data":{{"currency":"{money.currency}","value":{text}}}' in server.requests[0].form["data"]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (event(at=START + timedelta(seconds=1)), "last 7 days"),
        (event(at=START - timedelta(days=8)), "last 7 days"),
        (event(at=START - timedelta(days=63), source=EventSource.STORE), "last 62 days"),
        (event(value=None), "a Purchase needs its value"),
        (event(event_id=" "), "needs a name and an event_id"),
        (event(person=Person(city="Madrid"), browser=Browser(user_agent="x")), "does not tell who it was"),
    ],
)
def test_an_event_that_meta_would_refuse_holds_all_back_and_is_told_by_its_place(
    server: Scripted, kit: Kit, bad: ConversionEvent, why: str
) -> None:
    writers = open_writers(kit.transport)
    with pytest.raises(RefusedError, match=f"event 1.*{why}"):
        writers.events.send_events(ACCOUNT, "55", [event(), bad], now=START, sending=SENDING)
    assert server.requests == []


def test_calls_that_meta_would_refuse_as_a_whole_are_not_sent(server: Scripted, kit: Kit) -> None:
    writers = open_writers(kit.transport)
    with pytest.raises(RefusedError, match="1 to 1000 at once"):
        writers.events.send_events(ACCOUNT, "55", [event()] * 1001, now=START, sending=SENDING)
    with pytest.raises(RefusedError, match="1 to 10000 at once"):
        writers.audiences.add_people(ACCOUNT, "9", people(10_001), sending=SENDING)
    with pytest.raises(RefusedError, match="none has a usable"):
        writers.audiences.add_people(ACCOUNT, "9", [Person(city="Madrid")], sending=SENDING)
    with pytest.raises(RefusedError, match="no id of an audience"):
        writers.audiences.add_people(ACCOUNT, "9/users?x=", people(1), sending=SENDING)
    with pytest.raises(RefusedError, match="needs a name"):
        writers.audiences.create_audience(ACCOUNT, name=" ", description="", op_token="T0KEN", sending=SENDING)
    with pytest.raises(RefusedError, match="copies campaigns, ad sets and ads"):
        writers.objects.copy(ACCOUNT, ObjectKind.CREATIVE, "9", op_token="T0KEN", sending=SENDING)
    with pytest.raises(RefusedError, match="1 to 400 characters"):
        writers.objects.add_labels(ACCOUNT, ObjectKind.AD, "9", ["ok", " "], sending=SENDING)
    assert server.requests == []


def test_a_copy_of_a_running_ad_set_with_its_ads_is_paused_and_found_by_the_token(
    client: Client, account: PlatformAccountId, writers: AssetWriters
) -> None:
    ads = [row for page in client.reader.ads(account) for row in page]
    sets = [row for page in client.reader.ad_sets(account) for row in page]
    source = next(row for row in sets if row.status is Status.ACTIVE and 0 < _below(ads, row.id) <= 3)
    copy_id = writers.objects.copy(
        account, ObjectKind.AD_SET, source.id, op_token="COPYTOKEN1", sending=SENDING, deep=True
    )
    assert copy_id != source.id
    assert client.reader.find_by_token(account, ObjectKind.AD_SET, "COPYTOKEN1", LONG_AGO) == [copy_id]
    copies = client.reader.find_by_token(account, ObjectKind.AD, "COPYTOKEN1", LONG_AGO)
    assert len(copies) == _below(ads, source.id)
    for kind, ids in ((ObjectKind.AD_SET, [copy_id]), (ObjectKind.AD, copies)):
        states = client.reader.states(account, kind, ids)
        assert {state.values["status"] for state in states.values()} == {"paused"}
        assert {state.op_token for state in states.values()} == {"COPYTOKEN1"}
    assert client.reader.state(account, ObjectKind.AD_SET, copy_id).values["name"] == source.name


def _below(ads: list[Ad], ad_set_id: str) -> int:
    return sum(1 for ad in ads if ad.ad_set_id == ad_set_id)


def test_a_copy_whose_answer_was_lost_is_unknown_and_found_by_the_token(
    client: Client, platform: SandboxProcess, account: PlatformAccountId, writers: AssetWriters
) -> None:
    campaign = next(row for page in client.reader.campaigns(account) for row in page)
    break_calls(platform, "commit_then_drop", match={"path": "copies"})
    with pytest.raises(UnknownOutcomeError):
        writers.objects.copy(account, ObjectKind.CAMPAIGN, campaign.id, op_token="COPYTOKEN2", sending=SENDING)
    assert len(client.reader.find_by_token(account, ObjectKind.CAMPAIGN, "COPYTOKEN2", LONG_AGO)) == 1


def test_labels_come_beside_those_that_an_object_bears(
    client: Client, account: PlatformAccountId, writers: AssetWriters, assets: AssetReader
) -> None:
    ad_set = next(row for page in client.reader.ad_sets(account) for row in page if row.labels)
    for _ in range(2):
        writers.objects.add_labels(account, ObjectKind.AD_SET, ad_set.id, ["winner", "vera's"], sending=SENDING)
    again = next(row for page in client.reader.ad_sets(account) for row in page if row.id == ad_set.id)
    assert sorted(again.labels) == sorted({*ad_set.labels, "winner", "vera's"})
    assert {"winner", "vera's"} <= {label.name for page in assets.labels(account) for label in page}


def test_an_object_that_is_not_there_is_gone(account: PlatformAccountId, writers: AssetWriters) -> None:
    with pytest.raises(GoneError):
        writers.objects.copy(account, ObjectKind.AD, "999999999999", op_token="COPYTOKEN3", sending=SENDING)


@pytest.mark.parametrize("path", ["hangs up", "refused", "error in a 200", "truncated", "closed port"])
def test_no_failing_write_shows_who_the_people_were(
    server: Scripted, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    """Not in the exception, nor in the locals of our frames, nor in a log line."""
    caplog.set_level(logging.DEBUG)
    replies = {
        "refused": answering(graph_error(100, None), 400),
        "error in a 200": answering(graph_error(100, None)),
        "truncated": answering(b'{"events_received'),
    }
    kit = open_kit("http://127.0.0.1:1" if path == "closed port" else server.url, timeout_s=2)
    writers = open_writers(kit.transport)
    server.replies += [replies.get(path, hanging_up)] * 2
    shown = ""
    with pytest.raises(PlatformError) as caught:
        writers.events.send_events(
            ACCOUNT,
            "55",
            [event(person=PERSON, browser=Browser(user_agent="canary-agent"))],
            now=START,
            sending=SENDING,
        )
    shown += everything_shown(caught.value)
    with pytest.raises(PlatformError) as caught:
        writers.audiences.add_people(ACCOUNT, "9", [PERSON], sending=SENDING)
    shown += everything_shown(caught.value) + caplog.text
    assert isinstance(caught.value, NotSentError) == (path == "closed port")
    assert [canary for canary in CANARIES[:3] if canary in shown.lower()] == []


def test_the_sandboxs_files_and_answers_name_nobody(
    platform: SandboxProcess,
    account: PlatformAccountId,
    writers: AssetWriters,
    assets: AssetReader,
    running: SandboxProcess,
) -> None:
    (pixel,) = assets.pixels(account)
    audience_id = writers.audiences.create_audience(
        account, name="Canaries", description="", op_token="AUDTOKEN4", sending=SENDING
    )
    writers.audiences.add_people(account, audience_id, [PERSON], sending=SENDING)
    writers.events.send_events(
        account, pixel.id, [event(77, person=PERSON, browser=BROWSER)], now=START, sending=SENDING
    )
    log = str(oracle(platform))
    assert "AUDTOKEN4" in log
    assert [canary for canary in CANARIES if canary in log.lower()] == []


def test_what_goes_out_is_digests_and_the_apps_proof_also_with_a_file(
    server: Scripted, kit: Kit, tmp_path: Path
) -> None:
    file = tmp_path / "a.gif"
    file.write_bytes(b"GIF89a plain text that ends here")
    server.answer({"images": {"a": {"hash": "0" * 32}}})
    server.answer({"audience_id": "9", "session_id": "1", "num_received": 1, "num_invalid_entries": 0})
    writers = open_writers(kit.transport)
    writers.media.upload_image(ACCOUNT, FileAt(path=str(file)), sending=SENDING)
    writers.audiences.add_people(ACCOUNT, "9", [PERSON], sending=SENDING)
    image, added = server.requests
    assert image.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert image.body.count('name="appsecret_proof"') == 1
    assert (image.headers["x-request-id"], image.query) == ("action-2-1", {})
    assert "appsecret_proof" in added.form
    assert [canary for canary in CANARIES if canary in added.body.lower()] == []
    assert '"schema":["EMAIL","PHONE","FN","CT"]' in added.form["payload"]
