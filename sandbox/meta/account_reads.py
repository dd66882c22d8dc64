"""Reads about people, tokens and the ad account itself: /me, /debug_token, act_X and its small edges."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec

from sandbox.account import Account
from sandbox.journal import LogLine
from sandbox.meta.context import Context, Json
from sandbox.meta.errors import parameter
from sandbox.meta.fieldspec import wanted_fields
from sandbox.meta.paging import encode_cursor, limit_of, paging, place_of
from sandbox.meta.render import iso, label_id
from sandbox.nodes import Kind

USER_ID: Final = "10150000000000001"
APP_ID: Final = "5550000000000001"
SCOPES: Final = ("ads_read", "ads_management", "business_management", "pages_show_list", "pages_read_engagement")
_WEEK_S: Final = 7 * 86_400
_TYPE_WORDS: Final = {"campaign": "campaign", "adset": "ad_set", "ad": "ad", "adcreative": "ad_creative"}
_OBJECT_TYPES: Final = {"campaign": "CAMPAIGN", "adset": "AD_SET", "ad": "AD", "adcreative": "CREATIVE"}
_TOPICS: Final = {"daily_budget": "budget", "lifetime_budget": "budget", "status": "run_status", "name": "name"}

AccountField = Callable[[Context, Account], Any]


def _spent(context: Context, account: Account) -> str:
    market = account.market
    sums = market.grid.sums(market.grid.first_hour, market.next_hour, ads=market.ads)
    return str(int(sums[3].sum())) if context else "0"


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
    "spend_cap": lambda _, __: "0",
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
    return {"id": USER_ID, "name": "Sandbox System User"} if context.call.params.get("fields") else {"id": USER_ID}


def read_my_accounts(context: Context) -> Json:
    """Answer `GET /me/adaccounts`."""
    accounts = context.platform.world.accounts.values()
    return _listed(context, [{**read_account(context, account), "account_id": account.id} for account in accounts])


def read_my_pages(context: Context) -> Json:
    """Answer `GET /me/accounts`, without page tokens."""
    return _listed(context, [_page_row(account) for account in context.platform.world.accounts.values()])


def read_permissions(context: Context) -> Json:
    """Answer `GET /me/permissions`."""
    return _listed(context, [{"permission": scope, "status": "granted"} for scope in SCOPES])


def read_token(context: Context) -> Json:
    """Answer `GET /debug_token` (a system user's token: never expires)."""
    is_valid = context.call.params.get("input_token") == context.platform.token
    known: Json = {"app_id": APP_ID, "application": "Stakazo", "type": "SYSTEM_USER", "is_valid": is_valid}
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
    return _listed(context, [row])


def read_pixels(context: Context, account: Account) -> Json:
    """Answer `GET /act_X/adspixels`."""
    row = {"id": account.spec.pixel_id, "name": f"{account.spec.name} pixel", "is_unavailable": False}
    return _listed(context, [row])


def read_pages(context: Context, account: Account) -> Json:
    """Answer `GET /act_X/promote_pages`."""
    return _listed(context, [_page_row(account)])


def read_labels(context: Context, account: Account) -> Json:
    """Answer `GET /act_X/adlabels`."""
    names = sorted({label for kind in Kind for node in account.nodes[kind] for label in node.labels})
    return _listed(context, [{"id": label_id(name), "name": name} for name in names])


def read_activities(context: Context, account: Account) -> Json:
    """Answer `GET /act_X/activities`: the effects of a week (or since/until), newest first."""
    until = _instant(context, "until", context.platform.clock.now_s())
    since = _instant(context, "since", until - _WEEK_S)
    wanted_object = context.call.params.get("oid")
    rows = []
    for line in context.platform.journal.lines(account_id=account.id):
        at_s = line.platform_at_us / 1e6
        if since <= at_s <= until and wanted_object in (None, line.object_id):
            rows.extend(_activity_rows(context, account, line))
    rows.reverse()
    return _listed(context, rows)


def _activity_rows(context: Context, account: Account, line: LogLine) -> list[Json]:
    is_person = line.actor != "api"
    word = _TYPE_WORDS[line.kind]
    base: Json = {
        "event_time": iso(account, line.platform_at_us / 1e6),
        "actor_id": "10150000000000777" if is_person else USER_ID,
        "actor_name": line.actor if is_person else "Sandbox System User",
        "object_id": line.object_id,
        "object_name": context.platform.world.nodes[line.object_id].name,
        "object_type": _OBJECT_TYPES[line.kind],
    }
    if not is_person:
        base |= {"application_id": APP_ID, "application_name": "Stakazo"}
    if any(pair[0] is None and name == "name" for name, pair in line.change.items()):
        return [{**base, "event_type": f"create_{word}", "extra_data": "{}"}]
    rows = []
    for name, (old, new) in line.change.items():
        kind = f"update_{word}_{_TOPICS.get(name, name)}"
        extra = msgspec.json.encode({"old_value": old, "new_value": new, "type": name}).decode()
        rows.append({**base, "event_type": kind, "extra_data": extra})
    return rows


def _page_row(account: Account) -> Json:
    spec = account.spec
    return {"id": spec.page_id, "name": spec.page_name, "category": "Shopping & retail", "tasks": ["ADVERTISE"]}


def _instant(context: Context, name: str, default: float) -> float:
    value = context.call.get(name)
    if value is None:
        return default
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except (ValueError, OverflowError) as error:
        raise parameter(f"Param {name} must be a date or a unix time") from error


def _listed(context: Context, rows: list[Json]) -> Json:
    """Return rows as an edge, with cursors by place."""
    call = context.call
    start = place_of(call, 0)
    limit = limit_of(call)
    data = rows[start : start + limit]
    page: Json = {"data": data}
    if data:
        end = start + len(data)
        page["paging"] = paging(call, before=encode_cursor(start), after=encode_cursor(end), has_more=end < len(rows))
    if "summary" in call.params:
        page["summary"] = {"total_count": len(rows)}
    return page
