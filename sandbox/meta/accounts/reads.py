"""The ad account as a node: `GET act_X`, and the accounts of the token's person and of the business."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.accounts.activities import BUSINESS_ID
from sandbox.meta.accounts.settings import settings_of
from sandbox.meta.context import Context, Json
from sandbox.meta.media.images import read_images
from sandbox.meta.media.videos import read_videos
from sandbox.meta.objects.reads import ACCOUNT_EDGES, read_account_edge
from sandbox.meta.objects.render import iso
from sandbox.meta.people.pages import read_account_pages
from sandbox.meta.people.pixels import read_pixels
from sandbox.meta.protocol.fields import Fields
from sandbox.meta.route import Route

BUSINESS_NAME: Final = "Sandbox Business"
TASKS: Final = ("DRAFT", "ANALYZE", "ADVERTISE", "MANAGE")
_DAY_S: Final = 86_400
# The few of Meta's own numbers for time zones that we know for certain; 0 is its number for "unknown".
_ZONES: Final = {
    "America/Los_Angeles": 1, "America/Denver": 2, "Pacific/Honolulu": 3, "America/Anchorage": 4, "America/Phoenix": 5,
    "America/Chicago": 6, "America/New_York": 7,
}  # fmt: skip
_DEFAULT_ATTRIBUTION: Final = (
    {"event_type": "CLICK_THROUGH", "window_days": 7}, {"event_type": "VIEW_THROUGH", "window_days": 1}
)  # fmt: skip


def _offset_hours(context: Context, account: Account) -> float:
    offset = datetime.fromtimestamp(context.platform.clock.now_s(), account.calendar.zone).utcoffset()
    return offset.total_seconds() / 3_600 if offset else 0.0


def _age(context: Context, account: Account) -> float:
    return round((context.platform.clock.now_s() - account.created_s) / _DAY_S, 4)


def _setting(name: str, default: Any = None) -> Callable[[Context, Account], Any]:
    return lambda context, account: settings_of(context.platform, account).get(name, default)


def _always(value: Any) -> Callable[[Context, Account], Any]:
    return lambda _, __: value


def _business(_: Context, __: Account) -> Json:
    return {"id": BUSINESS_ID, "name": BUSINESS_NAME}


def _funding(_: Context, account: Account) -> str:
    return f"77{account.id}"


FIELDS: Final[Fields[Account]] = Fields(
    type_name="AdAccount",
    getters={
        "id": lambda _, account: f"act_{account.id}",
        "account_id": lambda _, account: account.id,
        "name": lambda _, account: account.spec.name,
        "currency": lambda _, account: account.spec.currency,
        "timezone_name": lambda _, account: account.spec.timezone,
        "timezone_id": lambda _, account: _ZONES.get(account.spec.timezone, 0),
        "timezone_offset_hours_utc": _offset_hours,
        "account_status": _always(1),
        "disable_reason": _always(0),
        "amount_spent": lambda _, account: str(account.market.spent_minor),
        "balance": _always("0"),
        "spend_cap": lambda _, account: str(account.spend_limit_minor),
        "min_campaign_group_spend_cap": lambda _, account: str(100 * account.offset),
        "min_daily_budget": lambda _, account: account.spec.min_daily_budget_minor,
        "created_time": lambda _, account: iso(account, account.created_s),
        "age": _age,
        "is_personal": _always(0),
        "is_prepay_account": _always(False),
        "is_tax_id_required": _always(False),
        "is_direct_deals_enabled": _always(False),
        "is_in_3ds_authorization_enabled_market": _always(False),
        "is_notifications_enabled": _setting("is_notifications_enabled", True),
        "is_ba_skip_delayed_eligible": _always(False),
        "has_migrated_permissions": _always(True),
        "has_page_authorized_adaccount": _always(True),
        "can_create_brand_lift_study": _always(False),
        "offsite_pixels_tos_accepted": _always(True),
        "show_checkout_experience": _always(False),
        "fb_entity": _always(1),
        "tax_id_status": _always(0),
        "tos_accepted": _always({"web_custom_audience_tos": 1}),
        "user_tos_accepted": _always({"web_custom_audience_tos": 1}),
        "user_tasks": _always(list(TASKS)),
        "capabilities": _always([]),
        "all_capabilities": _always([]),
        "failed_delivery_checks": _always([]),
        "line_numbers": _always([]),
        "business": _business,
        "owner_business": _business,
        "viewable_business": _business,
        "owner": _always(BUSINESS_ID),
        "business_name": lambda _, account: account.spec.name,
        "business_country_code": lambda _, account: next(iter(account.spec.countries), None),
        "end_advertiser": _setting("end_advertiser", BUSINESS_ID),
        "end_advertiser_name": _always(BUSINESS_NAME),
        "media_agency": _setting("media_agency", "NONE"),
        "partner": _setting("partner", "NONE"),
        "funding_source": _funding,
        "funding_source_details": lambda context, account: {
            "id": _funding(context, account), "display_string": "Sandbox card *0000", "type": 1
        },
        "attribution_spec": _setting("attribution_spec", list(_DEFAULT_ATTRIBUTION)),
        "is_attribution_spec_system_default": lambda context, account: (
            "attribution_spec" not in settings_of(context.platform, account)
        ),
        "default_dsa_payor": _setting("default_dsa_payor"),
        "default_dsa_beneficiary": _setting("default_dsa_beneficiary"),
    },
    silent=frozenset(
        {"ad_account_promotable_objects", "agency_client_declaration", "brand_safety_content_filter_levels",
         "business_city", "business_state", "business_street", "business_street2", "business_zip", "io_number",
         "custom_audience_info", "existing_customers", "expired_funding_source_details", "liable_address", "rf_spec",
         "extended_credit_invoice_group", "marketing_messages_settings", "offsite_clo_signal_status", "tax_id",
         "opportunity_score", "opportunity_score_weight", "send_bill_to_address", "sold_to_address", "tax_id_type",
         "user_access_expire_time"}
    ),
    always=("account_id", "id"),
    edges={
        **{edge: partial(read_account_edge, kind=kind) for edge, kind in ACCOUNT_EDGES.items()},
        "adimages": read_images, "advideos": read_videos, "adspixels": read_pixels,
        "promote_pages": read_account_pages,
    },
)  # fmt: skip


def read_account(context: Context, account: Account) -> Json:
    """Answer `GET /act_X`."""
    return FIELDS.row(context, account)


def read_accounts(context: Context, _: None = None) -> Json:
    """Answer `GET /me/adaccounts` and `GET /{business}/owned_ad_accounts`."""
    return FIELDS.edge(context, list(context.platform.world.accounts.values()))


_NOTE: Final = "every field of the SDK is known; what is not modelled is left out; edges expand inside fields"
ROUTES: Final = (
    Route(method="GET", of="account", edge="", answer=read_account, note=_NOTE),
    Route(
        method="GET",
        of="user",
        edge="adaccounts",
        answer=read_accounts,
        needs_version=False,
        note="every account of the scenario",
    ),
    Route(
        method="GET",
        of="user",
        edge="assigned_ad_accounts",
        answer=read_accounts,
        needs_version=False,
        note="as adaccounts",
    ),
    Route(method="GET", of="business", edge="owned_ad_accounts", answer=read_accounts, note="as adaccounts"),
)
