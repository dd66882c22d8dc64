"""Who is told of what: {app}/subscriptions (an address, verified before it counts) and act_X/subscribed_apps.

What is told is `webhooks.py`'s, how it is sent `sandbox/hooks.py`'s. A verify token is used once and never kept.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from sandbox.account import Account
from sandbox.hooks import fetch, is_near
from sandbox.journal import LogLine
from sandbox.market.dice import object_key
from sandbox.meta.accounts.activities import APP_NAME, listed
from sandbox.meta.context import Context, Json
from sandbox.meta.objects.render_fields import APP_ID
from sandbox.meta.protocol.errors import GraphError, parameter
from sandbox.meta.protocol.record_edges import choice, needed, take_only
from sandbox.meta.protocol.request import LATEST
from sandbox.meta.route import Route
from sandbox.platform import Platform
from sandbox.records import Record, RecordKind

FIELDS: Final = {
    "ad_account": frozenset({"with_issues_ad_objects", "in_process_ad_objects", "ad_recommendations",
                             "creative_fatigue", "product_set_issue"}),
    "application": frozenset({"async_requests", "ads_rules_engine", "ad_account"}),
}  # fmt: skip
SENT: Final = frozenset({"with_issues_ad_objects", "in_process_ad_objects", "async_requests", "ad_account"})
_VERIFY_S: Final = 3.0
_HTTP_OK: Final = 200
_OF_APP: Final = "subscription"
_OF_ACCOUNT: Final = "subscribed_app"


def subscribe(context: Context, _: None) -> Json:
    """Answer `POST /{app}/subscriptions`: the address must give back a challenge first.

    Raises:
        GraphError: 100 for a parameter, 2200 where the address did not verify.
    """
    call, platform = context.call, context.platform
    take_only(call, ("object", "callback_url", "fields", "verify_token", "include_values"), edge="app/subscriptions")
    of = choice(call, "object", frozenset(FIELDS))
    names = _names(call.items("fields"), of)
    url, token = call.params.get("callback_url", ""), call.params.get("verify_token", "")
    if not names:
        raise needed("fields")
    if not token:
        raise needed("verify_token")
    if not platform.app_secret:
        raise parameter("The sandbox has no app secret to sign with: start it with one, or write app_secret into "
                        "credentials.json and start again")  # fmt: skip
    if not is_near(url):
        raise _not_verified("The sandbox calls http(s) addresses on this machine (loopback) only")
    if context.is_only_checked():
        return {"success": True}
    _verify(platform, url, token)
    held = _of_app(platform, of)
    context.note(
        RecordKind.SUBSCRIPTION, APP_ID, {"what": _OF_APP, "object": of, "url": url, "fields": names}, record=held
    )
    return {"success": True}


def list_subscriptions(context: Context, _: None) -> Json:
    """Answer `GET /{app}/subscriptions`."""
    rows = [
        {"object": one.values["object"], "callback_url": one.values["url"], "active": True,
         "fields": [{"name": name, "version": LATEST} for name in one.values["fields"]]}
        for one in _all(context.platform, APP_ID, _OF_APP) if one.values["fields"]
    ]  # fmt: skip
    return listed(context, rows)


def unsubscribe(context: Context, _: None) -> Json:
    """Answer `DELETE /{app}/subscriptions`: some fields of an object, an object, or all."""
    call = context.call
    take_only(call, ("object", "fields"), edge="app/subscriptions")
    of = choice(call, "object", frozenset(FIELDS)) if "object" in call.params else None
    without = set(_names(call.items("fields"), of)) if of and "fields" in call.params else None
    for one in _all(context.platform, APP_ID, _OF_APP):
        if of in (None, one.values["object"]) and not context.is_only_checked():
            left = [] if without is None else [name for name in one.values["fields"] if name not in without]
            context.note(RecordKind.SUBSCRIPTION, APP_ID, {"fields": left}, record=one)
    return {"success": True}


def add_app(context: Context, account: Account) -> Json:
    """Answer `POST act_X/subscribed_apps`; what comes back is a text, as Meta documents."""
    return _set_app(context, account, is_on=True)


def remove_app(context: Context, account: Account) -> Json:
    """Answer `DELETE act_X/subscribed_apps`."""
    return _set_app(context, account, is_on=False)


def list_apps(context: Context, account: Account) -> Json:
    """Answer `GET act_X/subscribed_apps`."""
    row = {"id": APP_ID, "name": APP_NAME, "app_id": APP_ID, "app_name": APP_NAME}
    return listed(context, [row] if is_subscribed(context.platform, account.id) else [])


def is_subscribed(platform: Platform, account_id: str) -> bool:
    """Say whether the app is told of an account."""
    return any(one.values["is_on"] for one in _all(platform, account_id, _OF_ACCOUNT))


def has_any(platform: Platform) -> bool:
    """Say whether any address was ever subscribed to anything."""
    return bool(_all(platform, APP_ID, _OF_APP))


class Asked:
    """Who asked to be told of what, as lines of the log make it; `rows` are plain JSON by the record's id."""

    def __init__(self, rows: dict[str, Json]) -> None:
        self.rows = rows

    def apply(self, line: LogLine) -> None:
        """Take in a line of a subscription."""
        values = {name: pair[1] for name, pair in line.change.items()}
        held = self.rows.setdefault(line.object_id, {"account_id": line.account_id})
        self.rows[line.object_id] = {**held, **values}

    def address_of(self, of: str, field: str, account_id: str) -> str | None:
        """Return where a field is told to, None where nobody asked for it, or not of that account."""
        rows = self.rows.values()
        is_told = of == "application" or any(row.get("is_on") and row["account_id"] == account_id for row in rows)
        found = (row["url"] for row in rows if row.get("object") == of and field in row["fields"])
        return next(found, None) if is_told else None


