"""Lets through what reads, by its content, and refuses everything else. Pure."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from domain.errors import InvariantError

_REPORT: Final = re.compile(r"^act_\d+/insights$")
_OF_A_REPORT: Final = frozenset({"level", "fields", "time_increment", "time_range", "breakdowns", "filtering"})
_OF_A_BATCH: Final = frozenset({"batch", "include_headers"})
# By these Graph lets a GET be something else than it is, or carry other calls, or be signed by somebody else.
_SMUGGLING: Final = frozenset({"method", "_method", "batch", "access_token"})
_PLACE: Final = re.compile(r"^[A-Za-z0-9_]+(/[a-z_]+)?$")


def require_reading(method: str, path: str, params: Mapping[str, str]) -> None:
    """Let a call through that changes nothing: a GET, a batch of GETs, the order of a report.

    Raises:
        InvariantError: it is none of these; it must not be sent.
    """
    if method == "GET" and _reads(path, params):
        return
    if method == "POST" and path == "" and _is_batch_of_reads(params):
        return
    if method == "POST" and _REPORT.match(path) and params.keys() <= _OF_A_REPORT:
        return
    raise InvariantError(f"the contract only reads: {method} /{path} ({', '.join(sorted(params))}) was not sent")


def _reads(path: str, params: Mapping[str, str]) -> bool:
    return bool(_PLACE.match(path)) and not _SMUGGLING & params.keys()


def _is_batch_of_reads(params: Mapping[str, str]) -> bool:
    if not params.keys() <= _OF_A_BATCH:
        return False
    try:
        items = msgspec.json.decode(params.get("batch", ""), type=list[dict[str, str]])
    except msgspec.MsgspecError:
        return False
    return bool(items) and all(_is_read(item) for item in items)


def _is_read(item: Mapping[str, str]) -> bool:
    if item.keys() != {"method", "relative_url"} or item["method"] != "GET":
        return False
    address = urlsplit(item["relative_url"])
    is_relative = not address.scheme and not address.netloc
    return is_relative and _reads(address.path, dict.fromkeys(parse_qs(address.query, keep_blank_values=True), ""))
