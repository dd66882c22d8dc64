"""A day at level observe on a living account over real HTTP, and its digest."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from control_tower.digest import Instead, tell
from domain.actions import ActionKind, Level
from models import accounts, digests
from tasks import full_cycle


def _told(house, account_id):
    with house.engine.begin() as conn:
        account = accounts.get(conn, account_id)
        zone = ZoneInfo(account.zone)
        day = account.insights_read_at.astimezone(zone).date()
        since, until = (datetime.combine(day + timedelta(days=n), time(), tzinfo=zone) for n in (0, 1))
        wishes = digests.observed(conn, account_id, since, until)
        objects = [(row.object_kind, row.object_id) for row in wishes]
        return tell(
            day,
            day,
            wishes,
            digests.standing(conn, account_id, objects),
            digests.figures(conn, account_id, objects, day - timedelta(days=1)),
            ours=digests.changed_by_us(conn, account_id, objects, since),
            restatement_days=28,
        )


@pytest.mark.usefixtures("by_classic")
def test_the_digest_tells_each_wish_once_and_what_a_person_did_instead(house, do, account, by_hand, advance):
    with house.engine.begin() as conn:
        accounts.change(conn, account.id, level=Level.OBSERVE)
    do(full_cycle.run)
    wishes = _told(house, account.id).lines
    budgets = [line for line in wishes if line.action.kind is ActionKind.SET_DAILY_BUDGET]
    assert len(budgets) >= 2
    same, otherwise = budgets[0].action, budgets[1].action
    by_hand.change(same.object_id, daily_budget=str(same.target["daily_budget_minor"]))
    by_hand.change(otherwise.object_id, daily_budget="7777")
    advance(hours=1)
    do(full_cycle.run)  # the same wishes again, at most
    lines = {line.action.id: line for line in _told(house, account.id).lines}

    assert lines[same.id].instead is Instead.SAME
    assert lines[otherwise.id].instead is Instead.OTHERWISE
    assert lines[otherwise.id].now == {"daily_budget_minor": 7777}
    left = [line for line in lines.values() if line.action.id not in {same.id, otherwise.id}]
    assert {line.instead for line in left} == {Instead.NOTHING}
    assert all(line.day_before.spend_minor > 0 for line in lines.values())
    keys = [(line.action.object_id, line.action.kind, line.action.rule) for line in lines.values()]
    assert len(keys) == len(set(keys))
