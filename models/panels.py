"""Builds panels: daily figures of an account's objects side by side, or summed with weights where there are too many.

Days are complete days of the account's own zone, counted back from the last reading. 200,000 ads over 28 days would
take 45 MB for each figure: load what is needed of them, or their weighted sums.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection

from decisions.roas_posterior import DayWeights, Sums, roll_up
from domain.actions import ObjectKind
from domain.clock import require_aware
from domain.errors import BadInputError
from domain.panel import Panel
from domain.snapshot import Ints, Texts
from models.accounts import Account
from models.columns import fetch_columns
from models.panel_queries import COUNT_SCALE, FIGURES, KINDS, MONEY_SCALE, days_of, sums_of

_WORK_MEMORY: Final = "64MB"
_SUMS: Final = ("spend_minor", "purchases", "revenue_minor", "matured_minor", "exposure", "squared")
_DAYS_MOST: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Where an account's figures end: the last complete day of its zone, and how much of the next had passed."""

    until: date
    day_share: float

    def ages(self, days: int) -> Ints:
        """Return the ages of the last `days` days, oldest first; the last complete day is 1."""
        return np.arange(days, 0, -1, dtype=np.int64)

    def first_day(self, days: int) -> date:
        """Return the first of the last `days` days."""
        return self.until - timedelta(days=days - 1)


def reading(account: Account, now: datetime) -> Reading:
    """Tell where the figures end: at the last reading, or `now` if that is earlier (or nothing was read yet).

    A day of 23 or 25 hours passes as evenly as any other.
    """
    zone = ZoneInfo(account.zone)
    now = require_aware("now", now)
    read_at = now if account.insights_read_at is None else min(now, account.insights_read_at)
    today = read_at.astimezone(zone).date()
    begins, ends = (
        datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() for day in (today, today + timedelta(days=1))
    )
    share = (read_at.timestamp() - begins) / (ends - begins)
    return Reading(until=today - timedelta(days=1), day_share=float(np.clip(share, 0.0, 1.0)))


def load(
    conn: Connection,
    account: Account,
    kind: ObjectKind,
    *,
    days: int,
    reading: Reading,
    parents: Texts | None = None,
    figures: tuple[str, ...] = FIGURES,
) -> Panel:
    """Load the last `days` days of all ads, ad sets or campaigns that have a figure in them, gone ones included.

    `parents` are the ids of the next higher panel's rows, into which `parent` then points. Of figures that are not
    asked for there are zeros, which take no memory.

    Raises:
        BadInputError: no panel of that kind, or days that are none.
    """
    panel, parent_ids = _loaded(conn, account, kind, days=days, reading=reading, figures=figures)
    return replace(panel, parent=_positions(parents, parent_ids))


def load_with_parents(
    conn: Connection, account: Account, kind: ObjectKind, *, days: int, reading: Reading
) -> tuple[Panel, Panel]:
    """Load ads with their ad sets, or ad sets with their campaigns: the higher panel is the lower one summed.

    Cheaper than two calls of `load`, and of one instant.
    """
    panel, parent_ids = _loaded(conn, account, kind, days=days, reading=reading, figures=FIGURES)
    above = np.array(sorted(set(parent_ids)), dtype=np.object_)
    panel = replace(panel, parent=_positions(above, parent_ids))
    return panel, roll_up(panel, above, ObjectKind.AD_SET if kind is ObjectKind.AD else ObjectKind.CAMPAIGN)


def load_sums(
    conn: Connection,
    account: Account,
    kind: ObjectKind,
    *,
    reading: Reading,
    age_days: Ints,
    weights: DayWeights,
    parents: Texts | None = None,
) -> Sums:
    """Load days of these ages summed with their weights, to a thousandth of a minor unit; else as `load`.

    Equal to `decisions.roas_posterior.weigh` of the panel. Negative figures count as none, day by day and ad by ad.
    """
    _check(kind, len(age_days))
    _give_memory(conn)
    on = [reading.until - timedelta(days=int(age) - 1) for age in age_days]
    asked = {"account": account.id, "first": min(on), "last": max(on), "day": on} | {
        name: getattr(weights, name).tolist() for name in ("count", "matured", "exposure", "squared")
    }
    found = fetch_columns(conn, sums_of(kind), asked, texts=("id",), repeated=("parent_id",), numbers=_SUMS)
    scaled = {name: found[name] / (COUNT_SCALE if name == "purchases" else MONEY_SCALE) for name in _SUMS}
    return Sums(
        kind=kind, currency=account.currency, object_id=found["id"], parent=_positions(parents, found["parent_id"]),
        **scaled,
    )  # fmt: skip


def _loaded(
    conn: Connection, account: Account, kind: ObjectKind, *, days: int, reading: Reading, figures: tuple[str, ...]
) -> tuple[Panel, Texts]:
    """Load a panel without parents, and the parents' ids by row."""
    _check(kind, days)
    _give_memory(conn)
    asked = {"account": account.id, "first": reading.first_day(days), "last": reading.until, "days": days}
    found = fetch_columns(
        conn, days_of(kind, figures), asked, texts=(), repeated=("id", "parent_id"), numbers=("cell", *figures)
    )
    begins = np.flatnonzero(np.diff(found["cell"] // days, prepend=-1))
    shape = (len(begins), days)
    panel = Panel(
        kind=kind,
        currency=account.currency,
        first_day=reading.first_day(days),
        object_id=found["id"][begins],
        parent=np.full(len(begins), -1, np.int64),
        age_days=reading.ages(days),
        day_share=reading.day_share,
        **{name: _laid_out(found, name, shape) if name in figures else _no_figures(shape) for name in FIGURES},
    )
    return panel, found["parent_id"][begins]


def _check(kind: ObjectKind, days: int) -> None:
    if kind not in KINDS:
        raise BadInputError(f"there are panels of {', '.join(KINDS)}, none of {kind}")
    if not 1 <= days <= _DAYS_MOST:
        raise BadInputError(f"a panel has 1 to {_DAYS_MOST} days, not {days}")


def _give_memory(conn: Connection) -> None:
    conn.exec_driver_sql(f"SET LOCAL work_mem = '{_WORK_MEMORY}'")


def _laid_out(found: dict[str, Any], name: str, shape: tuple[int, int]) -> Ints:
    dense = np.zeros(shape, np.int64)
    dense.reshape(-1)[found["cell"]] = found[name]
    return dense


def _no_figures(shape: tuple[int, int]) -> Ints:
    return np.broadcast_to(np.zeros((), np.int64), shape)


def _positions(parents: Texts | None, ids: Texts) -> Ints:
    if parents is None:
        return np.full(len(ids), -1, np.int64)
    position = {parent_id: row for row, parent_id in enumerate(parents)}
    return np.fromiter((position.get(item, -1) for item in ids), np.int64, len(ids))
