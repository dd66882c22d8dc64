"""Words for health and commands; wire values are fixed by the requirements (§2)."""

from enum import StrEnum

from domain.errors import BadInputError


class ModuleStatus(StrEnum):
    """How a module is, from evidence only."""

    ONLINE = "online"
    DEGRADED = "degraded"
    OFFLINE = "offline"
    UNKNOWN = "unknown"


class RunType(StrEnum):
    """What a row of the tower's own runs records."""

    HEALTH_CHECK = "health_check"
    COMMAND = "command"
    EMERGENCY_STOP = "emergency_stop"
    RESUME = "resume"


class SystemStatus(StrEnum):
    """How the whole is (ARCHITECTURE §5, System)."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    CRITICAL = "critical"
    EMERGENCY_STOP = "emergency_stop"


class CommandType(StrEnum):
    """The eight commands of the tower."""

    START_ALL = "start_all"
    STOP_ALL = "stop_all"
    RESTART_MODULE = "restart_module"
    EMERGENCY_STOP = "emergency_stop"
    RESUME = "resume"
    SYNC_DATA = "sync_data"
    OPTIMIZE = "optimize"
    HEALTH_CHECK = "health_check"

    @classmethod
    def parse(cls, text: str) -> "CommandType":
        """Read a wire value; upper-case names and the old `optimize_all` and its like are accepted.

        Raises:
            BadInputError: there is no such command.
        """
        aliases = {"optimize_all": "optimize", "resume_operations": "resume", "sync_all_data": "sync_data",
                   "run_health_check": "health_check"}  # fmt: skip
        value = aliases.get(text.strip().lower(), text.strip().lower())
        if value in set(cls):
            return cls(value)
        raise BadInputError(f'no command "{text}"; there are {", ".join(cls)}')


class RunState(StrEnum):
    """Where a run row stands."""

    PLANNED = "planned"  # the slot is claimed, the doorbell rung
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"  # finished, with errors that are listed
    FAILED = "failed"
    SKIPPED = "skipped"  # its slot passed unserved; the reason is recorded
    STOPPED = "stopped"  # ended at a look at the desired state


OPEN_RUN_STATES = frozenset({RunState.PLANNED, RunState.RUNNING})
