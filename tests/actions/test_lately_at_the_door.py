"""What the door counts over cycles and modules, and judges again as it sends."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import insert, text, update

from actions.guardrails import Limits
from domain.actions import ActionState, ObjectKind, Priority
from models import partitions
from models.tables import ad_sets, campaigns, hand_edits, insights_daily, runs
from tests.actions.fake_platform import NOW
from tests.actions.stage import activate, budget, create, pause, set_stage

HOUR = timedelta(hours=1)


def open_run(stage, now=NOW, task="meta.full_cycle"):
    with stage.engine.begin() as conn:
        row = {"task": task, "account_id": stage.account_id, "slot_at": now, "now_at": now}
        more = {"mode": "stub", "level": "auto", "triggered_by": "schedule", "state": "running"}
        return conn.execute(insert(runs).values({**row, **more}).returning(runs.c.id)).scalar_one()


def later(stage, span):
    """Let the platform's clock go on, with data as young as before."""
    stage.clock.at += span
    stage.change_account(
        tree_read_at=stage.clock.at, insights_read_at=stage.clock.at, activities_read_at=stage.clock.at
    )
    with stage.engine.begin() as conn:
        conn.execute(update(ad_sets).values(seen_at=stage.clock.at))


def do(stage, proposal):
    action = stage.approve(proposal)
    assert stage.executor().execute(action.id) is ActionState.APPLIED


def only(proposed):
    (action,) = proposed.actions
    return action


def test_two_creates_by_one_rule_under_one_parent_in_one_run_stand_side_by_side(stage):
    run_id = open_run(stage)
    wanted = [create(target={"name": name, "status": "paused"}) for name in ("A", "B", "A")]
    rows = stage.propose(*wanted, run_id=run_id).actions
    assert sorted(row.target["name"] for row in rows) == ["A", "B"]
    again = stage.propose(*wanted, run_id=run_id).actions
    assert {row.id for row in again} == {row.id for row in rows}


def test_a_weightier_change_overtakes_one_that_was_not_sent_yet(stage):
    first = stage.approve(budget("11"))
    second = only(stage.propose(budget("11", target=9_000, rule="spike", priority=Priority.NEGATIVE_SPIKE)))
    assert second.state is ActionState.APPROVED
    overtaken = stage.get(first)
    assert overtaken.state is ActionState.CANCELLED
    assert overtaken.state_reason == "overtaken by spike, which weighs more: 50 over 30"


def test_a_change_that_is_being_sent_is_not_overtaken(stage):
    first = stage.approve(budget("11"))
    seen = []

    def meanwhile(step):
        if step == "reserved" and not seen:
            seen.append(step)

    stage.platform.writes = [lambda *_: (_ for _ in ()).throw(TimeoutError())]
    assert stage.executor(checkpoint=meanwhile).execute(first.id) is ActionState.UNKNOWN
    second = only(stage.propose(budget("11", target=9_000, priority=Priority.NEGATIVE_SPIKE)))
    assert second.state is ActionState.BLOCKED
    assert f"action {first.id}" in second.state_reason


def test_a_change_that_is_being_claimed_is_neither_waited_for_nor_overtaken(stage):
    """Waiting for its row, with the audit's place in line taken, would let the two wait for each other."""
    first, second = stage.approve(budget("11")), stage.approve(budget("12"))
    weightier = {"rule": "spike", "priority": Priority.NEGATIVE_SPIKE}
    with stage.engine.begin() as claiming:
        claiming.execute(text("SELECT FROM actions WHERE id = :id FOR UPDATE"), {"id": second.id})
        rows = stage.propose(budget("11", target=9_000, **weightier), budget("12", target=9_000, **weightier)).actions
    states = {row.object_id: row.state for row in rows}
    assert states == {"11": ActionState.APPROVED, "12": ActionState.BLOCKED}
    assert [stage.get(row).state for row in (first, second)] == [ActionState.CANCELLED, ActionState.APPROVED]


