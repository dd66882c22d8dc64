"""The control lane's tasks: the canary, the hourly health check as a second trigger, and the watch on the tower."""

from workers.celery_app import app
from workers.control import canary_task

canary_task(app)
