"""The planner's ticks: beat asks, the planner looks which slots are due. Thin on purpose."""

from workers.celery_app import app
from workers.task import tick_tasks

tick_tasks(app)
