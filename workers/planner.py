"""Planning with the house's parts: the planner of slots, and a run that a person asks for."""

from control_tower.planner import Planner
from domain.ids import RunId
from models import runs
from models.accounts import Account
from workers.bootstrap import House
from workers.schedule import wanted_rhythms


def planner_of(house: House) -> Planner:
    """Build the planner on a house, with the rhythms that its settings want."""
    return Planner(
        engine=house.engine,
        rhythms=wanted_rhythms(house.settings),
        clock_of=house.clock_of,
        doorbell=house.doorbell,
    )


def plan_asked(house: House, task: str, account: Account, *, asked_by: str) -> RunId:
    """Plan a run now, beside the slots, without ringing for it.

    Raises:
        NotReadyError: the platform's clock cannot be read.
    """
    now = house.clock_of(account).now()
    with house.engine.begin() as conn:
        return runs.plan_asked(
            conn,
            task=task,
            account_id=account.id,
            mode=account.mode,
            level=account.level,
            now_at=now,
            asked_by=asked_by,
        )


def ask(house: House, task: str, account: Account, *, asked_by: str) -> RunId:
    """Plan a run now, beside the slots, and ring for it; the run may wait until another of its account has ended.

    Raises:
        NotReadyError: the platform's clock cannot be read.
    """
    run_id = plan_asked(house, task, account, asked_by=asked_by)
    house.doorbell.ring_run(task, run_id, about=f"{account.name}, asked by {asked_by}")
    return run_id
