"""The sweep for orphans: what proves the ledger wrong is told, the harmless put away, what is a person's left alone."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from actions import orphans
from domain.actions import ActionKind, ActionState, ObjectKind
from domain.errors import UnknownOutcomeError
from domain.objects import Activity
from models import fence, partitions, stops
from models import orphans as store
from models.tables import audit, insights_daily
from tests.actions.fake_platform import NOW, create_twice, fail, take_effect
from tests.actions.stage import create

SINCE = NOW - timedelta(days=7)
UNKNOWN = UnknownOutcomeError("read timed out")


def sweep(stage, kinds=(ObjectKind.CAMPAIGN,)):
    seen = orphans.read(stage.platform, stage.account, since=SINCE, kinds=kinds)
    with stage.engine.begin() as conn:
        found = orphans.find(conn, stage.account, seen)
        proposed = orphans.settle(conn, stage.account, found, run_id=None, now=stage.clock.at, actor="sweep")
    return found, proposed.actions


def land_late(stage):
    """A create of which nothing was seen through the quarantine, and which then took effect."""
    stage.platform.writes = [fail(UNKNOWN)]
    action = stage.approve(create())
    stage.executor().execute(action.id)
    assert stage.settle(action) is ActionState.NOT_APPLIED
    return action, take_effect(stage.platform, stage.platform.requests[0])


def made(object_id: str, *, ours: bool, actor: str = "us") -> Activity:
    return Activity(
        at=NOW, actor_id=actor, actor_name=actor, is_ours=ours, event="create_campaign_group",
        object_kind=ObjectKind.CAMPAIGN, object_id=object_id, before={}, after={},
    )  # fmt: skip


def test_what_is_the_recorded_result_of_an_action_is_no_orphan(stage):
    stage.executor().execute(stage.approve(create()).id)
    assert sweep(stage) == ((), ())


def test_what_lands_after_it_was_given_up_is_told_and_put_away(stage):
    action, object_id = land_late(stage)
    (found,), (archive,) = sweep(stage)
    assert (found.thing.id, found.is_harmless) == (object_id, True)
    assert f"action {action.id} is not applied" in found.why
    assert stage.events(action)[-1] == "landed_late"
    assert (archive.kind, archive.state) == (ActionKind.ARCHIVE, ActionState.APPROVED)
    assert stage.executor().execute(archive.id) is ActionState.APPLIED
    assert stage.platform.objects[object_id]["status"] == "archived"
    assert sweep(stage) == ((), ())


def test_the_twin_of_a_result_is_put_away_and_the_result_stays(stage):
    stage.platform.writes = [create_twice]
    action = stage.approve(create())
    stage.executor().execute(action.id)
    (found,), (archive,) = sweep(stage)
    assert "beside its result" in found.why
    stage.executor().execute(archive.id)
    kept = stage.get(action).result_object_id
    assert {key: row["status"] for key, row in stage.platform.objects.items() if "op_token" in row} == {
        kept: "paused", found.thing.id: "archived",
    }  # fmt: skip


def test_an_action_that_is_still_under_way_is_waited_for(stage):
    stage.platform.writes = [
        lambda platform, request: (take_effect(platform, request), fail(UNKNOWN)(platform, request))
    ]
    action = stage.approve(create())
    assert stage.executor().execute(action.id) is ActionState.UNKNOWN
    assert sweep(stage) == ((), ())


@pytest.mark.parametrize("why", ["active", "spent", "touched"])
def test_what_runs_has_spent_or_was_touched_is_told_and_left_alone(stage, why):
    _, object_id = land_late(stage)
    if why == "active":
        stage.platform.objects[object_id]["status"] = "active"
    elif why == "touched":
        stage.platform.edit_by_hand(object_id, ObjectKind.CAMPAIGN, name="Marta's")
    else:
        with stage.engine.begin() as conn:
            partitions.ensure(conn, insights_daily, NOW.date(), NOW.date())
            figures = {"impressions": 1, "clicks": 0, "spend_minor": 5, "purchases": 0, "revenue_minor": 0}
            keys = {"account_id": stage.account_id, "day": NOW.date(), "ad_id": "9", "ad_set_id": "8"}
            conn.execute(insert(insights_daily).values(**keys, **figures, campaign_id=object_id, read_at=NOW))
    (found,), proposed = sweep(stage)
    assert (found.is_harmless, proposed) == (False, ())
    with stage.engine.begin() as conn:
        (row,) = store.listing(conn)
    assert (row.object_id, row.archive_action_id) == (object_id, None)


def test_a_token_that_no_ledger_of_ours_knows_is_told_only(stage):
    stage.platform.objects["77"] = {"status": "paused", "name": "theirs", "op_token": "ELSEWHERE"}
    (found,), proposed = sweep(stage)
    assert ("no ledger of ours" in found.why, proposed) == (True, ())


def test_a_copy_that_a_person_made_of_an_object_of_ours_is_theirs(stage):
    action = stage.approve(create())
    stage.executor().execute(action.id)
    stage.platform.objects["78"] = {"status": "paused", "name": "New - Copy", "op_token": action.op_token}
    stage.platform.history.append(made("78", ours=False, actor="Marta"))
    (found,), proposed = sweep(stage)
    assert ("Marta made or changed it" in found.why, proposed) == (True, ())


def test_what_lost_its_token_is_found_by_its_maker_and_told_only(stage):
    action, object_id = land_late(stage)
    stage.platform.objects[object_id] |= {"op_token": None, "name": "Renamed", "kind": ObjectKind.CAMPAIGN}
    stage.platform.history.append(made(object_id, ours=True))
    (found,), proposed = sweep(stage)
    assert (found.action.id, found.is_harmless, proposed) == (action.id, False, ())
    assert "its token gone; likely of action" in found.why


def test_an_orphan_is_told_to_the_audit_once_and_proposed_once(stage):
    land_late(stage)
    (_, first), (_, second) = sweep(stage), sweep(stage)
    assert (len(first), second) == (1, ())
    with stage.engine.begin() as conn:
        told = conn.execute(select(audit.c.event).where(audit.c.event.in_(("orphan.found", "landed_late")))).all()
    assert sorted(row[0] for row in told) == ["landed_late", "orphan.found"]


def test_a_closed_fence_keeps_the_orphan_on_the_list_until_it_opens(stage):
    land_late(stage)
    stop_id = stage.stop()
    _, (blocked,) = sweep(stage)
    assert blocked.state is ActionState.BLOCKED
    with stage.engine.begin() as conn:
        fence.open_(conn, None)
        stops.open_(conn, stop_id, actor="os:ann")
    _, (again,) = sweep(stage)
    assert again.state is ActionState.APPROVED
