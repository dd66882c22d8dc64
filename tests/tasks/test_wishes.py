"""What advertisers set, on a living account over real HTTP: the cycle obeys, and leaves alone what it cannot handle."""

import pytest

from domain.actions import ActionKind, ActionState, ObjectKind
from domain.objects import Status
from models import accounts, ledger_reads, marks, mirror, policies, run_history
from tasks import full_cycle

CHANGES = {ActionKind.SET_DAILY_BUDGET, ActionKind.PAUSE, ActionKind.ACTIVATE}
# Every ad set and campaign is a winner: above a ROAS of 0.02 budgets rise.
ALL_RISE = {"roas_high": 0.02, "roas_low": 0.01, "min_spend_floors": 0.0}
# Everything loses, but not by half: budgets fall.
ALL_FALL = {"roas_high": 1000.0, "roas_low": 999.0, "min_spend_floors": 0.0}


@pytest.fixture
def collected(house, do):
    """The account's tree and figures are in the mirror."""
    do(full_cycle.run)
    with house.engine.begin() as conn:
        conn.exec_driver_sql("DELETE FROM actions")  # so that the tests' own cycles are the first


def _policy(house, account, body):
    with house.engine.begin() as conn:
        policies.save(conn, account.id, "classic", body, "ana")
        accounts.change(conn, account.id, max_daily_budget_per_ad_set_minor=10**8, max_total_daily_spend_minor=10**9)


def _actions(house, run):
    with house.engine.begin() as conn:
        return ledger_reads.of_run(conn, run.id)


def _raises(house, run):
    """Raises that no other rule's wish for the same object displaced."""
    raised = [row for row in _actions(house, run) if row.rule == "roas_high"]
    return [row for row in raised if "gives way" not in row.state_reason]


def _tree(house, account, kind):
    with house.engine.begin() as conn:
        return mirror.listing(conn, account.id, kind)


def _shared_budget(house, account):
    """The campaign that carries the budget of its ad sets, with them."""
    (campaign,) = [row for row in _tree(house, account, ObjectKind.CAMPAIGN) if row.daily_budget_minor is not None]
    ad_sets = [row for row in _tree(house, account, ObjectKind.AD_SET) if row.campaign_id == campaign.id]
    return campaign, [row for row in ad_sets if row.status is Status.ACTIVE]


def test_under_a_campaign_budget_the_campaign_s_budget_moves_and_never_its_ad_sets(house, do, account, collected):
    _policy(house, account, ALL_RISE)
    campaign, ad_sets = _shared_budget(house, account)
    run = do(full_cycle.run)
    budgets = [row for row in _actions(house, run) if row.kind is ActionKind.SET_DAILY_BUDGET]

    assert not {row.object_id for row in budgets} & {row.id for row in ad_sets}
    (raised,) = [row for row in budgets if row.object_id == campaign.id]
    assert (raised.object_kind, raised.state) == (ObjectKind.CAMPAIGN, ActionState.APPROVED)
    assert raised.target["daily_budget_minor"] == campaign.daily_budget_minor * 120 // 100  # 30 %, trimmed to 20 %
    assert house.executor("test/2/x").execute(raised.id) is ActionState.APPLIED

    reader = house.client_of(account).reader
    shown = reader.state(account.platform_account_id, ObjectKind.CAMPAIGN, campaign.id)
    assert shown.values["daily_budget_minor"] == raised.target["daily_budget_minor"]
    for ad_set in ad_sets:
        state = reader.state(account.platform_account_id, ObjectKind.AD_SET, ad_set.id)
        assert state.values.get("daily_budget_minor") is None


def test_the_run_says_that_ad_sets_under_a_campaign_budget_were_left_to_it(house, do, account, collected):
    _, ad_sets = _shared_budget(house, account)
    run = do(full_cycle.run)

    assert run.stats_snapshot["left_alone"] == {"campaign budget: rules act on the campaign": len(ad_sets)}
    with house.engine.begin() as conn:
        (log,) = [row for row in run_history.logs(conn, run.id) if row.action == "left_alone"]
    assert log.output_snapshot["such_as"] == {
        "campaign budget: rules act on the campaign": sorted(row.id for row in ad_sets)
    }


