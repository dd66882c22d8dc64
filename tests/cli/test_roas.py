"""`stakazo roas` as people run it: what is known of an account's ROAS, and what is said where nothing is."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from cli import roas_tables
from domain.actions import Level, Mode
from domain.objects import InsightRow
from models import accounts, insights
from tasks import roas_engine
from tests.cli.conftest import NOW, account_info

DAYS = 28
TODAY = date(2026, 11, 20)


@pytest.fixture
def known(engine):
    """Four ad sets in two campaigns over four weeks, of which one sells nothing; the engine has looked at them."""
    with engine.begin() as conn:
        account_id = accounts.open_account(
            conn, platform="meta", info=account_info("act_1001"), mode=Mode.STUB, level=Level.AUTO
        )
        rows = [
            InsightRow(f"a{n}", f"s{n}", f"c{n // 2}", TODAY - timedelta(days=back), -1, 5_000, 80, 4_000, n, 5_500 * n)
            for n in range(4)
            for back in range(1, DAYS + 1)
        ]
        insights.upsert_daily(conn, account_id, [rows], NOW)
        mirrored(conn, account_id)
        accounts.change(conn, account_id, insights_read_at=NOW)
        account = accounts.get(conn, account_id)
        roas_engine.write(conn, account, roas_engine.look(conn, account, NOW), NOW)
    return account_id


def mirrored(conn, account_id):
    values = {"account": account_id, "now": NOW}
    life = "status, effective_status, created_at, updated_at, seen_at"
    told = "'active', 'ACTIVE', :now, :now, :now"
    conn.execute(
        text(f"INSERT INTO campaigns (account_id, id, name, objective, {life})"
             f" SELECT :account, 'c' || n, 'Campaign ' || n, 'SALES', {told} FROM generate_series(0, 1) n"), values
    )  # fmt: skip
    conn.execute(
        text(f"INSERT INTO ad_sets (account_id, id, name, campaign_id, optimization_goal, learning,"
             f" daily_budget_minor, {life}) SELECT :account, 's' || n, 'Set ' || n, 'c' || n / 2, 'PURCHASE', 'done',"
             f" 5000, {told} FROM generate_series(0, 2) n"), values
    )  # fmt: skip
    conn.execute(
        text(f"INSERT INTO ads (account_id, id, name, ad_set_id, campaign_id, {life})"
             f" SELECT :account, 'a' || n, 'Ad ' || n, 's' || n, 'c' || n / 2, {told}"
             " FROM generate_series(0, 3) n"), values
    )  # fmt: skip


def test_it_says_how_to_have_the_engine_look_where_it_never_did(on_database, filled):
    done = on_database("roas")
    assert done.code == 1
    assert "stakazo cycle run --cycle roas_engine" in done.err


def test_ad_sets_are_listed_with_now_matured_interval_chance_and_forecast(on_database, known):
    done = on_database("roas")
    assert done.code == 0, done.err
    for words in (
        "Set 2 (s2)",
        "gone (s3)",
        "over 99 %",
        "under 1 %",
        "matured",
        "next 7 days",
        "ROAS 1.50 of the policy",
    ):
        assert words in done.out
    rows = {row["id"]: row for row in on_database("roas", "--json").document["objects"]}
    assert set(rows) == {"s0", "s1", "s2", "s3"}
    best, none = rows["s3"], rows["s0"]
    assert best["roas_now"] == pytest.approx(3 * 5_500 / 4_000)
    assert best["low"] < best["roas_matured"] < best["high"]
    assert best["chance_to_reach"] > 0.99
    assert none["chance_to_reach"] < 0.05
    assert 0 < none["roas_matured"] < 0.5
    assert best["forecast"] is None  # it is not switched on any more
    assert rows["s2"]["forecast"]["spend_minor"] == 7 * 5_000
    assert rows["s2"]["forecast"]["low"] < rows["s2"]["forecast"]["roas"] < rows["s2"]["forecast"]["high"]


@pytest.mark.parametrize(("level", "ids"), [("account", {"act_1001"}), ("campaign", {"c0", "c1"}), ("ad", {"a3"})])
def test_every_level_can_be_listed_and_limited(on_database, known, level, ids):
    limit = str(len(ids))
    found = on_database("roas", "--level", level, "--limit", limit, "--json").document["objects"]
    assert len(found) == len(ids)
    assert level != "campaign" or {row["id"] for row in found} == ids
    assert on_database("roas", "--level", level).code == 0


def test_a_narrow_screen_leaves_names_room_and_keeps_what_decides():
    columns = ("ad set", "now", "matured", "80 %", "P(reaches)", "arrived", "purchases", "next 7 days", "of it")
    assert roas_tables.that_fit(columns, 160) == columns
    assert roas_tables.that_fit(columns, 80) == ("ad set", "now", "matured", "80 %", "P(reaches)", "next 7 days")


def test_one_object_is_shown_with_all_that_is_known(on_database, known):
    done = on_database("roas", "s2")
    for words in ("once matured", "in 8 of 10 cases", "has arrived", "an order", "55.00 EUR", "next 7 days", "as of"):
        assert words in done.out
    assert on_database("roas", "s2", "--json").document["object"]["name"] == "Set 2"
    assert on_database("roas", "act_1001").code == 0


def test_a_margin_sets_what_must_be_reached(on_database, engine, known):
    with engine.begin() as conn:
        accounts.change(conn, known, margin=0.4)
    document = on_database("roas", "--json").document
    assert document["must_reach"] == {"roas": 2.5, "basis": "margin"}


def test_an_unknown_object_is_refused_with_where_to_look(on_database, known):
    done = on_database("roas", "nowhere")
    assert done.code == 2
    assert "--level ad_set" in done.err


def test_calibration_says_when_the_first_forecast_can_be_judged(on_database, known):
    done = on_database("roas", "--calibration")
    assert done.code == 0
    assert "the first can be judged on 2026-12-11" in " ".join(done.out.split())
    assert on_database("roas", "--calibration", "--json").document["kinds"] == []


def test_calibration_counts_the_forecasts_that_held(on_database, engine, known):
    """The forecast week lies four weeks back; s2 brought what was told, s1 less, and campaign c0 had no forecast."""
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM roas_forecasts"))
        conn.execute(
            text("INSERT INTO roas_forecasts SELECT :account, DATE '2026-10-25', kind, id, 7, 1000, 2.5, low, high FROM"
                 " (VALUES ('ad_set', 's2', 2.0, 3.0), ('ad_set', 's1', 2.0, 3.0), ('account', 'act_1001', 2.0, 2.1))"
                 " AS told (kind, id, low, high)"), {"account": known}
        )  # fmt: skip
    kinds = {row["object_kind"]: row for row in on_database("roas", "--calibration", "--json").document["kinds"]}
    assert set(kinds) == {"account", "ad_set"}
    assert (kinds["ad_set"]["forecasts"], kinds["ad_set"]["held"], kinds["ad_set"]["under"]) == (2, 1, 1)
    assert kinds["account"]["held"] == 1  # 6 orders of 55 a day for 4 x 40
    assert "50 %" in on_database("roas", "--calibration").out
