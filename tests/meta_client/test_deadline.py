"""No call outlives its deadline, and what a failure means depends on whether a byte of the request left.

No test looks at a clock: each server would go on for ever, so that the call's return is itself the fact.
"""

import os
import socket

import pytest

from domain.errors import NotSentError, TransientError, UnknownOutcomeError
from tests.meta_client.scripted import (
    ACCOUNT,
    Kit,
    Reply,
    Scripted,
    asleep,
    dripping,
    hanging_up,
    open_kit,
    pausing,
    silent,
    truncated,
)

_BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
_NEVER_COMPLETE: list[Reply] = [dripping(_BODY), dripping(b"HTTP/1.1 200 OK\r\nX-Slow: "), dripping(b"H"), silent]
_IDS = ["drips the body", "drips a header", "drips the status line", "never answers"]
_BROKEN: list[Reply] = [hanging_up, truncated]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("reply", _NEVER_COMPLETE, ids=_IDS)
def test_a_write_is_unknown_and_its_socket_closed_when_the_answer_never_ends(server: Scripted, reply: Reply) -> None:
    kit = open_kit(server.url)
    server.replies.append(reply)
    with pytest.raises(UnknownOutcomeError, match=r"no complete answer within 0\.7 s"):
        kit.writer.write(ACCOUNT, pausing(), deadline_s=0.7)
    assert server.client_left.wait(10)
    assert len(server.requests) == 1


@pytest.mark.parametrize("reply", _NEVER_COMPLETE, ids=_IDS)
def test_a_read_fails_in_passing_when_the_answer_never_ends(server: Scripted, reply: Reply) -> None:
    kit = open_kit(server.url, timeout_s=0.7, repeats=0)
    server.replies.append(reply)
    with pytest.raises(TransientError, match=r"no complete answer within 0\.7 s"):
        kit.reader.account(ACCOUNT)
    assert server.client_left.wait(10)


def test_a_write_is_unknown_when_the_server_stops_reading_it_half_way(server: Scripted, kit: Kit) -> None:
    server.reads_requests = False
    server.replies.append(asleep)
    with pytest.raises(UnknownOutcomeError):
        kit.transport.post("1", {"name": "x" * 20_000_000}, about="a long write", deadline_s=3.0, request_id=None)


@pytest.mark.parametrize("reply", _BROKEN, ids=["hangs up", "truncates its answer"])
def test_a_write_is_unknown_when_the_connection_breaks_after_it_was_sent(
    server: Scripted, kit: Kit, reply: Reply
) -> None:
    server.replies.append(reply)
    with pytest.raises(UnknownOutcomeError, match="read it back"):
        kit.writer.write(ACCOUNT, pausing(), deadline_s=5)
    assert len(server.requests) == 1


def test_a_write_to_a_closed_port_was_not_sent() -> None:
    kit = open_kit(f"http://127.0.0.1:{_free_port()}")
    with pytest.raises(NotSentError, match="ConnectionRefusedError"):
        kit.writer.write(ACCOUNT, pausing(), deadline_s=5)


def test_a_write_whose_host_has_no_address_was_not_sent() -> None:
    kit = open_kit("http://nowhere.invalid:9")
    with pytest.raises(NotSentError):
        kit.writer.write(ACCOUNT, pausing(), deadline_s=5)


def test_a_write_was_not_sent_when_the_other_side_never_finishes_the_tls_handshake(server: Scripted) -> None:
    """Bytes of a handshake left, but none of the request."""
    server.reads_requests = False
    server.replies.append(silent)
    kit = open_kit(server.url.replace("http://", "https://"))
    with pytest.raises(NotSentError, match=r"no complete answer within 0\.7 s"):
        kit.writer.write(ACCOUNT, pausing(), deadline_s=0.7)


@pytest.mark.parametrize("left_s", [0.0, -1.0])
def test_nothing_is_sent_once_the_time_is_over(server: Scripted, kit: Kit, left_s: float) -> None:
    with pytest.raises(NotSentError, match="no time was left"):
        kit.writer.write(ACCOUNT, pausing(), deadline_s=left_s)
    assert server.requests == []


def test_a_read_of_a_closed_port_fails_in_passing() -> None:
    kit = open_kit(f"http://127.0.0.1:{_free_port()}", repeats=0)
    with pytest.raises(TransientError):
        kit.reader.account(ACCOUNT)


def test_a_failed_write_is_never_sent_a_second_time(server: Scripted, kit: Kit) -> None:
    server.replies.append(hanging_up)
    server.answer({"success": True})
    with pytest.raises(UnknownOutcomeError):
        kit.writer.write(ACCOUNT, pausing(), deadline_s=5)
    assert len(server.requests) == 1
    assert kit.waits == []


def test_a_redirect_is_not_followed(server: Scripted, kit: Kit) -> None:
    server.answer(b"", status=307, headers={"Location": "/elsewhere"})
    with pytest.raises(UnknownOutcomeError, match="HTTP 307"):
        kit.writer.write(ACCOUNT, pausing(), deadline_s=5)
    assert len(server.requests) == 1


def test_reads_share_a_connection_and_a_write_takes_its_own(server: Scripted, kit: Kit) -> None:
    server.answer({"id": "1", "name": "a"})
    server.answer({"id": "1", "name": "a"})
    server.answer({"success": True})
    for _ in range(2):
        kit.transport.get("1", {}, about="a read")
    kit.writer.write(ACCOUNT, pausing(), deadline_s=5)
    first, second, write = (request.port for request in server.requests)
    assert first == second
    assert write != first


def test_a_read_survives_that_the_server_closed_the_idle_connection(server: Scripted, kit: Kit) -> None:
    server.answer({"id": "1"})
    server.answer({"id": "1"})
    kit.transport.get("1", {}, about="a read")
    server.hang_up_all()
    kit.transport.get("1", {}, about="a read")
    assert len({request.port for request in server.requests}) == 2


def test_a_forked_process_does_not_speak_on_its_parents_connection(server: Scripted, kit: Kit) -> None:
    for _ in range(3):
        server.answer({"id": "1"})
    kit.transport.get("1", {}, about="the parent's")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            kit.transport.get("1", {}, about="the child's")
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    kit.transport.get("1", {}, about="the parent's again")
    before, forked, after = (request.port for request in server.requests)
    assert forked != before
    assert after == before
