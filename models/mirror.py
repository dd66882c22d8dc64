"""The mirror of an account's tree: what the platform showed at the last full reading, and what we know changed since.

Rows are upserted by COPY; `seen_at` of a row is the reading that last changed it, since unchanged rows stay untouched.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import Connection, Table, exists, func, literal, select, update

from domain.actions import ObjectKind
from domain.clock import require_aware
from domain.errors import BadInputError, InvariantError
from domain.ids import AccountId, AdId
from domain.objects import Ad, AdSet, Bidding, Campaign, Creative, Learning, Status
from models import staging
from models.cleaning import clean_text
from models.staging import Load
from models.tables import ad_sets, ads, campaigns, creatives

Mirrored: TypeAlias = Campaign | AdSet | Ad | Creative
_Thing = TypeVar("_Thing", Campaign, AdSet, Ad, Creative)
_LIFE: Final = ("status", "effective_status", "created_at", "updated_at")
_BUDGET: Final = ("daily_budget_minor", "lifetime_budget_minor", "bidding")


def _load(table: Table, *columns: str) -> Load:
    return Load(table=table, columns=("id", "name", *columns), fixed=("account_id", "seen_at"), stamp="seen_at")


_LOADS: Final[Mapping[ObjectKind, Load]] = {
    ObjectKind.CAMPAIGN: _load(campaigns, *_LIFE, *_BUDGET, "objective", "spend_cap_minor"),
    ObjectKind.AD_SET: _load(ad_sets, *_LIFE, *_BUDGET, "campaign_id", "optimization_goal", "learning", "labels"),
    ObjectKind.AD: _load(ads, *_LIFE, "ad_set_id", "campaign_id", "creative_id"),
    ObjectKind.CREATIVE: _load(creatives, "title", "body", "video_id", "thumbnail_url"),
}
_BUILDS: Final[Mapping[ObjectKind, Callable[..., Mirrored]]] = {
    ObjectKind.CAMPAIGN: Campaign,
    ObjectKind.AD_SET: AdSet,
    ObjectKind.AD: Ad,
    ObjectKind.CREATIVE: Creative,
}
_SETTABLE: Final = frozenset({"status", "daily_budget_minor", "name"})


def upsert_campaigns(
    conn: Connection, account_id: AccountId, rows: Iterable[Sequence[Campaign]], seen_at: datetime
) -> int:
    """Bring pages of campaigns into the mirror; return how many were new or changed. So for the three below."""
    return _upsert(conn, ObjectKind.CAMPAIGN, account_id, rows, seen_at)


def upsert_ad_sets(conn: Connection, account_id: AccountId, rows: Iterable[Sequence[AdSet]], seen_at: datetime) -> int:
    """Bring pages of ad sets into the mirror."""
    return _upsert(conn, ObjectKind.AD_SET, account_id, rows, seen_at)


def upsert_ads(conn: Connection, account_id: AccountId, rows: Iterable[Sequence[Ad]], seen_at: datetime) -> int:
    """Bring pages of ads into the mirror; our own mark of fatigue stays as it is."""
    return _upsert(conn, ObjectKind.AD, account_id, rows, seen_at)


def upsert_creatives(
    conn: Connection, account_id: AccountId, rows: Iterable[Sequence[Creative]], seen_at: datetime
) -> int:
    """Bring pages of creatives into the mirror."""
    return _upsert(conn, ObjectKind.CREATIVE, account_id, rows, seen_at)


def forget_unseen(conn: Connection, account_id: AccountId, table: ObjectKind, seen_at: datetime) -> int:
    """Mark as deleted what the full reading of this transaction did not show; return how many.

    The pages must have been upserted with the same `seen_at` in the same transaction, all of them: that is how the
    reading is known to be full. Rows seen at a later instant stay. Creatives, which have no status, are removed.

    Raises:
        InvariantError: nothing was upserted in this transaction.
    """
    load = _load_of(table)
    seen = f"seen_{load.table.name}"
    if conn.exec_driver_sql("SELECT to_regclass(%s)", (f"pg_temp.{seen}",)).scalar_one() is None:
        raise InvariantError(f"no reading of {load.table.name} in this transaction: nothing can be said to be gone")
    change = "DELETE FROM creatives AS mirror"
    if "status" in load.columns:
        change = f"UPDATE {load.table.name} AS mirror SET status = 'deleted', seen_at = %(seen_at)s"  # noqa: S608
    gone = (
        "mirror.account_id = %(account_id)s AND mirror.seen_at <= %(seen_at)s AND NOT EXISTS ("
        f"SELECT FROM {seen} AS seen "
        "WHERE seen.id = mirror.id AND seen.account_id = mirror.account_id AND seen.seen_at = %(seen_at)s)"
    )
    if "status" in load.columns:
        gone += " AND mirror.status <> 'deleted'"
    conn.exec_driver_sql(f"ANALYZE {seen}")  # without figures the planner compares every row with every other
    values = {"account_id": account_id, "seen_at": require_aware("seen_at", seen_at)}
    return conn.exec_driver_sql(f"{change} WHERE {gone}", values).rowcount


def count(conn: Connection, account_id: AccountId, kind: ObjectKind) -> int:
    """How many objects of a kind the mirror holds, deleted ones too."""
    table = _LOADS[kind].table
    return conn.execute(select(func.count()).where(table.c.account_id == account_id)).scalar_one()


def lacks_creatives(conn: Connection, account_id: AccountId, seen_at: datetime) -> bool:
    """Whether an ad that came or changed with the reading of `seen_at` shows a creative that the mirror has not."""
    known = select(creatives.c.id).where(creatives.c.account_id == account_id, creatives.c.id == ads.c.creative_id)
    changed = (ads.c.account_id == account_id, ads.c.seen_at == require_aware("seen_at", seen_at))
    return bool(
        conn.execute(select(exists().where(*changed, ads.c.creative_id.is_not(None), ~known.exists()))).scalar_one()
    )


def analyze(conn: Connection) -> None:
    """Give Postgres' planner fresh figures of the mirror: after a first load its guesses cost seconds.

    Call it in a transaction of its own: the tables stay locked against another ANALYZE until its end.
    """
    conn.exec_driver_sql("ANALYZE (SKIP_LOCKED) campaigns, ad_sets, ads, creatives")


def mark_fatigued(conn: Connection, account_id: AccountId, ad_id: AdId, at: datetime) -> bool:
    """Mark an ad as fatigued since the platform's instant `at`; an older mark stays. False = not in the mirror."""
    instant = literal(require_aware("at", at), ads.c.fatigued_at.type)
    mark = update(ads).values(fatigued_at=func.least(ads.c.fatigued_at, instant))  # least() passes over NULL
    return conn.execute(mark.where(ads.c.account_id == account_id, ads.c.id == ad_id)).rowcount == 1


