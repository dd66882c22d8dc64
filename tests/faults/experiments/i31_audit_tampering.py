"""I-31: no statement of the application changes the audit; a superuser's single edit is found."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from domain.ids import AccountId
from embedded.scratch import as_application
from models import audit, audit_verify, roles
from models.audit_verify import Verified
from models.engine import make_engine
from tests.faults.guarantee import Guarantee, Outcome, Place

_ROWS = 1000
_CHAINS = 3
_REFUSED = {"42501", "23514"}  # insufficient privilege, check violation (a trigger)
_ON_TABLE = (
    "UPDATE {t} SET seq = 0",
    "UPDATE {t} SET seq = seq WHERE false",
    "DELETE FROM {t}",
    "TRUNCATE {t} CASCADE",
    "INSERT INTO {t} SELECT * FROM {t}",
    "COPY {t} FROM STDIN",
    "MERGE INTO {t} USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    "ALTER TABLE {t} DROP COLUMN hash CASCADE",
    "ALTER TABLE {t} DISABLE TRIGGER USER",
    "ALTER TABLE {t} OWNER TO CURRENT_USER; ALTER TABLE {t} RENAME TO other",
    "DROP TABLE {t} CASCADE",
    "CREATE RULE mine AS ON INSERT TO {t} DO ALSO NOTHING",
    "LOCK TABLE {t} IN ACCESS EXCLUSIVE MODE",
    "GRANT ALL ON {t} TO CURRENT_USER; DELETE FROM {t}",
)
_AROUND = (
    "SET session_replication_role = replica",
    "SET SESSION AUTHORIZATION stakazo; RESET SESSION AUTHORIZATION",
    "SET ROLE stakazo",
    "CREATE OR REPLACE FUNCTION guard_audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
    "ALTER FUNCTION guard_audit() RENAME TO other",
    "DROP FUNCTION audit_append(bigint, jsonb)",
    "SELECT audit_drop_before(clock_timestamp())",
    "SELECT audit_partition(now())",
    "ALTER TABLE audit DETACH PARTITION {p}",
    "CREATE TABLE public.mine (a int)",
    "ALTER ROLE CURRENT_USER SUPERUSER",
)
Change = Callable[[random.Random, int, int], str]

# Each is one edit of one row, as a superuser with the triggers off. Whoever edits well makes the row's own hash anew.
_WORDS = "chain, seq, at, actor, event, action_id, before_state, after_state, epoch, detail"
_OF_ROW = "WHERE chain = {chain} AND seq = {seq}"
_EDITS: dict[str, tuple[str, ...]] = {
    "a column changed": (
        "UPDATE audit SET {column} " + _OF_ROW,
    ),
    "a column changed, the hash made anew": (
        "UPDATE audit SET {column} " + _OF_ROW,
        f"UPDATE audit SET hash = audit_hash(prev_hash, {_WORDS}) " + _OF_ROW,
    ),
    "deleted": ("DELETE FROM audit " + _OF_ROW,),
    "told twice": (
        f"INSERT INTO audit SELECT {_WORDS.replace('at,', 'at + interval %1 us%,', 1)}, prev_hash, hash FROM audit "
        .replace("%", "'") + _OF_ROW,
    ),
    "exchanged with its neighbour": (
        "UPDATE audit SET seq = {seq} + {other} - seq WHERE chain = {chain} AND seq IN ({seq}, {other})",
    ),
    "the end cut off from here": ("DELETE FROM audit WHERE chain = {chain} AND seq >= {seq}",),
}  # fmt: skip
_COLUMNS = (
    "actor = actor || 'x'",
    "event = 'nothing.done'",
    "action_id = coalesce(action_id, 0) + 1",
    "before_state = coalesce(before_state, '') || 'x'",
    "after_state = NULL, epoch = coalesce(epoch, 0) + 1",
    "epoch = coalesce(epoch, 0) + 1",
    "detail = detail || '{{\"n\": -1}}'",
    "at = at - interval '1 microsecond'",
)


def _experiment(place: Place, trials: int) -> Outcome:
    return _try(place, trials, is_split=True, finds=lambda found: bool(found.problems))


def _one_role(place: Place, trials: int) -> Outcome:
    """Everything runs as the owner, a superuser here: triggers alone guard the audit."""
    return _try(place, min(trials, 20), is_split=False, finds=lambda found: bool(found.problems))


def _rows_alone(place: Place, trials: int) -> Outcome:
    """Each row's own hash is looked at, neither links nor numbers nor heads."""
    return _try(place, min(trials, 120), is_split=True, finds=_sees_a_wrong_hash)


def _without_heads(place: Place, trials: int) -> Outcome:
    """A chain without a head that says where it ends."""
    return _try(place, min(trials, 120), is_split=True, finds=_sees_more_than_the_end)


def _sees_a_wrong_hash(found: Verified) -> bool:
    return any("its hash is not" in problem.words for problem in found.problems)