def test_the_room_of_what_is_overtaken_is_free(stage):
    stage.change_account(max_total_daily_spend_minor=32_000)
    stage.approve(budget("11", target=12_000))
    second = only(stage.propose(budget("11", target=11_500, rule="ab", priority=Priority.AB_WINNER)))
    assert (second.state, second.target) == (ActionState.APPROVED, {"daily_budget_minor": 11_500})


def test_a_rule_does_not_turn_round_within_72_hours_what_a_rule_did(stage):
    do(stage, budget("11", target=8_500))
    with stage.engine.begin() as conn:
        conn.execute(update(ad_sets).where(ad_sets.c.id == "11").values(daily_budget_minor=8_500))
    later(stage, 30 * HOUR)
    raised = budget("11", before=8_500, target=9_000)
    assert "turned ad set 11 down" in only(stage.propose(raised)).state_reason
    later(stage, 43 * HOUR)
    assert only(stage.propose(raised)).state is ActionState.APPROVED


def test_steps_of_one_day_do_not_add_up(stage):
    short = Limits(cooldown=HOUR, cooldown_learning=HOUR)
    do(stage, budget("11", target=11_500))
    later(stage, 2 * HOUR)
    action = only(stage.propose(budget("11", before=11_500, target=13_500), limits=short))
    assert action.target == {"daily_budget_minor": 12_000}
    assert "trimmed to 20 % in 24 h from 100.00 USD" in action.reason


def test_pauses_of_earlier_cycles_of_the_day_count(engine):
    stage = set_stage(engine, ad_set_count=7)
    for number in range(1, 6):
        do(stage, pause(f"11{number}"))
        later(stage, HOUR)
    sixth = only(stage.propose(pause("116")))
    assert (sixth.state, sixth.needs_approval) == (ActionState.AWAITING_APPROVAL, True)
    assert "would be pause 6 in 24 h" in sixth.state_reason
    later(stage, 24 * HOUR)
    assert only(stage.propose(pause("117"))).state is ActionState.APPROVED


def test_the_share_of_the_spend_is_judged_again_as_a_pause_is_sent(stage):
    """Two were approved under another limit; of 6 % each, one goes."""
    with stage.engine.begin() as conn:
        partitions.ensure(conn, insights_daily, NOW.date(), NOW.date())
        for ad_id, spend in (("111", 60), ("112", 60), ("113", 880)):
            figures = {"impressions": 1, "clicks": 0, "spend_minor": spend, "purchases": 0, "revenue_minor": 0}
            keys = {"account_id": stage.account_id, "day": NOW.date(), "ad_id": ad_id, "campaign_id": "1"}
            conn.execute(insert(insights_daily), [{**keys, **figures, "ad_set_id": "11", "read_at": NOW}])
    generous = Limits(mass_pause_spend_share=0.5)
    first, second = stage.propose(pause("111"), pause("112"), limits=generous).actions
    assert stage.machinery(first).judged_on == {"share_ppm": 60_000}
    for action in (first, second):
        stage.executor().execute(action.id)
    rows = {row.state: row for row in (stage.get(first), stage.get(second))}
    assert set(rows) == {ActionState.APPLIED, ActionState.BLOCKED}
    assert "12.0 % of the spend" in rows[ActionState.BLOCKED].state_reason


def test_break_even_is_judged_again_as_a_raise_is_sent(stage):
    action = stage.approve(budget("11"))
    stage.change_account(margin=0.4)
    assert stage.executor().execute(action.id) is ActionState.BLOCKED
    assert "break-even at 2.50 cannot be kept" in stage.get(action).state_reason


