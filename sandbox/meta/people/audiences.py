"""Custom audiences: create, read, update, delete, list, and who may target them. Counts only, no people."""

from typing import Any, Final

import msgspec

from sandbox.account import Account
from sandbox.meta.context import Context, Json
from sandbox.meta.protocol.errors import GraphError, invalid, missing, parameter
from sandbox.meta.protocol.record_edges import choice, ids_of, needed, number, page, picked, take_only, text_of, whole
from sandbox.meta.protocol.request import GraphCall
from sandbox.meta.route import AUDIENCES, Route
from sandbox.records import Record, RecordKind

MOST_AUDIENCES: Final = 500
POPULATES_S: Final = 3_600  # how long matching takes (our own figure: Meta says up to an hour, at times more)
MATCH_SHARE: Final = 0.7  # of the people uploaded, those found on the platform (assumed)
FLAGGED_USE: Final = 246_003
FLAGGED_UPLOAD: Final = 246_004
_SMALL: Final = 1_000  # below it counts are told as this
_LEAST_SEED: Final = 100
_LOOKALIKE_PEOPLE: Final = 2_500_000  # one per cent of an assumed country
_SUBTYPES: Final = frozenset({"CUSTOM", "WEBSITE", "APP", "OFFLINE_CONVERSION", "ENGAGEMENT", "VIDEO", "LOOKALIKE"})
_FILE_SOURCES: Final = frozenset({"USER_PROVIDED_ONLY", "PARTNER_PROVIDED_ONLY", "BOTH_USER_AND_PARTNER_PROVIDED"})
_WITH_RULE: Final = _SUBTYPES - {"CUSTOM", "LOOKALIKE"}
_RETENTION_DAYS: Final = {"WEBSITE": 180, "APP": 180, "OFFLINE_CONVERSION": 180, "ENGAGEMENT": 730, "VIDEO": 365}
_TAKES: Final = frozenset(
    {"allowed_domains", "customer_file_source", "description", "lookalike_spec", "name", "opt_out_link",
     "origin_audience_id", "pixel_id", "prefill", "retention_days", "rule", "rule_aggregation", "subtype"}
)  # fmt: skip
_MAY_CHANGE: Final = frozenset(
    {"name", "description", "opt_out_link", "customer_file_source", "retention_days", "rule"}
)
# Names and rules that tell of health or money trouble: Meta flags such audiences (2025-09); its words are not known.
_SENSITIVE: Final = ("arthritis", "bankrupt", "cancer", "credit score", "debt", "depression", "diabetes", "hiv")
FIELDS: Final = frozenset(
    {"account_id", "allowed_domains", "approximate_count_lower_bound", "approximate_count_upper_bound",
     "customer_file_source", "data_source", "delete_time", "delivery_status", "description", "external_event_source",
     "id", "is_eligible_for_sac_campaigns", "is_value_based", "lookalike_audience_ids", "lookalike_spec", "name",
     "operation_status", "opt_out_link", "origin_audience_id", "permission_for_actions", "pixel_id", "retention_days",
     "rule", "rule_aggregation", "sharing_status", "subtype", "time_content_updated", "time_created", "time_updated"}
)  # fmt: skip
_STATUS: Final = {
    200: "Normal", 410: "No upload", 431: "Lookalike audience is being made",
    441: "We are finding people who fit this audience", 471: "This audience is flagged: it may not be used",
}  # fmt: skip


def create_audience(context: Context, account: Account) -> Json:
    """Answer `POST act_X/customaudiences`.

    Raises:
        GraphError: a validation of Meta's.
    """
    call = context.call
    take_only(call, _TAKES, edge="POST customaudiences")
    live = [one for one in _all(context, account) if not one.values.get("deleted")]
    if len(live) >= MOST_AUDIENCES:
        raise invalid(f"The account holds {len(live)} custom audiences; at most {MOST_AUDIENCES} are allowed.")
    values = _values(context, account)
    if context.is_only_checked():
        return {"success": True}
    return {"id": context.note(RecordKind.AUDIENCE, account.id, values).id}


def read_audience(context: Context, audience: Record) -> Json:
    """Answer `GET /{audience}`."""
    find_audience(context, audience.account_id, audience.id)
    return picked(context, _row(context, audience), known=FIELDS, of="CustomAudience")


