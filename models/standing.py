"""What of an account is switched on, which daily budgets it carries and how it is called, as last mirrored."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import ARRAY, Connection, Text, any_, literal, select, text

from decisions.expected_spend import Standing
from domain.actions import ObjectKind
from domain.ids import AccountId
from models.tables import ad_sets, ads, campaigns

_CAMPAIGNS: Final = text("""
SELECT id, coalesce(daily_budget_minor, -1) AS budget FROM campaigns WHERE account_id = :account AND status = 'active'
""")
_AD_SETS: Final = text("""
SELECT s.id, coalesce(s.daily_budget_minor, -1) AS budget FROM ad_sets AS s
JOIN campaigns AS c ON c.account_id = s.account_id AND c.id = s.campaign_id
WHERE s.account_id = :account AND s.status = 'active' AND c.status = 'active'
""")
_ADS: Final = text("SELECT id FROM ads WHERE account_id = :account AND status = 'active'")

_MIRRORS: Final = {ObjectKind.CAMPAIGN: campaigns, ObjectKind.AD_SET: ad_sets, ObjectKind.AD: ads}


def load(conn: Connection, account_id: AccountId) -> Standing:
    """Load it."""
    asked = {"account": account_id}
    return Standing(
        campaigns={row.id: row.budget for row in conn.execute(_CAMPAIGNS, asked)},
        ad_sets={row.id: row.budget for row in conn.execute(_AD_SETS, asked)},
        ads=frozenset(conn.execute(_ADS, asked).scalars()),
    )


def names(conn: Connection, account_id: AccountId, kind: ObjectKind, ids: Sequence[str]) -> Mapping[str, str]:
    """Read the names of campaigns, ad sets or ads; those that are gone have none."""
    table = _MIRRORS[kind]
    query = select(table.c.id, table.c.name).where(
        table.c.account_id == account_id, table.c.id == any_(literal(list(ids), ARRAY(Text)))
    )
    return {row.id: row.name for row in conn.execute(query)}