def _sees_more_than_the_end(found: Verified) -> bool:
    return any("its head says" not in problem.words for problem in found.problems)


def _try(place: Place, trials: int, *, is_split: bool, finds: Callable[[Verified], bool]) -> Outcome:
    url = place.database_url()
    roles.admit(url, as_application(url))
    with _opened(url) as owner, _opened(as_application(url) if is_split else url) as app:
        part = _fill(app)
        tables = ("audit", "audit_heads", part)
        statements = [text_.format(t=table) for table in tables for text_ in _ON_TABLE]
        statements += [text_.format(p=part) for text_ in _AROUND]
        allowed = [f"allowed: {statement}" for statement in statements if not _is_refused(app, statement)]
        with owner.begin() as conn:
            clean = audit_verify.verify(conn)
        flaws = [f"an untouched audit is said to be touched: {problem}" for problem in clean.problems]
        missed, kinds = _edits(owner, random.Random(place.seed), trials, finds)
    return Outcome(
        trials=len(statements) + trials,
        violations=(*allowed, *flaws, *missed),
        figures={
            "statements tried as the application": len(statements),
            "rows in the audit": clean.rows,
            **{f"edits: {kind}": count for kind, count in sorted(kinds.items())},
        },
    )


def _fill(app: Engine) -> str:
    """Tell a thousand things in three chains; the name of the partition that holds them."""
    with app.begin() as conn:
        for n in range(_ROWS):
            account_id = AccountId(n % _CHAINS) if n % _CHAINS else None
            audit.note(conn, actor="os:ana", event="thing.done", account_id=account_id, detail={"n": n})
        name: str = conn.execute(text("SELECT tableoid::regclass::text FROM audit LIMIT 1")).scalar_one()
        return name


def _is_refused(engine: Engine, statement: str) -> bool:
    with engine.connect() as conn:
        try:
            conn.exec_driver_sql(statement, execution_options={"no_parameters": True})
        except DBAPIError as error:
            return getattr(error.orig, "sqlstate", None) in _REFUSED
        finally:
            conn.invalidate()  # a COPY that was let in still waits for its rows
    return False


def _edits(
    owner: Engine, dice: random.Random, trials: int, finds: Callable[[Verified], bool]
) -> tuple[list[str], Counter[str]]:
    """Edit one row after the other, each on an untouched audit; what was not found, and how many of each kind."""
    missed: list[str] = []
    kinds: Counter[str] = Counter()
    with owner.connect() as conn:
        lengths: dict[int, int] = {row.chain: row.seq for row in conn.execute(text("SELECT * FROM audit_heads"))}
        places = [(chain, seq) for chain, length in sorted(lengths.items()) for seq in range(1, length + 1)]
        dice.shuffle(places)
        conn.rollback()
        for n in range(trials):
            chain, seq = places[n % len(places)]
            kind = tuple(_EDITS)[n % len(_EDITS)]
            kinds[kind] += 1
            statements = [
                words.format(
                    chain=chain, seq=seq, other=seq + 1 if seq < lengths[chain] else seq - 1,
                    column=_COLUMNS[n // len(_EDITS) % len(_COLUMNS)].format(),
                )
                for words in _EDITS[kind]
            ]  # fmt: skip
            if not finds(_after(conn, statements)):
                missed.append(f"not found: row {seq} of chain {chain}, {kind}: {statements[0]}")
    return missed, kinds


def _after(conn: Connection, statements: list[str]) -> Verified:
    """What verifying says once the statements are through; then they are taken back."""
    conn.execute(text("SET LOCAL session_replication_role = replica"))
    for statement in statements:
        changed = conn.exec_driver_sql(statement, execution_options={"no_parameters": True}).rowcount
        assert changed, f"changed nothing: {statement}"
    found = audit_verify.verify(conn)
    conn.rollback()
    return found


@contextmanager
def _opened(url: str) -> Iterator[Engine]:
    engine = make_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


GUARANTEE = Guarantee(
    id="I-31",
    statement="The application's role can add to the audit and do nothing else to it; a single row that a superuser"
    " changes, takes out, puts in or moves is found by `stakazo audit verify`.",
    enforced_at="models/migrations/versions/r0008_audit.py: triggers, audit_append; models/roles.py: grant;"
    " models/audit_verify.py: verify",
    refuted_by="Every class of statement on the table, its heads and a partition, and ways around them, as the"
    " application's role; then one row after the other edited in six ways as a superuser with the triggers off.",
    short=240,
    full=1000,
    experiment=_experiment,
    weaker={
        "one role for all": _one_role,
        "rows without links": _rows_alone,
        "no heads": _without_heads,
    },
    judge="Postgres' refusals; what was edited is known, because the experiment edited it",
    not_promised="A superuser who rewrites a whole chain and its head leaves no trace in the database: only heads kept"
    " elsewhere (`stakazo audit export --heads`, the tower's hourly log line) show it. Who can read the data folder of"
    " a one-machine installation can read the owner's password.",
)
