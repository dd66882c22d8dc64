"""Neither the token nor the app secret nor its proof is in an address, an exception, a log line or a repr."""

import hashlib
import hmac
import logging
from collections.abc import Callable

import pytest

from domain.asset_ports import Sending
from domain.audiences import Person
from domain.errors import NeedsPersonError, PlatformError
from domain.ports import ClientOptions
from meta_client import open_client
from meta_client.supply import open_writers
from meta_client.transport import Transport
from tests.meta_client.scripted import (
    ACCOUNT,
    SECRET,
    TOKEN,
    Kit,
    Reply,
    Scripted,
    answering,
    graph_error,
    hanging_up,
    open_kit,
    pausing,
    silent,
    truncated,
)
from tests.meta_client.shown import everything_shown

PROOF = hmac.new(SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()
_SENDING = Sending(request_id="action-1-1", deadline_s=0.5)
_CANARIES = (TOKEN, SECRET, PROOF)
_QUOTED = f"Malformed access token {TOKEN} with appsecret_proof={PROOF} and {PROOF} at ?access_token={TOKEN}&x=1"

_REPLIES: dict[str, Reply] = {
    "hangs up": hanging_up,
    "truncated": truncated,
    "never answers": silent,
    "html": answering(b"<html>" + _QUOTED.encode(), 502),
    "token quoted": answering(graph_error(190, 463, message=_QUOTED, error_user_msg=_QUOTED), 401),
    "trace quoted": answering(graph_error(100, None, fbtrace_id=_QUOTED), 400),
    "error in a 200": answering(graph_error(100, None, message=_QUOTED)),
    "throttled": answering(graph_error(17, None, message=_QUOTED), 400),
    "odd row": answering({"id": TOKEN, "currency": [TOKEN]}),
    "stuck cursor": answering({"data": [], "paging": {"next": _QUOTED}}),
    "redirect": answering(b"", 302, {"Location": f"/?access_token={TOKEN}"}),
}


def _read(kit: Kit) -> object:
    return kit.reader.account(ACCOUNT)


def _edge(kit: Kit) -> object:
    return list(kit.reader.ads(ACCOUNT))


def _write(kit: Kit) -> object:
    return kit.writer.write(ACCOUNT, pausing(), deadline_s=0.5)


def _batch(kit: Kit) -> object:
    for result in kit.writer.write_many(ACCOUNT, [pausing()], deadline_s=0.5):
        if isinstance(result, PlatformError):
            raise result
    return None


def _image(kit: Kit) -> object:
    return open_writers(kit.transport).media.upload_image(ACCOUNT, b"GIF89a", sending=_SENDING)


def _people(kit: Kit) -> object:
    return open_writers(kit.transport).audiences.add_people(ACCOUNT, "9", [Person(email="a@b.com")], sending=_SENDING)


@pytest.mark.parametrize("call", [_read, _edge, _write, _batch, _image, _people])
@pytest.mark.parametrize("path", [*_REPLIES, "closed port"])
def test_no_failing_path_shows_a_secret(
    server: Scripted, caplog: pytest.LogCaptureFixture, path: str, call: Callable[[Kit], object]
) -> None:
    """Locals of every frame included, as error trackers show them."""
    caplog.set_level(logging.DEBUG)
    url = "http://127.0.0.1:1" if path == "closed port" else server.url
    kit = open_kit(url, timeout_s=0.5, repeats=1)
    server.replies += [_REPLIES.get(path, hanging_up)] * 2
    with pytest.raises(PlatformError) as caught:
        call(kit)
    shown = everything_shown(caught.value) + caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert [canary for canary in _CANARIES if canary in shown] == []


def test_the_token_travels_in_a_header_and_never_in_an_address(server: Scripted, kit: Kit) -> None:
    server.answer({"id": "1"})
    server.answer({"success": True})
    kit.transport.get("1", {"fields": "id"}, about="a read")
    kit.writer.write(ACCOUNT, pausing(), deadline_s=5)
    read, write = server.requests
    assert read.headers["authorization"] == write.headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in read.target + write.target + write.body
    assert SECRET not in str(server.requests)


def test_the_proof_goes_out_as_meta_wants_it_in_the_query_of_a_read_and_the_form_of_a_write(
    server: Scripted, kit: Kit
) -> None:
    server.answer({"id": "1"})
    server.answer({"success": True})
    kit.transport.get("1", {"fields": "id"}, about="a read")
    kit.writer.write(ACCOUNT, pausing(), deadline_s=5)
    read, write = server.requests
    assert read.query == {"fields": "id", "appsecret_proof": PROOF}
    assert write.query == {}
    assert write.form == {"status": "PAUSED", "appsecret_proof": PROOF}


def test_without_an_app_secret_there_is_no_proof(server: Scripted) -> None:
    kit = open_kit(server.url, secret=None)
    server.answer({"id": "1"})
    server.answer({"success": True})
    kit.transport.get("1", {}, about="a read")
    kit.writer.write(ACCOUNT, pausing(), deadline_s=5)
    assert "appsecret_proof" not in str(server.requests)


def test_a_successful_read_at_debug_level_logs_no_proof(server: Scripted, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "urllib3")  # a command that ran in this process may have made it quieter
    server.answer({"id": "1"})
    open_kit(server.url).transport.get("1", {}, about="a read")
    assert "GET /v26.0/1" in caplog.text
    assert PROOF not in caplog.text + "".join(str(vars(record)) for record in caplog.records)


def test_an_opened_client_shows_no_secret() -> None:
    client = open_client(ClientOptions(base_url=None, token=lambda: TOKEN, app_secret=lambda: SECRET))
    shown = repr(client) + repr(vars(client.reader)) + repr(vars(client.writer))
    assert [canary for canary in _CANARIES if canary in shown] == []


@pytest.mark.parametrize("token", ["", "  ", "EAAbad\r\nX-Evil: 1", "EAA bad token", "EAAbäd"])
def test_a_token_that_cannot_be_one_is_refused_before_anything_is_sent(server: Scripted, token: str) -> None:
    transport = Transport(ClientOptions(base_url=server.url, token=lambda: token, app_secret=lambda: None))
    with pytest.raises(NeedsPersonError, match="META_ACCESS_TOKEN") as caught:
        transport.get("1", {}, about="a read")
    assert "EAA" not in everything_shown(caught.value)
    assert server.requests == []


def test_the_request_id_goes_out_as_a_header_and_no_cookie_comes_back(server: Scripted, kit: Kit) -> None:
    server.answer({"success": True}, headers={"Set-Cookie": "a=b; Path=/"})
    server.answer({"success": True})
    for _ in range(2):
        kit.writer.write(ACCOUNT, pausing(), deadline_s=5)
    assert [request.headers["x-request-id"] for request in server.requests] == ["action-1-1"] * 2
    assert "cookie" not in server.requests[1].headers


def test_the_proof_goes_out_with_a_batch_of_reads_and_with_the_order_of_a_report(server: Scripted, kit: Kit) -> None:
    server.answer([{"code": 200, "headers": [], "body": "{}"}])
    server.answer({"report_run_id": "9"})
    kit.transport.get_many({"batch": "[]"}, about="a batch")
    kit.transport.ask("act_7/insights", {"level": "ad"}, about="a report")
    assert [request.form.get("appsecret_proof") for request in server.requests] == [PROOF, PROOF]
    assert all(PROOF not in request.target for request in server.requests)
