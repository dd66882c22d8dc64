"""What is at stake: sums by currency, and real money apart from the sandbox's."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert

from domain.actions import Level, Mode
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from models import accounts, health_reads
from models.tables import ad_sets, campaigns

NOW = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
LIFE = {"status": "active", "effective_status": "ACTIVE", "created_at": NOW, "updated_at": NOW, "seen_at": NOW}


@pytest.fixture
def opened(conn):
    def open_one(number, currency, mode, *, of_campaign=None, of_set=None):
        """An account with a campaign that runs on its own budget, or on that of its ad set."""
        info = AccountInfo(
            id=PlatformAccountId(f"act_{number}"), name=f"Shop {number}", currency=currency, zone="Europe/Madrid",
            is_active=True, status_text="active", minimum_daily_budget_minor=100,
        )  # fmt: skip
        account_id = accounts.open_account(conn, platform="meta", info=info, mode=mode, level=Level.AUTO)
        ours = {"account_id": account_id, "name": "Summer", **LIFE}
        campaign = {"id": f"{number}", "objective": "SALES", "daily_budget_minor": of_campaign}
        conn.execute(insert(campaigns).values(**ours, **campaign))
        if of_set is not None:
            ad_set = {
                "id": f"{number}0",
                "optimization_goal": "LINK_CLICKS",
                "learning": "done",
                "campaign_id": f"{number}",
                "daily_budget_minor": of_set,
            }
            conn.execute(insert(ad_sets).values(**ours, **ad_set))

    return open_one


def test_budgets_are_summed_by_currency_whoever_holds_them(conn, opened):
    opened(1, "USD", Mode.STUB, of_campaign=5_000)
    opened(2, "USD", Mode.STUB, of_set=700)
    opened(3, "EUR", Mode.STUB, of_set=900)
    found = health_reads.business(conn)["meta"]
    assert (found.active_campaigns, found.daily_budget_minor) == (3, {"USD": 5_700, "EUR": 900})


def test_the_sandbox_s_money_is_not_added_to_real_money(conn, opened):
    opened(1, "USD", Mode.STUB, of_campaign=5_000)
    opened(2, "USD", Mode.LIVE, of_set=700)
    found = health_reads.business(conn)["meta"]
    assert (found.active_campaigns, found.daily_budget_minor) == (1, {"USD": 700})
