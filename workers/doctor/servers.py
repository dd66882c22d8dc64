"""The two servers: Postgres with its schema, connections and clock, and Redis."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from domain.errors import NotReadyError
from models import migrate, roles, secrets, server_facts, stops
from workers import addresses
from workers.bootstrap import House
from workers.doctor.findings import Finding, Grade
from workers.vault import Vault

_OLDEST_POSTGRES: Final = 140_000
_CROWDED_SHARE: Final = 0.8
_MOST_SKEW_S: Final = 5.0
_REDIS_TIMEOUT_S: Final = 3.0
_NO_EVICTION: Final = "noeviction"


def postgres(house: House) -> Iterator[Finding]:
    """See that it answers, is young enough and has connections to spare."""
    with house.engine.begin() as conn:
        facts = server_facts.read(conn)
    says = f"Postgres {facts.version} answers; {facts.connections} of {facts.most_connections} connections are taken"
    if facts.version_number < _OLDEST_POSTGRES:
        yield Finding(check="postgres", grade=Grade.FAIL, says=says, advice="use Postgres 14 or newer")
    elif facts.connections > _CROWDED_SHARE * facts.most_connections:
        yield Finding(
            check="postgres", grade=Grade.WARN, says=says, advice="raise max_connections, or run fewer workers"
        )
    else:
        yield Finding(check="postgres", grade=Grade.OK, says=says)


def migrations(house: House) -> Iterator[Finding]:
    """See that the schema is the one that this version knows."""
    pending = migrate.pending(addresses.database_url(house.settings))
    if pending:
        says = f"the database lacks {len(pending)} migrations: {', '.join(pending)}"
        yield Finding(check="migrations", grade=Grade.FAIL, says=says, advice="`stakazo up` applies them as it starts")
    else:
        yield Finding(check="migrations", grade=Grade.OK, says="the schema is up to date")


def audit_guarded(house: House) -> Iterator[Finding]:
    """See that what runs cannot rewrite what it has told."""
    with house.engine.begin() as conn:
        is_guarded = roles.is_guarded(conn)
    if is_guarded:
        yield Finding(check="audit", grade=Grade.OK, says="the application's role can only add to the audit")
        return
    advice = "give DATABASE_URL a role of its own and DATABASE_OWNER_URL the owner's, then `stakazo migrate`"
    says = "one role of Postgres owns the tables and runs everything: triggers alone guard the audit"
    yield Finding(check="audit", grade=Grade.WARN, says=says, advice=advice)


def fence_open(house: House) -> Iterator[Finding]:
    """See whether a stop keeps everything from being sent."""
    with house.engine.begin() as conn:
        held = stops.listing(conn, only_open=True)
    if not held:
        yield Finding(check="fence", grade=Grade.OK, says="no stop is open")
    for stop in held:
        scope = "of all accounts" if stop.account_id is None else f"of account {stop.account_id}"
        says = f"stop {stop.id} keeps the fence {scope} closed: {stop.reason}"
        yield Finding(
            check="fence",
            grade=Grade.WARN,
            says=says,
            advice=f"`stakazo fence open --stop {stop.id} --reason ...` lets writes go again",
        )


def secrets_open(house: House) -> Iterator[Finding]:
    """See that the keys that are here open what is sealed."""
    with house.engine.begin() as conn:
        sealed = secrets.listing(conn)
    held = {key.id for key in Vault.of(house.settings).keys} if sealed else set()
    lost = [row for row in sealed if row.key_id not in held]
    for row in lost:
        yield Finding(
            check="secrets",
            grade=Grade.FAIL,
            says=f"{row.place.platform}.{row.place.name} is sealed with key {row.key_id}, which is not here",
            advice="set the SECRET_KEY (or SECRET_KEY_PREVIOUS) that sealed it, bring its secret.key file back, or"
            f" set it anew: `stakazo secret set {row.place.platform}.{row.place.name}`",
        )
    if not lost:
        yield Finding(check="secrets", grade=Grade.OK, says=f"{len(sealed)} sealed; the keys to them are here")


def clock_skew(house: House) -> Iterator[Finding]:
    """Compare this machine's clock with Postgres', half-way through the question."""
    with house.engine.begin() as conn:
        before = datetime.now(UTC)
        facts = server_facts.read(conn)
        after = datetime.now(UTC)
    skew_s = (before + (after - before) / 2 - facts.now).total_seconds()
    says = f"this machine is {abs(skew_s):.1f} s {'ahead of' if skew_s >= 0 else 'behind'} Postgres"
    if abs(skew_s) <= _MOST_SKEW_S:
        yield Finding(check="clock skew", grade=Grade.OK, says=says)
    else:
        yield Finding(check="clock skew", grade=Grade.FAIL, says=says, advice="set both clocks by NTP")


def redis(house: House) -> Iterator[Finding]:
    """See that it answers and never throws a message away to make room."""
    url = addresses.redis_url(house.settings).replace("redis+socket://", "unix://", 1)
    try:
        with Redis.from_url(url, socket_timeout=_REDIS_TIMEOUT_S, socket_connect_timeout=_REDIS_TIMEOUT_S) as client:
            facts = client.info()
    except RedisError as error:
        raise NotReadyError(f"Redis does not answer ({type(error).__name__})") from None
    says = f"Redis {facts['redis_version']} answers; {facts['connected_clients']} clients"
    policy = facts.get("maxmemory_policy", _NO_EVICTION)
    if policy == _NO_EVICTION:
        yield Finding(check="redis", grade=Grade.OK, says=says)
    else:
        advice = "set maxmemory-policy noeviction; until then the tower rings lost messages again after half a minute"
        yield Finding(check="redis", grade=Grade.WARN, says=f"{says}; it may evict messages ({policy})", advice=advice)
