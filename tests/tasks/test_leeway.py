"""What the door's limits leave a plan is read from what the account's people said and from the house's caps."""

import pytest

from actions.guardrails import Limits
from domain.actions import ObjectKind, Priority
from domain.money import Money
from models import accounts, budgets, ledger, ledger_reads, marks, mirror, snapshots
from tasks import collector, leeway, optimization, roas_engine


@pytest.fixture
def gathered(house, account, do):
    """Read it after a collection, on the limits given."""
    do(collector.run, "meta.collector")

    def gather(limits):
        with house.engine.begin() as conn:
            held = accounts.get(conn, account.id)
            snapshot = snapshots.load(conn, held, now=held.insights_read_at, window_days=7, spike_hours=3)
            return leeway.gather(conn, held, snapshot, limits)

    return gather


def test_the_cap_of_the_settings_binds_an_account_without_one_in_its_currency(house, account, gathered):
    with house.engine.begin() as conn:
        accounts.change(conn, account.id, max_total_daily_spend_minor=None)
        running = budgets.running(conn, account.id).account_minor

    assert gathered(Limits()).raise_minor is None
    assert gathered(Limits(account_cap=Money(running + 700, account.currency))).raise_minor == 700
    assert gathered(Limits(account_cap=Money(running + 700, "JPY"))).raise_minor is None


def test_a_mark_is_known_with_what_it_is_part_of(house, account, gathered):
    with house.engine.begin() as conn:
        ad = mirror.listing(conn, account.id, ObjectKind.AD)[0]
        marks.put(conn, account.id, ObjectKind.AD, ad.id, reason="the founder's own", set_by="test")
    found = gathered(Limits())

    assert found.marked == {(ObjectKind.AD, ad.id)}
    assert found.above_marks == {(ObjectKind.AD_SET, ad.ad_set_id), (ObjectKind.CAMPAIGN, ad.campaign_id)}


def test_what_is_being_sent_holds_back_whatever_weighs_more_too(house, account, do, gathered):
    """The door lets nothing overtake it: `one_open_action` blocked a cut for a spike meanwhile."""
    with house.engine.begin() as conn:
        accounts.change(conn, account.id, margin=0.5)  # so that budgets are free
    do(roas_engine.run, "meta.roas_engine")
    run = do(optimization.run, "meta.optimization")
    with house.engine.begin() as conn:
        sending, standing, *_ = ledger_reads.of_run(conn, run.id)
        ledger.claim(conn, sending.id, owner="test/2/x", lease_s=60.0)
    held = gathered(Limits()).held

    assert held[sending.object_kind, sending.object_id].priority is None
    assert held[standing.object_kind, standing.object_id].priority == Priority.ROAS
