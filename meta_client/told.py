"""What a call and its answer mean for the budget of calls: whose, what for, what came back; in a batch too. Pure."""

from collections.abc import Callable, Mapping

import msgspec

from domain.errors import PlatformError, ThrottledError
from domain.ids import PlatformAccountId
from domain.ports import CallKind
from meta_client import wire
from meta_client.redact import plain
from meta_client.usage import Reading, read_usage
from meta_client.versions import API_VERSION

ToError = Callable[[int, Mapping[str, str], bytes], PlatformError]
_NODE = "act_"
_OK = 200
_BATCH = msgspec.json.Decoder(list[wire.BatchItem | None])
_BEGINNING = 40  # bytes within which an error document names itself


def account_of(path: str, account: PlatformAccountId | None) -> PlatformAccountId | None:
    """Whose calls a call counts among: the account in the path, else the one named; always spelt "act_..."."""
    first = path.split("/", 1)[0]
    if first.startswith(_NODE):
        return PlatformAccountId(first)
    return None if account is None else PlatformAccountId(_NODE + account.removeprefix(_NODE))


def kind_of(path: str, *, is_write: bool) -> CallKind:
    """What a call is for."""
    if is_write:
        return CallKind.WRITE
    return CallKind.INSIGHTS if path.endswith("/insights") else CallKind.READ


def version_warning(headers: Mapping[str, str]) -> str:
    """What an answer says of the version that we speak: that it has ended, or that another one answered; "" = nothing.

    Meta answers calls of an ended version by a newer one where it can (facts/meta_graph_api.md §1.1).
    """
    said, served = headers.get("X-Ad-Api-Version-Warning"), headers.get("facebook-api-version")
    if said:
        return plain(said)
    if served and served != API_VERSION:
        return f"asked for {API_VERSION}, answered by {plain(served)}"
    return ""


def read_single(
    status: int, headers: Mapping[str, str], body: bytes, to_error: ToError
) -> tuple[Reading, PlatformError | None]:
    """The quota that the answer's headers tell, and its error; a 200 may hold one, too."""
    is_fine = status == _OK and b'"error"' not in body[:_BEGINNING]
    return read_usage(headers), None if is_fine else to_error(status, headers, body)


def read_batch(
    status: int, headers: Mapping[str, str], body: bytes, to_error: ToError
) -> tuple[Reading, PlatformError | None]:
    """The same of a batch: its items carry the headers, the last of them the newest.

    A throttle of one item is one of the account; other errors count where at least half of the items have one.
    """
    try:
        items = _BATCH.decode(body) if status == _OK else []
    except wire.UNREADABLE:
        items = []
    if not items:
        return read_single(status, headers, body, to_error)
    reading, errors = read_usage(headers), []
    for item in items:
        if item is None or item.code is None:
            errors.append(to_error(status, headers, b""))
            continue
        own = {str(pair.get("name", "")): str(pair.get("value", "")) for pair in item.headers or ()}
        reading, error = read_single(item.code, own, (item.body or "").encode(), to_error)
        errors += [] if error is None else [error]
    throttles = [error for error in errors if isinstance(error, ThrottledError)]
    counts = throttles or (errors if 2 * len(errors) >= len(items) else [])
    return reading, counts[0] if counts else None