def mark_all_fatigued(conn: Connection, account_id: AccountId, ad_ids: Sequence[AdId], at: datetime) -> int:
    """Mark many ads in one statement, as `mark_fatigued` does one; return how many are in the mirror."""
    instant = literal(require_aware("at", at), ads.c.fatigued_at.type)
    mark = update(ads).values(fatigued_at=func.least(ads.c.fatigued_at, instant))
    return conn.execute(mark.where(ads.c.account_id == account_id, ads.c.id == func.any(list(ad_ids)))).rowcount


def set_values(
    conn: Connection, account_id: AccountId, kind: ObjectKind, object_id: str, values: Mapping[str, object]
) -> bool:
    """Write down what a confirmed write set, before the next reading shows it. False = not in the mirror.

    Raises:
        BadInputError: a value that the mirror does not keep of that kind.
    """
    return set_values_of(conn, account_id, kind, {object_id: values}) == 1


def set_values_of(
    conn: Connection, account_id: AccountId, kind: ObjectKind, values: Mapping[str, Mapping[str, object]]
) -> int:
    """The same for several objects, by their ids; return how many are in the mirror.

    Of several it waits for none that somebody else is rewriting: two who wait for each other's rows would never end.

    Raises:
        OperationalError: one of several rows is being rewritten right now; the transaction is void.
    """
    table = _load_of(kind).table
    kept = {name for name in _SETTABLE if name in table.c}
    wrong = sorted({name for row in values.values() for name in row} - kept)
    if wrong:
        raise BadInputError(f"the mirror sets no {', '.join(wrong)} of a {kind}; it sets {', '.join(sorted(kept))}")
    alike: dict[tuple[tuple[str, object], ...], list[str]] = {}
    for object_id, row in values.items():
        clean = {name: clean_text(value) if isinstance(value, str) else value for name, value in row.items()}
        if clean:
            alike.setdefault(tuple(sorted(clean.items())), []).append(object_id)
    mine = table.c.account_id == account_id
    if len(values) > 1:
        conn.execute(select(table.c.id).where(mine, table.c.id == func.any(list(values))).with_for_update(nowait=True))
    changes = (
        update(table).where(mine, table.c.id == func.any(ids)).values(dict(pairs)) for pairs, ids in alike.items()
    )
    return sum(conn.execute(change).rowcount for change in changes)


