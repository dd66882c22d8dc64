"""What advertisers set, as facts for the guardrails: margin, month budget, "never touch" marks. Judges nothing.

Figures are summed once, as a run proposes; the door judges on those again (actions/figures.py), and looks up the marks.
"""

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from actions.guardrails.facts import Earned, MonthSpend
from domain.actions import CREATES, ActionKind, ObjectKind, Proposal
from domain.money import Money
from models import budgets, marks
from models.accounts import Account
from models.budgets import KnownObject
from models.marks import Mark

EARNED_DAYS = 7
_SPENDS = frozenset({ActionKind.SET_DAILY_BUDGET, ActionKind.ACTIVATE}) | CREATES
_Object = tuple[ObjectKind, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What an account's people set, with the figures that tell whether it is kept."""

    margin: float | None
    month_budget: Money | None
    month: MonthSpend | None
    earned: Mapping[_Object, Earned]
    marks: tuple[Mark, ...]
    parents: Mapping[_Object, KnownObject]  # of creates: what they are put under

    def mark_on(self, proposal: Proposal, known: KnownObject | None) -> str | None:
        """The mark on the object or on what it is part of, in words."""
        own = (proposal.object_kind, proposal.object_id)
        above = known or self.parents.get(own)
        covering: set[_Object] = {own}
        if above is not None:
            covering.add((ObjectKind.CAMPAIGN, above.campaign_id))
            if above.ad_set_id is not None:
                covering.add((ObjectKind.AD_SET, above.ad_set_id))
        return _said(mark for mark in self.marks if (mark.object_kind, mark.object_id) in covering)

    def mark_below(self, proposal: Proposal) -> str | None:
        """A mark on a part of the object, in words."""
        if proposal.object_kind is ObjectKind.CAMPAIGN:
            return _said(mark for mark in self.marks if mark.campaign_id == proposal.object_id)
        if proposal.object_kind is ObjectKind.AD_SET:
            return _said(mark for mark in self.marks if mark.ad_set_id == proposal.object_id)
        return None


def gather_wishes(
    conn: Connection, account: Account, now: datetime, proposals: Sequence[Proposal], *, with_figures: bool
) -> Wishes:
    """Look up what the account's people set; figures only where something is set that needs them."""
    standing = marks.standing(conn, account.id)
    spends = with_figures and any(proposal.kind in _SPENDS for proposal in proposals)
    month_minor = account.month_budget_minor
    return Wishes(
        margin=account.margin,
        month_budget=None if month_minor is None else Money(month_minor, account.currency),
        month=_month(conn, account, now) if spends and month_minor is not None else None,
        earned={} if account.margin is None or not with_figures else _earned(conn, account, now, proposals),
        marks=standing,
        parents=_parents(conn, account, proposals) if standing else {},
    )


def _month(conn: Connection, account: Account, now: datetime) -> MonthSpend | None:
    """None where the month's figures were not all read."""
    today = now.astimezone(ZoneInfo(account.zone)).date()
    first = today.replace(day=1)
    if account.insights_loaded_from is None or account.insights_loaded_from > first:
        return None
    before, on_today = budgets.spend_before_and_on(conn, account.id, first, today)
    last = calendar.monthrange(today.year, today.month)[1]
    return MonthSpend(before_today_minor=before, today_minor=on_today, days_after_today=last - today.day)


def _earned(conn: Connection, account: Account, now: datetime, proposals: Sequence[Proposal]) -> dict[_Object, Earned]:
    wanted = [(row.object_kind, row.object_id) for row in proposals if row.kind is ActionKind.SET_DAILY_BUDGET]
    since = now.astimezone(ZoneInfo(account.zone)).date() - timedelta(days=EARNED_DAYS)
    found = budgets.earned_of(conn, account.id, wanted, since) if wanted else {}
    return {
        key: Earned(days=EARNED_DAYS, spend_minor=spend, revenue_minor=revenue)
        for key, (spend, revenue) in found.items()
    }


def _parents(conn: Connection, account: Account, proposals: Sequence[Proposal]) -> dict[_Object, KnownObject]:
    found: dict[_Object, KnownObject] = {}
    for kind in (ObjectKind.CAMPAIGN, ObjectKind.AD_SET):
        ids = [row.object_id for row in proposals if row.kind in CREATES and row.object_kind is kind]
        found |= {(kind, key): known for key, known in budgets.known_objects(conn, account.id, kind, ids).items()}
    return found


def _said(found: Iterable[Mark]) -> str | None:
    mark = next(iter(found), None)
    if mark is None:
        return None
    what = f"{mark.object_kind.replace('_', ' ')} {mark.object_id}"
    return f"{what} was marked by {mark.set_by} on {mark.set_at:%Y-%m-%d} ({mark.reason})"
