"""Updates of the ad account itself, POST /act_X: its spending limit, and nothing else."""

from decimal import Decimal, InvalidOperation
from typing import Final

from sandbox.account import Account
from sandbox.meta.context import Context, Json
from sandbox.meta.errors import parameter

_NOT_FIELDS: Final = frozenset({"execution_options", "fields", "format", "locale", "include_headers"})
_MAY_CHANGE: Final = frozenset({"spend_cap", "spend_cap_action"})
_MOST_MINOR: Final = 10**15


def update_account(context: Context, account: Account) -> Json:
    """Answer `POST /act_X`. `spend_cap` is told in major units and read in minor ones (meta_graph_api.md §2.1).

    Of `spend_cap_action`, "delete" takes the limit away. "reset" is refused here: it counts what is spent from zero
    again, which nobody who wants spending held down should do unseen.

    Raises:
        GraphError: a validation of Meta's.
    """
    asked = set(context.call.params) - _NOT_FIELDS
    strange = sorted(asked - _MAY_CHANGE)
    if strange:
        raise parameter(f"The parameter {strange[0]} cannot be changed on ad account {account.id}")
    wanted_minor = _limit_minor(context, account) if asked else account.spend_limit_minor
    if not context.is_only_checked() and wanted_minor != account.spend_limit_minor:
        context.limit_spend(account, wanted_minor)
    return {"success": True}


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
