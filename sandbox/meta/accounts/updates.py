"""Updates of the ad account itself, POST /act_X: its spending limit, its name and a few settings."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.accounts.settings import settle
from sandbox.meta.context import Context, Json
from sandbox.meta.protocol.errors import parameter, spend_limit_changes_used_up
from sandbox.meta.route import Route

_NOT_FIELDS: Final = frozenset({"execution_options", "fields", "format", "locale", "include_headers"})
_LIMIT: Final = frozenset({"spend_cap", "spend_cap_action"})
_MOST_MINOR: Final = 10**15
_TEXT_CHARS: Final = 400
_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0"})


def update_account(context: Context, account: Account) -> Json:
    """Answer `POST /act_X`. `spend_cap` is told in major units and read in minor ones (meta_graph_api.md §2.1).

    Of `spend_cap_action`, "delete" takes the limit away. "reset" is refused here: it counts what is spent from zero
    again, which nobody who wants spending held down should do unseen.

    Raises:
        GraphError: a validation of Meta's; then nothing of the call is done.
    """
    asked = set(context.call.params) - _NOT_FIELDS
    strange = sorted(asked - _LIMIT - _SETTINGS.keys())
    if strange:
        raise parameter(f"The parameter {strange[0]} cannot be changed on ad account {account.id}")
    settings = {name: _SETTINGS[name](context, name) for name in sorted(asked & _SETTINGS.keys())}
    wanted_minor = _limit_minor(context, account) if asked & _LIMIT else account.spend_limit_minor
    is_change = wanted_minor != account.spend_limit_minor
    if is_change and not account.may_limit_spend(at_s=context.platform.clock.now_s()):
        raise spend_limit_changes_used_up(account.id)
    if context.is_only_checked():
        return {"success": True}
    if is_change:
        context.limit_spend(account, wanted_minor)
    settle(context, account, settings)
    return {"success": True}


def _text(context: Context, name: str) -> str:
    text = context.call.params[name].strip()
    if not 0 < len(text) <= _TEXT_CHARS:
        raise parameter(f"Param {name} must be a text of 1 to {_TEXT_CHARS} characters")
    return text


def _flag(context: Context, name: str) -> bool:
    word = context.call.params[name].strip('"').lower()
    if word not in _TRUE | _FALSE:
        raise parameter(f"Param {name} must be a boolean")
    return word in _TRUE


def _windows(context: Context, name: str) -> list[Json]:
    rows = context.call.get(name)
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and row.get("event_type") and isinstance(row.get("window_days"), int) for row in rows
    ):
        raise parameter(f"Param {name} must be an array of objects with event_type and window_days")
    return rows


_SETTINGS: Final[dict[str, Callable[[Context, str], Any]]] = {
    "name": _text, "default_dsa_payor": _text, "default_dsa_beneficiary": _text, "attribution_spec": _windows,
    "end_advertiser": _text, "media_agency": _text, "partner": _text, "is_notifications_enabled": _flag,
}  # fmt: skip


def _limit_minor(context: Context, account: Account) -> int:
    action = context.call.params.get("spend_cap_action")
    if action is not None:
        if action != "delete" or "spend_cap" in context.call.params:
            raise parameter("Param spend_cap_action must be delete, and stand without spend_cap")
        return 0
    try:
        minor = Decimal(context.call.params["spend_cap"].strip('"')) * account.offset
    except InvalidOperation:
        raise parameter("Param spend_cap must be a number") from None
    if not minor.is_finite() or not 0 <= minor <= _MOST_MINOR or minor != int(minor):
        raise parameter(f"Param spend_cap must be an amount of {account.spec.currency}, not {minor}")
    return int(minor)


_NOTE: Final = "spend_cap, spend_cap_action=delete, name, default_dsa_*, attribution_spec (told only), a few settings"
ROUTES: Final = (Route(method="POST", of="account", edge="", answer=update_account, note=_NOTE),)
