"""A bound on what one process of a worker's pool may take: a run that eats memory fails by itself, and nobody else."""

import resource
from typing import Final

_MB: Final = 1024 * 1024


def cap(limit_mb: int) -> None:
    """Let this process have so much memory of its own at most: past it Python raises MemoryError, which ends the run.

    Without it the kernel chooses whom to kill once the machine has none left, and may choose Postgres.
    """
    _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = limit_mb * _MB
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
