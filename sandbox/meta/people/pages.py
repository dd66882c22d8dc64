"""Pages: as nodes, of the token's person, of the business, and those that an account may speak for."""

from collections.abc import Iterable
from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.context import Context, Json
from sandbox.meta.media.served import STILL, address
from sandbox.meta.protocol.fields import Fields
from sandbox.meta.route import Route
from sandbox.records import Record, RecordKind
from sandbox.tokens import of_page

_TASKS: Final = ("ADVERTISE", "ANALYZE", "CREATE_CONTENT", "MESSAGING", "MODERATE", "MANAGE")
_CATEGORY: Final = ("2214", "Shopping & retail")


def read_page(context: Context, record: Record) -> Json:
    """Answer `GET /{page}`: without `fields` its name and id."""
    return FIELDS.row(context, record) if context.call.params.get("fields") else _briefly(record)


def _briefly(record: Record) -> Json:
    return {"name": record.values["name"], "id": record.id}


def read_my_pages(context: Context, _: None = None) -> Json:
    """Answer `GET /me/accounts` and the business's pages: each page once. A page's token is told only if asked for."""
    accounts = context.platform.world.accounts.values()
    return FIELDS.edge(context, _once(page for account in accounts for page in _pages(context, account)))


def read_account_pages(context: Context, account: Account) -> Json:
    """Answer `GET /act_X/promote_pages` and `/assigned_pages`."""
    return FIELDS.edge(context, _pages(context, account))


def _pages(context: Context, account: Account) -> list[Record]:
    return list(context.platform.world.records.of(account.id, RecordKind.PAGE))


def _once(pages: Iterable[Record]) -> list[Record]:
    return list({page.id: page for page in pages}.values())


def _picture(context: Context, _: Record) -> Json:
    data: dict[str, Any] = {"height": 50, "width": 50, "is_silhouette": False}
    return {"data": data | {"url": address(context, f"{STILL}0.png")}}


FIELDS: Final[Fields[Record]] = Fields(
    type_name="Page",
    getters={
        "id": lambda _, page: page.id,
        "name": lambda _, page: page.values["name"],
        "access_token": lambda context, page: of_page(context.platform.token, page.id),
        "category": lambda _, __: _CATEGORY[1],
        "category_list": lambda _, __: [{"id": _CATEGORY[0], "name": _CATEGORY[1]}],
        "tasks": lambda _, __: list(_TASKS),
        "fan_count": lambda _, page: 1_000 + int(page.id) % 9_000,
        "followers_count": lambda _, page: 1_000 + int(page.id) % 9_000,
        "picture": _picture,
        "link": lambda _, page: f"https://www.facebook.com/{page.id}",
        "is_published": lambda _, __: True,
        "is_owned": lambda _, __: True,
        "verification_status": lambda _, __: "not_verified",
        "promotion_eligible": lambda _, __: True,
        "has_added_app": lambda _, __: False,
        "is_permanently_closed": lambda _, __: False,
    },
    silent=frozenset(
        {"about", "bio", "birthday", "business", "can_post", "checkins", "connected_instagram_account", "cover",
         "contact_address", "country_page_likes", "current_location", "description", "emails", "engagement", "founded",
         "global_brand_page_name", "hours", "instagram_business_account", "is_verified", "is_webhooks_subscribed",
         "leadgen_tos_accepted", "leadgen_tos_acceptance_time", "location", "new_like_count", "owner_business",
         "page_token", "parent_page", "phone", "rating_count", "single_line_address", "store_number",
         "talking_about_count", "temporary_status", "unread_message_count", "username", "website", "were_here_count",
         "whatsapp_number", "has_whatsapp_number", "promotion_ineligible_reason", "user_access_expire_time", "app_id"}
    ),
    always=("id", "name", "category", "category_list", "tasks"),
)  # fmt: skip
_TOLD: Final = "a page's token only where it is asked for by name; no posts, no insights of pages"

ROUTES: Final = (
    Route(method="GET", of=RecordKind.PAGE, edge="", answer=read_page, note=_TOLD, needs_version=False),
    Route(method="GET", of="user", edge="accounts", answer=read_my_pages, note=_TOLD, needs_version=False),
    Route(
        method="GET",
        of="user",
        edge="assigned_pages",
        answer=read_my_pages,
        needs_version=False,
        note="as /me/accounts",
    ),
    Route(method="GET", of="business", edge="owned_pages", answer=read_my_pages, note="as /me/accounts"),
    Route(method="GET", of="account", edge="promote_pages", answer=read_account_pages, note="the account's one page"),
    Route(method="GET", of="account", edge="assigned_pages", answer=read_account_pages, note="the account's one page"),
)
