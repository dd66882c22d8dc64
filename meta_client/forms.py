"""House fields → the form of one Meta write. Pure: what it cannot translate it refuses before anything is sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec

from domain.actions import CREATES, ActionKind, Json, ObjectKind
from domain.errors import InvariantError, RefusedError
from domain.ports import WriteRequest
from meta_client.money import major_units, to_meta
from meta_client.names import with_token

_ALWAYS_PAUSED = {"status": "PAUSED"}
_AUTOMATIC_BID = "LOWEST_COST_WITHOUT_CAP"
_IGNORED = frozenset({"status", "parent_id"})  # creates are PAUSED whatever is asked; the parent has its own place

# What people and the requirements say → what v26 accepts on create (facts/meta_graph_api.md §2.2).
_OBJECTIVES = MappingProxyType(
    {
        "APP_INSTALLS": "OUTCOME_APP_PROMOTION",
        "BRAND_AWARENESS": "OUTCOME_AWARENESS",
        "CONVERSIONS": "OUTCOME_SALES",
        "LEAD_GENERATION": "OUTCOME_LEADS",
        "LINK_CLICKS": "OUTCOME_TRAFFIC",
        "POST_ENGAGEMENT": "OUTCOME_ENGAGEMENT",
        "PRODUCT_CATALOG_SALES": "OUTCOME_SALES",
        "REACH": "OUTCOME_AWARENESS",
        "VIDEO_VIEWS": "OUTCOME_ENGAGEMENT",
        **{
            short: f"OUTCOME_{short}"
            for short in ("APP_PROMOTION", "AWARENESS", "ENGAGEMENT", "LEADS", "SALES", "TRAFFIC")
        },
    }
)
_GOALS = MappingProxyType({"CONVERSIONS": "OFFSITE_CONVERSIONS", "LEADS": "LEAD_GENERATION", "VIDEO_VIEWS": "THRUPLAY"})
_PIXEL_GOALS = frozenset({"OFFSITE_CONVERSIONS", "VALUE"})
_PAGE_GOALS = frozenset({"AD_RECALL_LIFT", "CONVERSATIONS", "LEAD_GENERATION", "PAGE_LIKES", "QUALITY_LEAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One POST: an object's id, or an edge of the account; values are text as Meta's forms want it."""

    path: str
    values: Mapping[str, str]
    is_create: bool


class _Fields:
    """The request's fields; what nobody asked for in the end is refused, never silently left out."""

    def __init__(self, request: WriteRequest, currency: str | None) -> None:
        self._request = request
        self._currency = currency
        self._left = dict(request.fields)

    def get(self, key: str) -> Json:
        return self._left.pop(key, None)

    def text(self, key: str) -> str:
        value = self.get(key)
        if value is None or value == "" or isinstance(value, bool | list | dict):
            raise RefusedError(f"{self._request.kind} needs {key}; nothing was sent")
        return str(value)

    def budget(self) -> str | None:
        value = self.get("daily_budget_minor")
        if value is None:
            return None
        if type(value) is not int or value <= 0:
            raise RefusedError(f"daily_budget_minor must be a whole number above 0, not {value!r}; nothing was sent")
        if self._currency is None:
            raise InvariantError("a budget is to be written without knowing the account's currency")
        return str(to_meta(value, self._currency))

    def parent(self) -> str:
        value = self._request.parent_id or self._left.get("parent_id")
        if not isinstance(value, str) or not value.isalnum():
            raise RefusedError(f"{self._request.kind} needs the id of its parent; nothing was sent")
        return value

    def name(self) -> str:
        return with_token(self.text("name"), self._request.op_token)

    def close(self) -> None:
        unknown = sorted(set(self._left) - _IGNORED)
        if unknown:
            raise RefusedError(f"{self._request.kind} knows no {', '.join(unknown)}; nothing was sent")


def needs_currency(request: WriteRequest) -> bool:
    """Whether the request holds an amount."""
    return any(request.fields.get(key) for key in ("daily_budget_minor", "spend_cap_minor"))


