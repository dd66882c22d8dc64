"""What spends now: the campaigns that are switched on, by what they spent lately. Reads only."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from domain.ids import AccountId, CampaignId

# The last two days that have figures: the newest one alone may have just begun.
_ACTIVE = text(
    """
    SELECT c.id, c.name, coalesce(sum(i.spend_minor), 0)::bigint AS spend_minor
    FROM campaigns c
    LEFT JOIN insights_daily i ON i.account_id = c.account_id AND i.campaign_id = c.id
        AND i.day >= (SELECT max(day) - 1 FROM insights_daily WHERE account_id = :account)
    WHERE c.account_id = :account AND c.status = 'active'
    GROUP BY c.id, c.name
    ORDER BY spend_minor DESC, c.id
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spender:
    """A campaign that is switched on; `spend_minor` is of its last two days, in the account's currency."""

    campaign_id: CampaignId
    name: str
    spend_minor: int


def active_campaigns(conn: Connection, account_id: AccountId) -> tuple[Spender, ...]:
    """Read what an account has switched on, what spends most first."""
    rows = conn.execute(_ACTIVE, {"account": account_id})
    return tuple(Spender(campaign_id=CampaignId(row[0]), name=row[1], spend_minor=row[2]) for row in rows)
