"""The store of posteriors and forecasts of ROAS: replaced with every run of the engine, read by whoever decides.

What the latest run said of an object is one row. Its forecasts of ad sets, campaigns and the account are kept too, at
most one a week of each, so that they stand for different days; those of over 90 days go with the next run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
import psycopg
from sqlalchemy import Connection, Row, Select, delete, func, select

from domain.actions import ObjectKind
from domain.clock import require_aware
from domain.errors import InvariantError
from domain.evidence import RoasEvidence, RoasFrame
from domain.ids import AccountId
from domain.snapshot import Floats, Texts
from estimators.forecast import Forecast
from models.columns import fetch_columns
from models.staging import copy_text
from models.tables import roas_estimates, roas_forecasts

KEPT_DAYS: Final = 90
_KINDS: Final = (ObjectKind.ACCOUNT, ObjectKind.CAMPAIGN, ObjectKind.AD_SET, ObjectKind.AD)
_KEPT_KINDS: Final = _KINDS[:-1]  # an ad's week is told by its ad set's; there are 10^5 of them
_PART: Final = 20_000  # rows formatted at a time
_SCALE: Final = 10**9  # of real numbers in bigint
_MOST: Final = 9e18 / _SCALE
_ESTIMATE_COLUMNS: Final = (
    "account_id", "object_kind", "made_at", "object_id", "spend_minor", "purchases", "maturity", "roas_now",
    "log_median", "log_sd", "order_value_minor", "ahead_days", "ahead_spend_minor", "ahead_roas", "ahead_roas_low",
    "ahead_roas_high",
)  # fmt: skip
_FORECAST_COLUMNS: Final = (
    "account_id", "object_kind", "first_day", "object_id", "days", "spend_minor", "roas", "roas_low", "roas_high"
)  # fmt: skip
_FRAME: Final = f"""
SELECT object_id, {
    ", ".join(
        f"(least({name}, {_MOST:.0f}) * {_SCALE})::bigint AS {name}"
        for name in ("spend_minor", "purchases", "maturity", "roas_now", "log_median", "log_sd")
    )
}
FROM roas_estimates WHERE account_id = %(account)s AND object_kind = %(kind)s
"""  # noqa: S608 - our own names


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is written of one kind: its posteriors, and by row the mean order and the forecast."""

    frame: RoasFrame
    order_value_minor: Floats
    ahead: Forecast


class Estimate(NamedTuple):
    """One object's row, as it is shown."""

    object_kind: ObjectKind
    object_id: str
    made_at: datetime
    spend_minor: float
    purchases: float
    maturity: float
    roas_now: float
    log_median: float
    log_sd: float
    order_value_minor: float
    ahead_days: int
    ahead_spend_minor: float
    ahead_roas: float
    ahead_roas_low: float
    ahead_roas_high: float


def replace(
    conn: Connection, account_id: AccountId, made_at: datetime, today: date, told: Mapping[ObjectKind, Told]
) -> int:
    """Put these in the place of the last run's, and keep forecasts that begin `today`; return how many objects."""
    require_aware("made_at", made_at)
    conn.execute(delete(roas_estimates).where(roas_estimates.c.account_id == account_id))
    for kind, one in told.items():
        fixed = f"{account_id}\t{kind.value}\t{made_at.isoformat()}"
        columns = (
            one.frame.spend_minor, one.frame.purchases, one.frame.maturity, one.frame.now, one.frame.log_median,
            one.frame.log_sd, one.order_value_minor, np.full(len(one.frame), one.ahead.days), one.ahead.spend_minor,
            one.ahead.roas, one.ahead.roas_low, one.ahead.roas_high,
        )  # fmt: skip
        _copy(conn, "roas_estimates", _ESTIMATE_COLUMNS, fixed=fixed, ids=one.frame.object_id, columns=columns)
    _keep_forecasts(conn, account_id, today, told)
    return sum(len(one.frame) for one in told.values())


def current(conn: Connection, account_id: AccountId) -> RoasEvidence | None:
    """Read what the engine said last of an account, None where it has not run yet."""
    made_at = made_when(conn, account_id)
    if made_at is None:
        return None
    return RoasEvidence(made_at=made_at, frames={kind: _frame(conn, account_id, kind) for kind in _KINDS})


