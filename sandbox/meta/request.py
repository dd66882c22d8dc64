"""A Graph API call taken apart: version, path, token and parameters from query, form or multipart body."""

import ast
import contextlib
import email.parser
import email.policy
import re
import warnings
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from sandbox.meta.errors import GraphError, parameter

_VERSION: Final = re.compile(r"^v\d{1,3}\.\d{1,2}$")
_EDGE_KINDS: Final = {"campaigns": "campaign", "adsets": "adset", "ads": "ad", "adcreatives": "adcreative"}
_MAX_LITERAL: Final = 100_000
_NO_LITERAL: Final = (ValueError, TypeError, SyntaxError, MemoryError, RecursionError)  # UnicodeEncodeError with them
LATEST: Final = "v26.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphCall:
    """One call; `path` has neither version nor token, `params` are texts."""

    method: str
    path: tuple[str, ...]
    version: str | None
    params: dict[str, str]
    token: str | None
    proof: str | None = None  # appsecret_proof
    is_token_in_params: bool = False
    host: str = ""
    request_id: str | None = None
    in_batch: bool = False
    raw_query: tuple[tuple[str, str], ...] = field(default=())

    @property
    def text_path(self) -> str:
        """The path as the oracle log and the faults script name it."""
        return "/" + "/".join(self.path)

    @property
    def edge_kind(self) -> str:
        """What the path's last part names, as far as the path alone can tell."""
        last = self.path[-1] if self.path else ""
        return _EDGE_KINDS.get(last, last)

    def get(self, name: str) -> Any:
        """Return a parameter as a value: JSON where it reads as JSON, else the text; None where absent."""
        text = self.params.get(name)
        return None if text is None else loose(text)

    def items(self, name: str) -> list[str]:
        """Return a list of texts from a JSON list, a bracketed list or a comma list."""
        value = self.get(name)
        if value is None:
            return []
        if isinstance(value, list):
            return [str(item) for item in value]
        return [part.strip().strip("'\"") for part in str(value).strip("[]").split(",") if part.strip().strip("'\"")]


def loose(text: str) -> Any:
    """Read lenient JSON: strict JSON, then a Python literal, then the text itself.

    What comes back is always plain JSON data, as it will be read again from the oracle log.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        pass
    if text[:1] in "[{('\"" and len(text) < _MAX_LITERAL:
        with warnings.catch_warnings(), contextlib.suppress(*_NO_LITERAL):
            warnings.simplefilter("ignore")  # a text such as "\d" is no source of ours to warn about
            return msgspec.json.decode(msgspec.json.encode(ast.literal_eval(text)))
    return text


def split_path(path: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the version (None where absent) and the parts of a path."""
    parts = tuple(part for part in path.split("/") if part)
    if parts and _VERSION.match(parts[0]):
        return parts[0], parts[1:]
    return None, parts


def read_call(
    *, method: str, path: str, query: str, headers: dict[str, str], body: bytes, in_batch: bool = False
) -> GraphCall:
    """Take a call apart.

    Raises:
        GraphError: the body cannot be read.
    """
    version, parts = split_path(path)
    raw_query = tuple(parse_qsl(query, keep_blank_values=True))
    params = dict(raw_query)
    params.update(_body_params(headers.get("content-type", ""), body))
    token, proof = params.pop("access_token", None), params.pop("appsecret_proof", None)
    is_token_in_params = token is not None
    bearer = headers.get("authorization", "")
    if bearer[:7].lower() == "bearer " or bearer[:6].lower() == "oauth ":
        token = bearer.split(" ", 1)[1].strip()
    method = str(params.pop("method", method)).upper()
    return GraphCall(
        method=method, path=parts, version=version, params=params, token=token, proof=proof,
        is_token_in_params=is_token_in_params, host=headers.get("host", ""),
        request_id=headers.get("x-request-id"), in_batch=in_batch,
        raw_query=tuple((name, value) for name, value in raw_query if name != "access_token"),
    )  # fmt: skip


def _body_params(content_type: str, body: bytes) -> dict[str, str]:
    if not body:
        return {}
    if content_type.startswith("multipart/form-data"):
        return _multipart(content_type, body)
    if content_type.startswith("application/json"):
        return _json_params(body)
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True))
    except UnicodeDecodeError as error:
        raise parameter("The request body is not readable text") from error


def _json_params(body: bytes) -> dict[str, str]:
    try:
        document = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise parameter("The request body is not valid JSON") from error
    if not isinstance(document, dict):
        raise parameter("The request body must be a JSON object")
    return {
        str(name): value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in document.items()
    }


def _multipart(content_type: str, body: bytes) -> dict[str, str]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    params: dict[str, str] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if part.get_filename() is None and isinstance(name, str) and isinstance(payload, bytes):
            params[name] = payload.decode("utf-8", "replace")
    return params


def require_version(call: GraphCall) -> None:
    """Refuse an unversioned Marketing API call, as Meta does.

    Raises:
        GraphError: no version in the path.
    """
    if call.version is None:
        text = "(#2635) You are calling a deprecated version of the Ads API. Please update to the latest version: "
        raise GraphError(2635, text + LATEST + ".")
