"""A stop and its end on a real sandbox, over HTTP: all that runs is paused, and runs again but for what is theirs."""

from actions import pauses, resume, stop
from actions.pauses import Pausing
from actions.resume import Fate
from domain.actions import ObjectKind
from domain.ids import PrincipalId
from domain.objects import Status
from domain.permissions import Principal, Role
from models import accounts, mirror, stop_items
from tasks import collector

ADMIN = Principal(id=PrincipalId(1), name="os:ann", role=Role.ADMIN)


def switched_on(house, account):
    reader = house.client_of(account).reader
    pages = reader.campaigns(account.platform_account_id)
    return {row.id for page in pages for row in page if row.status is Status.ACTIVE}


def test_what_ran_is_paused_and_runs_again_but_for_what_a_person_took(do, house, account, by_hand):
    do(collector.run, "meta.collector")
    before = switched_on(house, account)
    assert len(before) > 1
    held = stop.close(house.engine, account_id=account.id, reason="drill", actor="os:ann", pauses=True).stop
    pausing = Pausing(engine=house.engine, executor=house.executor("test"), clock_of=house.clock_of)
    assert pauses.pause_all(pausing, held.id, patience_s=60).paused_at is not None
    assert switched_on(house, account) == set()
    taken = min(before)
    by_hand.change(taken, status="ACTIVE")

    with house.engine.begin() as conn:
        caps = {"max_total_daily_spend_minor": 10**9, "max_daily_budget_per_ad_set_minor": 10**8}
        account = accounts.change(conn, account.id, max_daily_budget_per_campaign_minor=10**9, **caps)
        assert {
            row.id for row in mirror.listing(conn, account.id, ObjectKind.CAMPAIGN) if row.status == "active"
        } == set()
        assert {row.object_id for row in stop_items.listing(conn, held.id)} == before
    steps = resume.plan(house.engine, held.id, lambda row: house.client_of(row).reader)
    assert {step.item.object_id for step in steps if step.fate is Fate.LEFT} == {taken}
    done = resume.apply(house.engine, held.id, steps, ADMIN, reason="all clear", clock_of=house.clock_of)
    states = {
        row.object_id: (house.executor("test").execute(row.id), row.state_reason)
        for one in done.proposed
        for row in one.actions
    }
    assert switched_on(house, account) == before, states
