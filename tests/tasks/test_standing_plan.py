"""A daily step comes a moment too early for yesterday's rest: the full cycle asks for it again, once it has rested."""

import pytest

from decisions.allocation_bounds import SOON
from decisions.anomaly_values import Told
from domain.actions import ActionState, ObjectKind
from domain.evidence import Cause
from models import accounts, allocations, anomalies, findings, histories, ledger_reads
from tasks import collector, full_cycle, optimization, roas_engine


def _actions(house, run):
    with house.engine.begin() as conn:
        return ledger_reads.of_run(conn, run.id)


def _plan(do):
    do(collector.run, "meta.collector")
    do(roas_engine.run, "meta.roas_engine")
    return do(optimization.run, "meta.optimization")


@pytest.fixture
def early(house, do, account, advance):
    """What waits at a second plan that comes seconds too early, half an hour later."""
    with house.engine.begin() as conn:
        accounts.change(conn, account.id, margin=0.5)  # so that budgets are free, and move every day
    first = _actions(house, _plan(do))
    advance(seconds=30)
    executor = house.executor("test/2/x")
    changed = {row.object_id for row in first if executor.execute(row.id) is ActionState.APPLIED}
    assert changed

    advance(seconds=24 * 3600 - 30)
    second = _plan(do)
    assert not {row.object_id for row in _actions(house, second)} & changed  # nobody is asked in vain
    with house.engine.begin() as conn:
        told = findings.of_module(conn, account.id, "optimization", 1_000)
    found = {row.finding.object_id for row in told if row.finding.words.startswith("waits: cooldown until")}
    assert found
    assert found <= changed
    assert second.stats_snapshot["waits"] == {"cooldown": len(found)}
    advance(seconds=SOON.total_seconds() / 2)
    return found


def test_a_step_that_came_seconds_too_early_is_asked_for_again_after_its_rest(house, do, account, early):
    again = [row for row in _actions(house, do(full_cycle.run)) if row.rule == "allocation"]
    assert {row.object_id for row in again} >= early
    assert {row.object_id for row in again if row.state is ActionState.APPROVED} & early
    assert all("it waited for cooldown" in row.reason and row.evidence for row in again)
    assert not any({"blocked_by", "until", "wish"} & set(row.evidence) for row in again)
    with house.engine.begin() as conn:
        newest_first = allocations.listing(conn, account.id, 1_000)
    kept = {row.object_id: row.action_id for row in reversed(newest_first)}
    assert {row.object_id: kept[row.object_id] for row in again} == {row.object_id: row.id for row in again}

    later = [row for row in _actions(house, do(full_cycle.run)) if row.rule == "allocation"]
    assert not {row.object_id for row in later} & {row.object_id for row in again if row.state is ActionState.APPROVED}


def test_a_step_that_waited_gives_way_to_a_cut_for_overspending_and_no_guardrail_stops_it(house, do, account, early):
    """One run wants both: the arbiter chooses, and the cooldown is never asked about the step."""
    with house.engine.begin() as conn:
        now = accounts.get(conn, account.id).insights_read_at
        for object_id in early:
            over = Told(
                object_kind=ObjectKind.AD_SET, object_id=object_id, metric="spend", is_up=True, since=now,
                cause=Cause.UNEXPLAINED, expected=45.0, low=23.0, high=66.0, seen=125.0, q_value=0.001, counts={},
            )  # fmt: skip
            anomalies.note(conn, account.id, over, "spends 1.25 EUR an hour instead of 0.23 to 0.66", upto=now)
    run = do(full_cycle.run)
    cut = {row.object_id for row in _actions(house, run) if row.rule == "anomaly_negative"}
    with house.engine.begin() as conn:
        found = [histories.wanted_in(conn, account.id, object_id, [run.id])[run.id] for object_id in early & cut]
    assert {
        (row.action.rule, row.action.state, row.blocked_by, row.verdicts == ()) for rows in found for row in rows
    } == {
        ("anomaly_negative", ActionState.APPROVED, None, False),
        ("allocation", ActionState.BLOCKED, "arbiter", True),
    }
