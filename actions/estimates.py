"""How long the pauses of a stop take at the pace that each account's quota allows: its own bound, no promise."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from sqlalchemy import Connection

from actions import quota
from domain.ids import AccountId
from domain.ports import CallKind
from models import accounts, spending
from models import quota as quota_rows
from models.accounts import Account

MOST = 0.9  # of the spend


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One account. `most_share` (0..1) of its spend is off after `most_s`, all of it after `all_s` real seconds.

    `score_limit` None = the platform has not told the tier yet, the smallest is assumed.
    """

    account_name: str
    campaigns: int
    score_limit: float | None
    most_share: float
    most_s: float
    all_s: float


def of_stop(conn: Connection, account_id: AccountId | None) -> tuple[Estimate, ...]:
    """Estimate for every account in the scope (None = all) that has something switched on."""
    scope = accounts.listing(conn) if account_id is None else (accounts.get(conn, account_id),)
    found = []
    for account in scope:
        spends = [row.spend_minor for row in spending.active_campaigns(conn, account.id)]
        if spends:
            found.append(estimate(account.name, spends, *_room(conn, account)))
    return tuple(found)


def estimate(account_name: str, spends: Sequence[int], score_limit: float | None, used: float) -> Estimate:
    """Estimate from what campaigns spend, the most first, and the share (0..1) of the score that is used already.

    A pause is a reading, a write and a reading back; the score decays evenly within five minutes, and emergencies may
    use all of it (facts/meta_graph_api.md §6).
    """
    limit = score_limit or quota.SMALLEST_SCORE
    total = sum(spends)
    first = next((n for n, sum_ in enumerate(accumulate(spends), start=1) if sum_ >= MOST * total), len(spends))
    return Estimate(
        account_name=account_name,
        campaigns=len(spends),
        score_limit=score_limit,
        most_share=MOST,
        most_s=_seconds(first, limit, used),
        all_s=_seconds(len(spends), limit, used),
    )


def score_limit(conn: Connection, account: Account) -> float:
    """The points that the account's calls may use, by its tier; the smallest where the platform has told none yet."""
    return _room(conn, account)[0] or quota.SMALLEST_SCORE


def _seconds(campaigns: int, limit: float, used: float) -> float:
    points = campaigns * (2 * quota.POINTS[CallKind.READ] + quota.POINTS[CallKind.WRITE])
    free = max(0.0, 1.0 - used) * limit
    return max(0.0, points - free) * quota.DECAY_S / limit


def _room(conn: Connection, account: Account) -> tuple[float | None, float]:
    key = quota_rows.Key(platform=account.platform, mode=account.mode, account=account.platform_account_id)
    row = quota_rows.find(conn, key)
    return (None, 0.0) if row is None else (row.score_limit, row.account_share or 0.0)
