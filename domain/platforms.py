"""The platforms: one frozen row each. A fourth platform is its client, its dialect in the sandbox, and a row here."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from domain.actions import ActionKind
from domain.money import exponent


class Feed(StrEnum):
    """What a platform can tell us."""

    TREE = "tree"  # campaigns, ad sets, ads, creatives
    DAILY_INSIGHTS = "daily_insights"
    HOURLY_INSIGHTS = "hourly_insights"
    TOKEN = "token"  # noqa: S105 - the name of a feed: life and scopes of the token
    ACTIVITIES = "activities"


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Traits of a platform. Code asks for a trait, never for a name."""

    slug: str
    title: str
    stack: int  # the first half of module ids: 10.14 is module 14 of stack 10
    client: str | None  # "package:function" that opens its client; None = not built
    contract: str | None = None  # likewise the suite of its client's contract
    feeds: frozenset[Feed]
    obeys: frozenset[ActionKind]
    budget_edits_per_hour: int  # per ad set, as the platform enforces
    learning_conversions: int  # optimisation events within `learning_window` that end learning
    learning_window: timedelta
    learning_reset_step: float  # a budget change of more than this share puts an ad set back into learning
    restatement_days: int  # how long figures of a past day may still change
    history_days: int  # how far back insights can be read
    daily_overspend_ratio: float  # worst day against the daily budget
    whole_unit_currencies: frozenset[str]  # budgets in these move in whole major units
    budget_decimals: int  # of a major unit, in every other currency that has as many
    quarantine_create: timedelta  # how long an unknown create may still surface (Postgres' clock)
    quarantine_update: timedelta
    live_settings: tuple[str, ...]  # settings that LIVE cannot do without
    live_scopes: tuple[str, ...]


def budget_step_minor(platform: Platform, currency: str) -> int:
    """The smallest step of a daily budget that the platform can hold, in minor units: 100 for HUF, 1 for USD."""
    decimals = 0 if currency in platform.whole_unit_currencies else platform.budget_decimals
    step: int = 10 ** max(0, exponent(currency) - decimals)
    return step


_ALL_FEEDS = frozenset(Feed)
_ALL_KINDS = frozenset(ActionKind)

# facts/meta_graph_api.md §7
_WHOLE_UNITS = frozenset({"CLP", "COP", "CRC", "HUF", "ISK", "IDR", "JPY", "KRW", "PYG", "TWD", "VND"})

# Meta: facts/meta_graph_api.md §6 (edits, restatement), facts/domain.md §2a (learning, 1.75 x a day).
# TikTok: facts/tiktok_business_api.md line 59 (1.25 x a day), domain.md §2a (learning). LinkedIn: assumed,
# until its client is built. Neither has a client yet, so that every pair of theirs is planned.
PLATFORMS: tuple[Platform, ...] = (
    Platform(
        slug="meta",
        title="Meta",
        stack=10,
        client="meta_client:open_client",
        contract="meta_client.contract:open_contract",
        feeds=_ALL_FEEDS,
        obeys=_ALL_KINDS,
        budget_edits_per_hour=4,
        learning_conversions=50,
        learning_window=timedelta(days=7),
        learning_reset_step=0.20,
        restatement_days=28,
        history_days=37 * 30,
        daily_overspend_ratio=1.75,
        whole_unit_currencies=_WHOLE_UNITS,
        budget_decimals=2,
        quarantine_create=timedelta(minutes=15),
        quarantine_update=timedelta(minutes=2),
        live_settings=("META_ACCESS_TOKEN", "META_APP_ID", "META_APP_SECRET"),
        live_scopes=("ads_management", "ads_read"),
    ),
    Platform(
        slug="tiktok",
        title="TikTok",
        stack=11,
        client=None,
        feeds=_ALL_FEEDS,
        obeys=_ALL_KINDS,
        budget_edits_per_hour=4,
        learning_conversions=25,
        learning_window=timedelta(days=7),
        learning_reset_step=0.20,
        restatement_days=28,
        history_days=365,
        daily_overspend_ratio=1.25,
        whole_unit_currencies=frozenset(),
        budget_decimals=2,
        quarantine_create=timedelta(minutes=15),
        quarantine_update=timedelta(minutes=2),
        live_settings=("TIKTOK_ACCESS_TOKEN",),
        live_scopes=(),
    ),
    Platform(
        slug="linkedin",
        title="LinkedIn",
        stack=12,
        client=None,
        feeds=_ALL_FEEDS,
        obeys=_ALL_KINDS,
        budget_edits_per_hour=4,
        learning_conversions=50,
        learning_window=timedelta(days=7),
        learning_reset_step=0.20,
        restatement_days=28,
        history_days=365,
        daily_overspend_ratio=1.5,
        whole_unit_currencies=frozenset(),
        budget_decimals=2,
        quarantine_create=timedelta(minutes=15),
        quarantine_update=timedelta(minutes=2),
        live_settings=("LINKEDIN_ACCESS_TOKEN",),
        live_scopes=(),
    ),
)
