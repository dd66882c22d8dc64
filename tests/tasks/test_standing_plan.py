"""A daily step comes a moment too early for yesterday's rest: the full cycle asks for it again, once it has rested."""

from decisions.allocation_bounds import SOON
from domain.actions import ActionState
from models import accounts, allocations, findings, ledger_reads
from tasks import collector, full_cycle, optimization, roas_engine


def _actions(house, run):
    with house.engine.begin() as conn:
        return ledger_reads.of_run(conn, run.id)


def _plan(do):
    do(collector.run, "meta.collector")
    do(roas_engine.run, "meta.roas_engine")
    return do(optimization.run, "meta.optimization")


def test_a_step_that_came_seconds_too_early_is_asked_for_again_after_its_rest(house, do, account, advance):
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
    early = {row.finding.object_id for row in told if row.finding.words.startswith("waits: cooldown until")}
    assert early
    assert early <= changed
    assert second.stats_snapshot["waits"] == {"cooldown": len(early)}

    advance(seconds=SOON.total_seconds() / 2)
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
