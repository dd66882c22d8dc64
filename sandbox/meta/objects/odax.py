"""Which optimization goals, promoted objects and billing events go together (meta_graph_api.md §2.3). A pure table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PIXEL: Final = ("pixel_id", "custom_event_type")
PAGE: Final = ("page_id",)
APP: Final = ("application_id", "object_store_url")
# What may stand in place of a pixel where conversions are the goal.
PIXEL_TOO: Final = (
    "custom_conversion_id", "product_set_id", "product_catalog_id", "offline_conversion_data_set_id",
    "omnichannel_object", "conversion_goal_id", "mcme_conversion_id", "pixel_rule",
)  # fmt: skip
PIXEL_GOALS: Final = frozenset({"OFFSITE_CONVERSIONS", "VALUE"})
_MESSENGERS: Final = frozenset(
    {"MESSENGER", "WHATSAPP", "INSTAGRAM_DIRECT", "MESSAGING_INSTAGRAM_DIRECT_MESSENGER",
     "MESSAGING_INSTAGRAM_DIRECT_MESSENGER_WHATSAPP", "MESSAGING_INSTAGRAM_DIRECT_WHATSAPP",
     "MESSAGING_MESSENGER_WHATSAPP"}
)  # fmt: skip
_WEB: Final = frozenset({"WEBSITE", "UNDEFINED", "APP", "APPLINKS_AUTOMATIC", "SHOP_AUTOMATIC", "FACEBOOK"})
_PROFILES: Final = frozenset({"INSTAGRAM_PROFILE", "INSTAGRAM_PROFILE_AND_FACEBOOK_PAGE", "FACEBOOK_PAGE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Goals that an objective has where ads lead to one of some destinations."""

    objective: str
    destinations: frozenset[str]
    goals: frozenset[str]
    page_goals: frozenset[str] = frozenset()  # of these, a page must be promoted


