"""A server on loopback that answers a client as a recording does; the same question again gets its next answer."""

import json
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from meta_client.contract.tape import Exchange

_SIGNATURE: Final = "appsecret_proof"
_UNKNOWN: Final = {"message": "(#100) the recording holds no such call", "type": "OAuthException", "code": 100}
Question = tuple[str, str, frozenset[tuple[str, str]]]


class Replay:
    """Answers from a recording while it is held with `with`. `unknown` lists what it was asked and could not answer."""

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self._answers: dict[Question, list[Exchange]] = defaultdict(list)
        for one in exchanges:
            self._answers[_question(one.method, one.path, one.params)].append(one)
        self._lock = threading.Lock()
        self.unknown: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.replay = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, method: str, path: str, params: Mapping[str, str]) -> Exchange | None:
        """The next answer to this question, the last one again and again; None where there is none."""
        with self._lock:
            known = self._answers.get(_question(method, path, params))
            if not known:
                self.unknown.append(f"{method} /{path} {dict(params)}")
                return None
            return known.pop(0) if len(known) > 1 else known[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    replay: Replay


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one piece: two would wait for each other on a kept connection
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """Answer a read."""
        self._reply("GET", urlsplit(self.path).query)

    def do_POST(self) -> None:
        """Answer a batch, or the order of a report."""
        self._reply("POST", self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _reply(self, method: str, form: str) -> None:
        path = unquote(urlsplit(self.path).path).split("/", 2)[-1]  # without the version
        params = {name: value for name, value in parse_qsl(form, keep_blank_values=True) if name != _SIGNATURE}
        found = self.server.replay.answer(method, path, params)
        body = _body({"error": _UNKNOWN} if found is None else found.body)
        self.send_response(400 if found is None else found.status)
        for name, value in ({} if found is None else found.headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _body(content: object) -> bytes:
    return content.encode() if isinstance(content, str) else json.dumps(content, separators=(",", ":")).encode()


def _question(method: str, path: str, params: Mapping[str, str]) -> Question:
    return method, path, frozenset(params.items())
