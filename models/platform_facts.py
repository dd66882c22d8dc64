"""What a platform said last of our token, its version and its round trip. Postgres' clock; functions never commit.

Read for health in `health_reads.py`; written by the API client's cycle alone.
"""

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from domain.actions import Mode
from domain.ports import TokenInfo, VersionLife
from models.cleaning import clean_text
from models.tables.tower import platform_facts

_KEY = [platform_facts.c.platform, platform_facts.c.mode]


def well_age_s(conn: Connection, platform: str, mode: Mode) -> float | None:
    """Return how long ago the platform called our token valid, None if that was not its last word."""
    age = func.extract("epoch", func.clock_timestamp() - platform_facts.c.checked_at)
    mine = (platform_facts.c.platform == platform, platform_facts.c.mode == mode)
    found = conn.execute(select(age).where(*mine, platform_facts.c.is_token_valid)).scalar()
    return None if found is None else float(found)


def note(
    conn: Connection, platform: str, mode: Mode, *, token: TokenInfo, version: VersionLife, round_trip_ms: float
) -> None:
    """Write down what it said now."""
    values = {
        "checked_at": func.clock_timestamp(),
        "round_trip_ms": round_trip_ms,
        "is_token_valid": token.is_valid,
        "token_expires_at": token.expires_at,
        "scopes": list(token.scopes),
        "version": version.name,
        "version_ends_on": None if version.ends_on is None else version.ends_on.isoformat(),
        "newest_version": version.newest,
        "error": None,
    }
    row = insert(platform_facts).values(platform=platform, mode=mode, **values)
    conn.execute(row.on_conflict_do_update(index_elements=_KEY, set_=values))


def note_silence(conn: Connection, platform: str, mode: Mode, why: str) -> None:
    """Write down that it could not be asked: what it said before of the token is not known to hold any more."""
    values = {
        "checked_at": func.clock_timestamp(),
        "round_trip_ms": None,
        "is_token_valid": None,
        "error": clean_text(why),
    }
    row = insert(platform_facts).values(platform=platform, mode=mode, **values)
    conn.execute(row.on_conflict_do_update(index_elements=_KEY, set_=values))
