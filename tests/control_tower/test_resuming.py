"""The way back from a stop: in stages, each only if the one before is well, with or without the schedulers."""

import pytest
from sqlalchemy import insert, select

from actions import pauses
from actions.guardrails import Limits
from actions.pauses import Pausing
from actions.stop import Order
from control_tower import emergency, resuming
from control_tower.emergency import Stopping
from control_tower.halting import Floor
from control_tower.resuming import STAGES, Resuming, Wish
from control_tower.standins import ListedProcesses, ObedientSwitchboard
from domain import catalogue
from domain.actions import ActionState
from domain.errors import NotAllowedError
from domain.ids import PrincipalId
from domain.modules import Lane
from domain.permissions import Principal, Role
from models import heartbeats, module_states, stops
from models.heartbeats import ProcessKind
from models.tables import campaigns, control_tower_runs, incidents
from tests.actions.fake_platform import NOW
from tests.actions.stage import ADMIN, QUICK, set_stage

COUNT = 20
CYCLES = set(catalogue.queues(Lane.CYCLES))
WISH = Wish(reason="all clear", stages=STAGES)


class House:
    """Twenty campaigns that run, one worker, and a stop that paused them all."""

    def __init__(self, engine):
        self.stage, self.engine = set_stage(engine), engine
        self.stage.platform.clock = self.stage.clock
        life = {"effective_status": "ACTIVE", "created_at": NOW, "updated_at": NOW, "seen_at": NOW, "status": "active"}
        with engine.begin() as conn:
            for number in range(1, COUNT + 1):
                row = {"account_id": self.stage.account_id, "id": str(number), "name": "c", "objective": "SALES"}
                if number > 1:
                    conn.execute(insert(campaigns).values(**row, **life))
                self.stage.platform.objects[str(number)] = {"status": "active", "name": "c"}
            heartbeats.beat(conn, process="cycles@here", kind=ProcessKind.WORKER, detail={})
        self.board = ObedientSwitchboard(workers={"cycles@here": set(CYCLES)})
        floor = Floor(engine=engine, switchboard=self.board, processes=ListedProcesses())
        order = Order(reason="odd spend", actor="os:ann", pauses=True, halts=True)
        (done,) = emergency.order(Stopping(floor=floor, timing=QUICK), (None,), order)
        self.stop_id = done.stop.id
        parts = Pausing(
            engine=engine, executor=self.stage.executor(), clock_of=lambda _: self.stage.clock, rest=lambda _: None
        )
        pauses.pause_all(parts, self.stop_id, patience_s=60)
        self.parts = Resuming(
            floor=floor, reader_of=lambda _: self.stage.platform, clock_of=lambda _: self.stage.clock, limits=Limits()
        )
        self.seen = []

    def running(self):
        return sum(self.stage.platform.objects[str(n)]["status"] == "active" for n in range(1, COUNT + 1))

    def settle(self, stage):
        rows = [row for one in stage.done.proposed for row in one.actions]
        states = {self.stage.executor().execute(row.id) for row in rows}
        self.seen.append(self.running())
        return None if states <= {ActionState.APPLIED} else str(states)

    def walk(self, wish=WISH, check=lambda: None, by=ADMIN):
        return resuming.walk(self.parts, self.stop_id, by, wish, settle=self.settle, check=check)

    def stopped(self):
        with self.engine.begin() as conn:
            return module_states.stopped(conn)


@pytest.fixture
def house(engine):
    return House(engine)


def test_campaigns_come_back_a_tenth_a_half_and_all_and_workers_consume_again(house):
    assert (house.running(), house.board.workers["cycles@here"]) == (0, set())
    assert house.walk().held_back is None
    assert house.seen == [2, 10, 20]
    assert (house.stopped(), house.board.workers["cycles@here"]) == (frozenset(), CYCLES)


def test_a_stage_is_not_taken_while_the_house_is_unwell_and_the_next_walk_goes_on_from_there(house):
    walked = house.walk(check=lambda: "the house is critical")
    assert (walked.held_back, house.running()) == ("after 10%: the house is critical", 2)
    assert house.walk().held_back is None
    assert house.seen == [2, 2, 10, 20]


def test_a_change_that_is_not_applied_holds_the_next_stage_back(house):
    house.settle = lambda _stage: "1 of 2 changes are not applied"
    assert house.walk().held_back == "after 10%: 1 of 2 changes are not applied"


def test_a_stop_and_its_end_each_leave_a_run_of_the_tower_and_the_alert_ends(house):
    house.walk()
    with house.engine.begin() as conn:
        rows = conn.execute(
            select(control_tower_runs.c.run_type, control_tower_runs.c.stop_id, control_tower_runs.c.executed_by)
        ).all()
        alert = conn.execute(select(incidents.c.resolved_at).where(incidents.c.kind == "emergency_stop")).scalar_one()
    assert rows == [("emergency_stop", house.stop_id, "os:ann"), ("resume", house.stop_id, "os:ann")]
    assert alert is not None


def test_without_its_campaigns_nothing_is_switched_on(house):
    house.walk(Wish(reason="x", campaigns=False))
    assert (house.running(), house.stopped()) == (0, frozenset())


def test_without_its_schedulers_every_built_module_waits_for_a_person(house):
    house.walk(Wish(reason="x", schedulers=False))
    assert house.stopped() == {pair.slug for pair in catalogue.PAIRS if pair.is_built}
    assert house.running() == COUNT


def test_who_may_not_resume_changes_nothing(house):
    bob = Principal(id=PrincipalId(2), name="bob", role=Role.MANAGER)
    with pytest.raises(NotAllowedError, match=r"fence\.open"):
        house.walk(Wish(reason="x", schedulers=False), by=bob)
    with house.engine.begin() as conn:
        assert stops.get(conn, house.stop_id).opened_at is None
        assert module_states.listing(conn) == {}
