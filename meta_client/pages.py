"""Reading with patience; nothing that writes may use this.

Typed pages along opaque cursors, smaller pages where Meta asks, a few repeats of what failed in passing.
"""

import functools
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from domain.errors import GoneError, PlatformError, TransientError
from domain.ids import PlatformAccountId
from meta_client import cut
from meta_client.errors import TooMuchDataError
from meta_client.redact import plain
from meta_client.transport import Answer, Transport
from meta_client.wire import UNREADABLE, BatchItem, Page, Reference, Row

_OK = 200
_BATCH = msgspec.json.Decoder(list[BatchItem | None])

RowT = TypeVar("RowT", bound=Row)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How reads are repeated: up to `repeats` times, after `first_wait_s`, doubling, each 50..100 % of it by chance.

    No repeat begins once `give_up_after_s` have passed, so that a page costs at most that and one more read timeout.
    Only TransientError is repeated. A throttle is the caller's business: an account is put back, never slept on.
    `smallest_page` is the floor of halving; a page still too heavy there is given up.
    """

    repeats: int = 3
    first_wait_s: float = 1.0
    give_up_after_s: float = 45.0
    smallest_page: int = 10


class Pager:
    """Reads nodes and edges of one transport."""

    def __init__(
        self,
        transport: Transport,
        *,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = cut.sleep,
        dice: random.Random | None = None,
    ) -> None:
        self._transport = transport
        self._patience = patience or Patience()
        self._sleep = sleep
        self._dice = dice or random.Random()

    def node(
        self,
        row: type[RowT],
        path: str,
        params: Mapping[str, str],
        *,
        about: str,
        account: PlatformAccountId | None = None,
    ) -> RowT:
        """Read one object; `account` is whose, where the path does not say it.

        Raises:
            PlatformError: as `PlatformReader` says.
        """
        read = functools.partial(self.node_once, row, path, params, about=about, deadline_s=None, account=account)
        return self._patiently(read, path, account)

    def node_once(
        self,
        row: type[RowT],
        path: str,
        params: Mapping[str, str],
        *,
        about: str,
        deadline_s: float | None,
        account: PlatformAccountId | None = None,
    ) -> RowT:
        """Read one object without any repeat, within the deadline (None = the client's read timeout)."""
        answer = self._transport.get(path, params, about=about, deadline_s=deadline_s, account=account)
        node: RowT = self._read(_node_decoder(row), answer, about)
        return node

    def nodes(
        self,
        row: type[RowT],
        paths: Sequence[str],
        params: Mapping[str, str],
        *,
        about: str,
        account: PlatformAccountId | None = None,
    ) -> Mapping[str, RowT]:
        """Read up to 50 objects in one batch; those that are gone are missing from the answer.

        Not by `?ids=`, which Meta took out of every version on 2026-10-27 (facts/meta_graph_api.md, line "v26").

        Raises:
            PlatformError: as `PlatformReader` says, of the call or of one of its items.
        """
        return self._patiently(lambda: self._nodes(row, paths, params, about, account), "", account)

    def _nodes(
        self,
        row: type[RowT],
        paths: Sequence[str],
        params: Mapping[str, str],
        about: str,
        account: PlatformAccountId | None,
    ) -> Mapping[str, RowT]:
        query = urlencode(params)
        calls = [{"method": "GET", "relative_url": f"{quote(path, safe='')}?{query}"} for path in paths]
        form = {"batch": msgspec.json.encode(calls).decode(), "include_headers": "true"}
        answer = self._transport.get_many(form, about=about, calls=len(calls), account=account)
        items: list[BatchItem | None] = self._read(_BATCH, answer, about)
        if len(items) != len(paths):
            raise TransientError(f"{about}: {len(items)} answers for {len(paths)} objects")
        found = {path: self._item(row, item, about) for path, item in zip(paths, items, strict=True)}
        return {path: node for path, node in found.items() if node is not None}

    def _item(self, row: type[RowT], item: BatchItem | None, about: str) -> RowT | None:
        if item is None or item.code is None or item.body is None:
            raise TransientError(f"{about}: an object came without an answer within the batch")
        headers = {str(pair.get("name", "")): str(pair.get("value", "")) for pair in item.headers or ()}
        answer = Answer(status=item.code, headers=headers, body=item.body.encode())
        if item.code == _OK:
            node: RowT = self._read(_node_decoder(row), answer, about)
            return node
        refusal: PlatformError = self._transport.refuse(answer, is_write=False, about=about)
        if isinstance(refusal, GoneError):
            return None
        raise refusal

    def ask(self, row: type[RowT], path: str, form: Mapping[str, str], *, about: str) -> RowT:
        """Have Meta work something out; raises as `node`. Repeated like a read, since it changes nothing."""

        def read() -> RowT:
            node: RowT = self._read(_node_decoder(row), self._transport.ask(path, form, about=about), about)
            return node

        return self._patiently(read, path)

    def total(self, path: str, params: Mapping[str, str], *, about: str) -> int | None:
        """How many rows an edge has, None where its summary does not say; raises as `node`."""
        query = {**params, "limit": "1"}
        page = self._patiently(functools.partial(self._page, Reference, path, query, about), path)
        return None if page.summary is None else page.summary.total_count

    def edge(
        self,
        row: type[RowT],
        path: str,
        params: Mapping[str, str],
        *,
        about: str,
        limit: int,
        account: PlatformAccountId | None = None,
    ) -> Iterator[Sequence[RowT]]:
        """Stream all pages of an edge; at most one is in memory. A page size once halved stays so.

        `account` is whose, where the path does not say it.

        Raises:
            PlatformError: as `PlatformReader` says.
        """
        after: str | None = None
        is_last = False
        while not is_last:  # ends, since a cursor that does not move is refused below
            query = {**params, "limit": str(limit)} | ({"after": after} if after else {})
            try:
                page = self._patiently(functools.partial(self._page, row, path, query, about, account), path, account)
            except TooMuchDataError:
                if limit <= self._patience.smallest_page:
                    raise
                limit = max(limit // 2, self._patience.smallest_page)
                continue
            cursor = page.paging.cursors.after if page.paging and page.paging.cursors else None
            is_last = page.paging is None or page.paging.next is None
            if not is_last and (cursor is None or cursor == after):
                raise TransientError(f"{about}: Meta told of a next page without a way to it")
            after = cursor
            if page.data:
                yield page.data

    def _page(
        self,
        row: type[RowT],
        path: str,
        params: Mapping[str, str],
        about: str,
        account: PlatformAccountId | None = None,
    ) -> Page[RowT]:
        answer = self._transport.get(path, params, about=about, account=account)
        page: Page[RowT] | None = _unless_error(self._read(_page_decoder(row), answer, about))
        if page is None:
            raise self._transport.refuse(answer, is_write=False, about=about)
        return page

    def _read(self, decoder: "msgspec.json.Decoder[Any]", answer: Answer, about: str) -> Any:
        try:
            return decoder.decode(answer.body)
        except UNREADABLE as error:
            why = plain(str(error))
        refusal = self._transport.refuse(answer, is_write=False, about=about)
        if refusal.code is not None:
            raise refusal
        raise TransientError(f"{about}: an answer that cannot be read ({why})", http_status=refusal.http_status)

    def _patiently(self, read: Callable[[], _T], path: str, account: PlatformAccountId | None = None) -> _T:
        wait_s, gives_up_at = self._patience.first_wait_s, time.monotonic() + self._patience.give_up_after_s
        for _ in range(self._patience.repeats):
            try:
                return read()
            except TooMuchDataError:
                raise  # the same question again would be as heavy
            except TransientError:
                if time.monotonic() >= gives_up_at or not self._transport.may_repeat(path, account):
                    raise
            self._sleep(wait_s * self._dice.uniform(0.5, 1.0))
            wait_s *= 2
        return read()


def _unless_error(page: Page[RowT]) -> Page[RowT] | None:
    return None if page.error is not None or page.data is None else page


@functools.cache
def _page_decoder(row: type[Row]) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(Page[row], strict=False)  # type: ignore[valid-type]  # a type made at run time


@functools.cache
def _node_decoder(row: type[Row]) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(row, strict=False)
