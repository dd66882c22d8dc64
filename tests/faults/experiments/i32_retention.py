"""I-32: a row of the audit lives for 90 days and is gone by 97."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, insert, select, text
from sqlalchemy.exc import DBAPIError

from embedded.scratch import as_application
from models import audit_verify, roles
from models.engine import db_now, make_engine
from models.tables import audit, audit_heads
from tests.faults.guarantee import Guarantee, Outcome, Place

_KEPT, _GONE = timedelta(days=90), timedelta(days=97)
_SECOND = timedelta(seconds=1)
_ROUND = timedelta(hours=4)  # four times as seldom as the tower does
_PART = timedelta(days=6)
_FIRST_PART = datetime(2000, 1, 1, tzinfo=UTC)
_ROWS = 300
_TRAVEL = timedelta(days=40)
_VERIFY_EVERY = 50
_TRIES = 20
_ZONES = ("UTC", "Europe/Madrid", "America/New_York", "Australia/Lord_Howe")
_NOTHING = bytes(32)


def _travel(place: Place, trials: int, *, every: timedelta = _ROUND) -> Outcome:
    """Let rounds of retention go by as if it were ever later; each is a trial, and so is each refusal.

    Postgres' clock cannot be moved, but what a round does depends on its instant alone: a round at T + 90 days is
    `audit_drop_before(T)`, for any T that lies 90 days back already.
    """
    dice = random.Random(place.seed)
    violations: list[str] = []
    rounds = dropped = 0
    while rounds < trials:
        with _stage(place, dice) as (app, ats):
            done, gone, found = _rounds(app, ats, dice, trials - rounds, every)
            rounds, dropped = rounds + done, dropped + gone
            violations += found
            violations += _refusals(app)
    figures: dict[str, float | str] = {"rows dropped": dropped, "hours between rounds": every / timedelta(hours=1)}
    return Outcome(trials=rounds, violations=tuple(violations), figures=figures)


def _seldom(place: Place, trials: int) -> Outcome:
    """Somebody thinks of it now and then."""
    return _travel(place, min(trials, 4), every=timedelta(days=10))


def _without_refusal(place: Place, trials: int) -> Outcome:
    """A function that drops what it is told to, whoever tells it."""
    url = place.database_url()
    roles.admit(url, as_application(url))
    with _opened(url) as owner, owner.begin() as conn:
        body = conn.execute(text("SELECT pg_get_functiondef('audit_drop_before'::regproc)")).scalar_one()
        conn.exec_driver_sql(
            body.replace("> clock_timestamp() - interval '90 days' THEN", "> clock_timestamp() THEN"),
            execution_options={"no_parameters": True},
        )
    with _opened(as_application(url)) as app:
        return Outcome(trials=min(trials, len(_YOUNG)), violations=tuple(_refusals(app)))


def _rounds(
    app: Engine, ats: list[datetime], dice: random.Random, count: int, every: timedelta
) -> tuple[int, int, list[str]]:
    """Rounds that begin 40 days before today's first; how many, how many rows went, and what was wrong."""
    violations: list[str] = []
    with app.begin() as conn:
        instants = _instants(db_now(conn) - _KEPT - _TRAVEL, every)[:count]
    left = set(ats)
    for n, instant in enumerate(instants):
        violations += _judge(left, instant + _KEPT, f"before round {n}", is_late=n > 0)
        with app.begin() as conn:
            conn.execute(text("SELECT set_config('TimeZone', :zone, true)"), {"zone": dice.choice(_ZONES)})
            conn.execute(text("SELECT audit_drop_before(:instant)"), {"instant": instant})
            # In UTC: instants of an hour that a zone repeats equal none of another zone, whatever they are.
            now_left = {at.astimezone(UTC) for at in conn.execute(select(audit.c.at)).scalars()}
            if n % _VERIFY_EVERY == 0:
                violations += [f"round {n}: {problem}" for problem in audit_verify.verify(conn).problems]
        young = [at for at in left - now_left if at > instant]
        violations += [f"round {n}: a row of {(instant + _KEPT - at)} was dropped" for at in young]
        left = now_left
    return len(instants), len(ats) - len(left), violations