def goal_of(asked: str) -> str:
    """Meta's word for an optimization goal, which people may say in their own."""
    return _GOALS.get(asked.upper(), asked.upper())


def to_form(account_node: str, currency: str | None, request: WriteRequest) -> Form:
    """Translate one request; `currency` may be None where `needs_currency` says no.

    Raises:
        RefusedError: a field is missing, unknown or cannot be told to Meta.
    """
    if request.kind in CREATES:
        fields = _Fields(request, currency)
        edge, build = _BUILDERS[request.kind]
        values = build(fields)
        fields.close()
        return Form(path=f"{account_node}/{edge}", values=_encode(values), is_create=True)
    object_id = request.object_id
    if request.kind is ActionKind.SET_SPENDING_LIMIT and request.object_kind is ObjectKind.ACCOUNT:
        return Form(path=account_node, values=_spending_limit(request, currency), is_create=False)
    if object_id is None or not object_id.isalnum():
        raise RefusedError(f"{request.kind} needs the id of an object; nothing was sent")
    return Form(path=object_id, values=_update(request, currency), is_create=False)


def _update(request: WriteRequest, currency: str | None) -> dict[str, str]:
    if request.object_kind not in _UPDATABLE.get(request.kind, ()):
        raise RefusedError(f"{request.kind} of {request.object_kind} is nothing that Meta knows; nothing was sent")
    if request.kind is ActionKind.ACTIVATE:
        return {"status": "ACTIVE"}
    if request.kind is ActionKind.ARCHIVE:
        return {"status": "ARCHIVED"}
    if request.kind is not ActionKind.SET_DAILY_BUDGET:
        return {"status": "PAUSED"}
    budget = _Fields(request, currency).budget()
    if budget is None:
        raise RefusedError(f"{request.kind} needs daily_budget_minor; nothing was sent")
    return {"daily_budget": budget}


def _spending_limit(request: WriteRequest, currency: str | None) -> dict[str, str]:
    """Told in major units, though it is read in minor ones; should a platform take it for minor ones, the limit is a
    hundredth of what was meant: reading back says so, and meanwhile too little is spent, not too much.
    """  # noqa: D205 - the sentence needs the room
    minor = request.fields.get("spend_cap_minor")
    if type(minor) is not int or minor < 0:
        raise RefusedError(f"spend_cap_minor must be a whole number, 0 for no limit, not {minor!r}; nothing was sent")
    if minor == 0:
        return {"spend_cap_action": "delete"}
    if currency is None:
        raise InvariantError("a spending limit is to be written without knowing the account's currency")
    return {"spend_cap": major_units(minor, currency)}


_SWITCHED = frozenset({ObjectKind.CAMPAIGN, ObjectKind.AD_SET, ObjectKind.AD})
_UPDATABLE = MappingProxyType(
    {
        ActionKind.SET_DAILY_BUDGET: frozenset({ObjectKind.CAMPAIGN, ObjectKind.AD_SET}),
        ActionKind.PAUSE: _SWITCHED,
        ActionKind.ACTIVATE: _SWITCHED,
        ActionKind.EMERGENCY_PAUSE: _SWITCHED,
        ActionKind.ARCHIVE: _SWITCHED,
    }
)


def _campaign(fields: _Fields) -> dict[str, Any]:
    objective = fields.text("objective").upper()
    budget = fields.budget()
    bid = fields.get("bid_strategy")
    return {
        **_ALWAYS_PAUSED,
        "name": fields.name(),
        "objective": _OBJECTIVES.get(objective, objective),
        "special_ad_categories": fields.get("special_ad_categories") or [],
        "special_ad_category_country": fields.get("special_ad_category_country"),
        "daily_budget": budget,
        "bid_strategy": (bid or _AUTOMATIC_BID) if budget is not None else None,
        # Required since v24 of a campaign without a budget of its own, refused of one with (4834011, 4834002).
        "is_adset_budget_sharing_enabled": False if budget is None else None,
    }


