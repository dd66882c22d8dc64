"""The API client's cycle on a real sandbox: what is known of the token, and where the mirror shows what is not so."""

import pytest

from domain.actions import Mode
from domain.health import RunState
from models import health_reads, run_history
from tasks import api_client, collector

TASK = "meta.api_client"


@pytest.fixture
def script(platform):
    def set_script(*rows):
        platform.ask("POST", "/faults", {"script": list(rows)})

    yield set_script
    set_script()


def known(house):
    with house.engine.begin() as conn:
        return {(row.platform, row.mode): row for row in health_reads.platform_facts(conn)}


def drifts(house, run):
    with house.engine.begin() as conn:
        return [log for log in run_history.logs(conn, run.id) if log.action == "drift"]


def test_token_version_and_round_trip_are_written_down(do, house):
    run = do(api_client.run, TASK)

    assert run.state is RunState.SUCCEEDED, run.reason
    (facts,) = known(house).values()
    assert (facts.platform, facts.mode, facts.is_token_valid, facts.error) == ("meta", Mode.STUB, True, None)
    assert "ads_management" in facts.scopes
    assert facts.round_trip_ms > 0
    assert facts.version == house.client("meta", Mode.STUB).reader.version().name


def test_what_one_run_was_told_serves_the_next_ones(do, house):
    do(api_client.run, TASK)
    first = known(house)["meta", Mode.STUB].round_trip_ms
    run = do(api_client.run, TASK)

    assert known(house)["meta", Mode.STUB].round_trip_ms == first
    assert "round_trip_ms" not in run.stats_snapshot


def test_a_token_that_is_not_taken_any_more_fails_the_run_and_is_written_down(do, house, script):
    script({"do": "expired_token", "match": {"path": "permissions"}, "times": None})
    run = do(api_client.run, TASK)

    assert (run.state, known(house)["meta", Mode.STUB].is_token_valid) == (RunState.FAILED, False)
    assert "stakazo secret set meta.access_token" in run.reason


def test_a_token_that_ends_while_it_is_believed_is_told_at_the_first_refusal_and_so_is_a_new_one(do, house, script):
    do(collector.run, "meta.collector")
    do(api_client.run, TASK)
    script({"do": "expired_token", "times": None})
    run = do(api_client.run, TASK)
    assert (run.state, known(house)["meta", Mode.STUB].is_token_valid) == (RunState.FAILED, False)
    assert "stakazo secret set meta.access_token" in run.reason

    script()
    run = do(api_client.run, TASK)
    assert (run.state, known(house)["meta", Mode.STUB].is_token_valid) == (RunState.SUCCEEDED, True)


def test_a_tree_that_was_never_read_is_not_compared(do):
    assert do(api_client.run, TASK).stats_snapshot["drift_looked_at"] == 0


def test_what_a_person_changed_since_the_last_reading_is_told_as_drift(do, house, by_hand):
    do(collector.run, "meta.collector")
    assert do(api_client.run, TASK).stats_snapshot["drift_found"] == 0
    ad_set = by_hand.ads()[0]["adset_id"]
    by_hand.change(ad_set, daily_budget="4567")

    run = do(api_client.run, TASK)

    assert (run.state, run.stats_snapshot["drift_found"]) == (RunState.SUCCEEDED, 1)
    (row,) = drifts(house, run)
    assert row.entity_id == ad_set
    assert row.output_snapshot["platform"] == {"daily_budget_minor": 4_567}
    assert row.output_snapshot["mirror"]["daily_budget_minor"] != 4_567
    do(collector.run, "meta.collector")
    assert do(api_client.run, TASK).stats_snapshot["drift_found"] == 0
