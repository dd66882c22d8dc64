"""Meta's structs → the house's words: budgets in ISO minor units, names without our token, one purchase count. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from domain.errors import TransientError
from domain.ids import AdId, AdSetId, CampaignId, CreativeId, PlatformAccountId
from domain.money import exponent
from domain.objects import (
    AccountInfo,
    Ad,
    AdSet,
    Bidding,
    Campaign,
    Creative,
    InsightRow,
    Learning,
    ObjectState,
    Status,
)
from meta_client import wire
from meta_client.money import from_meta, minor_of
from meta_client.names import token_of, without_token

_STATUS = MappingProxyType(
    {
        "ACTIVE": Status.ACTIVE,
        "PAUSED": Status.PAUSED,
        "ARCHIVED": Status.ARCHIVED,
        "DELETED": Status.DELETED,
    }
)
_LEARNING = MappingProxyType({"LEARNING": Learning.LEARNING, "SUCCESS": Learning.DONE, "FAIL": Learning.LIMITED})
_BIDDING = MappingProxyType(
    {
        None: Bidding.AUTOMATIC,  # told where the budget is only
        "LOWEST_COST_WITHOUT_CAP": Bidding.AUTOMATIC,
        "LOWEST_COST_WITH_BID_CAP": Bidding.BID_CAP,
        "COST_CAP": Bidding.COST_CAP,
        "LOWEST_COST_WITH_MIN_ROAS": Bidding.MIN_ROAS,
    }
)
_ACCOUNT_STATUS = MappingProxyType(
    {
        1: "active",
        2: "disabled",
        3: "unsettled",
        7: "pending risk review",
        8: "pending settlement",
        9: "in grace period",
        100: "pending closure",
        101: "closed",
    }
)
_DISABLED = MappingProxyType(
    {
        0: "",
        1: "its ads broke a policy",
        2: "its ads are under an intellectual property review",
        3: "a payment looked risky",
        4: "it was shut down as a grey account",
        5: "its ads are under a review",
        6: "its business was found to break the rules",
        7: "it was closed for good",
        8: "it belonged to a reseller and was not used",
        9: "it was not used",
        10: "it is an umbrella account",
        11: "its business manager broke a policy",
        12: "it misrepresented itself",
        13: "its legal entity no longer shares it",
        14: "a conversation is under review",
        15: "it looks taken over by somebody else",
    }
)
_DELIVERING = frozenset({1, 9})  # an account in its grace period still spends, so it must still be steered
# One purchase is told under several names; the first of these that is there counts, and they are never summed:
# omni_purchase already holds the others.
_PURCHASE_RANK = MappingProxyType({"omni_purchase": 0, "purchase": 1, "offsite_conversion.fb_pixel_purchase": 2})
_LAST_HOUR = 23
_MOST_OF_A_DAY = 2**31 - 1  # what the columns of counts hold
_NO_RANK = len(_PURCHASE_RANK)


def account_info(row: wire.Account) -> AccountInfo:
    """An ad account."""
    return AccountInfo(
        id=PlatformAccountId(row.id),
        name=row.name,
        currency=row.currency,
        zone=row.timezone_name,
        is_active=row.account_status in _DELIVERING,
        status_text=account_status(row.account_status),
        minimum_daily_budget_minor=from_meta(row.min_daily_budget, row.currency),
        disable_reason=_DISABLED.get(row.disable_reason, f"reason {row.disable_reason}"),
        spend_cap_minor=_budget(row.spend_cap, row.currency),
        spent_minor=None if row.amount_spent is None else from_meta(row.amount_spent, row.currency),
    )


def account_status(number: int) -> str:
    """The account's status in words."""
    return _ACCOUNT_STATUS.get(number, f"status {number}")


def campaign(row: wire.Campaign, currency: str) -> Campaign:
    """A campaign; a budget of "0" means that there is none."""
    return Campaign(
        id=CampaignId(row.id),
        name=without_token(row.name),
        status=_STATUS[row.status],
        effective_status=row.effective_status.lower(),
        objective=row.objective,
        daily_budget_minor=_budget(row.daily_budget, currency),
        lifetime_budget_minor=_budget(row.lifetime_budget, currency),
        created_at=utc(row.created_time),
        updated_at=utc(row.updated_time),
        bidding=_BIDDING.get(row.bid_strategy, Bidding.OTHER),
        spend_cap_minor=_budget(row.spend_cap, currency),
    )


