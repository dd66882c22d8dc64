"""The A/B module on a real sandbox: a label is enough, looks add up, and findings say what is known."""

from sqlalchemy import update

from domain.actions import ObjectKind
from domain.evidence import TestState as Standing
from domain.health import RunState
from models import accounts, experiments, findings
from models.tables import ad_sets
from tasks import ab_testing, collector

TASK = "meta.ab_testing"


def label(house, account, ad_set_id):
    with house.engine.begin() as conn:
        conn.execute(
            update(ad_sets)
            .where(ad_sets.c.account_id == account.id, ad_sets.c.id == ad_set_id)
            .values(labels=["ab_test"])
        )


def test_a_labelled_ad_set_is_tested_looked_at_again_and_told(do, house, account, advance, by_hand):
    do(collector.run, "meta.collector")
    ads = by_hand.ads()
    counts = {ad["adset_id"]: [row["id"] for row in ads if row["adset_id"] == ad["adset_id"]] for ad in ads}
    ad_set_id, arms = max(counts.items(), key=lambda item: len(item[1]))
    assert len(arms) >= 2
    label(house, account, ad_set_id)
    first = do(ab_testing.run, TASK)
    assert first.state is RunState.SUCCEEDED, first.reason
    with house.engine.begin() as conn:
        (row,) = [row for row in experiments.listing(conn, account.id) if row.plan.ad_set_id == ad_set_id]
        told = findings.of_object(conn, account.id, row.plan.arms[0])
    assert row.is_implicit
    assert row.state is Standing.RUNNING
    assert [(found.module, found.finding.object_kind) for found in told] == [("ab_testing", ObjectKind.AD)]
    assert f"experiment {row.id}" in told[0].finding.words
    advance(hours=12)
    do(collector.run, "meta.collector")
    label(house, account, ad_set_id)
    do(ab_testing.run, TASK)
    with house.engine.begin() as conn:
        again = experiments.get(conn, row.id)
        assert len(experiments.looks(conn, row.id)) == 2
    assert again.known.exposures.sum() > row.known.exposures.sum()
    assert again.looked_at > row.looked_at


def test_an_account_without_figures_is_passed_over(do, house, account):
    with house.engine.begin() as conn:
        accounts.change(conn, account.id, insights_read_at=None)
    assert do(ab_testing.run, TASK).state is RunState.SUCCEEDED
