"""Pixels: one for each account, as a node and in lists. What it counted is told in `conversions`."""

from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.context import Context, Json
from sandbox.meta.objects.render import iso
from sandbox.meta.protocol.errors import GraphError, parameter
from sandbox.meta.protocol.fields import Fields
from sandbox.meta.route import Route
from sandbox.records import Record, RecordKind

_NOT_FIELDS: Final = frozenset({"execution_options", "fields", "format", "locale", "include_headers", "summary"})


def read_pixels(context: Context, account: Account) -> Json:
    """Answer `GET /act_X/adspixels`."""
    return FIELDS.edge(context, context.platform.world.records.of(account.id, RecordKind.PIXEL))


def read_all_pixels(context: Context, _: None = None) -> Json:
    """Answer `GET /{business}/adspixels`: each pixel once."""
    world = context.platform.world
    found = {pixel.id: pixel for account in world.accounts for pixel in world.records.of(account, RecordKind.PIXEL)}
    return FIELDS.edge(context, list(found.values()))


def create_pixel(context: Context, account: Account) -> Json:
    """Answer `POST /act_X/adspixels`: an account has one pixel, and it has it from the beginning.

    Raises:
        GraphError: 6200, there is one already.
    """
    if context.platform.world.records.of(account.id, RecordKind.PIXEL):
        raise GraphError(6200, "(#6200) A pixel already exists for this account")
    values = {"name": context.call.params.get("name") or f"{account.spec.name} pixel"}
    if context.is_only_checked():
        return {"success": True}
    return {"id": context.note(RecordKind.PIXEL, account.id, values).id}


def update_pixel(context: Context, record: Record) -> Json:
    """Answer `POST /{pixel}`: its name.

    Raises:
        GraphError: 100, another parameter.
    """
    strange = sorted(set(context.call.params) - _NOT_FIELDS - {"name"})
    if strange:
        raise parameter(f"The parameter {strange[0]} of a pixel is not modelled here: name is")
    name = context.call.params.get("name")
    if name and not context.is_only_checked():
        context.note(RecordKind.PIXEL, record.account_id, {"name": name}, record=record)
    return {"success": True}


def read_pixel(context: Context, record: Record) -> Json:
    """Answer `GET /{pixel}`."""
    return FIELDS.row(context, record)


def _owner(context: Context, record: Record) -> dict[str, Any]:
    account = context.account_of(record)
    return {"id": f"act_{account.id}", "account_id": account.id, "name": account.spec.name}


FIELDS: Final[Fields[Record]] = Fields(
    type_name="AdsPixel",
    getters={
        "id": lambda _, pixel: pixel.id,
        "name": lambda _, pixel: pixel.values["name"],
        "code": lambda _, pixel: f"<!-- pixel {pixel.id}: the sandbox counts by itself, no code is needed -->",
        "creation_time": lambda context, pixel: iso(context.account_of(pixel), pixel.created_s),
        "last_fired_time": lambda context, pixel: iso(context.account_of(pixel), context.cutoff_s()),
        "is_unavailable": lambda _, __: False,
        "is_created_by_business": lambda _, __: True,
        "is_crm": lambda _, __: False,
        "is_restricted_use": lambda _, __: False,
        "can_proxy": lambda _, __: False,
        "enable_automatic_matching": lambda _, __: False,
        "automatic_matching_fields": lambda _, __: [],
        "data_use_setting": lambda _, __: "ADVERTISING_AND_ANALYTICS",
        "first_party_cookie_status": lambda _, __: "FIRST_PARTY_COOKIE_ENABLED",
        "owner_ad_account": _owner,
    },
    silent=frozenset(
        {"config", "creator", "description", "duplicate_entries", "enable_auto_assign_to_accounts", "event_stats",
         "event_time_max", "event_time_min", "has_1p_pixel_event", "is_consolidated_container", "is_mta_use",
         "last_upload_app", "last_upload_app_changed_time", "match_rate_approx", "matched_entries", "owner_business",
         "usage", "user_access_expire_time", "valid_entries"}
    ),
)  # fmt: skip

ROUTES: Final = (
    Route(method="GET", of="account", edge="adspixels", answer=read_pixels, note="the account's one pixel"),
    Route(
        method="POST", of="account", edge="adspixels", answer=create_pixel,
        note="always 6200: an account has its one pixel from the beginning",
    ),
    Route(method="GET", of="business", edge="adspixels", answer=read_all_pixels, note="those of all accounts"),
    Route(
        method="GET", of=RecordKind.PIXEL, edge="", answer=read_pixel,
        note="last_fired_time is the last that reports know of",
    ),
    Route(method="POST", of=RecordKind.PIXEL, edge="", answer=update_pixel, note="name"),
)  # fmt: skip
