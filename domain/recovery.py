"""Words for recovery: what may be done by itself, on which trigger, with which confidence (REQUIREMENTS §2)."""

from enum import StrEnum
from typing import Final

AUTOMATIC_FROM: Final = 0.85  # confidence from which a procedure is carried out without a person


class RecoveryAction(StrEnum):
    """What recovery may do; none of them writes to a platform."""

    RESTART_SCHEDULER = "restart_scheduler"  # consume again, ring what is due, restart a process that does not answer
    RECONNECT_DB = "reconnect_db"
    CLEAR_CACHE = "clear_cache"
    RESET_MODULE = "reset_module"
    ALERT_ADMIN = "alert_admin"


class Trigger(StrEnum):
    """What calls for recovery."""

    MODULE_OFFLINE = "module_offline"
    MANY_ERRORS = "many_errors"  # more than 50 in 24 h
    SCHEDULER_NOT_RUNNING = "scheduler_not_running"
    DATABASE_UNHEALTHY = "database_unhealthy"
    CACHE_STALE = "cache_stale"


class RecoveryState(StrEnum):
    """Where an attempt stands."""

    RECOMMENDED = "recommended"  # below the confidence: for a person
    RUNNING = "running"  # done, its outcome is still watched
    CURED = "cured"
    FAILED = "failed"  # what it was to cure is still there after its time
    ESCALATED = "escalated"  # a person was told
