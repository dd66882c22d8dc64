"""What advertisers set, from the command line: goals, margin, month budget, marks."""

from datetime import UTC, datetime

import pytest

from domain.ids import AdId, AdSetId, CampaignId
from domain.objects import Ad, AdSet, Bidding, Campaign, Learning, Status
from models import accounts, marks, mirror

BORN = datetime(2026, 1, 1, tzinfo=UTC)
LIFE = {"status": Status.ACTIVE, "effective_status": "active", "created_at": BORN, "updated_at": BORN}


@pytest.fixture
def tree(engine, filled):
    """A campaign that carries the budget, with an ad set and an ad; and an ad set with a cost cap elsewhere."""
    with engine.begin() as conn:
        mine = accounts.listing(conn)[0].id
        campaigns = [
            Campaign(id=CampaignId("11"), name="Shared", objective="X", daily_budget_minor=15000,
                     lifetime_budget_minor=None, **LIFE),
            Campaign(id=CampaignId("12"), name="Own", objective="X", daily_budget_minor=None,
                     lifetime_budget_minor=None, **LIFE),
        ]  # fmt: skip
        ad_sets = [
            AdSet(id=AdSetId(key), campaign_id=CampaignId(parent), name=f"Set {key}", optimization_goal="X",
                  daily_budget_minor=own, lifetime_budget_minor=None, learning=Learning.DONE, labels=(),
                  bidding=bidding, **LIFE)
            for key, parent, own, bidding in (
                ("21", "11", None, Bidding.AUTOMATIC), ("22", "12", 4000, Bidding.COST_CAP),
            )
        ]  # fmt: skip
        ads = [Ad(id=AdId("31"), ad_set_id=AdSetId("21"), campaign_id=CampaignId("11"), creative_id=None, name="Ad",
                  **LIFE)]  # fmt: skip
        mirror.upsert_campaigns(conn, mine, [campaigns], BORN)
        mirror.upsert_ad_sets(conn, mine, [ad_sets], BORN)
        mirror.upsert_ads(conn, mine, [ads], BORN)


def test_goals_margin_and_month_budget_are_set_and_taken_back(on_database, filled):
    done = on_database(
        "account", "set", "1", "--goal-roas", "2.5", "--margin", "0.4", "--month-budget", "3000 EUR", "--json"
    ).document["account"]
    assert (done["goal_roas"], done["margin"], done["month_budget_minor"]) == (2.5, 0.4, 300_000)
    other = on_database("account", "set", "1", "--goal-cpa", "18 EUR", "--json").document["account"]
    assert (other["goal_roas"], other["goal_cpa_minor"]) == (None, 1800)  # one takes the other's place
    bare = on_database("account", "set", "1", "--clear", "goal-cpa", "--clear", "month-budget", "--json")
    assert [bare.document["account"][name] for name in ("goal_cpa_minor", "month_budget_minor", "margin")] == [
        None, None, 0.4
    ]  # fmt: skip


WRONG = [
    (("--goal-roas", "2", "--goal-cpa", "18 EUR"), "not both"),
    (("--goal-cpa", "18 USD"), "is billed in EUR"),
    (("--goal-cpa", "0 EUR"), "more than 0"),
    (("--margin", "1.2"), "1 at most"),
    (("--margin", "nan"), "makes no sense"),
    (("--goal-roas", "-1"), "makes no sense"),
    (("--clear", "level"), "goal-roas, goal-cpa, margin, month-budget"),
]


@pytest.mark.parametrize(("words", "says"), WRONG)
def test_what_makes_no_sense_is_refused_with_the_right_form(on_database, filled, words, says):
    done = on_database("account", "set", "1", *words)
    assert done.code == 2
    assert says in done.err


def test_lists_show_who_carries_the_budget_and_what_is_left_alone(on_database, tree):
    campaigns = on_database("campaign", "list", "--json").document["objects"]
    assert [(row["id"], row["budget_minor"], row["budget_kind"]) for row in campaigns] == [
        ("11", 15000, "daily"), ("12", None, "its ad sets'")
    ]  # fmt: skip
    ad_sets = on_database("adset", "list", "--json").document["objects"]
    assert [(row["id"], row["budget_kind"]) for row in ad_sets] == [
        ("21", "its campaign's"), ("22", "daily, cost cap: left alone")
    ]  # fmt: skip
    assert "150.00 EUR" in on_database("campaign", "list").out


def test_a_mark_is_put_with_a_reason_seen_on_what_it_covers_and_lifted(on_database, tree, engine):
    assert on_database("campaign", "set", "11", "--never-touch").code == 2
    done = on_database("campaign", "set", "11", "--never-touch", "--reason", "the founder's", "--json")
    assert (done.code, done.document["changed"]) == (0, True)
    for group in ("adset", "ad"):
        first = on_database(group, "list", "--json").document["objects"][0]
        assert first["mark"]["reason"] == "the founder's"
    assert "the founder's" in on_database("campaign", "list").out
    assert on_database("campaign", "set", "11", "--touch", "--json").document["marks"] == []
    with engine.begin() as conn:
        assert marks.standing(conn, accounts.listing(conn)[0].id) == ()
        kept = conn.exec_driver_sql("SELECT reason, lifted_by IS NOT NULL FROM marks").one()
    assert tuple(kept) == ("the founder's", True)


def test_what_is_not_there_cannot_be_marked(on_database, tree):
    done = on_database("adset", "set", "999", "--never-touch", "--reason", "x")
    assert done.code == 2
    assert "no ad set 999" in done.err
