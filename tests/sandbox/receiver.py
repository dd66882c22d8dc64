"""A small HTTP receiver on loopback: gives back hub.challenge and keeps what is posted to it. No facts."""

import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

PATIENCE_S = 20.0


class Receiver:
    """Answers on a port that the kernel chooses; `fails` is how many posts it answers with 500 first."""

    def __init__(self, *, verify_token: str = "word", fails: int = 0) -> None:
        self.verify_token, self.fails = verify_token, fails
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.refused = 0
        self._changed = threading.Condition()
        outer = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                is_known = query.get("hub.verify_token") == outer.verify_token
                self._answer(200 if is_known else 403, query.get("hub.challenge", "") if is_known else "no")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._answer(200 if outer.take(dict(self.headers.items()), body) else 500, "")

            def _answer(self, status: int, text: str) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, headers: dict[str, str], body: bytes) -> bool:
        """Keep a post, or turn it away."""
        with self._changed:
            self._changed.notify_all()
            if self.fails > 0:
                self.fails -= 1
                self.refused += 1
                return False
            self.posts.append((headers, body))
            return True

    def changes(self, count: int, *, secret: str) -> list[tuple[str, str, dict[str, Any]]]:
        """Wait for so many posts; return (object, field, value) of each, the signature checked."""
        self.wait(lambda: len(self.posts) >= count)
        found = []
        for headers, body in self.posts:
            right = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            assert hmac.compare_digest(headers["X-Hub-Signature-256"], right)
            document = json.loads(body)
            (entry,) = document["entry"]
            (change,) = entry["changes"]
            found.append((document["object"], change["field"], change["value"]))
        return found

    def wait(self, is_so: Any) -> None:
        """Wait until something is so, for a bounded time."""
        until = time.monotonic() + PATIENCE_S
        with self._changed:
            while not is_so():
                left = until - time.monotonic()
                assert left > 0, f"{len(self.posts)} posts came, {self.refused} were refused"
                self._changed.wait(left)
