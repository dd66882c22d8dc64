"""A Graph API call taken apart: version, path, token and parameters from query, form or multipart body."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.faults import Fault
from sandbox.meta.protocol.bodies import File, folded, read_body, read_pairs
from sandbox.meta.protocol.errors import GraphError
from sandbox.meta.protocol.loose import flag_of, loose, unquoted

__all__ = ["LATEST", "File", "GraphCall", "flag_of", "loose", "read_call", "require_version", "split_path"]
_VERSION: Final = re.compile(r"^v\d{1,3}\.\d{1,2}$")
_EDGE_KINDS: Final = {"campaigns": "campaign", "adsets": "adset", "ads": "ad", "adcreatives": "adcreative"}
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
    is_queued: bool = False  # done by and by, as part of an asynchronous batch
    raw_query: tuple[tuple[str, str], ...] = field(default=())
    files: dict[str, File] = field(default_factory=dict)  # by the part's name
    user_agent: str = ""
    fault: Fault | None = None  # what the script wants to become of the thing that the call makes

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

    def flag(self, name: str) -> bool | None:
        """Return a yes or no in any of its spellings; None where it is absent or neither."""
        return flag_of(self.params.get(name))


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
    raw_query = tuple(read_pairs(query))
    pairs, files = read_body(headers, body)
    params = {name: unquoted(value) for name, value in folded((*raw_query, *pairs)).items()}
    token, proof = params.pop("access_token", None), params.pop("appsecret_proof", None)
    is_token_in_params = token is not None
    scheme, _, bearer = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() in ("bearer", "oauth"):
        token = bearer.strip()
    method = (params.pop("method", "") or method).upper()
    return GraphCall(
        method=method, path=parts, version=version, params=params, token=token, proof=proof,
        is_token_in_params=is_token_in_params, host=headers.get("host", ""),
        request_id=headers.get("x-request-id"), in_batch=in_batch,
        raw_query=tuple((name, value) for name, value in raw_query if name != "access_token"),
        files=files, user_agent=headers.get("user-agent", ""),
    )  # fmt: skip


def require_version(call: GraphCall) -> None:
    """Refuse an unversioned Marketing API call, as Meta does.

    Raises:
        GraphError: no version in the path.
    """
    if call.version is None:
        text = "(#2635) You are calling a deprecated version of the Ads API. Please update to the latest version: "
        raise GraphError(2635, text + LATEST + ".")