def _set_app(context: Context, account: Account, *, is_on: bool) -> Json:
    call = context.call
    take_only(call, ("app_id",), edge="subscribed_apps")
    app_id = call.params.get("app_id", APP_ID).strip('"')
    if app_id != APP_ID:
        raise parameter(f"Param app_id: the token is of app {APP_ID}, not of {app_id[:40]}")
    if not context.is_only_checked():
        held = next(iter(_all(context.platform, account.id, _OF_ACCOUNT)), None)
        values = {"what": _OF_ACCOUNT, "app_id": app_id, "is_on": is_on}
        context.note(RecordKind.SUBSCRIPTION, account.id, values, record=held)
    return {"success": "true"}


def _names(found: Sequence[str], of: str) -> list[str]:
    strange = sorted(set(found) - FIELDS[of])
    if strange:
        raise parameter(f"Param fields: {strange[0]} is none of {of}'s {', '.join(sorted(FIELDS[of]))}")
    return sorted(set(found))


def _verify(platform: Platform, url: str, token: str) -> None:
    challenge = str(object_key(platform.scenario.seed, platform.last_seq, 77) % 10**10)
    query = urlencode({"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": token})
    status, body = fetch(f"{url}{'&' if '?' in url else '?'}{query}", timeout_s=_VERIFY_S)
    if status != _HTTP_OK or body.strip() != challenge.encode():
        raise _not_verified(f"The address answered HTTP {status} and not with hub.challenge" if status else
                            f"The address did not answer within {_VERIFY_S:g} s")  # fmt: skip


def _not_verified(text: str) -> GraphError:
    return GraphError(2_200, f"(#2200) Callback verification failed: {text}")


def _of_app(platform: Platform, of: str) -> Record | None:
    return next((one for one in _all(platform, APP_ID, _OF_APP) if one.values["object"] == of), None)


def _all(platform: Platform, account_id: str, what: str) -> list[Record]:
    found = platform.world.records.of(account_id, RecordKind.SUBSCRIPTION)
    return [one for one in found if one.values["what"] == what]


_NOTE: Final = (
    "objects ad_account and application; the address must be http(s) on this machine and give back "
    "hub.challenge; signed with the app secret; sent: " + ", ".join(sorted(SENT)) + "; other fields are taken and "
    "never sent"
)
ROUTES: Final = (
    Route(method="POST", of="app", edge="subscriptions", answer=subscribe, note=_NOTE, needs_version=False),
    Route(
        method="GET",
        of="app",
        edge="subscriptions",
        answer=list_subscriptions,
        needs_version=False,
        note="without the verify token",
    ),
    Route(
        method="DELETE",
        of="app",
        edge="subscriptions",
        answer=unsubscribe,
        needs_version=False,
        note="by object, or all",
    ),
    Route(method="POST", of="account", edge="subscribed_apps", answer=add_app, note="of the token's own app"),
    Route(
        method="GET",
        of="account",
        edge="subscribed_apps",
        answer=list_apps,
        note="the token's own app, if it is subscribed",
    ),
    Route(method="DELETE", of="account", edge="subscribed_apps", answer=remove_app, note="of the token's own app"),
)
