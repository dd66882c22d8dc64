"""The objects of an ad account as they stand in memory: a cache of the scenario and the oracle log."""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

BUDGET_EDITS_PER_HOUR: Final = 4
DELIVERING: Final = "ACTIVE"
APPROVED: Final = "APPROVED"
DISAPPROVED: Final = "DISAPPROVED"
PENDING: Final = "PENDING_REVIEW"
GONE: Final = frozenset({"DELETED", "ARCHIVED"})
_HARD: Final = "HARD_ERROR"  # an issue that stops delivery; a soft one is only told
_HOUR_US: Final = 3_600_000_000


class Kind(StrEnum):
    """What an object is."""

    CAMPAIGN = "campaign"
    AD_SET = "adset"
    AD = "ad"
    CREATIVE = "adcreative"


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """An object; only `World` changes it. `parent` is an ad set's campaign or an ad's ad set."""

    kind: Kind
    id: str
    account_id: str
    name: str
    status: str
    created_s: int
    updated_s: int
    order: int  # its place among the account's objects of this kind, oldest first
    parent: "Node | None" = None
    creative: "Node | None" = None
    daily_budget: int | None = None
    lifetime_budget: int | None = None
    labels: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)
    children: "list[Node]" = field(default_factory=list)
    market_index: int = -1
    budget_index: int = -1
    is_live: bool = False
    edited_s: float = 0.0  # the last edit that restarts learning
    stopped_s: float | None = None  # since when an ad set delivers nothing
    budget_edits_us: deque[int] | None = None
    review: str = APPROVED  # an ad's: APPROVED, PENDING_REVIEW or DISAPPROVED
    review_due_s: float = 0.0
    reviews: int = 0

    @property
    def campaign(self) -> "Node | None":
        """The campaign that the object belongs to."""
        if self.kind is Kind.AD:
            return self.parent.parent if self.parent else None
        return self.parent if self.kind is Kind.AD_SET else self

    def effective_status(self) -> str:
        """Return the object's own status, unless its review, an issue or a parent's status says more."""
        if self.status in GONE:
            return self.status
        above = self.parent.effective_status() if self.parent is not None else DELIVERING
        if above in GONE:
            return above
        if self.review != APPROVED or self.status != DELIVERING:
            return self.review if self.review != APPROVED else self.status
        if above in ("CAMPAIGN_PAUSED", "WITH_ISSUES"):
            return above
        if above != DELIVERING and self.parent is not None:
            return "CAMPAIGN_PAUSED" if self.parent.kind is Kind.CAMPAIGN else "ADSET_PAUSED"
        return "WITH_ISSUES" if self.has_hard_issue() else DELIVERING

    def has_hard_issue(self) -> bool:
        """Say whether an issue of the object's own stops it."""
        issues = self.extra.get("sandbox_issues")
        if not issues:
            return False  # nearly always: this is asked of every object that a list goes through
        return any(row.get("error_type", _HARD) == _HARD for row in issues)

    def note_budget_edit(self, at_us: int) -> None:
        """Remember the last budget edits, for the platform's limit on them."""
        if self.budget_edits_us is None:
            self.budget_edits_us = deque(maxlen=BUDGET_EDITS_PER_HOUR)
        self.budget_edits_us.append(at_us)

    def may_edit_budget(self, at_us: int) -> bool:
        """Say whether the hour's budget edits are not used up."""
        edits = self.budget_edits_us
        return edits is None or len(edits) < BUDGET_EDITS_PER_HOUR or at_us - edits[0] >= _HOUR_US