def made_when(conn: Connection, account_id: AccountId) -> datetime | None:
    """Return when the engine last wrote of an account, None where it never did or nothing had been spent."""
    query = select(func.max(roas_estimates.c.made_at)).where(roas_estimates.c.account_id == account_id)
    found: datetime | None = conn.execute(query).scalar_one()
    return found


def of_object(conn: Connection, account_id: AccountId, object_id: str) -> Estimate | None:
    """Read one object's row."""
    query = _shown().where(roas_estimates.c.account_id == account_id, roas_estimates.c.object_id == object_id)
    row = conn.execute(query.limit(1)).one_or_none()
    return None if row is None else _estimate(row)


def listing(conn: Connection, account_id: AccountId, kind: ObjectKind, limit: int) -> tuple[Estimate, ...]:
    """Read the rows of a kind, those with most spend first."""
    query = (
        _shown()
        .where(roas_estimates.c.account_id == account_id, roas_estimates.c.object_kind == kind.value)
        .order_by(roas_estimates.c.spend_minor.desc(), roas_estimates.c.object_id)
        .limit(limit)
    )
    return tuple(_estimate(row) for row in conn.execute(query))


def _keep_forecasts(
    conn: Connection, account_id: AccountId, today: date, told: Mapping[ObjectKind, Told]
) -> None:  # fmt: skip
    mine = roas_forecasts.c.account_id == account_id
    conn.execute(delete(roas_forecasts).where(mine, roas_forecasts.c.first_day < today - timedelta(days=KEPT_DAYS)))
    last: date | None = conn.execute(select(func.max(roas_forecasts.c.first_day)).where(mine)).scalar_one()
    kept = [told[kind] for kind in _KEPT_KINDS if kind in told]
    if not kept or (last is not None and today < last + timedelta(days=kept[0].ahead.days)):
        return
    for one in kept:
        spends = one.ahead.spend_minor > 0
        columns = (
            np.full(len(one.frame), one.ahead.days), one.ahead.spend_minor, one.ahead.roas, one.ahead.roas_low,
            one.ahead.roas_high,
        )  # fmt: skip
        fixed = f"{account_id}\t{one.frame.kind.value}\t{today.isoformat()}"
        some = [column[spends] for column in columns]
        ids = one.frame.object_id[spends]
        _copy(conn, "roas_forecasts", _FORECAST_COLUMNS, fixed=fixed, ids=ids, columns=some)


def _copy(
    conn: Connection, table: str, names: Sequence[str], *, fixed: str, ids: Texts, columns: Sequence[Floats]
) -> None:
    """COPY rows that begin with the same cells; numbers as Python writes them, which Postgres reads exactly."""
    driver = conn.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise InvariantError("loading needs a psycopg connection; engines come from models.engine.make_engine")
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN".encode()) as copy:
        for start in range(0, len(ids), _PART):
            part = slice(start, start + _PART)
            cells = copy_text([(object_id,) for object_id in ids[part]]).split("\n")
            numbers = zip(*(column[part].tolist() for column in columns), strict=True)
            copy.write(
                "".join(
                    f"{fixed}\t{cell}\t" + "\t".join(map(repr, row)) + "\n"
                    for cell, row in zip(cells, numbers, strict=False)  # the last cell is empty: lines end with \n
                )
            )


def _frame(conn: Connection, account_id: AccountId, kind: ObjectKind) -> RoasFrame:
    names = ("spend_minor", "purchases", "maturity", "roas_now", "log_median", "log_sd")
    found = fetch_columns(
        conn, _FRAME, {"account": account_id, "kind": kind.value}, texts=("object_id",), numbers=names
    )  # fmt: skip
    real = {name: found[name] / _SCALE for name in names}
    return RoasFrame(
        kind=kind, object_id=found["object_id"], spend_minor=real["spend_minor"], purchases=real["purchases"],
        maturity=real["maturity"], now=real["roas_now"], log_median=real["log_median"], log_sd=real["log_sd"],
    )  # fmt: skip


def _shown() -> Select[tuple[Any, ...]]:
    return select(*(roas_estimates.c[name] for name in Estimate._fields))


def _estimate(row: Row[Any]) -> Estimate:
    return Estimate._make(row)._replace(object_kind=ObjectKind(row.object_kind))
