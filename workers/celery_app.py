"""The Celery app: `celery -A workers.celery_app worker|beat|flower`. Importing it reads and connects nothing."""

from contextlib import suppress
from typing import Any

from celery import Celery, signals
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from domain.errors import StakazoError
from workers import addresses, bootsteps, doorbell, log, memory, sign
from workers.celery_config import worker_config
from workers.channels import secrets_of_channels
from workers.settings import Settings, read_settings


def _config() -> dict[str, Any]:
    settings = read_settings()
    return worker_config(settings, addresses.redis_url(settings))


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Return the values that no log line may carry."""
    found = (own.secret(name) for own in settings.platforms.values() for name in ("access_token", "app_secret"))
    return (*(value for value in found if value), *secrets_of_channels(settings))


@signals.setup_logging.connect
def _set_up_logging(**_: object) -> None:
    settings = read_settings()
    log.set_up(level=settings.common.log_level, secrets=secrets_of(settings))


@signals.worker_process_init.connect
def _cap_memory(**_: object) -> None:
    memory.cap(read_settings().common.worker_memory_mb)


@signals.worker_process_init.connect
def _warm_up(**_: object) -> None:
    """Connect before the first task comes: a process in the place of a killed one keeps nobody waiting."""
    from workers.task import HouseTask  # late: it is of the app that is made below

    with suppress(SQLAlchemyError, StakazoError), HouseTask.house().engine.connect() as conn:
        conn.execute(text("SELECT 1"))


app = Celery("stakazo")
app.add_defaults(_config)  # asked for at first use, so that importing needs no settings
bootsteps.install(app)
sign.install(app)
doorbell.stamp_every_message()