def _ad_set(fields: _Fields) -> dict[str, Any]:
    goal = goal_of(fields.text("optimization_goal"))
    budget = fields.budget()
    bid = fields.get("bid_strategy")
    return {
        **_ALWAYS_PAUSED,
        "name": fields.name(),
        "campaign_id": fields.parent(),
        "optimization_goal": goal,
        "billing_event": fields.get("billing_event") or "IMPRESSIONS",
        "daily_budget": budget,
        "bid_strategy": (bid or _AUTOMATIC_BID) if budget is not None else None,
        "targeting": _targeting(fields),
        "promoted_object": _promoted(fields, goal),
        "destination_type": fields.get("destination_type"),
        "start_time": fields.get("start_at"),
        "end_time": fields.get("end_at"),
        "dsa_beneficiary": fields.get("dsa_beneficiary"),
        "dsa_payor": fields.get("dsa_payor"),
    }


def _targeting(fields: _Fields) -> dict[str, Json]:
    given, countries = fields.get("targeting"), fields.get("countries")
    targeting: dict[str, Json] = dict(given) if isinstance(given, dict) else {}
    if "geo_locations" not in targeting and "custom_audiences" not in targeting:
        if not isinstance(countries, list) or not countries:
            raise RefusedError("an ad set needs countries or targeting with geo_locations; nothing was sent")
        targeting["geo_locations"] = {"countries": countries}
    # Since v24 it must be said; 1 would let Meta leave the audience that was decided on.
    return {**targeting, "targeting_automation": {"advantage_audience": 0}}


def _promoted(fields: _Fields, goal: str) -> dict[str, Json] | None:
    pixel, page = fields.get("pixel_id"), fields.get("page_id")
    event = fields.get("custom_event_type") or "PURCHASE"
    if goal in _PIXEL_GOALS:
        if not pixel:
            raise RefusedError(f"an ad set for {goal} needs pixel_id; nothing was sent")
        return {"pixel_id": pixel, "custom_event_type": event}
    return {"page_id": page} if goal in _PAGE_GOALS and page else None


def _creative(fields: _Fields) -> dict[str, Any]:
    page, link = fields.text("page_id"), fields.text("landing_url")
    video, image = fields.get("video_id"), fields.get("image_hash")
    title, body = fields.get("title"), fields.get("body")
    description, thumbnail = fields.get("description"), fields.get("thumbnail_url")
    call = {"type": fields.get("call_to_action") or "LEARN_MORE", "value": {"link": link}}
    if not video and not image:
        raise RefusedError("a creative needs video_id or image_hash; nothing was sent")
    story: dict[str, Any] = {"page_id": page}
    if video:
        if not image and not thumbnail:
            raise RefusedError("a video creative needs thumbnail_url or image_hash; nothing was sent")
        still = {"image_hash": image} if image else {"image_url": thumbnail}
        story["video_data"] = _known(
            {"video_id": video, **still, "title": title, "message": body, "link_description": description}
        ) | {"call_to_action": call}
    else:
        story["link_data"] = _known(
            {"link": link, "image_hash": image, "name": title, "message": body, "description": description}
        ) | {"call_to_action": call}
    return {"name": fields.name(), "object_story_spec": story, "url_tags": fields.get("url_tags")}


def _ad(fields: _Fields) -> dict[str, Any]:
    return {
        **_ALWAYS_PAUSED,
        "name": fields.name(),
        "adset_id": fields.parent(),
        "creative": {"creative_id": fields.text("creative_id")},
    }


_BUILDERS: MappingProxyType[ActionKind, tuple[str, Callable[[_Fields], dict[str, Any]]]] = MappingProxyType(
    {
        ActionKind.CREATE_CAMPAIGN: ("campaigns", _campaign),
        ActionKind.CREATE_AD_SET: ("adsets", _ad_set),
        ActionKind.CREATE_CREATIVE: ("adcreatives", _creative),
        ActionKind.CREATE_AD: ("ads", _ad),
    }
)


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _encode(values: dict[str, Any]) -> dict[str, str]:
    """Form values: text as it is, everything else as JSON; what is None is not sent."""
    return {
        key: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for key, value in _known(values).items()
    }