def _goals(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SITE: Final = "OFFSITE_CONVERSIONS LINK_CLICKS LANDING_PAGE_VIEWS REACH IMPRESSIONS"
_AWARENESS: Final = _goals("AD_RECALL_LIFT REACH IMPRESSIONS THRUPLAY TWO_SECOND_CONTINUOUS_VIDEO_VIEWS")
TABLE: Final[tuple[Row, ...]] = (
    Row(
        objective="OUTCOME_AWARENESS", destinations=_WEB | _PROFILES | _MESSENGERS | {"ON_AD", "ON_VIDEO"},
        goals=_AWARENESS, page_goals=_AWARENESS,
    ),
    Row(
        objective="OUTCOME_TRAFFIC", destinations=_WEB,
        goals=_goals("LINK_CLICKS LANDING_PAGE_VIEWS REACH IMPRESSIONS"),
    ),
    Row(
        objective="OUTCOME_TRAFFIC", destinations=_MESSENGERS, goals=_goals("LINK_CLICKS REACH IMPRESSIONS"),
        page_goals=_goals("LINK_CLICKS REACH IMPRESSIONS"),
    ),
    Row(
        objective="OUTCOME_TRAFFIC", destinations=frozenset({"PHONE_CALL"}), goals=_goals("QUALITY_CALL LINK_CLICKS"),
    ),
    Row(
        objective="OUTCOME_TRAFFIC", destinations=_PROFILES,
        goals=_goals("VISIT_INSTAGRAM_PROFILE PROFILE_VISIT LINK_CLICKS REACH IMPRESSIONS"),
    ),
    Row(
        objective="OUTCOME_ENGAGEMENT", destinations=frozenset({"ON_POST"}),
        goals=_goals("POST_ENGAGEMENT REACH IMPRESSIONS"),
    ),
    Row(
        objective="OUTCOME_ENGAGEMENT", destinations=frozenset({"ON_PAGE"}), goals=_goals("PAGE_LIKES"),
        page_goals=_goals("PAGE_LIKES"),
    ),
    Row(
        objective="OUTCOME_ENGAGEMENT", destinations=frozenset({"ON_EVENT"}),
        goals=_goals("EVENT_RESPONSES POST_ENGAGEMENT REACH IMPRESSIONS REMINDERS_SET"),
    ),
    Row(
        objective="OUTCOME_ENGAGEMENT", destinations=frozenset({"ON_VIDEO"}),
        goals=_goals("THRUPLAY TWO_SECOND_CONTINUOUS_VIDEO_VIEWS"),
    ),
    Row(
        objective="OUTCOME_ENGAGEMENT", destinations=_MESSENGERS,
        goals=_goals("CONVERSATIONS LINK_CLICKS LEAD_GENERATION"),
        page_goals=_goals("CONVERSATIONS LINK_CLICKS LEAD_GENERATION"),
    ),
    Row(objective="OUTCOME_ENGAGEMENT", destinations=_WEB, goals=_goals(_SITE)),
    Row(
        objective="OUTCOME_LEADS", destinations=frozenset({"ON_AD"}), goals=_goals("LEAD_GENERATION QUALITY_LEAD"),
        page_goals=_goals("LEAD_GENERATION QUALITY_LEAD"),
    ),
    Row(objective="OUTCOME_LEADS", destinations=frozenset({"PHONE_CALL"}), goals=_goals("QUALITY_CALL")),
    Row(
        objective="OUTCOME_LEADS", destinations=_MESSENGERS, goals=_goals("LEAD_GENERATION LINK_CLICKS"),
        page_goals=_goals("LEAD_GENERATION LINK_CLICKS"),
    ),
    Row(objective="OUTCOME_LEADS", destinations=_WEB, goals=_goals(_SITE)),
    Row(objective="OUTCOME_SALES", destinations=_WEB, goals=_goals(_SITE + " VALUE")),
    Row(
        objective="OUTCOME_SALES", destinations=_MESSENGERS,
        goals=_goals("CONVERSATIONS OFFSITE_CONVERSIONS LINK_CLICKS LANDING_PAGE_VIEWS REACH IMPRESSIONS"),
        page_goals=_goals("CONVERSATIONS"),
    ),
    Row(objective="OUTCOME_SALES", destinations=frozenset({"PHONE_CALL"}), goals=_goals("QUALITY_CALL")),
    Row(
        objective="OUTCOME_APP_PROMOTION", destinations=_WEB,
        goals=_goals("APP_INSTALLS OFFSITE_CONVERSIONS LINK_CLICKS VALUE APP_INSTALLS_AND_OFFSITE_CONVERSIONS"),
    ),
)  # fmt: skip
_BILLED_OTHERWISE: Final[Mapping[str, frozenset[str]]] = {
    "LINK_CLICKS": frozenset({"LINK_CLICKS", "IMPRESSIONS"}), "THRUPLAY": frozenset({"THRUPLAY", "IMPRESSIONS"})
}  # fmt: skip


def goals_of(objective: str, destination: str | None) -> frozenset[str]:
    """Return the goals of an objective, at one destination or, where none is named, at any."""
    rows = [row for row in TABLE if row.objective == objective and destination in (None, *row.destinations)]
    return frozenset().union(*(row.goals for row in rows))


def destinations_of(objective: str) -> frozenset[str]:
    """Return where ads of an objective may lead."""
    return frozenset().union(*(row.destinations for row in TABLE if row.objective == objective))


def promoted_keys(objective: str, destination: str | None, goal: str) -> tuple[str, ...]:
    """Return the keys that promoted_object must hold; none where it may be absent."""
    if objective == "OUTCOME_APP_PROMOTION":
        return APP
    if goal in PIXEL_GOALS:
        return PIXEL
    rows = [
        row for row in TABLE
        if row.objective == objective and goal in row.goals and destination in (None, *row.destinations)
    ]  # fmt: skip
    return PAGE if rows and all(goal in row.page_goals for row in rows) else ()


def billing_of(goal: str, buying_type: str) -> frozenset[str]:
    """Return the billing events that go with a goal."""
    if buying_type != "AUCTION":
        return frozenset({"IMPRESSIONS"})
    return _BILLED_OTHERWISE.get(goal, frozenset({"IMPRESSIONS"}))
