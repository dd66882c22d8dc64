"""The writing half of the client: `MetaWriter` is Meta's `domain.ports.PlatformWriter`. Only `actions` may hold one.

One request per call, over a connection of its own, and never a second one: Meta knows no idempotency key.
"""

import time
from collections.abc import Sequence
from math import inf

import msgspec

from domain.errors import NotSentError, PlatformError, TransientError
from domain.ids import PlatformAccountId
from domain.ports import WriteRequest
from meta_client import batch, wire
from meta_client.accounts import AccountBook, node_of
from meta_client.forms import Form, needs_currency, to_form
from meta_client.transport import Answer, Transport

_DECODER = msgspec.json.Decoder(wire.Written)


class MetaWriter:
    """Writes to Meta. Creates are always PAUSED and carry the operation's token in their name."""

    def __init__(self, transport: Transport, book: AccountBook) -> None:
        self._transport = transport
        self._book = book

    def write(
        self, account: PlatformAccountId, request: WriteRequest, *, deadline_s: float, not_after_s: float = inf
    ) -> str:
        """Send one write and return the id of the object written.

        The deadline counts from here to the last byte of the answer. Past `not_after_s` (monotonic) no byte is handed
        to the kernel; that is looked at after connecting, right before the first one (`sockets.py`). An account's
        first budget costs a read of its currency, within the same deadline; after any read of its tree through this
        client it is known already.

        Raises:
            RefusedError: Meta refused, or the request cannot be told to Meta.
            NeedsPersonError: the token, a permission or the account.
            ThrottledError: nothing happened.
            NotSentError: no byte of the write left.
            UnknownOutcomeError: everything else.
        """
        ends_at = time.monotonic() + deadline_s
        about = about_of(request)
        form = to_form(node_of(account), self._currency(account, [request], deadline_s), request)
        answer = self._transport.post(
            form.path,
            form.values,
            about=about,
            deadline_s=ends_at - time.monotonic(),
            request_id=request.request_id,
            not_after_s=not_after_s,
            account=account,
        )
        object_id = id_written(answer, form)
        if object_id is None:
            raise self._transport.refuse(answer, is_write=True, about=about)
        return object_id

    def write_many(
        self,
        account: PlatformAccountId,
        requests: Sequence[WriteRequest],
        *,
        deadline_s: float,
        not_after_s: float = inf,
    ) -> list[str | PlatformError]:
        """Send up to 50 updates (never creates) in one call; each result is an id or its own error, in order."""
        ends_at = time.monotonic() + deadline_s
        currency = self._currency(account, requests, deadline_s)
        items = [(request, about_of(request)) for request in requests]
        return batch.send(
            self._transport,
            node_of(account),
            currency,
            items,
            deadline_s=ends_at - time.monotonic(),
            not_after_s=not_after_s,
        )

    def _currency(self, account: PlatformAccountId, requests: Sequence[WriteRequest], deadline_s: float) -> str | None:
        if not any(map(needs_currency, requests)):
            return None
        try:
            return self._book.currency_within(account, deadline_s)
        except TransientError:
            pass
        raise NotSentError(f"currency of account {account} could not be read; nothing was sent")


def about_of(request: WriteRequest) -> str:
    """How messages name the write."""
    return f"{request.kind} of {request.object_kind} {request.object_id or request.parent_id or ''}".strip()


def id_written(answer: Answer, form: Form) -> str | None:
    """The id of the object, if the answer surely says that the write happened."""
    try:
        written = _DECODER.decode(answer.body)
    except wire.UNREADABLE:
        return None
    if written.error is not None:
        return None
    if form.is_create:
        return written.id or None
    return form.path if written.is_done_of(form.path) else None
