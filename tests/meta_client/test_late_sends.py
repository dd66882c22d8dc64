"""Nothing leaves past the last instant for sending, however long it took to come to the socket."""

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import NotSentError
from domain.ports import ClientOptions
from meta_client.transport import Transport
from tests.meta_client.scripted import ACCOUNT, Kit, Scripted, answering, open_kit, pausing

_CERTIFICATE = Path(__file__).with_name("loopback.pem")


class _SlowToGreet(Scripted):
    """Ends the handshake only once the last instant for sending has passed."""

    not_after_s = 0.0

    def wrap(self, connection: socket.socket) -> socket.socket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_CERTIFICATE)
        while time.monotonic() <= self.not_after_s:  # ends with the clock
            time.sleep(0.01)
        return context.wrap_socket(connection, server_side=True)


@pytest.fixture
def slow() -> Iterator[_SlowToGreet]:
    server = _SlowToGreet()
    yield server
    with contextlib.suppress(OSError):
        server.close()


def test_a_handshake_that_ends_too_late_is_followed_by_no_byte(slow: _SlowToGreet) -> None:
    slow.replies.append(answering({"success": True}))
    options = ClientOptions(
        base_url=slow.url.replace("http://", "https://"), token=lambda: "EAAtoken", app_secret=lambda: None
    )
    slow.not_after_s = time.monotonic() + 0.2
    with pytest.raises(NotSentError, match="the last instant for sending it had passed; nothing was sent"):
        Transport(options, ca_file=str(_CERTIFICATE)).post(
            "1", {}, about="a write", deadline_s=20, request_id=None, not_after_s=slow.not_after_s
        )
    assert slow.requests == []


def test_a_process_that_was_stopped_while_it_made_its_request_sends_neither_a_write_nor_a_batch(
    server: Scripted,
) -> None:
    """The token is asked for after every other look at the clock: who asks for it is stopped here."""
    last = time.monotonic() + 0.2

    def stopped() -> str:
        while time.monotonic() <= last:  # ends with the clock
            time.sleep(0.01)
        return "EAAtoken"

    transport = Transport(ClientOptions(base_url=server.url, token=stopped, app_secret=lambda: None))
    with pytest.raises(NotSentError):
        transport.post("1", {}, about="a write", deadline_s=20, request_id=None, not_after_s=last)
    assert server.requests == []


def test_a_write_in_time_goes_out(server: Scripted) -> None:
    server.answer({"success": True})
    kit = open_kit(server.url)
    assert kit.writer.write(ACCOUNT, pausing(), deadline_s=5, not_after_s=time.monotonic() + 5) == "123"


def test_each_item_of_a_late_batch_was_not_sent(server: Scripted, kit: Kit) -> None:
    results = kit.writer.write_many(
        ACCOUNT, [pausing("1"), pausing("2")], deadline_s=5, not_after_s=time.monotonic() - 1
    )
    assert [type(result) for result in results] == [NotSentError, NotSentError]
    assert server.requests == []
