"""The control lane's tasks: the canary, the hourly health check as a second trigger, and the watch on the tower."""

from control_tower import health
from domain import catalogue
from workers import alerts
from workers.bootstrap import House
from workers.celery_app import app
from workers.control import canary_task, control_task
from workers.health import sources_of


def check_health(house: House) -> str:
    """Do the check of this hour, unless the tower has done it."""
    checked = health.hourly(sources_of(house))
    return "done already" if checked is None else f"{checked.system.status}"


DO = {"control.health": check_health, "control.watch": alerts.watch}

canary_task(app)
for cycle in catalogue.house_cycles():
    control_task(app, catalogue.control_task(cycle), DO[catalogue.control_task(cycle)])
