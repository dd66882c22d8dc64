"""Meta's JSON as typed structs, decoded in one pass. No logic: `decode.py` turns them into the house's words.

Numbers come as text ("1234") and are read as numbers (the decoders are not strict); unknown fields are skipped.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

import msgspec

Status = Literal["ACTIVE", "PAUSED", "ARCHIVED", "DELETED"]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]  # one without its zone is none
RowT = TypeVar("RowT")
# What reading an answer may raise: letters that are no JSON, no text, of another shape, or nested without end.
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_NO_ACTIONS = msgspec.Raw(b"")


class Row(msgspec.Struct, gc=False):
    """Base of the rows; none holds a cycle, so the garbage collector need not look at 10^5 of them."""


class Named(Row):
    """An adlabel."""

    name: str = ""


class Account(Row):
    """An ad account."""

    id: str
    currency: str
    timezone_name: str
    account_status: int
    name: str = ""
    min_daily_budget: int = 0
    disable_reason: int = 0
    spend_cap: int = 0
    amount_spent: int | None = None


class Campaign(Row):
    """A campaign."""

    id: str
    name: str
    status: Status
    effective_status: str
    created_time: Instant
    updated_time: Instant
    objective: str = ""
    daily_budget: int | None = None
    lifetime_budget: int | None = None
    bid_strategy: str | None = None
    spend_cap: int | None = None


class LearningStage(Row):
    """`learning_stage_info`."""

    status: str = ""


class AdSet(Row):
    """An ad set."""

    id: str
    campaign_id: str
    name: str
    status: Status
    effective_status: str
    created_time: Instant
    updated_time: Instant
    optimization_goal: str = ""
    daily_budget: int | None = None
    lifetime_budget: int | None = None
    bid_strategy: str | None = None
    learning_stage_info: LearningStage | None = None
    adlabels: list[Named] = msgspec.field(default_factory=list)


class Reference(Row):
    """An object of which only the id is told."""

    id: str


class Ad(Row):
    """An ad."""

    id: str
    adset_id: str
    campaign_id: str
    name: str
    status: Status
    effective_status: str
    created_time: Instant
    updated_time: Instant
    creative: Reference | None = None


class Creative(Row):
    """A creative."""

    id: str
    name: str = ""
    title: str | None = None
    body: str | None = None
    video_id: str | None = None
    thumbnail_url: str | None = None


class Found(Row):
    """What a search for a token needs."""

    id: str
    name: str = ""
    created_time: Instant | None = None


class State(Row):
    """Any object, as far as a precheck needs it."""

    id: str
    name: str = ""
    account_id: str | None = None
    status: str | None = None
    account_status: int | None = None
    daily_budget: int | None = None
    spend_cap: int | None = None
    updated_time: Instant | None = None


class Action(Row):
    """One entry of `actions` or `action_values`; `value` is the account's default attribution."""

    action_type: str
    value: str = "0"


class Insight(Row):
    """One ad on one day, or in one hour of it."""

    ad_id: str
    adset_id: str
    campaign_id: str
    date_start: date
    impressions: int = 0
    inline_link_clicks: int = 0
    spend: str = "0"
    actions: list[Action] = msgspec.field(default_factory=list)
    action_values: list[Action] = msgspec.field(default_factory=list)
    hourly_stats_aggregated_by_advertiser_time_zone: str = ""


class InsightLine(Row):
    """The same as Meta spells it: numbers stay text, lists of actions stay bytes (`insight_lines.py` reads them)."""

    ad_id: str
    adset_id: str
    campaign_id: str
    date_start: str
    impressions: str | int = "0"
    inline_link_clicks: str | int = "0"
    spend: str = "0.00"
    actions: msgspec.Raw = _NO_ACTIONS
    action_values: msgspec.Raw = _NO_ACTIONS
    hourly_stats_aggregated_by_advertiser_time_zone: str = ""


class TotalLine(Row):
    """What an account, a campaign or an ad set did on one day, or in one hour of it."""

    date_start: date
    adset_id: str = ""
    campaign_id: str = ""
    impressions: int = 0
    inline_link_clicks: int = 0
    spend: str = "0"
    actions: list[Action] = msgspec.field(default_factory=list)
    action_values: list[Action] = msgspec.field(default_factory=list)
    hourly_stats_aggregated_by_advertiser_time_zone: str = ""


class CampaignLine(Row):
    """A campaign that delivered."""

    campaign_id: str


class ReportOrdered(Row):
    """The answer to a report's order."""

    report_run_id: str


class ReportRun(Row):
    """How far a report is; the errors are told from v25 on."""

    id: str
    async_status: str = ""
    async_percent_completion: int = 0
    error_code: int | None = None
    error_message: str | None = None
    error_user_msg: str | None = None


class Permission(Row):
    """One scope of the token."""

    permission: str
    status: str


class Cursors(msgspec.Struct):
    """Opaque; only `after` is used."""

    after: str | None = None


class Paging(msgspec.Struct):
    """`next` holds an address with secrets in it: that it is there is all we look at."""

    cursors: Cursors | None = None
    next: str | None = None

    def __repr__(self) -> str:
        """Say nothing of the address."""
        return f"Paging(has_next={self.next is not None})"


class Summary(msgspec.Struct):
    """What an edge tells of all its rows."""

    total_count: int | None = None


class Page(msgspec.Struct, Generic[RowT]):
    """One page of an edge. An error may come with status 200, then there is no `data`."""

    data: Sequence[RowT] | None = None
    paging: Paging | None = None
    error: Any = None
    summary: Summary | None = None


class Written(msgspec.Struct):
    """The answer to a write: creates tell the id, updates success (as a bool, or its text)."""

    id: str | None = None
    success: bool | str | None = None
    error: Any = None

    def is_done_of(self, object_id: str) -> bool:
        """Whether it says that the update of this very object was done."""
        return self.success in (True, "true") and self.id in (None, object_id)


class BatchItem(msgspec.Struct):
    """One answer within a batch; the headers are a list of pairs."""

    code: int | None = None
    headers: list[dict[str, Any]] | None = None
    body: str | None = None
