"""The checks in their order, as a table, and going through it. What a check needs is said, not rediscovered."""

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from domain.errors import NotReadyError, StakazoError
from workers.bootstrap import House
from workers.doctor import machine, platforms, processes, servers
from workers.doctor.findings import Check, Finding, Grade
from workers.log import redact_text

_START = "start it with `stakazo up`"

CHECKS: tuple[Check, ...] = (
    Check(name="versions", look=machine.versions),
    Check(name="data folder", look=machine.data_folder),
    Check(name="disk space", look=machine.disk_space),
    Check(name="processes", look=processes.supervised),
    Check(name="postgres", look=servers.postgres, advice=f"{_START}, or correct DATABASE_URL"),
    Check(name="migrations", look=servers.migrations, needs=("postgres",)),
    Check(name="audit", look=servers.audit_guarded, needs=("postgres", "migrations")),
    Check(name="fence", look=servers.fence_open, needs=("postgres", "migrations")),
    Check(name="secrets", look=servers.secrets_open, needs=("postgres", "migrations")),
    Check(name="clock skew", look=servers.clock_skew, needs=("postgres",), advice="set this machine's clock by NTP"),
    Check(name="redis", look=servers.redis, advice=f"{_START}, or correct REDIS_URL"),
    Check(name="accounts", look=platforms.accounts_open, needs=("postgres", "migrations")),
    Check(name="platform's clock", look=platforms.clocks, advice=_START),
    Check(name="token", look=platforms.tokens, needs=("platform's clock",), advice="make a new token and set it"),
    Check(name="workers", look=processes.workers, needs=("redis", "postgres", "migrations"), advice=_START),
    Check(name="tower", look=processes.tower, needs=("postgres", "migrations"), advice=_START),
    Check(name="beat", look=processes.beat, needs=("postgres", "migrations"), advice=_START),
)


def examine(house: House) -> Iterator[Finding]:
    """Go through every check; a failure is a finding and ends nothing but what depends on it."""
    failed: set[str] = set()
    for check in CHECKS:
        missing = [name for name in check.needs if name in failed]
        if missing:
            failed.add(check.name)
            yield Finding(check=check.name, grade=Grade.WARN, says=f"not looked at: {missing[0]} comes first")
            continue
        for finding in _look(house, check):
            if finding.grade is Grade.FAIL:
                failed.add(check.name)
            yield finding


def _look(house: House, check: Check) -> Iterator[Finding]:
    try:
        yield from check.look(house)
    except (StakazoError, SQLAlchemyError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        text = redact_text(str(cause).strip() or type(cause).__name__).splitlines()[0]
        # What is not ready says how to get it, after a semicolon (domain/errors.py).
        says, _, advice = text.partition("; ") if isinstance(error, NotReadyError) else (text, "", "")
        yield Finding(check=check.name, grade=Grade.FAIL, says=says, advice=advice or check.advice)
