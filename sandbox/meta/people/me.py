"""Who the token speaks for: the person, the application and the business, and who works there."""

from collections.abc import Callable
from typing import Any, Final

from sandbox.meta.accounts.activities import APP_NAME, BUSINESS_ID, USER_ID, USER_NAME, listed
from sandbox.meta.accounts.edges import MEMBER_ID, read_nothing
from sandbox.meta.accounts.reads import BUSINESS_NAME
from sandbox.meta.context import Context, Json
from sandbox.meta.objects.render import iso
from sandbox.meta.objects.render_fields import APP_ID
from sandbox.meta.people.tokens import SCOPES
from sandbox.meta.protocol.fields import Fields
from sandbox.meta.route import Route


def _always(value: Any) -> Callable[[Context, None], Any]:
    return lambda _, __: value


def _founded(context: Context, _: None) -> str:
    """Return when the business was founded: with its oldest account."""
    oldest = min(context.platform.world.accounts.values(), key=lambda account: account.created_s)
    return iso(oldest, oldest.created_s)


_USER: Final[Fields[None]] = Fields(
    type_name="User",
    getters={
        "id": _always(USER_ID), "name": _always(USER_NAME), "first_name": _always(USER_NAME.split()[0]),
        "last_name": _always(USER_NAME.split()[-1]), "short_name": _always(USER_NAME.split()[0]),
        "name_format": _always("{first} {last}"),
    },
    silent=frozenset(
        {"about", "age_range", "birthday", "client_business_id", "cover", "currency", "email", "gender", "hometown",
         "install_type", "installed", "is_guest_user", "is_work_account", "languages", "link", "locale", "location",
         "meeting_for", "middle_name", "picture", "profile_pic", "timezone", "token_for_business", "updated_time",
         "verified", "video_upload_limits", "website"}
    ),
)  # fmt: skip
_BUSINESS: Final[Fields[None]] = Fields(
    type_name="Business",
    getters={
        "id": _always(BUSINESS_ID), "name": _always(BUSINESS_NAME), "created_time": _founded, "updated_time": _founded,
        "is_hidden": _always(False), "link": _always(f"https://business.facebook.com/{BUSINESS_ID}"),
        "verification_status": _always("not_verified"), "timezone_id": _always(0), "vertical": _always("ECOMMERCE"),
        "two_factor_type": _always("none"), "permitted_roles": _always(["ADMIN"]),
        "primary_page": lambda context, _: _primary_page(context),
    },
    silent=frozenset(
        {"block_offline_analytics", "created_by", "extended_updated_time", "payment_account_id", "profile_picture_uri",
         "updated_by", "user_access_expire_time", "vertical_id"}
    ),
    always=("id", "name"),
)  # fmt: skip
_MEMBER: Final[Fields[None]] = Fields(
    type_name="BusinessUser",
    getters={
        "id": _always(MEMBER_ID), "name": _always(USER_NAME), "first_name": _always(USER_NAME.split()[0]),
        "last_name": _always(USER_NAME.split()[-1]), "role": _always("ADMIN"), "two_fac_status": _always("none"),
        "business": _always({"id": BUSINESS_ID, "name": BUSINESS_NAME}), "tasks": _always([]),
        "business_role_request": _always(None),
    },
    silent=frozenset(
        {"email", "finance_permission", "ip_permission", "marked_for_removal", "pending_email", "title",
         "invited_user_type"}
    ),
    always=("id", "name", "role", "business"),
)  # fmt: skip


def _primary_page(context: Context) -> Json:
    account = next(iter(context.platform.world.accounts.values()))
    return {"id": account.spec.page_id, "name": account.spec.page_name}


def read_me(context: Context, _: None = None) -> Json:
    """Answer `GET /me`: without `fields` the name and the id."""
    if not context.call.params.get("fields"):
        return {"name": USER_NAME, "id": USER_ID}
    return _USER.row(context, None)


def read_app(_: Context, __: None = None) -> Json:
    """Answer `GET /app`: the application of the token."""
    return {"id": APP_ID, "name": APP_NAME}


def read_business(context: Context, _: None = None) -> Json:
    """Answer `GET /{business}`."""
    return _BUSINESS.row(context, None)


def read_businesses(context: Context, _: None = None) -> Json:
    """Answer `GET /me/businesses`: the one there is."""
    return _BUSINESS.edge(context, [None])


def read_members(context: Context, _: None = None) -> Json:
    """Answer `GET /me/business_users` and `GET /{business}/business_users`."""
    return _MEMBER.edge(context, [None])


def read_system_users(context: Context, _: None = None) -> Json:
    """Answer `GET /{business}/system_users`."""
    return listed(context, [{"id": USER_ID, "name": USER_NAME, "role": "ADMIN"}])


def read_permissions(context: Context, _: None = None) -> Json:
    """Answer `GET /me/permissions`; `permission` and `status` narrow it."""
    wanted, params = context.call.params.get("permission"), context.call.params
    is_shown = params.get("status", "granted") == "granted"
    granted = [scope for scope in SCOPES if is_shown and wanted in (None, scope)]
    return listed(context, [{"permission": scope, "status": "granted"} for scope in granted])


_CLIENTS: Final = ("client_ad_accounts", "client_pages", "client_pixels", "pending_users")
ROUTES: Final = (
    Route(
        method="GET",
        of="user",
        edge="",
        answer=read_me,
        needs_version=False,
        note="the one system user that every token stands for",
    ),
    Route(
        method="GET",
        of="user",
        edge="permissions",
        answer=read_permissions,
        needs_version=False,
        note="all that this sandbox knows are granted; permission, status",
    ),
    Route(
        method="GET",
        of="user",
        edge="businesses",
        answer=read_businesses,
        needs_version=False,
        note="the one there is",
    ),
    Route(method="GET", of="user", edge="business_users", answer=read_members, needs_version=False, note="oneself"),
    Route(method="GET", of="app", edge="", answer=read_app, needs_version=False, note="the token's own: id and name"),
    Route(method="GET", of="business", edge="", answer=read_business, note="one business owns every account"),
    Route(method="GET", of="business", edge="business_users", answer=read_members, note="oneself"),
    Route(method="GET", of="business", edge="system_users", answer=read_system_users, note="one"),
    *(Route(method="GET", of="business", edge=edge, answer=read_nothing, note="always empty") for edge in _CLIENTS),
)
