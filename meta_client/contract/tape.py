"""A transport that keeps what it exchanges, sends nothing that writes, and stops at a number of calls."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from domain.errors import NotReadyError, PlatformError
from domain.ports import ClientOptions
from meta_client.contract.guard import require_reading
from meta_client.transport import Answer, Transport, _Request

# Headers that say something of the contract; all others are the server's own business, or cookies and traces.
HEADERS: Final[tuple[str, ...]] = (
    "content-type",
    "facebook-api-version",
    "x-ad-api-version-warning",
    "x-ad-account-usage",
    "x-app-usage",
    "x-business-use-case-usage",
    "x-fb-ads-insights-throttle",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call and its answer. It never holds a token or a proof: the request is kept as it was before it is signed."""

    clause: str
    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: Any = field(repr=False)  # as JSON has it; text where it is none


class Tape:
    """What was exchanged, by clauses; threads may write to it together."""

    def __init__(self, most_calls: int) -> None:
        self.clause = ""
        self.calls = 0
        self._most_calls = most_calls
        self._exchanges: list[Exchange] = []
        self._lock = threading.Lock()

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All of them, in the order of their answers."""
        with self._lock:
            return tuple(self._exchanges)

    def admit(self, calls: int) -> None:
        """Count calls that are about to be made; a batch counts as many as it has items.

        Raises:
            NotReadyError: it would be one too many.
        """
        with self._lock:
            if self.calls + calls > self._most_calls:
                raise NotReadyError(f"{self.calls} calls were made, and --max-calls allows {self._most_calls}")
            self.calls += calls

    def keep(self, method: str, path: str, params: Mapping[str, str], answer: Answer) -> None:
        """Keep one exchange."""
        told = {name.lower(): value for name, value in answer.headers.items()}
        headers = {name: told[name] for name in HEADERS if name in told}
        row = Exchange(
            clause=self.clause,
            method=method,
            path=path,
            params=MappingProxyType(dict(params)),
            status=answer.status,
            headers=MappingProxyType(headers),
            body=_content(answer.body),
        )
        with self._lock:
            self._exchanges.append(row)


class TapedTransport(Transport):
    """Every exchange of the client, repeats included, goes through here and onto the tape."""

    def __init__(self, options: ClientOptions, tape: Tape) -> None:
        super().__init__(options)
        self._tape = tape

    def _exchange(self, request: _Request) -> Answer | PlatformError:
        method = "POST" if request.is_post else "GET"
        require_reading("write" if request.is_write else method, request.path, request.params)
        self._tape.admit(request.calls)
        answer = super()._exchange(request)
        if isinstance(answer, Answer):
            self._tape.keep(method, request.path, request.params, answer)
        return answer


def _content(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
