"""Bytes on a socket that no client would send: the sandbox answers or hangs up, writes nothing, and goes on serving."""

# ruff: noqa: E501 - tables of odd values

import socket

import pytest

from tests.sandbox.stranger import Stranger

HEAD = b"Host: x\r\nAuthorization: Bearer %s\r\n"
REQUESTS = (
    b"", b"\r\n\r\n", b"\x00" * 200, b"\xff\xfe\xfd\r\n\r\n", b"GET", b"GET / HTTP/9.9\r\n\r\n", b"GARBAGE\r\n\r\n",
    b"GET /v26.0/me HTTP/1.1\r\n%h\r\n", b"GET /v26.0/%%ff%%00/x HTTP/1.1\r\n%h\r\n", b"GET //////// HTTP/1.1\r\n%h\r\n",
    b"GET http://[::1/ HTTP/1.1\r\n%h\r\n", b"GET * HTTP/1.1\r\n%h\r\n", b"OPTIONS * HTTP/1.1\r\n%h\r\n",
    b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n%h\r\n", b"GET /v26.0/me HTTP/1.1\r\n" + b"A: b\r\n" * 3_000 + b"\r\n",
    b"TRACE /v26.0/me HTTP/1.1\r\n%h\r\n", b"POST /v26.0/%a/campaigns HTTP/1.1\r\n%hContent-Length: -1\r\n\r\n",
    b"POST /v26.0/%a/campaigns HTTP/1.1\r\n%hContent-Length: 99999999999999999999\r\n\r\nx",
    b"POST /v26.0/%a/campaigns HTTP/1.1\r\n%hContent-Length: 5\r\nContent-Length: 6\r\n\r\nname=x",
    b"POST /v26.0/%a/campaigns HTTP/1.1\r\n%hContent-Length: 500\r\n\r\nname=half",
    b"POST /v26.0/%a/campaigns HTTP/1.1\r\n%hTransfer-Encoding: chunked\r\n\r\nzz\r\nname\r\n0\r\n\r\n",
    b"POST /v26.0/%a/campaigns HTTP/1.1\r\n%hTransfer-Encoding: chunked\r\n\r\n4\r\nname\r\n",
    b"POST /v26.0/%a/campaigns HTTP/1.1\r\n%hContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
    b"POST /v26.0/%a/campaigns HTTP/1.1\r\n%hContent-Type: multipart/form-data; boundary=\xff\r\nContent-Length: 4\r\n\r\n--\xff\r",
    b'POST / HTTP/1.1\r\n%hContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"batch":',
    b"POST /v26.0/ HTTP/1.1\r\n%hContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nbatch=[[",
    b"GET /v26.0/me HTTP/1.1\r\nAuthorization: \xff\xfe\r\nHost: \x01\r\n\r\n", b"PUT /v26.0/%a HTTP/1.0\r\n%h\r\n",
    b"GET /v26.0/me?access_token=%ed%a0%80&fields=%ff HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /media/../../etc/passwd HTTP/1.1\r\n%h\r\n", b"GET /sandbox_media/%2e%2e HTTP/1.1\r\n%h\r\n",
)  # fmt: skip


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: repr(request[:40]))
def test_no_bytes_stop_the_sandbox_or_leave_an_effect(stranger: Stranger, request_: bytes) -> None:
    process = stranger.process
    head = HEAD.replace(b"%s", process.token.encode())
    host, port = process.graph.removeprefix("http://").split(":")
    before = stranger.effects()
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(request_.replace(b"%h", head).replace(b"%a", stranger.account.encode()))
        line.shutdown(socket.SHUT_WR)
        answer = line.makefile("rb").readline()
    assert not answer.startswith(b"HTTP/1.1 5"), answer
    assert stranger.effects() == before
    assert stranger.get("me", fields="id")["id"]