def test_a_second_change_of_a_campaign_s_budget_rests_like_that_of_an_ad_set(house, do, account, collected):
    _policy(house, account, ALL_RISE)
    campaign, _ = _shared_budget(house, account)
    (raised,) = [row for row in _actions(house, do(full_cycle.run)) if row.object_id == campaign.id]
    house.executor("test/2/x").execute(raised.id)
    again = [row for row in _actions(house, do(full_cycle.run)) if row.object_id == campaign.id]

    assert [row.state for row in again] == [ActionState.BLOCKED]
    assert "rests for" in again[0].state_reason


def test_what_is_marked_stays_untouched_although_it_loses(house, do, account, collected):
    _policy(house, account, ALL_FALL)
    ad_sets = [row for row in _tree(house, account, ObjectKind.AD_SET) if row.daily_budget_minor is not None]
    chosen = next(row for row in ad_sets if row.status is Status.ACTIVE)
    siblings = {row.id for row in ad_sets if row.campaign_id == chosen.campaign_id}
    ads = {row.id for row in _tree(house, account, ObjectKind.AD) if row.ad_set_id in siblings}
    with house.engine.begin() as conn:
        marks.put(conn, account.id, ObjectKind.CAMPAIGN, chosen.campaign_id, reason="the founder's", set_by="ana")
    run = do(full_cycle.run)

    marked = {chosen.campaign_id, *siblings, *ads}
    touched = [row for row in _actions(house, run) if row.kind in CHANGES and row.object_id in marked]
    assert chosen.id in {row.object_id for row in touched}
    assert {row.state for row in touched} == {ActionState.BLOCKED}
    assert all("marked by ana" in row.state_reason for row in touched)
    others = [row for row in _actions(house, run) if row.kind in CHANGES and row.object_id not in marked]
    assert ActionState.APPROVED in {row.state for row in others}


def test_a_mark_put_after_the_approval_still_stops_the_sending(house, do, account, collected):
    _policy(house, account, ALL_RISE)
    approved = next(row for row in _actions(house, do(full_cycle.run)) if row.state is ActionState.APPROVED)
    with house.engine.begin() as conn:
        marks.put(conn, account.id, approved.object_kind, approved.object_id, reason="wait", set_by="ana")

    assert house.executor("test/2/x").execute(approved.id) is ActionState.BLOCKED


def test_a_cost_cap_that_a_person_sets_on_the_platform_takes_the_ad_set_out_of_the_rules(
    house, do, account, by_hand, advance
):
    do(full_cycle.run)
    _policy(house, account, ALL_RISE)
    ad_sets = [row for row in _tree(house, account, ObjectKind.AD_SET) if row.daily_budget_minor is not None]
    chosen = next(row for row in ad_sets if row.status is Status.ACTIVE)
    by_hand.change(chosen.id, bid_strategy="COST_CAP", bid_amount="900")
    try:
        advance(hours=1)
        run = do(full_cycle.run)
    finally:
        by_hand.change(chosen.id, bid_strategy="LOWEST_COST_WITHOUT_CAP")

    assert chosen.id not in {row.object_id for row in _actions(house, run)}
    assert run.stats_snapshot["left_alone"]["bid cap, cost cap or minimum ROAS"] == 1


def test_a_spent_month_raises_nothing_and_says_with_figures_why(house, do, account, collected):
    _policy(house, account, ALL_RISE)
    with house.engine.begin() as conn:
        accounts.change(conn, account.id, month_budget_minor=100)
    raised = _raises(house, do(full_cycle.run))

    assert raised
    assert {row.state for row in raised} == {ActionState.BLOCKED}
    assert all("of 1.00 EUR for the month" in row.state_reason for row in raised)


def test_nothing_is_raised_below_break_even(house, do, account, collected):
    _policy(house, account, ALL_RISE)
    with house.engine.begin() as conn:
        accounts.change(conn, account.id, margin=0.01)  # break-even ROAS 100
    raised = _raises(house, do(full_cycle.run))

    assert raised
    assert all("under break-even 100.00" in row.state_reason for row in raised)


@pytest.mark.usefixtures("by_classic")
def test_a_goal_of_the_account_stands_in_for_the_policy_s_thresholds(house, do, account, collected):
    with house.engine.begin() as conn:
        accounts.change(conn, account.id, goal_cpa_minor=10**7)  # 100,000 EUR per purchase: everything is cheap
    run = do(full_cycle.run)

    stepped = [row for row in _actions(house, run) if row.rule in {"roas_high", "roas_low"}]
    assert {row.rule for row in stepped if row.evidence["purchases"]} == {"roas_high"}
    assert all("goal 100,000.00 EUR" in row.reason for row in stepped)
