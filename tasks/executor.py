"""The executor's task: one action by its id, through the door's protocol. Nothing is decided here."""

from domain.ids import ActionId
from workers.bootstrap import House
from workers.celery_app import app
from workers.task import executor_tasks


def execute(house: House, action_id: ActionId, owner: str) -> str:
    """Carry one action as far as it goes now; returns the state it is in."""
    return str(house.executor(owner).execute(action_id))


executor_tasks(app, execute)
