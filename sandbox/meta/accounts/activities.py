"""`GET act_X/activities`: the platform's own history of an account, drawn from the oracle log, newest first.

Our writes carry the application of the token that made them; what people do by hand carries none.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from sandbox.account import Account
from sandbox.journal import LogLine
from sandbox.market.dice import object_key
from sandbox.meta.context import Context, Json
from sandbox.meta.objects.render import iso
from sandbox.meta.objects.render_fields import APP_ID
from sandbox.meta.protocol.errors import parameter
from sandbox.meta.protocol.fieldspec import wanted_fields
from sandbox.meta.protocol.paging import keys_of, page_by_key
from sandbox.meta.protocol.params import instant_s
from sandbox.meta.route import Route
from sandbox.world import OF_ACCOUNT

APP_NAME: Final = "Stakazo"
BUSINESS_ID: Final = "2220000000000001"
USER_ID: Final = "10150000000000001"
USER_NAME: Final = "Sandbox System User"
_PERSON_IDS: Final = 10_150_000_001_000_000
_LATEST_S: Final = 4e9  # beyond any platform's present
_WEEK_S: Final = 7 * 86_400
_EVENTS_OF_A_LINE: Final = 1_000  # more than an effect can change at once
_WORDS: Final = {"campaign": "campaign", "adset": "ad_set", "ad": "ad", "adcreative": "ad_creative"}
_MADE: Final = {"campaign": "campaign_group"}  # a campaign is made by its old name, and changed by its new one
_OBJECT_TYPES: Final = {"campaign": "CAMPAIGN", "adset": "AD_SET", "ad": "AD", "adcreative": "CREATIVE",
                        OF_ACCOUNT: "ACCOUNT"}  # fmt: skip
_TOPICS: Final = {"daily_budget": "budget", "lifetime_budget": "budget", "status": "run_status", "name": "name"}
_FIELDS: Final = frozenset(
    {"actor_id", "actor_name", "application_id", "application_name", "date_time_in_timezone", "event_time",
     "event_type", "extra_data", "object_id", "object_name", "object_type", "translated_event_type"}
)  # fmt: skip


def read_activities(context: Context, account: Account) -> Json:
    """Answer `GET /act_X/activities`: the effects of a week (or since/until), newest first.

    Raises:
        GraphError: 100, a field that there is none of, a time that is none, or a broken cursor.
    """
    call = context.call
    until_s = _instant(context, "until", context.platform.clock.now_s())
    since_s = _instant(context, "since", until_s - _WEEK_S)
    names = _asked(context)
    wanted_object = call.params.get("oid")
    rows: list[Json] = []
    keys: list[int] = []
    since_us = int(min(max(since_s, 0.0), _LATEST_S) * 1e6)
    for line in context.platform.journal.lines(account_id=account.id, since_us=since_us):
        if line.kind not in _OBJECT_TYPES or line.platform_at_us / 1e6 > until_s:
            continue
        if wanted_object in (None, line.object_id) and not context.lags(line):
            events = _rows(context, account, line)
            rows.extend(events)
            keys.extend(line.seq * _EVENTS_OF_A_LINE + n for n in range(len(events)))
    rows.reverse()
    keys.reverse()
    shown = rows if names is None else [{name: row[name] for name in names if name in row} for row in rows]
    return listed(context, shown, keys)


def listed(context: Context, rows: Sequence[Json], keys: Sequence[int] | None = None) -> Json:
    """Return rows as an edge; cursors are by keys that rise or fall, by ids that do, or else by place."""
    call = context.call
    page = page_by_key(call, rows, keys if keys is not None else keys_of(rows))
    answer: Json = {"data": list(page.rows), **page.links(call)}
    if "summary" in call.params and call.flag("summary") is not False:
        answer["summary"] = {"total_count": len(rows)}
    return answer


def _asked(context: Context) -> tuple[str, ...] | None:
    names = tuple(wanted.name for wanted in wanted_fields(context.call))
    strange = [name for name in names if name not in _FIELDS]
    if strange:
        raise parameter(f"Tried accessing nonexisting field ({strange[0]}) on node type (AdActivity)")
    return names or None


def _rows(context: Context, account: Account, line: LogLine) -> list[Json]:
    at_s = line.platform_at_us / 1e6
    is_of_account = line.kind == OF_ACCOUNT
    base: Json = {
        "event_time": iso(account, at_s),
        "date_time_in_timezone": _in_words(account, at_s),
        **_who(line),
        "object_id": line.object_id,
        "object_name": account.spec.name if is_of_account else context.platform.world.nodes[line.object_id].name,
        "object_type": _OBJECT_TYPES[line.kind],
    }
    return [{**base, **event} for event in _events(line)]


def _who(line: LogLine) -> Json:
    if line.actor == "api":
        return {
            "actor_id": USER_ID, "actor_name": USER_NAME, "application_id": APP_ID, "application_name": APP_NAME
        }  # fmt: skip
    own = _PERSON_IDS + object_key(0, *line.actor.encode()) % 1_000_000
    return {"actor_id": str(own), "actor_name": line.actor}


def _events(line: LogLine) -> list[Json]:
    if line.kind == OF_ACCOUNT:
        old, new = line.change["spend_cap"]
        return [_event("ad_account_update_spend_limit", {"old_value": old, "new_value": new, "type": "spend_cap"})]
    word = _WORDS[line.kind]
    if any(pair[0] is None and name == "name" for name, pair in line.change.items()):
        return [_event(f"create_{_MADE.get(line.kind, word)}", {})]
    return [
        _event(f"update_{word}_{_TOPICS.get(name, name)}", {"old_value": old, "new_value": new, "type": name})
        for name, (old, new) in line.change.items()
    ]


def _event(kind: str, extra: dict[str, Any]) -> Json:
    return {
        "event_type": kind,
        "translated_event_type": kind.replace("_", " ").capitalize(),
        "extra_data": msgspec.json.encode(extra).decode(),
    }


def _in_words(account: Account, at_s: float) -> str:
    at = datetime.fromtimestamp(at_s, account.calendar.zone)
    return f"{at:%m/%d/%Y} at {at.hour % 12 or 12}:{at:%M %p}"


def _instant(context: Context, name: str, default: float) -> float:
    value = context.call.get(name)
    if value is None:
        return default
    try:
        at_s = float(value)
    except (TypeError, ValueError, OverflowError):
        at_s = instant_s(str(value))
    if math.isfinite(at_s):
        return at_s
    raise parameter(f"Param {name} must be a date or a unix time")


ROUTES: Final = (
    Route(
        method="GET",
        of="account",
        edge="activities",
        answer=read_activities,
        note="effects on the account and its tree, people's edits with them; since, until (a week), oid",
    ),
)