def listing(conn: Connection, account_id: AccountId, kind: ObjectKind) -> tuple[Mirrored, ...]:
    """Read every object of a kind that is not deleted, ordered by id."""
    load = _load_of(kind)
    query = select(*(load.table.c[name] for name in load.columns)).where(load.table.c.account_id == account_id)
    if "status" in load.columns:
        query = query.where(load.table.c.status != Status.DELETED.value)
    ordered = query.order_by(load.table.c.id.collate("C"))
    return tuple(_built(kind, dict(row)) for row in conn.execute(ordered).mappings())


def find(conn: Connection, account_id: AccountId, kind: ObjectKind, object_id: str) -> Mirrored | None:
    """Read one object as it was last seen."""
    load = _load_of(kind)
    columns = [load.table.c[name] for name in load.columns]
    query = select(*columns).where(load.table.c.account_id == account_id, load.table.c.id == object_id)
    row = conn.execute(query).mappings().first()
    return None if row is None else _built(kind, dict(row))


def _built(kind: ObjectKind, values: dict[str, Any]) -> Mirrored:
    if "status" in values:
        values["status"] = Status(values["status"])
    if "bidding" in values:
        values["bidding"] = Bidding(values["bidding"])
    if "learning" in values:
        values |= {"learning": Learning(values["learning"]), "labels": tuple(values["labels"])}
    return _BUILDS[kind](**values)


def _load_of(kind: ObjectKind) -> Load:
    load = _LOADS.get(kind)
    if load is None:
        raise BadInputError(f"the mirror keeps no {kind}; it keeps {', '.join(_LOADS)}")
    return load


def _upsert(
    conn: Connection, kind: ObjectKind, account_id: AccountId, pages: Iterable[Sequence[_Thing]], seen_at: datetime
) -> int:
    load = _LOADS[kind]
    fixed = {"account_id": account_id, "seen_at": require_aware("seen_at", seen_at)}
    pick = attrgetter(*load.columns)
    staging.open_stage(conn, load)
    staging.copy_blocks(conn, load, (staging.copy_text([pick(thing) for thing in page]) for page in pages))
    changed = staging.merge(conn, load, fixed)
    seen = f"seen_{load.table.name}"
    conn.exec_driver_sql(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {seen} (account_id bigint, seen_at timestamptz, id text) ON COMMIT DROP"
    )
    conn.exec_driver_sql(
        f"INSERT INTO {seen} SELECT %(account_id)s, %(seen_at)s, id FROM {load.stage}",  # noqa: S608 - our own names
        fixed,
    )
    staging.clear_stage(conn, load)
    return changed
