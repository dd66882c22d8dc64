"""What must hold of accounts, trees and histories: each function yields what does not, a sentence each. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import available_timezones

from domain.objects import AccountInfo, Ad, AdSet, Campaign, Creative, Status

_DIGITS: Final = re.compile(r"^\d{4,}$")
_NODE: Final = re.compile(r"^act_\d{4,}$")
_CURRENCY: Final = re.compile(r"^[A-Z]{3}$")
_CLOCKS_APART: Final = timedelta(minutes=5)
_SHOWN: Final = 3


def is_id(text: str) -> bool:
    """Whether it is an id as the platform's objects have them."""
    return bool(_DIGITS.match(text))


def bad_ids(what: str, ids: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with the ids of a list: their form, and that each comes once."""
    yield from told(f"{what} have ids that are not digits", (one for one in ids if not is_id(one)))
    yield from told(f"{what} come more than once", (one for one, count in Counter(ids).items() if count > 1))


def told(what: str, which: Iterable[object]) -> Iterator[str]:
    """Yield one sentence for all that fail alike, naming some; none where there are none."""
    found = [str(one) for one in which]
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        yield f"{what}: {', '.join(found[:_SHOWN])}{more}"


def bad_account(info: AccountInfo) -> Iterator[str]:
    """Yield what is wrong with an account."""
    if not _NODE.match(info.id):
        yield f"{info.id} is no id of an ad account"
    if not _CURRENCY.match(info.currency):
        yield f"{info.id} has no currency of ISO 4217: {info.currency}"
    if info.zone not in available_timezones():
        yield f"{info.id} has a time zone that no calendar knows: {info.zone}"
    amounts = (info.minimum_daily_budget_minor, info.spend_cap_minor, info.spent_minor)
    yield from told(f"{info.id} has amounts below zero", (one for one in amounts if one is not None and one < 0))
    if re.match(r"(status|reason) \d", info.status_text) or re.match(r"reason \d", info.disable_reason):
        yield f"{info.id} has a state that we do not know: {info.status_text} {info.disable_reason}"


def bad_times(what: str, rows: Sequence[Campaign | AdSet | Ad], now: datetime) -> Iterator[str]:
    """Yield rows whose instants cannot be."""
    yield from told(
        f"{what} changed before they were made", (row.id for row in rows if row.updated_at < row.created_at)
    )
    latest = now + _CLOCKS_APART
    yield from told(f"{what} were made in the future", (row.id for row in rows if row.created_at > latest))


def bad_budgets(what: str, rows: Sequence[Campaign | AdSet]) -> Iterator[str]:
    """Yield rows whose budgets cannot be."""
    both = (row.id for row in rows if row.daily_budget_minor and row.lifetime_budget_minor)
    yield from told(f"{what} have a daily and a lifetime budget", both)
    below = (row.id for row in rows if min(row.daily_budget_minor or 0, row.lifetime_budget_minor or 0) < 0)
    yield from told(f"{what} have budgets below zero", below)


def bad_statuses(what: str, rows: Sequence[Campaign | AdSet | Ad]) -> Iterator[str]:
    """Yield rows that say themselves active of what is paused, or are deleted and listed all the same."""
    yield from told(f"{what} are deleted and listed", (row.id for row in rows if row.status is Status.DELETED))
    lively = (row.id for row in rows if row.status is not Status.ACTIVE and row.effective_status == "active")
    yield from told(f"{what} deliver though they are switched off", lively)


def bad_parents(ad_sets: Sequence[AdSet], campaigns: Sequence[Campaign]) -> Iterator[str]:
    """Yield ad sets without their campaign, or whose budget and their campaign's are both there."""
    above = {row.id: row for row in campaigns}
    orphaned = (row.id for row in ad_sets if row.campaign_id not in above)
    yield from told("ad sets hang under campaigns that are not listed", orphaned)
    doubly = (
        row.id
        for row in ad_sets
        if row.daily_budget_minor and row.campaign_id in above and above[row.campaign_id].daily_budget_minor
    )
    yield from told("ad sets have a daily budget though their campaign has one", doubly)


def bad_places(ads: Sequence[Ad], ad_sets: Sequence[AdSet]) -> Iterator[str]:
    """Yield ads that hang elsewhere than their ad set does."""
    above = {row.id: row for row in ad_sets}
    yield from told("ads hang under ad sets that are not listed", (row.id for row in ads if row.ad_set_id not in above))
    astray = (row.id for row in ads if row.ad_set_id in above and above[row.ad_set_id].campaign_id != row.campaign_id)
    yield from told("ads name another campaign than their ad set does", astray)


def bad_creatives(ads: Sequence[Ad], creatives: Sequence[Creative]) -> Iterator[str]:
    """Yield ads whose creative is not listed."""
    known = {row.id for row in creatives}
    lost = (row.id for row in ads if row.creative_id is not None and row.creative_id not in known)
    yield from told("ads show creatives that are not listed", lost)
