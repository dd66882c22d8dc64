"""One write beside the tree: sent once, believed only if its answer is whole. What it is about is known elsewhere."""

import functools
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from domain.asset_ports import Sending
from domain.errors import RefusedError
from domain.ids import PlatformAccountId
from meta_client.multipart import FilePart
from meta_client.transport import Transport
from meta_client.wire import Row


class Told(Row, kw_only=True):
    """Base of what answers tell; an error may come with status 200."""

    error: Any = None


class Made(Told, kw_only=True):
    """The answer to a create."""

    id: str


class Done(Told, kw_only=True):
    """The answer to a change: a bool, or its text."""

    success: bool | str

    @property
    def is_done(self) -> bool:
        """Whether it says so."""
        return self.success in (True, "true")


ToldT = TypeVar("ToldT", bound=Told)


class Sender:
    """Sends forms, never twice."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send(
        self,
        told: type[ToldT],
        account: PlatformAccountId,
        path: str,
        form: Mapping[str, str],
        *,
        about: str,
        sending: Sending,
        file: FilePart | None = None,
        is_video: bool = False,
    ) -> ToldT:
        """Send it and return what the answer tells.

        Raises:
            NotSentError: no byte of it left.
            UnknownOutcomeError: a byte did, and no answer came that could be trusted.
            PlatformError: Meta refused.
        """
        answer = self._transport.post(
            path,
            form,
            about=about,
            deadline_s=sending.deadline_s,
            request_id=sending.request_id,
            not_after_s=sending.not_after_s,
            account=account,
            file=file,
            is_video=is_video,
        )
        found: ToldT | None = None
        try:
            found = _decoder(told).decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            found = None
        if found is None or found.error is not None or (isinstance(found, Done) and not found.is_done):
            raise self._transport.refuse(answer, is_write=True, about=about)
        return found


def require_id(object_id: str, what: str) -> str:
    """The same id.

    Raises:
        RefusedError: it is none that could stand in an address.
    """
    if not (object_id.isascii() and object_id.isalnum()):
        raise RefusedError(f'"{object_id}" is no id of {what}; nothing was sent')
    return object_id


@functools.cache
def _decoder(told: type[Told]) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(told, strict=False)
