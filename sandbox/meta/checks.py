"""Meta's validations of single parameters; each returns the value as stored, or raises the Graph error."""

from datetime import datetime
from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.errors import GraphError, invalid, parameter
from sandbox.meta.request import GraphCall

OBJECTIVES: Final = frozenset(
    {"OUTCOME_APP_PROMOTION", "OUTCOME_AWARENESS", "OUTCOME_ENGAGEMENT", "OUTCOME_LEADS", "OUTCOME_SALES",
     "OUTCOME_TRAFFIC"}
)  # fmt: skip
LEGACY_OBJECTIVES: Final = frozenset(
    {
        "APP_INSTALLS", "BRAND_AWARENESS", "CONVERSIONS", "EVENT_RESPONSES", "LEAD_GENERATION", "LINK_CLICKS",
        "LOCAL_AWARENESS", "MESSAGES", "OFFER_CLAIMS", "PAGE_LIKES", "POST_ENGAGEMENT", "PRODUCT_CATALOG_SALES",
        "REACH", "STORE_VISITS", "VIDEO_VIEWS",
    }
)  # fmt: skip
SPECIAL_CATEGORIES: Final = frozenset(
    {
        "NONE", "EMPLOYMENT", "HOUSING", "CREDIT", "FINANCIAL_PRODUCTS_SERVICES", "ISSUES_ELECTIONS_POLITICS",
        "ONLINE_GAMBLING_AND_GAMING",
    }
)  # fmt: skip
BID_STRATEGIES: Final = frozenset(
    {"LOWEST_COST_WITHOUT_CAP", "LOWEST_COST_WITH_BID_CAP", "COST_CAP", "LOWEST_COST_WITH_MIN_ROAS"}
)
BILLING_EVENTS: Final = frozenset(
    {
        "APP_INSTALLS", "CLICKS", "IMPRESSIONS", "LINK_CLICKS", "LISTING_INTERACTION", "NONE", "OFFER_CLAIMS",
        "PAGE_LIKES", "POST_ENGAGEMENT", "PURCHASE", "THRUPLAY",
    }
)  # fmt: skip
GOALS: Final = frozenset(
    {
        "ADVERTISER_SILOED_VALUE", "AD_RECALL_LIFT", "APP_INSTALLS", "APP_INSTALLS_AND_OFFSITE_CONVERSIONS",
        "AUTOMATIC_OBJECTIVE", "CONVERSATIONS", "DERIVED_EVENTS", "ENGAGED_PAGE_VIEWS", "ENGAGED_USERS",
        "EVENT_RESPONSES", "IMPRESSIONS", "IN_APP_VALUE", "LANDING_PAGE_VIEWS", "LEAD_GENERATION", "LINK_CLICKS",
        "MEANINGFUL_CALL_ATTEMPT", "MESSAGING_APPOINTMENT_CONVERSION", "MESSAGING_DEEP_CONVERSATION_AND_FOLLOW",
        "MESSAGING_PURCHASE_CONVERSION", "NONE", "OFFSITE_CONVERSIONS", "PAGE_LIKES", "POST_ENGAGEMENT",
        "PROFILE_AND_PAGE_ENGAGEMENT", "PROFILE_VISIT", "QUALITY_CALL", "QUALITY_LEAD", "REACH", "REMINDERS_SET",
        "SUBSCRIBERS", "THRUPLAY", "TWO_SECOND_CONTINUOUS_VIDEO_VIEWS", "VALUE", "VISIT_INSTAGRAM_PROFILE",
    }
)  # fmt: skip
_MAX_NAME: Final = 400
_MOST_MINOR: Final = 10**12  # our own bound; Meta's is not documented


def name_of(call: GraphCall) -> str:
    """Return the object's name exactly as sent (newlines and escapes are kept)."""
    name = call.params.get("name", "")
    if not name.strip():
        raise GraphError(100, "(#100) Param name must be non-empty.", user="Give the object a name.", blame=[["name"]])
    if len(name) > _MAX_NAME:
        raise invalid(f"The name has {len(name)} characters; at most {_MAX_NAME} are allowed.", field="name")
    return name


def one_of(call: GraphCall, name: str, allowed: frozenset[str], *, default: str | None = None) -> str:
    """Return a parameter that must be one of some words."""
    value = call.params.get(name, default)
    if value is None:
        raise required(name)
    value = value.strip('"')
    if value not in allowed:
        raise parameter(f'Param {name} must be one of {{{", ".join(sorted(allowed))}}} - got "{value[:80]}".')
    return value


def required(name: str) -> GraphError:
    """Return the refusal of a call that lacks a parameter."""
    return GraphError(100, f"(#100) Missing required parameter: {name}", blame=[[name]], title="Missing parameter")


def budget_of(call: GraphCall, name: str, account: Account, *, days: int = 1) -> int | None:
    """Return a budget in minor units, None where absent."""
    text = call.params.get(name)
    if text is None or text == "":
        return None
    try:
        value = int(float(text.strip('"')))
    except (ValueError, OverflowError) as error:
        raise parameter(f"Param {name} must be an integer") from error
    least = account.spec.min_daily_budget_minor * days
    if value < least:
        shown, currency = f"{least / account.offset:.2f}", account.spec.currency
        raise invalid(
            f"Your budget is too low. It must be at least {shown} {currency} per day.", subcode=1_487_901, field=name,
            title="Budget is too low",
        )  # fmt: skip
    if value > _MOST_MINOR:
        raise invalid(f"Your budget is too high: {value} is more than {_MOST_MINOR}.", field=name)
    return value


def labels_of(call: GraphCall) -> list[str]:
    """Return the names of `adlabels`."""
    rows = call.get("adlabels")
    if rows is None:
        return []
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "name" in row for row in rows):
        raise parameter("Param adlabels must be an array of objects with a name")
    return [str(row["name"]) for row in rows]


def record(call: GraphCall, name: str) -> dict[str, Any]:
    """Return a parameter that must be a JSON object."""
    value = call.get(name)
    if value is None:
        raise required(name)
    if not isinstance(value, dict):
        raise parameter(f"Param {name} must be a JSON object")
    return value


def targeting_of(call: GraphCall) -> dict[str, Any]:
    """Return the targeting; it needs a place or an audience."""
    targeting = record(call, "targeting")
    if not targeting.get("geo_locations") and not targeting.get("custom_audiences"):
        raise invalid(
            "Your audience needs at least one location or custom audience.", subcode=1_885_364, field="targeting",
            title="Location is missing",
        )  # fmt: skip
    return targeting


def instant_of(call: GraphCall, name: str) -> float | None:
    """Return a time parameter as seconds since 1970; 0 and absent are None."""
    value = call.get(name)
    if value in (None, 0, "0", ""):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except (ValueError, OverflowError) as error:
        raise parameter(f"Param {name} must be a date, a time or a unix timestamp") from error


def flag(call: GraphCall, name: str) -> bool | None:
    """Return a yes/no parameter, None where absent."""
    value = call.params.get(name)
    return None if value is None else value.strip('"').lower() in ("true", "1")
