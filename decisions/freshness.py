"""Whether a snapshot is young enough to decide from. Says why not in words; decides nothing itself."""

from datetime import datetime, timedelta

from domain.snapshot import Snapshot


def stale_reason(snapshot: Snapshot, freshness: timedelta) -> str | None:
    """Why nothing may be decided from this snapshot, or None if it may.

    A part that was read after `now` is fresh: a cycle's instant is fixed before it collects.
    """
    parts = (("the account's objects", snapshot.tree_read_at), ("the insights", snapshot.insights_read_at))
    for what, read_at in parts:
        if read_at is None:
            return f"{what} have never been read; run the collector first"
        age = snapshot.now - read_at
        if age > freshness:
            return f"{what} were read {_minutes(age)} min ago, more than {_minutes(freshness)} min; collect them again"
    return None


def age_s(read_at: datetime | None, now: datetime) -> int | None:
    """Age of a reading in whole seconds for a proposal's evidence; never negative, None where never read."""
    return None if read_at is None else max(0, int((now - read_at).total_seconds()))


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:.0f}"