def test_twenty_actions_an_account_and_half_hour_over_all_modules(engine):
    stage = set_stage(engine, ad_set_count=25)
    by_one = stage.propose(*[budget(f"1{number}") for number in range(1, 13)], run_id=open_run(stage)).actions
    at = NOW + HOUR / 4
    other = open_run(stage, at, "meta.real_time")
    by_other = stage.propose(*[budget(f"1{number}") for number in range(13, 26)], run_id=other, now=at).actions
    states = [row.state for row in (*by_one, *by_other)]
    assert (states.count(ActionState.APPROVED), states.count(ActionState.BLOCKED)) == (20, 5)
    last = [row for row in by_other if row.state is ActionState.APPROVED][-1]
    assert stage.executor().execute(last.id) is ActionState.APPLIED  # judged again within the same half hour
    stage.change_account(tree_read_at=NOW + HOUR, insights_read_at=NOW + HOUR, activities_read_at=NOW + HOUR)
    next_run = open_run(stage, NOW + HOUR / 2)
    row = only(stage.propose(budget("125"), run_id=next_run, now=NOW + HOUR / 2))
    assert row.state is ActionState.APPROVED


def test_learning_resets_of_a_week_are_counted_and_people_are_free(stage):
    """One of three ad sets may be put back into learning."""
    do(stage, activate("11", evidence={}))
    later(stage, 2 * HOUR)
    second = only(stage.propose(activate("12")))
    assert (second.state, second.needs_approval) == (ActionState.AWAITING_APPROVAL, True)
    assert "1 were in 7 days" in second.state_reason
    assert only(stage.propose(activate("13", priority=Priority.PERSON))).state is ActionState.APPROVED


def test_the_budget_of_an_ad_set_under_a_campaign_budget_stays(stage):
    with stage.engine.begin() as conn:
        conn.execute(update(campaigns).where(campaigns.c.id == "1").values(daily_budget_minor=50_000))
    assert "spends by its campaign's budget" in only(stage.propose(budget("11"))).state_reason
    on_top = replace(budget("1", before=50_000, target=55_000), object_kind=ObjectKind.CAMPAIGN)
    with stage.engine.begin() as conn:
        conn.execute(update(campaigns).where(campaigns.c.id == "1").values(lifetime_budget_minor=9))
    assert "spends by a lifetime budget" in only(stage.propose(on_top)).state_reason


def test_budget_edits_of_people_count_towards_the_platforms_limit(stage):
    with stage.engine.begin() as conn:
        for minutes in (1, 2, 3):
            at = NOW - minutes * HOUR / 60
            row = {"account_id": stage.account_id, "object_kind": "ad_set", "object_id": "11", "event": "budget"}
            row |= {"after": {"daily_budget_minor": minutes}, "edited_at": at, "hands_off_until": at + 24 * HOUR}
            conn.execute(insert(hand_edits).values(**row, found_by="activities"))
    asked = only(stage.propose(budget("11", priority=Priority.PERSON)))
    assert "was edited 3 times in the last hour" in asked.state_reason


def test_a_change_over_the_limit_without_approval_waits_for_a_person(stage):
    stage.change_account(max_change_without_approval_minor=1_000)
    action = only(stage.propose(budget("11", target=11_001)))
    assert (action.state, action.needs_approval) == (ActionState.AWAITING_APPROVAL, True)
    assert only(stage.propose(budget("12", target=11_000))).state is ActionState.APPROVED


def test_the_worst_day_of_the_account_has_its_own_limit(stage):
    """300.00 run, so 525.00 on the worst day; 532.00 leave room for 4.00 of daily budgets."""
    stage.change_account(max_worst_day_minor=53_200)
    action = stage.approve(budget("11", target=12_000))
    assert action.target == {"daily_budget_minor": 10_400}


def test_the_month_budget_is_judged_again_as_a_raise_is_sent(stage):
    """300.00 run; the month is lowered to what does not even carry those."""
    stage.change_account(month_budget_minor=10_000_000, insights_loaded_from=NOW.date().replace(day=1))
    action = stage.approve(budget("11"))
    assert stage.machinery(action).judged_on["month"]["days_after_today"] == 29
    stage.change_account(month_budget_minor=100_000)
    assert stage.executor().execute(action.id) is ActionState.BLOCKED
    assert "for the month" in stage.get(action).state_reason
