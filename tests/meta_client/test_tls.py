"""The same deadlines and the same certainty over TLS, which is what LIVE speaks."""

import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import NotSentError, UnknownOutcomeError
from domain.ports import ClientOptions
from meta_client.transport import Transport
from tests.meta_client.scripted import Reply, Scripted, answering, dripping, hanging_up

_CERTIFICATE = Path(__file__).with_name("loopback.pem")


class _TlsServer(Scripted):
    """The scripted server behind a handshake."""

    def wrap(self, connection: socket.socket) -> socket.socket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_CERTIFICATE)
        return context.wrap_socket(connection, server_side=True)


@pytest.fixture
def tls() -> Iterator[Scripted]:
    server = _TlsServer()
    yield server
    with contextlib.suppress(OSError):
        server.close()


def _post(server: Scripted, *, trusted: bool = True) -> bytes:
    options = ClientOptions(
        base_url=server.url.replace("http://", "https://"), token=lambda: "EAAtoken", app_secret=lambda: None
    )
    transport = Transport(options, ca_file=str(_CERTIFICATE) if trusted else None)
    return transport.post("1", {"status": "PAUSED"}, about="a write", deadline_s=0.8, request_id=None).body


def test_a_write_over_tls_is_answered(tls: Scripted) -> None:
    tls.replies.append(answering({"success": True}))
    assert _post(tls) == b'{"success": true}'
    assert tls.requests[0].form == {"status": "PAUSED"}


@pytest.mark.parametrize("reply", [dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"), dripping(b"H")])
def test_a_write_over_tls_is_unknown_when_its_answer_does_not_end(tls: Scripted, reply: Reply) -> None:
    tls.replies.append(reply)
    with pytest.raises(UnknownOutcomeError):
        _post(tls)
    assert tls.client_left.wait(10)


def test_a_write_over_tls_is_unknown_when_the_server_hangs_up(tls: Scripted) -> None:
    tls.replies.append(hanging_up)
    with pytest.raises(UnknownOutcomeError):
        _post(tls)
    assert len(tls.requests) == 1


def test_nothing_is_sent_to_a_server_whose_certificate_is_not_trusted(tls: Scripted) -> None:
    tls.replies.append(answering({"success": True}))
    with pytest.raises(NotSentError, match="SSLCertVerificationError"):
        _post(tls, trusted=False)
    assert tls.requests == []
