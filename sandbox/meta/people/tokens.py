"""Who may call: authentication of a call, exchange and inspection of tokens. No token is ever kept or logged."""

import hmac
from datetime import UTC, datetime
from typing import Final

from sandbox.meta.accounts.activities import APP_NAME, USER_ID
from sandbox.meta.context import Context, Json
from sandbox.meta.objects.render_fields import APP_ID
from sandbox.meta.protocol.errors import GraphError, bad_token, parameter
from sandbox.meta.protocol.proof import is_proof
from sandbox.meta.protocol.request import GraphCall
from sandbox.meta.route import Route
from sandbox.platform import Platform
from sandbox.tokens import LONG_LIVED_S, Known, TokenKind, exchanged, read_token

SCOPES: Final = (
    "ads_read", "ads_management", "business_management", "pages_show_list", "pages_read_engagement", "pages_manage_ads"
)  # fmt: skip
_EXPIRED: Final = 463


def authenticate(platform: Platform, call: GraphCall) -> None:
    """Let a call pass whose token is known and not expired, and whose proof, if it has one, is right.

    Raises:
        GraphError: 190 (463 where the token has expired), or 100 for a wrong proof.
    """
    known = read_token(platform.token, call.token)
    if known is None:
        raise bad_token()
    if not known.is_valid(platform.clock.now_s()):
        raise _session_expired(known)
    secret = platform.app_secret
    if secret and call.proof is not None and not is_proof(call.proof, secret=secret, token=call.token or ""):
        raise GraphError(100, "Invalid appsecret_proof provided in the API argument")


def _session_expired(known: Known) -> GraphError:
    at = datetime.fromtimestamp(known.expires_s or 0, UTC)
    text = f"Error validating access token: Session has expired on {at:%A, %d-%b-%y %H:%M:%S} UTC."
    return GraphError(190, text, subcode=_EXPIRED)


def exchange(context: Context, _: None = None) -> Json:
    """Answer `oauth/access_token`: a token for sixty days of the platform's clock in place of one that is known.

    Raises:
        GraphError: the application, its secret or the token is not the one of this folder.
    """
    params, platform = context.call.params, context.platform
    kind = params.get("grant_type", "")
    _check_application(platform, params)
    if kind == "client_credentials":
        return {"access_token": _app_token(platform), "token_type": "bearer"}
    if kind != "fb_exchange_token":
        raise parameter(f"grant_type {kind[:40]!r} is not supported here: use fb_exchange_token or client_credentials")
    known = read_token(platform.token, params.get("fb_exchange_token"))
    now_s = int(platform.clock.now_s())
    if known is None or known.kind is TokenKind.PAGE:
        raise bad_token()
    if not known.is_valid(now_s):
        raise _session_expired(known)
    token = exchanged(platform.token, at_s=now_s)
    return {"access_token": token, "token_type": "bearer", "expires_in": LONG_LIVED_S}


def _check_application(platform: Platform, params: dict[str, str]) -> None:
    if "client_id" not in params:
        raise GraphError(101, "Missing client_id parameter.")
    if params["client_id"] != APP_ID:
        raise GraphError(101, "Error validating application. Cannot get application info due to a system error.")
    told, secret = params.get("client_secret", ""), platform.app_secret
    if not secret:
        text = "Error validating client secret. Write an app_secret into credentials.json and start again."
        raise GraphError(1, text, status=400)
    if not hmac.compare_digest(told.encode(), secret.encode()):
        raise GraphError(1, "Error validating client secret.", status=400)


def is_of_app(platform: Platform, call: GraphCall) -> bool:
    """Say whether a call comes with the application's own token, "APP_ID|APP_SECRET"."""
    if not platform.app_secret:
        return False
    return hmac.compare_digest((call.token or "").encode(), _app_token(platform).encode())


def _app_token(platform: Platform) -> str:
    return f"{APP_ID}|{platform.app_secret}"


def inspect(context: Context, _: None = None) -> Json:
    """Answer `GET /debug_token`, to a caller with a token of its own or with the application's.

    Raises:
        GraphError: 190, the caller's own token; 100, there is nothing to inspect.
    """
    call, platform = context.call, context.platform
    if not is_of_app(platform, call):
        authenticate(platform, call)
    text = call.params.get("input_token")
    if not text:
        raise parameter("The parameter input_token is required")
    known = read_token(platform.token, text)
    if known is None:
        problem = {"code": 190, "message": "Invalid OAuth access token - Cannot parse access token"}
        return {"data": {"error": problem, "is_valid": False, "scopes": []}}
    return {"data": _told(context, known)}


def _told(context: Context, known: Known) -> Json:
    is_valid = known.is_valid(context.platform.clock.now_s())
    ids = [account.id for account in context.platform.world.accounts.values()]
    targeted = [{"scope": scope, "target_ids": ids} for scope in SCOPES[:2]]
    told: Json = {
        "app_id": APP_ID, "type": str(known.kind), "application": APP_NAME, "is_valid": is_valid,
        "data_access_expires_at": known.expires_s or 0, "expires_at": known.expires_s or 0, "scopes": list(SCOPES),
        "granular_scopes": [*targeted, *({"scope": scope} for scope in SCOPES[2:])], "user_id": USER_ID,
    }  # fmt: skip
    if known.issued_s is not None:
        told["issued_at"] = known.issued_s
    if known.page_id is not None:
        told["profile_id"] = known.page_id
    if not is_valid:
        error = _session_expired(known)
        told["error"] = {"code": error.code, "message": error.message, "subcode": _EXPIRED}
    return told


_EXCHANGE_NOTE: Final = "fb_exchange_token (60 days of the platform's clock), client_credentials; needs an app_secret"
ROUTES: Final = (
    Route(
        method="GET", of="root", edge="debug_token", answer=inspect, needs_version=False, needs_token=False,
        note="tokens of this sandbox; scopes, expiry by the platform's clock",
    ),
    *(
        Route(
            method=method, of="root", edge="oauth/access_token", answer=exchange, needs_version=False,
            needs_token=False, note=_EXCHANGE_NOTE,
        )
        for method in ("GET", "POST")
    ),
)  # fmt: skip
