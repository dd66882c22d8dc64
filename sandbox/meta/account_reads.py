"""Reads about people, tokens and the ad account itself: /me, /debug_token, act_X and its small edges."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.activities import APP_ID, APP_NAME, USER_ID, USER_NAME, listed
from sandbox.meta.context import Context, Json
from sandbox.meta.errors import parameter
from sandbox.meta.fieldspec import wanted_fields
from sandbox.meta.render import iso, label_id
from sandbox.nodes import Kind

SCOPES: Final = ("ads_read", "ads_management", "business_management", "pages_show_list", "pages_read_engagement")

AccountField = Callable[[Context, Account], Any]


def _spent(context: Context, account: Account) -> str:
    return str(account.market.spent_minor) if context else "0"


_FIELDS: Final[dict[str, AccountField]] = {
    "id": lambda _, account: f"act_{account.id}",
    "account_id": lambda _, account: account.id,
    "name": lambda _, account: account.spec.name,
    "currency": lambda _, account: account.spec.currency,
    "timezone_name": lambda _, account: account.spec.timezone,
    "timezone_id": lambda _, __: 1,
    "timezone_offset_hours_utc": lambda context, account: _offset_hours(context, account),  # noqa: PLW0108 - defined below
    "account_status": lambda _, __: 1,
    "disable_reason": lambda _, __: 0,
    "amount_spent": _spent,
    "balance": lambda _, __: "0",
    "spend_cap": lambda _, account: str(account.spend_limit_minor),
    "min_campaign_group_spend_cap": lambda _, account: str(100 * account.offset),
    "min_daily_budget": lambda _, account: account.spec.min_daily_budget_minor,
    "created_time": lambda _, account: iso(account, account.created_s),
    "age": lambda context, account: round((context.platform.clock.now_s() - account.created_s) / 86_400, 4),
    "is_personal": lambda _, __: 0,
    "is_prepay_account": lambda _, __: False,
    "business_name": lambda _, account: account.spec.name,
    "owner": lambda _, __: USER_ID,
    "user_tasks": lambda _, __: ["DRAFT", "ANALYZE", "ADVERTISE", "MANAGE"],
    "capabilities": lambda _, __: [],
    "business": lambda _, __: None,
    "funding_source": lambda _, __: None,
    "funding_source_details": lambda _, __: None,
    "attribution_spec": lambda _, __: None,
    "default_dsa_payor": lambda _, __: None,
    "default_dsa_beneficiary": lambda _, __: None,
    "tax_id_status": lambda _, __: 0,
}


def _offset_hours(context: Context, account: Account) -> float:
    offset = datetime.fromtimestamp(context.platform.clock.now_s(), account.calendar.zone).utcoffset()
    return offset.total_seconds() / 3_600 if offset else 0.0


def read_account(context: Context, account: Account) -> Json:
    """Answer `GET /act_X`."""
    shown: Json = {}
    for wanted in wanted_fields(context.call):
        if wanted.name not in _FIELDS:
            raise parameter(f"Tried accessing nonexisting field ({wanted.name}) on node type (AdAccount)")
        value = _FIELDS[wanted.name](context, account)
        if value is not None:
            shown[wanted.name] = value
    shown.setdefault("id", f"act_{account.id}")
    return shown


def read_me(context: Context) -> Json:
    """Answer `GET /me`."""
    return {"id": USER_ID, "name": USER_NAME} if context.call.params.get("fields") else {"id": USER_ID}


def read_app(_: Context) -> Json:
    """Answer `GET /app`: the application of the token."""
    return {"id": APP_ID, "name": APP_NAME}


def read_my_accounts(context: Context) -> Json:
    """Answer `GET /me/adaccounts`."""
    accounts = context.platform.world.accounts.values()
    return listed(context, [{**read_account(context, account), "account_id": account.id} for account in accounts])


def read_my_pages(context: Context) -> Json:
    """Answer `GET /me/accounts`, without page tokens."""
    return listed(context, [_page_row(account) for account in context.platform.world.accounts.values()])


def read_permissions(context: Context) -> Json:
    """Answer `GET /me/permissions`."""
    return listed(context, [{"permission": scope, "status": "granted"} for scope in SCOPES])


def read_token(context: Context) -> Json:
    """Answer `GET /debug_token` (a system user's token: never expires)."""
    is_valid = context.call.params.get("input_token") == context.platform.token
    known: Json = {"app_id": APP_ID, "application": APP_NAME, "type": "SYSTEM_USER", "is_valid": is_valid}
    if is_valid:
        known |= {"expires_at": 0, "data_access_expires_at": 0, "scopes": list(SCOPES), "user_id": USER_ID}
    return {"data": known}


def read_minimum_budgets(context: Context, account: Account) -> Json:
    """Answer `GET /act_X/minimum_budgets`."""
    least = account.spec.min_daily_budget_minor
    row = {
        "currency": account.spec.currency, "min_daily_budget_imp": least, "min_daily_budget_video_views": least,
        "min_daily_budget_low_freq": least * 5, "min_daily_budget_high_freq": least * 40,
    }  # fmt: skip
    return listed(context, [row])


def read_pixels(context: Context, account: Account) -> Json:
    """Answer `GET /act_X/adspixels`."""
    row = {"id": account.spec.pixel_id, "name": f"{account.spec.name} pixel", "is_unavailable": False}
    return listed(context, [row])


def read_pages(context: Context, account: Account) -> Json:
    """Answer `GET /act_X/promote_pages`."""
    return listed(context, [_page_row(account)])


def read_labels(context: Context, account: Account) -> Json:
    """Answer `GET /act_X/adlabels`."""
    names = sorted({label for kind in Kind for node in account.nodes[kind] for label in node.labels})
    return listed(context, [{"id": label_id(name), "name": name} for name in names])


def _page_row(account: Account) -> Json:
    spec = account.spec
    return {"id": spec.page_id, "name": spec.page_name, "category": "Shopping & retail", "tasks": ["ADVERTISE"]}