def ad_set(row: wire.AdSet, currency: str) -> AdSet:
    """An ad set; a learning stage that is not told is UNKNOWN, which the house treats as learning."""
    stage = row.learning_stage_info
    return AdSet(
        id=AdSetId(row.id),
        campaign_id=CampaignId(row.campaign_id),
        name=without_token(row.name),
        status=_STATUS[row.status],
        effective_status=row.effective_status.lower(),
        optimization_goal=row.optimization_goal,
        daily_budget_minor=_budget(row.daily_budget, currency),
        lifetime_budget_minor=_budget(row.lifetime_budget, currency),
        learning=_LEARNING.get(stage.status, Learning.UNKNOWN) if stage else Learning.UNKNOWN,
        labels=tuple(label.name for label in row.adlabels),
        created_at=utc(row.created_time),
        updated_at=utc(row.updated_time),
        bidding=_BIDDING.get(row.bid_strategy, Bidding.OTHER),
    )


def ad(row: wire.Ad) -> Ad:
    """An ad."""
    return Ad(
        id=AdId(row.id),
        ad_set_id=AdSetId(row.adset_id),
        campaign_id=CampaignId(row.campaign_id),
        creative_id=CreativeId(row.creative.id) if row.creative else None,
        name=without_token(row.name),
        status=_STATUS[row.status],
        effective_status=row.effective_status.lower(),
        created_at=utc(row.created_time),
        updated_at=utc(row.updated_time),
    )


def creative(row: wire.Creative) -> Creative:
    """A creative."""
    return Creative(
        id=CreativeId(row.id),
        name=without_token(row.name),
        title=row.title,
        body=row.body,
        video_id=row.video_id,
        thumbnail_url=row.thumbnail_url,
    )


def object_state(row: wire.State, currency: str) -> ObjectState:
    """A fresh reading, under the keys of an action's target; only keys that the object has."""
    values: dict[str, str | int | None] = {"name": without_token(row.name)}
    if row.account_status is not None:
        values["account_status"] = account_status(row.account_status)
    if row.status is not None:
        known = _STATUS.get(row.status)
        values["status"] = known.value if known else row.status.lower()
    if row.daily_budget is not None:
        values["daily_budget_minor"] = _budget(row.daily_budget, currency)
    if row.spend_cap is not None:
        values["spend_cap_minor"] = from_meta(row.spend_cap, currency) if row.spend_cap else 0  # 0 = no limit
    return ObjectState(
        id=row.id,
        values=values,
        updated_at=utc(row.updated_time) if row.updated_time else None,
        op_token=token_of(row.name),
    )


def insight_rows(rows: Sequence[wire.Insight], currency: str) -> list[InsightRow]:
    """Rows of insights; written for speed, since a cycle carries 10^5 of them.

    Raises:
        ValueError: an amount or a count is not a number, or one that cannot be.
    """
    places = exponent(currency)
    found = [
        InsightRow(
            row.ad_id,
            row.adset_id,
            row.campaign_id,
            row.date_start,
            int(row.hourly_stats_aggregated_by_advertiser_time_zone[:2] or -1),
            row.impressions,
            row.inline_link_clicks,
            minor_of(row.spend, places),
            minor_of(purchase(row.actions), 0) if row.actions else 0,
            minor_of(purchase(row.action_values), places) if row.action_values else 0,
        )
        for row in rows
    ]
    if not all(map(_can_be, found)):
        raise ValueError("an hour or a count that cannot be")
    return found


def _can_be(row: InsightRow) -> bool:
    counts = (row.impressions, row.clicks, row.purchases)
    return row.hour <= _LAST_HOUR and min(counts) >= -_MOST_OF_A_DAY and max(counts) <= _MOST_OF_A_DAY


def purchase(actions: Sequence[wire.Action]) -> str:
    """The one figure of purchases among the actions, "0" where there is none."""
    best, value = _NO_RANK, "0"
    for action in actions:
        rank = _PURCHASE_RANK.get(action.action_type, _NO_RANK)
        if rank < best:
            best, value = rank, action.value
    return value


def _budget(units: int | None, currency: str) -> int | None:
    return from_meta(units, currency) if units else None


def utc(instant: datetime) -> datetime:
    """An instant of Meta's, in UTC.

    Raises:
        TransientError: it is of no year that there is.
    """
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        pass
    raise TransientError(f"Meta tells the instant {instant.isoformat()}, which no calendar has")