def list_audiences(context: Context, account: Account) -> Json:
    """Answer `GET act_X/customaudiences`, newest first."""
    rows = [_row(context, one) for one in reversed(_all(context, account)) if not one.values.get("deleted")]
    return page(context, rows, known=FIELDS, of="CustomAudience")


def update_audience(context: Context, audience: Record) -> Json:
    """Answer `POST /{audience}`."""
    call = context.call
    find_audience(context, audience.account_id, audience.id)
    take_only(call, _MAY_CHANGE, edge="POST customaudience")
    subtype = audience.values["subtype"]
    account = context.account_of(audience)
    values: dict[str, Any] = {
        name: call.params[name] for name in ("description", "opt_out_link") if name in call.params
    }
    if "name" in call.params:
        values["name"] = text_of(call.params["name"], "name")
    if "customer_file_source" in call.params:
        values["customer_file_source"] = _file_source(call)
    if "retention_days" in call.params:
        values["retention_days"] = _retention(call, subtype)
    if "rule" in call.params:
        values["rule"] = _rule(context, account, subtype)
    if not context.is_only_checked():
        context.note(RecordKind.AUDIENCE, audience.account_id, values, record=audience)
    return {"success": True}


def delete_audience(context: Context, audience: Record) -> Json:
    """Answer `DELETE /{audience}`."""
    find_audience(context, audience.account_id, audience.id)
    if not context.is_only_checked():
        gone = {"deleted": True, "delete_time": int(context.platform.clock.now_s())}
        context.note(RecordKind.AUDIENCE, audience.account_id, gone, record=audience)
    return {"success": True}


def find_audience(context: Context, account_id: str, audience_id: str) -> Record:
    """Return an audience that an account has.

    Raises:
        GraphError: 100/33, it has none of that id, or it is deleted.
    """
    found = context.platform.world.records.get(audience_id)
    if found is None or found.kind is not RecordKind.AUDIENCE or found.account_id != account_id:
        raise missing(audience_id, context.call.method)
    if found.values.get("deleted"):
        raise missing(audience_id, context.call.method)
    return found


def deny_flagged(audience: Record, *, subcode: int) -> None:
    """Refuse what a flagged audience may not do.

    Raises:
        GraphError: 100/246003 or 100/246004.
    """
    if is_flagged(audience):
        raise invalid(
            f"Audience {audience.id} is flagged: its name or rule suggests health or financial information that may "
            "not be shared. Make it anew without.", subcode=subcode, title="Custom audience is flagged",
        )  # fmt: skip


def is_flagged(audience: Record) -> bool:
    """Say whether an audience's words suggest what Meta does not let advertisers share."""
    words = " ".join(str(audience.values.get(name) or "") for name in ("name", "description", "rule")).lower()
    return any(word in words for word in _SENSITIVE)


def check_targeting(context: Context, account: Account, targeting: Any) -> None:
    """Refuse a targeting whose custom audiences the account has not, or may not use.

    Raises:
        GraphError: 100/1870065 for one that it has not, 100/246003 for a flagged one.
    """
    for name in ("custom_audiences", "excluded_custom_audiences"):
        wanted = targeting.get(name) if isinstance(targeting, dict) else None
        for audience_id in ids_of(wanted, name) if wanted else ():
            try:
                found = find_audience(context, account.id, audience_id)
            except GraphError as error:
                raise invalid(
                    f"The custom audience {audience_id} is not one of act_{account.id}'s, or it was deleted: leave it "
                    "out or share it with this account.", subcode=1_870_065, field="targeting",
                    title="Custom audience not available",
                ) from error  # fmt: skip
            deny_flagged(found, subcode=FLAGGED_USE)


def people_in(audience: Record) -> int:
    """Return how many people of an audience the platform would reach."""
    return int(audience.values.get("people", 0) * MATCH_SHARE)


def _all(context: Context, account: Account) -> list[Record]:
    return list(context.platform.world.records.of(account.id, RecordKind.AUDIENCE))