def _instants(since: datetime, every: timedelta) -> list[datetime]:
    """The rounds' instants over 40 days, and those a second around the edge of each partition."""
    rounds = {since + n * every for n in range(_TRAVEL // every)}
    if every != _ROUND:
        return sorted(rounds)
    first = _FIRST_PART + ((since - _FIRST_PART) // _PART + 1) * _PART
    edges = [first + n * _PART for n in range(_TRAVEL // _PART)]
    return sorted(rounds | {edge + shift for edge in edges for shift in (-_SECOND, timedelta(0), _SECOND)})


def _judge(left: set[datetime], now: datetime, when: str, *, is_late: bool) -> list[str]:
    """Rows of over 97 days, as old as they get just before a round; before the first nobody has looked yet."""
    return [f"{when}: a row of {now - at} is still there" for at in sorted(left) if is_late and now - at > _GONE]


_YOUNG: tuple[Callable[[datetime], datetime], ...] = (
    lambda now: now - _KEPT + _SECOND,
    lambda now: now - _KEPT + timedelta(minutes=1),
    lambda now: now - timedelta(days=89),
    lambda now: now - timedelta(days=1),
    lambda now: now,
)


def _refusals(app: Engine) -> list[str]:
    """What asks for young rows is refused; a second over 90 days is not."""
    violations = [problem for ask in _YOUNG for problem in _refuses(app, ask)]
    with app.connect() as conn:
        old = db_now(conn) - _KEPT - _SECOND
        if not _is_dropped_before(conn, old):
            violations.append("a second over 90 days was refused")
    return violations


def _refuses(app: Engine, ask: Callable[[datetime], datetime]) -> list[str]:
    """What is wrong about a demand for young rows; asked again when it grew old before it was carried out."""
    for _ in range(_TRIES):
        with app.connect() as conn:
            instant = ask(db_now(conn))
            if not _is_dropped_before(conn, instant):
                return []
        with app.connect() as conn:
            if instant > db_now(conn) - _KEPT:
                return [f"dropped before {instant}, which is not 90 days ago"]
    return [f"{_TRIES} demands grew old before they were carried out"]


def _is_dropped_before(conn: Connection, instant: datetime) -> bool:
    """Rolled back in any case."""
    try:
        conn.execute(text("SELECT audit_drop_before(:instant)"), {"instant": instant})
    except DBAPIError:
        return False
    finally:
        conn.rollback()
    return True


@contextmanager
def _stage(place: Place, dice: random.Random) -> Iterator[tuple[Engine, list[datetime]]]:
    """Rows of every age, many at the very edges of partitions, hashed as they would have been."""
    url = place.database_url()
    roles.admit(url, as_application(url))
    with _opened(url) as owner, _opened(as_application(url)) as app:
        ats = _fill(owner, dice)
        yield app, ats


def _fill(owner: Engine, dice: random.Random) -> list[datetime]:
    with owner.begin() as conn:
        now = db_now(conn)
        ats = {now - timedelta(seconds=dice.uniform(0, 150 * 86_400)) for _ in range(_ROWS)}
        for at in list(ats):
            conn.execute(text("SELECT audit_partition(:at)"), {"at": at})
        days = conn.execute(
            text("SELECT to_date(right(inhrelid::regclass::text, 10), 'YYYY_MM_DD') FROM pg_inherits"
                 " WHERE inhparent = 'audit'::regclass")
        ).scalars()  # fmt: skip
        edges = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in sorted(days)][1:]
        ats |= {edge + shift for edge in edges for shift in (-_SECOND, timedelta(0), _SECOND) if edge + shift < now}
        prev = _NOTHING
        for seq, at in enumerate(sorted(ats), start=1):
            row = {"chain": 1, "seq": seq, "at": at, "actor": "os:ana", "event": "thing.done"}
            hashed = conn.execute(
                text("SELECT audit_hash(:prev, :chain, :seq, :at, :actor, :event, NULL, NULL, NULL, NULL, '{}')"),
                row | {"prev": prev},
            ).scalar_one()
            conn.execute(insert(audit).values(**row, prev_hash=prev, hash=hashed))
            prev = hashed
        head = {"chain": 1, "seq": len(ats), "at": max(ats), "hash": prev, "base_hash": _NOTHING}
        conn.execute(insert(audit_heads).values(**head))
    return sorted(ats)


@contextmanager
def _opened(url: str) -> Iterator[Engine]:
    engine = make_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


GUARANTEE = Guarantee(
    id="I-32",
    statement="A row of the audit lives for 90 days by Postgres' clock and is gone by 97; its chain stays whole.",
    enforced_at="models/migrations/versions/r0008_audit.py: audit_partition, audit_drop_before;"
    " control_tower/upkeep.py: keep_audit",
    refuted_by="Rows of every age, and a second around the edge of every partition; rounds four hours apart over 40"
    " days, and a second around each edge, in four time zones with their changes of summer time; demands for younger"
    " rows, to the second.",
    short=240,
    full=10_000,
    experiment=_travel,
    weaker={
        "rounds ten days apart": _seldom,
        "drops what it is told to": _without_refusal,
    },
    judge="the instants of the rows, which the experiment chose",
    not_promised="While no tower runs nothing is dropped: rows then stay until one is back.",
)
