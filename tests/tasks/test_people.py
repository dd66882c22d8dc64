"""The collector takes in what people changed by hand, knows its own writes, and says so where it could not look."""

from domain.health import RunState
from domain.objects import Status
from models import accounts, hand_edits, run_history
from tasks import collector


def edit(platform, object_id, **changes):
    platform.ask("POST", "/human_edit", {"object_id": object_id, "changes": changes, "actor": "Marta"})


def noted(house, account):
    with house.engine.begin() as conn:
        return hand_edits.listing(conn, account.id, limit=1_000)


def logged(house, run):
    with house.engine.begin() as conn:
        return {log.action: log.output_snapshot for log in run_history.logs(conn, run.id)}


def test_a_persons_edits_are_taken_in_with_the_tree_and_only_once(house, account, platform, do, by_hand):
    ad = by_hand.ads()[0]
    do(collector.run, "meta.collector")
    edit(platform, ad["adset_id"], daily_budget=4_321)
    edit(platform, ad["id"], status=Status.PAUSED.upper())
    first = do(collector.run, "meta.collector")
    again = do(collector.run, "meta.collector")

    rows = {row.edit.object_id: row.edit for row in noted(house, account)}
    assert rows[ad["adset_id"]].after == {"daily_budget_minor": 4_321}
    assert (rows[ad["id"]].actor_name, rows[ad["id"]].after) == ("Marta", {"status": "paused"})
    assert logged(house, first)["sync_activities"]["new"] == 2
    assert logged(house, again)["sync_activities"]["new"] == 0
    with house.engine.begin() as conn:
        assert accounts.get(conn, account.id).activities_read_at == again.now_at


def test_what_our_own_application_changed_is_no_edit_by_hand(house, account, do, by_hand):
    do(collector.run, "meta.collector")
    known = len(noted(house, account))
    by_hand.change(by_hand.ads()[1]["adset_id"], daily_budget="4444")  # with the token of our application
    run = do(collector.run, "meta.collector")

    assert logged(house, run)["sync_activities"]["seen"] > 0
    assert len(noted(house, account)) == known


def test_a_history_that_cannot_be_read_leaves_the_run_partial_and_its_age_as_it_was(house, account, platform, do):
    before = do(collector.run, "meta.collector")
    fault = {"do": "refuse", "code": 10, "match": {"kind": "activities"}, "times": None}
    platform.ask("POST", "/advance", {"minutes": 5})
    platform.ask("POST", "/faults", {"script": [fault]})
    run = do(collector.run, "meta.collector")
    platform.ask("DELETE", "/faults")

    assert run.state is RunState.PARTIAL
    assert "sync_activities" not in logged(house, run)
    with house.engine.begin() as conn:
        now = accounts.get(conn, account.id)
    assert now.tree_read_at == run.now_at
    assert now.activities_read_at == before.now_at
