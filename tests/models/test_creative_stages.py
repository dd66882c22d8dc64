"""What stages are told from, and stages on record: first weeks of old, creatives of ads, replaced as a whole."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
from sqlalchemy import Connection, insert, text

from domain.actions import Level, Mode
from domain.evidence import AdStage, Stage
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo, InsightRow
from models import accounts, creative_stages, insights
from models.accounts import Account
from models.creative_stages import Row
from models.tables import ads

NOW = datetime(2026, 3, 10, 4, tzinfo=UTC)
LAST = date(2026, 3, 9)


def opened(conn: Connection) -> Account:
    info = AccountInfo(id=PlatformAccountId("act_1"), name="A", currency="USD", zone="UTC", is_active=True,
                       status_text="", minimum_daily_budget_minor=100)  # fmt: skip
    account_id = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
    return accounts.get(conn, account_id)


def run_ad(conn: Connection, account: Account, ad: str, *, days: int, creative: str | None = None) -> None:
    """An ad that was shown 1,000 times on each of its last days: 20 clicks a day in its first week, then 10."""
    made = datetime(LAST.year, LAST.month, LAST.day, tzinfo=UTC) - timedelta(days=days - 1)
    conn.execute(
        insert(ads).values(
            account_id=account.id, id=ad, name=f"Ad {ad}", status="active", effective_status="ACTIVE", created_at=made,
            updated_at=made, ad_set_id="s1", campaign_id="c1", creative_id=creative, seen_at=NOW,
        )
    )  # fmt: skip
    rows = [
        InsightRow(ad, "s1", "c1", LAST - timedelta(days=back), -1, 1_000, 20 if days - back <= 7 else 10, 2_000, 0, 0)
        for back in range(days)
    ]
    insights.upsert_daily(conn, account.id, [rows], NOW)


def stage(ad: str, kind: Stage, probability: float) -> Row:
    told = AdStage(
        ad_id=ad, stage=kind, probability=probability, reason="seen too often", words="click rate\x00 at half",
        evidence={"counts": {"clicks_7d": 3}},
    )  # fmt: skip
    return Row(stage=told, since=LAST, rates=[0.01, -1.0])


def test_history_holds_the_days_of_every_ad_and_the_creative_that_it_shows(conn: Connection) -> None:
    account = opened(conn)
    run_ad(conn, account, "a1", days=20, creative="k1")
    run_ad(conn, account, "a2", days=3)
    seen = creative_stages.history(conn, account, NOW)
    assert list(seen.panel.object_id) == ["a1", "a2"]
    assert list(seen.creative_id) == ["k1", ""]
    assert seen.panel.clicks.sum(axis=1).tolist() == [7 * 20 + 13 * 10, 60]
    assert seen.panel.parent.tolist() == [0, 0]
    assert seen.first.impressions.tolist() == [0, 0]  # their first weeks are in the panel itself


def test_a_first_week_before_the_days_loaded_is_summed(conn: Connection) -> None:
    """80 days: 60 are loaded, the first week lies in the 20 before them."""
    account = opened(conn)
    run_ad(conn, account, "a1", days=80)
    seen = creative_stages.history(conn, account, NOW)
    assert seen.panel.clicks.shape == (1, 60)
    assert (seen.first.clicks.tolist(), seen.first.impressions.tolist()) == ([140.0], [7_000.0])


def test_history_comes_in_parts_of_whole_ads(conn: Connection) -> None:
    account = opened(conn)
    run_ad(conn, account, "a1", days=8)
    seen = creative_stages.history(conn, account, NOW)
    (part,) = seen.parts()
    assert np.array_equal(part.panel.clicks, seen.panel.clicks)
    assert list(part.panel.object_id) == ["a1"]


def test_stages_take_the_place_of_all_before(conn: Connection) -> None:
    account = opened(conn)
    creative_stages.replace(conn, account.id, NOW, [stage("a1", Stage.FATIGUED, 0.9), stage("a2", Stage.STEADY, 0.1)])
    creative_stages.replace(
        conn, account.id, NOW + timedelta(days=1),
        [stage("a3", Stage.TIRING, 0.4), stage("a2", Stage.FATIGUED, 0.8), stage("a4", Stage.NEW, 0.0)],
    )  # fmt: skip
    current = creative_stages.current(conn, account.id)
    assert [(told.ad_id, told.stage) for told in current] == [("a2", Stage.FATIGUED), ("a3", Stage.TIRING)]
    assert current[0].evidence == {"counts": {"clicks_7d": 3}}
    assert creative_stages.made_at(conn, account.id) == NOW + timedelta(days=1)
    assert creative_stages.counts(conn, account.id)[Stage.NEW] == 1
    assert [row.stage.ad_id for row in creative_stages.listing(conn, account.id, None, 2)] == ["a2", "a3"]
    (row,) = creative_stages.listing(conn, account.id, Stage.TIRING, 9)
    assert (row.since, row.rates) == (LAST, (0.01, -1.0))


def test_an_account_that_was_never_told_has_none(conn: Connection) -> None:
    account = opened(conn)
    assert creative_stages.current(conn, account.id) == ()
    assert creative_stages.made_at(conn, account.id) is None


def test_stages_go_with_their_account(conn: Connection) -> None:
    account = opened(conn)
    creative_stages.replace(conn, account.id, NOW, [stage("a1", Stage.FATIGUED, 0.9)])
    conn.execute(text("SET LOCAL ROLE NONE"))
    cascades = conn.execute(
        text("SELECT confdeltype FROM pg_constraint WHERE conname = 'fk_creative_stages_account_id_accounts'")
    ).scalar_one()
    assert cascades == "c"
