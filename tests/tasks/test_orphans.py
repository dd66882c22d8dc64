"""The orphan sweep's own cycle on a real sandbox: read over HTTP, told in the run, put away by the executor."""

from domain.actions import ActionKind, ActionState, ObjectKind, Priority, Proposal
from domain.health import RunState
from domain.ports import WriteRequest
from models import accounts, ledger, orphans
from models.ledger import Draft
from tasks import orphans as sweep

TASK = "meta.orphan_sweep"


def make(house, account, name, op_token):
    request = WriteRequest(
        kind=ActionKind.CREATE_CAMPAIGN, object_kind=ObjectKind.CAMPAIGN, object_id=None, parent_id=None,
        fields={"name": name, "objective": "SALES"}, op_token=op_token, request_id="by-test",
    )  # fmt: skip
    return house.client_of(account).writer.write(account.platform_account_id, request, deadline_s=20)


def test_a_campaign_that_no_ledger_knows_is_told_and_left_alone(do, house, account):
    object_id = make(house, account, "Stray", "NOLEDGERKNOWSIT")
    run = do(sweep.run, TASK)
    assert run.state is RunState.SUCCEEDED, run.reason
    with house.engine.begin() as conn:
        found = {row.object_id: row for row in orphans.listing(conn, account.id)}
        assert ledger.listing(conn, account.id) == ()
    assert (found[object_id].object_name, found[object_id].status) == ("Stray", "paused")
    assert "no ledger of ours" in found[object_id].why


def test_the_twin_of_a_result_is_archived_on_the_platform(do, house, account):
    """Made a second time with the same token, as by a platform's own retry."""
    with house.engine.begin() as conn:
        caps = {"max_total_daily_spend_minor": 10**9, "max_daily_budget_per_ad_set_minor": 10**8}
        accounts.change(conn, account.id, **caps)
        action = ledger.insert_drafts(
            conn, account_id=account.id, run_id=None, decided_at=house.clock_of(account).now(), actor="test",
            drafts=[draft(account)],
        )[0]  # fmt: skip
    executor = house.executor("test")
    assert executor.execute(action.id) is ActionState.APPLIED
    twin = make(house, account, "Summer", action.op_token)
    run = do(sweep.run, TASK)
    assert run.state is RunState.SUCCEEDED, run.reason
    with house.engine.begin() as conn:
        row = next(row for row in orphans.listing(conn, account.id) if row.object_id == twin)
    assert (row.action_id, row.archive_state) == (action.id, ActionState.APPROVED)
    assert ("meta.actions", row.archive_action_id) in house.noted.actions
    assert executor.execute(row.archive_action_id) is ActionState.APPLIED
    reader = house.client_of(account).reader
    assert reader.state(account.platform_account_id, ObjectKind.CAMPAIGN, twin).values["status"] == "archived"


def draft(account):
    proposal = Proposal(
        kind=ActionKind.CREATE_CAMPAIGN, object_kind=ObjectKind.CAMPAIGN, object_id=account.platform_account_id,
        object_name="Summer", expected_before={}, target={"name": "Summer", "objective": "SALES", "status": "paused"},
        rule="test", priority=Priority.PERSON, reason="test",
    )  # fmt: skip
    return Draft(
        proposal=proposal, state=ActionState.APPROVED, reason="", verdicts=(), cap_reserved_minor=0,
        op_token="TWINTOKEN2345AB",
    )  # fmt: skip