def _values(context: Context, account: Account) -> dict[str, Any]:
    call = context.call
    subtype = choice(call, "subtype", _SUBTYPES, default="WEBSITE" if "rule" in call.params else "CUSTOM")
    values: dict[str, Any] = {"name": text_of(call.params.get("name"), "name"), "subtype": subtype}
    values |= {name: call.params[name] for name in ("description", "opt_out_link") if name in call.params}
    now_s = int(context.platform.clock.now_s())
    if subtype == "CUSTOM":
        return {**values, "customer_file_source": _file_source(call), "people": 0}
    if subtype == "LOOKALIKE":
        return {**values, **_lookalike(context, account), "populated_s": now_s}
    values |= {"rule": _rule(context, account, subtype), "retention_days": _retention(call, subtype)}
    people = sum(int(size) for size in account.market.audience_sizes()) // 20  # visitors: a twentieth, assumed
    return {**values, "pixel_id": account.spec.pixel_id, "people": people, "populated_s": now_s}


def _file_source(call: GraphCall) -> str:
    if "customer_file_source" not in call.params:
        raise invalid(
            "A customer list must say its customer_file_source: where its data comes from.",
            field="customer_file_source", title="Customer file source is missing",
        )  # fmt: skip
    return choice(call, "customer_file_source", _FILE_SOURCES)


def _retention(call: GraphCall, subtype: str) -> int | None:
    if subtype not in _RETENTION_DAYS:
        raise parameter(f"Param retention_days: an audience of subtype {subtype} has none")
    most = _RETENTION_DAYS[subtype]
    return whole(call.get("retention_days") or min(most, 30), "retention_days", least=1, most=most)


def _rule(context: Context, account: Account, subtype: str) -> str:
    """Return the rule as JSON text, as Meta tells it.

    Raises:
        GraphError: 2654/1713098, it is no rule, or its pixel is another account's.
    """
    rule = context.call.get("rule")
    if subtype not in _WITH_RULE:
        raise parameter(f"Param rule: an audience of subtype {subtype} has none")
    if rule is None:
        raise needed("rule")
    if not isinstance(rule, dict) or not isinstance(rule.get("inclusions", rule), dict):
        raise _no_rule("The rule must be a JSON object with inclusions: {operator, rules: [...]}.")
    rules = rule.get("inclusions", {}).get("rules")
    for one in rules if isinstance(rules, list) else ():
        sources = one.get("event_sources") if isinstance(one, dict) else None
        for source in sources if isinstance(sources, list) else ():
            known = {account.spec.pixel_id, account.spec.page_id}
            if isinstance(source, dict) and subtype == "WEBSITE" and str(source.get("id")) not in known:
                raise _no_rule(f"The pixel {source.get('id')} of the rule is not one of act_{account.id}'s.")
    return msgspec.json.encode(rule).decode()


def _no_rule(text: str) -> GraphError:
    return GraphError(
        2_654, "(#2654) Failed to create custom audience", subcode=1_713_098, title="Invalid rule", user=text,
        blame=[["rule"]],
    )  # fmt: skip


def _lookalike(context: Context, account: Account) -> dict[str, Any]:
    """Return the parts of a lookalike: its origin must be an audience of the account that holds enough people."""
    call = context.call
    origin_id = call.params.get("origin_audience_id", "").strip('"')
    spec = call.get("lookalike_spec")
    if not origin_id:
        raise needed("origin_audience_id")
    if not isinstance(spec, dict) or not (spec.get("country") or spec.get("location_spec")):
        raise invalid("lookalike_spec must be an object with a country or a location_spec.", field="lookalike_spec")
    origin = find_audience(context, account.id, origin_id)
    deny_flagged(origin, subcode=FLAGGED_USE)
    if origin.values.get("people", 0) < _LEAST_SEED:
        raise GraphError(
            2_654, "(#2654) Failed to create custom audience", title="Source audience is too small",
            user=f"Audience {origin_id} holds {origin.values.get('people', 0)} people; a lookalike needs at least "
            f"{_LEAST_SEED}.", blame=[["origin_audience_id"]],
        )  # fmt: skip
    ratio = number(spec.get("ratio", 0.01), "lookalike_spec[ratio]", least=0.01, most=0.20)
    low = number(spec.get("starting_ratio", 0), "lookalike_spec[starting_ratio]", least=0, most=ratio - 0.01)
    places = len(_countries(spec)) or 1
    people = int((ratio - low) * 100 * _LOOKALIKE_PEOPLE * places)
    return {"origin_audience_id": origin_id, "lookalike_spec": spec, "people": people}


