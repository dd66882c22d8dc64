"""Graph API errors and their envelope (meta_graph_api.md §5)."""

import secrets
from collections.abc import Sequence
from typing import Any, Final

_HTTP: Final = {1: 500, 2: 500, 190: 401, 102: 401, 10: 403, 200: 403, 294: 403, 368: 403}
_TRANSIENT: Final = frozenset({1, 2, 4, 17, 32, 613, 960})
_THROTTLE_TEXT: Final = {
    4: "(#4) Application request limit reached",
    17: "(#17) User request limit reached",
    32: "(#32) Page request limit reached",
    613: "(#613) Calls to this api have exceeded the rate limit.",
    80000: "(#80000) There have been too many calls from this ad-account. Wait a bit and try again.",
    80003: "(#80003) There have been too many calls to this ad-account's custom audiences. Wait a bit and try again.",
    80004: "(#80004) There have been too many calls to this ad-account. Wait a bit and try again.",
}


class GraphError(Exception):
    """A refusal in Meta's words; rendered, never a crash."""

    def __init__(
        self, code: int, message: str, *, subcode: int | None = None, title: str | None = None, user: str | None = None,
        blame: Sequence[Sequence[str]] = (), status: int | None = None, kind: str = "OAuthException",
        data: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.code, self.subcode, self.message = code, subcode, message
        self.title, self.user, self.blame, self.kind = title, user, blame, kind
        self.data = data  # what `error_data` says beside the fields to blame
        self.status = status or _HTTP.get(code, 400)

    def envelope(self) -> dict[str, Any]:
        """Return the error as the JSON document that Meta sends."""
        error: dict[str, Any] = {"message": self.message, "type": self.kind, "code": self.code}
        blamed = {"blame_field_specs": [list(path) for path in self.blame]} if self.blame else {}
        if blamed or self.data:
            error["error_data"] = blamed | (self.data or {})
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        error["is_transient"] = self.code in _TRANSIENT
        if self.title is not None:
            error["error_user_title"] = self.title
        if self.user is not None:
            error["error_user_msg"] = self.user
        error["fbtrace_id"] = trace_id()
        return {"error": error}


def trace_id() -> str:
    """Return an id of the look of fbtrace_id."""
    return "A" + secrets.token_urlsafe(18)[:22]


def invalid(
    text: str, *, subcode: int | None = None, field: str | None = None, title: str = "Invalid parameter"
) -> GraphError:
    """Return error 100 with what to do about it."""
    blame = [[field]] if field else []
    return GraphError(100, "Invalid parameter", subcode=subcode, title=title, user=text, blame=blame)


def parameter(text: str) -> GraphError:
    """Return error 100 whose message carries the text itself."""
    return GraphError(100, f"(#100) {text}")


def missing(object_id: str, method: str = "get") -> GraphError:
    """Return what Meta answers about an id that it does not know."""
    text = (
        f"Unsupported {method.lower()} request. Object with ID '{object_id}' does not exist, cannot be loaded due to "
        "missing permissions, or does not support this operation. Please read the Graph API documentation at "
        "https://developers.facebook.com/docs/graph-api"
    )
    return GraphError(100, text, subcode=33, kind="GraphMethodException")


def deleted_asked() -> GraphError:
    """Return what Meta answers to an edge that is asked for deleted objects by status."""
    return GraphError(
        100, "Invalid parameter", subcode=1_815_001, title="Cannot request for deleted objects",
        user="Deleted objects are not listed by status: filter on delivery_info, or read them by their ids.",
    )  # fmt: skip


def bad_token() -> GraphError:
    """Return error 190."""
    return GraphError(190, "Invalid OAuth access token - Cannot parse access token")


def throttled(code: int, subcode: int | None) -> GraphError:
    """Return a limit's error."""
    text = _THROTTLE_TEXT.get(code, f"(#{code}) There have been too many calls. Wait a bit and try again.")
    return GraphError(code, text, subcode=subcode)


def budget_edits_used_up(ad_set_id: str) -> GraphError:
    """Return the limit on budget edits of one ad set."""
    return GraphError(
        613, "(#613) Calls to this api have exceeded the rate limit.", subcode=1_487_632,
        title="Ad set budget can only be changed 4 times per hour",
        user=f"You can change your ad set budget 4 times per hour. Wait before changing ad set {ad_set_id} again.",
    )  # fmt: skip


def spend_limit_changes_used_up(account_id: str) -> GraphError:
    """Return the limit on changes of an account's spending limit."""
    return GraphError(
        17, "(#17) User request limit reached", subcode=1_885_172, title="Too many changes of the spending limit",
        user=f"The spending limit of ad account {account_id} can be changed 10 times a day. Wait before the next.",
    )  # fmt: skip
