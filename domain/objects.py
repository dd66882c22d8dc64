"""What a platform shows us, in the house's words; clients build these, stores keep them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from domain.actions import ObjectKind
from domain.ids import AdId, AdSetId, CampaignId, CreativeId, PlatformAccountId


class Status(StrEnum):
    """The object's own switch, not what its parents make of it."""

    ACTIVE = "active"
    PAUSED = "paused"
    ARCHIVED = "archived"
    DELETED = "deleted"


class Learning(StrEnum):
    """The platform's learning stage of an ad set; UNKNOWN is treated as learning (fail closed)."""

    LEARNING = "learning"
    DONE = "done"
    LIMITED = "limited"
    UNKNOWN = "unknown"


class Bidding(StrEnum):
    """Whether people told the platform what it may pay; anything but AUTOMATIC steers the spend beside the budget."""

    AUTOMATIC = "automatic"
    BID_CAP = "bid_cap"
    COST_CAP = "cost_cap"
    MIN_ROAS = "min_roas"
    OTHER = "other"  # a strategy that we do not know


class BudgetCarrier(StrEnum):
    """What decides how much an ad set or campaign may spend."""

    OWN_DAILY = "own daily budget"
    CAMPAIGN = "its campaign's budget"
    AD_SETS = "the budgets of its ad sets"
    LIFETIME = "a lifetime budget"
    NONE = "no budget that is known"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountInfo:
    """An ad account as the platform describes it."""

    id: PlatformAccountId
    name: str
    currency: str
    zone: str  # IANA name
    is_active: bool
    status_text: str
    minimum_daily_budget_minor: int
    disable_reason: str = ""  # in words; "" = not disabled
    spend_cap_minor: int | None = None  # what the account may spend in its life
    spent_minor: int | None = None  # towards that cap; None = not told


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """`daily_budget_minor` is None where the ad sets carry the budget; `spend_cap_minor` is for the campaign's life."""

    id: CampaignId
    name: str
    status: Status
    effective_status: str
    objective: str
    daily_budget_minor: int | None
    lifetime_budget_minor: int | None
    created_at: datetime
    updated_at: datetime
    bidding: Bidding = Bidding.AUTOMATIC
    spend_cap_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdSet:
    """`daily_budget_minor` is None under a campaign budget or a lifetime budget."""

    id: AdSetId
    campaign_id: CampaignId
    name: str
    status: Status
    effective_status: str
    optimization_goal: str
    daily_budget_minor: int | None
    lifetime_budget_minor: int | None
    learning: Learning
    labels: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    bidding: Bidding = Bidding.AUTOMATIC


@dataclass(frozen=True, slots=True, kw_only=True)
class Ad:
    """An ad and the creative that it shows."""

    id: AdId
    ad_set_id: AdSetId
    campaign_id: CampaignId
    creative_id: CreativeId | None
    name: str
    status: Status
    effective_status: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Creative:
    """What people see; immutable on the platform but for its name."""

    id: CreativeId
    name: str
    title: str | None
    body: str | None
    video_id: str | None
    thumbnail_url: str | None


class InsightRow(NamedTuple):
    """One ad on one day (or in one hour of it), by the account's zone. A tuple, since cycles carry 10^5 of them.

    `hour` is 0..23, or -1 for a whole day. Money is minor units of the account's currency. `purchases` and
    `revenue_minor` are what has arrived by the reading, in the default attribution (7-day click, 1-day view).
    """

    ad_id: str
    ad_set_id: str
    campaign_id: str
    on: date
    hour: int
    impressions: int
    clicks: int
    spend_minor: int
    purchases: int
    revenue_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectState:
    """A fresh reading of one object, for the precheck before a write and the read-back after it.

    `values` uses the same keys as an action's target (`status`, `daily_budget_minor`, `name`).
    """

    id: str
    values: Mapping[str, str | int | None]
    updated_at: datetime | None
    op_token: str | None = None  # the operation's token that its name carries


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One line of the platform's own history of an account: who changed what, as the platform tells it.

    `before` and `after` use the keys of an action's target where the platform tells values, and are empty else.
    """

    at: datetime  # the platform's clock
    actor_id: str
    actor_name: str
    is_ours: bool  # made with our own application
    event: str  # the platform's word for it
    object_kind: ObjectKind
    object_id: str
    before: Mapping[str, str | int | None]
    after: Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedObject:
    """An object as the orphan sweep meets it: what it carries in its name, and whether it may spend."""

    id: str
    kind: ObjectKind
    name: str
    status: Status
    created_at: datetime  # the platform's clock
    op_token: str | None  # the operation's token in its name, as our client put it there
