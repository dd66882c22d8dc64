"""The store of figures: daily and hourly rows per ad, loaded page by page in constant memory.

A figure that was restated replaces the older one; `read_at` of a row is the reading that last changed it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Final

from sqlalchemy import Connection

from domain.clock import require_aware
from domain.ids import AccountId
from domain.insight_pages import InsightPage
from domain.objects import InsightRow
from models import increments, partitions, staging
from models.staging import Load
from models.tables import insight_increments, insights_daily, insights_hourly

_FIGURES: Final = ("impressions", "clicks", "spend_minor", "purchases", "revenue_minor")
_DAILY: Final = Load(
    table=insights_daily,
    columns=("ad_id", "ad_set_id", "campaign_id", "day", *_FIGURES),
    fixed=("account_id", "read_at", "first_read_at"),
    stamp="read_at",
)
_HOURLY: Final = Load(
    table=insights_hourly,
    columns=("ad_id", "ad_set_id", "campaign_id", "day", "hour", *_FIGURES),
    fixed=("account_id", "read_at"),
    stamp="read_at",
)
_HOURS: Final = 24
_PART_ROWS: Final = 200_000  # staged before they are merged: bounds the temporary table, not our memory


def upsert_daily(
    conn: Connection,
    account_id: AccountId,
    pages: Iterable[Sequence[InsightRow]],
    read_at: datetime,
    *,
    part_rows: int = _PART_ROWS,
) -> int:
    """Load whole days (`hour` is ignored); return how many rows were new or changed. Safe to repeat.

    What a day that has ended still gained is kept beside it, by the day of reading (`models/increments.py`).
    """
    parts = _parts(((_daily_block(page), len(page)) for page in pages), part_rows)
    return _upsert(conn, _DAILY, parts, account_id, read_at)


def upsert_hourly(
    conn: Connection,
    account_id: AccountId,
    pages: Iterable[Sequence[InsightRow]],
    read_at: datetime,
    *,
    part_rows: int = _PART_ROWS,
) -> int:
    """Load hours; return how many rows were new or changed. Safe to repeat.

    Raises:
        ValueError: a row is a whole day's (`hour` is not 0..23).
    """
    parts = _parts(((_hourly_block(page), len(page)) for page in pages), part_rows)
    return _upsert(conn, _HOURLY, parts, account_id, read_at)


def _upsert(
    conn: Connection, load: Load, parts: Iterator[Iterator[str]], account_id: AccountId, read_at: datetime
) -> int:
    changed = 0
    fixed: dict[str, object] = {"account_id": account_id, "read_at": require_aware("read_at", read_at)}
    also = ""
    if load.table is insights_daily:
        fixed |= {"first_read_at": read_at, "read_on": increments.day_of(conn, account_id, read_at)}
        also = increments.KEEP
    staging.open_stage(conn, load)
    for part in parts:
        staging.copy_blocks(conn, load, part)
        _ensure_partitions(conn, load)
        changed += staging.merge(conn, load, fixed, also=also)
        staging.clear_stage(conn, load)
    return changed


def _parts(blocks: Iterator[tuple[str, int]], part_rows: int) -> Iterator[Iterator[str]]:
    """Split a stream of blocks, each with its number of rows, where `part_rows` are reached."""
    for first in blocks:  # one turn per part; the part takes the rest of its blocks from the same iterator
        yield _part(chain((first,), blocks), part_rows)


def _part(blocks: Iterator[tuple[str, int]], part_rows: int) -> Iterator[str]:
    taken = 0
    for block, rows in blocks:
        yield block
        taken += rows
        if taken >= part_rows:
            return


def _ensure_partitions(conn: Connection, load: Load) -> None:
    since, until = conn.exec_driver_sql(f"SELECT min(day), max(day) FROM {load.stage}").one()  # noqa: S608 - our name
    if since is not None:
        partitions.ensure(conn, load.table, since, until)
        if load.table is insights_daily:
            partitions.ensure(conn, insight_increments, since, until)


def _daily_block(page: Sequence[InsightRow]) -> str:
    if isinstance(page, InsightPage) and not page.has_hours:
        return page.lines
    lines = [
        f"{ad}\t{ad_set}\t{campaign}\t{on}\t{impressions}\t{clicks}\t{spend}\t{purchases}\t{revenue}\n"
        for ad, ad_set, campaign, on, _, impressions, clicks, spend, purchases, revenue in page
    ]
    block = "".join(lines)
    if _is_plain(block, len(page), 9):
        return block
    return staging.copy_text([(*row[:3], row.on.isoformat(), *row[5:]) for row in page])


def _hourly_block(page: Sequence[InsightRow]) -> str:
    if isinstance(page, InsightPage) and page.has_hours:
        return page.lines
    if any(not 0 <= row.hour < _HOURS for row in page):
        raise ValueError("an hourly row carries no hour; whole days go to upsert_daily")
    lines = [
        f"{ad}\t{ad_set}\t{campaign}\t{on}\t{hour}\t{impressions}\t{clicks}\t{spend}\t{purchases}\t{revenue}\n"
        for ad, ad_set, campaign, on, hour, impressions, clicks, spend, purchases, revenue in page
    ]
    block = "".join(lines)
    if _is_plain(block, len(page), 10):
        return block
    return staging.copy_text([(*row[:3], row.on.isoformat(), *row[4:]) for row in page])


def _is_plain(block: str, rows: int, cells: int) -> bool:
    """Whether no id carries a character that COPY reads as its own: one look at the page instead of one per cell."""
    return (
        block.isascii()
        and block.count("\n") == rows
        and block.count("\t") == rows * (cells - 1)
        and "\\" not in block
        and "\r" not in block
        and "\x00" not in block
    )