def _countries(spec: Json) -> list[Any]:
    """Return the countries that a lookalike is made in, as far as they can be read."""
    places = spec.get("location_spec")
    geo = places.get("geo_locations") if isinstance(places, dict) else None
    found = geo.get("countries") if isinstance(geo, dict) else None
    return found if isinstance(found, list) else [spec.get("country")]


def _row(context: Context, audience: Record) -> Json:
    values, now_s = audience.values, context.platform.clock.now_s()
    code, low, high = _operation(audience, now_s), *_bounds(audience, now_s)
    ready = code == 200 and low > _SMALL  # noqa: PLR2004 - Meta's code of what is well
    kept = {name: values.get(name) for name in FIELDS if name in values}
    return {
        **kept, "id": audience.id, "account_id": audience.account_id,
        "approximate_count_lower_bound": low, "approximate_count_upper_bound": high,
        "operation_status": {"code": code, "description": _STATUS[code]},
        "delivery_status": {"code": 200, "description": "This audience is ready for use."} if ready
        else {"code": 300, "description": "This audience is too small or not ready."},
        "time_created": audience.created_s, "time_updated": audience.updated_s,
        "time_content_updated": values.get("populated_s", audience.created_s), "is_value_based": False,
        "data_source": _data_source(values["subtype"]), "sharing_status": {"sharing_relationship_id": 0, "status": ""},
        "permission_for_actions": {"can_edit": True, "can_see_insight": "True", "can_share": "True",
                                   "subtype_supports_lookalike": "True", "supports_recipient_lookalike": "False"},
        "lookalike_audience_ids": _lookalikes_of(context, audience) or None,
    }  # fmt: skip


def _data_source(subtype: str) -> Json:
    if subtype == "CUSTOM":
        return {"type": "FILE_IMPORTED", "sub_type": "MULTI_HASHES", "creation_params": "[]"}
    return {"type": "EVENT_BASED" if subtype in _WITH_RULE else "SEED_BASED", "sub_type": "ANYTHING"}


def _lookalikes_of(context: Context, audience: Record) -> list[str]:
    known = context.platform.world.records.of(audience.account_id, RecordKind.AUDIENCE)
    return [one.id for one in known if one.values.get("origin_audience_id") == audience.id]


def _operation(audience: Record, now_s: float) -> int:
    if is_flagged(audience):
        return 471
    populated_s = audience.values.get("populated_s")
    if populated_s is None:
        return 410
    if now_s < populated_s + POPULATES_S:
        return 431 if audience.values["subtype"] == "LOOKALIKE" else 441
    return 200


def _bounds(audience: Record, now_s: float) -> tuple[int, int]:
    """Return the bounds that are told: -1 while people are sought, 1000 for fewer than that, else rounded."""
    if _operation(audience, now_s) in (431, 441):
        return -1, -1
    found = people_in(audience)
    if found < _SMALL:
        return _SMALL, _SMALL
    step = 10 ** max(2, len(str(found)) - 2)
    low = found // step * step
    return low, low + max(step, int(low * 0.18) // step * step)


_NOTE: Final = (
    f"subtypes {', '.join(sorted(_SUBTYPES))}; counts are assumed ({MATCH_SHARE:.0%} of uploads match, an hour by the "
    "platform's clock); flagged by words of its name or rule; sharing and data files are not there"
)
_KIND: Final = RecordKind.AUDIENCE
ROUTES: Final = (
    Route(method="POST", of="account", edge="customaudiences", answer=create_audience, note=_NOTE, use_case=AUDIENCES),
    Route(
        method="GET", of="account", edge="customaudiences", answer=list_audiences, use_case=AUDIENCES,
        note="newest first; no filtering",
    ),
    Route(method="GET", of=_KIND, edge="", answer=read_audience, use_case=AUDIENCES, note="counts are told as bounds"),
    Route(method="POST", of=_KIND, edge="", answer=update_audience, use_case=AUDIENCES,
          note=f"changes {', '.join(sorted(_MAY_CHANGE))}"),
    Route(
        method="DELETE", of=_KIND, edge="", answer=delete_audience, use_case=AUDIENCES,
        note="its id answers as unknown from then on",
    ),
)  # fmt: skip
