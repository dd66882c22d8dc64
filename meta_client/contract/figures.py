"""What must hold of figures: each function yields what does not, a sentence each. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from domain.live import HourTotal, ObjectTotal
from domain.objects import Ad, InsightRow
from meta_client.contract.facts import is_id, told

WHOLE_DAY: Final = -1
_COUNTED: Final = ("impressions", "clicks", "purchases")
_FIGURES: Final = ("impressions", "clicks", "spend_minor", "purchases", "revenue_minor")
_WITHIN: Final = 0.01  # what a day may still be corrected by between two readings of it
_HALF: Final = 0.5  # minor units, by which an amount of each row may be rounded


def bad_rows(rows: Sequence[InsightRow], since: date, until: date, *, hourly: bool) -> Iterator[str]:
    """Yield rows that no reading of these days can have."""
    hours = range(24) if hourly else (WHOLE_DAY,)
    yield from told("rows lie outside the days asked for", (_name(row) for row in rows if not since <= row.on <= until))
    yield from told("rows have an hour that is none", (_name(row) for row in rows if row.hour not in hours))
    often = Counter((row.ad_id, row.on, row.hour) for row in rows)
    twice = (f"ad {ad_id} on {on}" for (ad_id, on, _), count in often.items() if count > 1)
    yield from told("rows come more than once", twice)
    ids = (_name(row) for row in rows if not all(map(is_id, (row.ad_id, row.ad_set_id, row.campaign_id))))
    yield from told("rows have ids that are not digits", ids)
    below = (_name(row) for row in rows if min(getattr(row, figure) for figure in _FIGURES) < 0)
    yield from told("rows have figures below zero", below)
    unearned = (_name(row) for row in rows if row.revenue_minor and not row.purchases)
    yield from told("rows have revenue without a purchase", unearned)


def astray(rows: Sequence[InsightRow], ads: Sequence[Ad]) -> Iterator[str]:
    """Yield rows that name other parents of an ad than the tree does."""
    known: dict[str, tuple[str, str]] = {row.id: (row.ad_set_id, row.campaign_id) for row in ads}
    named = ((row, (row.ad_set_id, row.campaign_id)) for row in rows)
    wrong = (_name(row) for row, parents in named if known.get(row.ad_id, parents) != parents)
    yield from told("rows name other parents than the tree does", wrong)


def unlisted(rows: Sequence[InsightRow], ads: Sequence[Ad]) -> list[str]:
    """Ads that have figures and are not in the tree: they can only have been deleted."""
    known = {row.id for row in ads}
    return sorted({row.ad_id for row in rows} - known)


def bad_sums(days: Sequence[InsightRow], hours: Sequence[InsightRow | HourTotal | ObjectTotal]) -> Iterator[str]:
    """Yield figures of one day whose hours, or objects, do not add up to it.

    Meta leaves off-site purchases out of some hourly answers: theirs may be fewer, never more.
    """
    for figure in _FIGURES:
        whole, parts = (sum(getattr(row, figure) for row in rows) for rows in (days, hours))
        slack = _WITHIN * whole + (0 if figure in _COUNTED else _HALF * (len(hours) + len(days)))
        may_be_fewer = figure in {"purchases", "revenue_minor"}
        if parts > whole + slack or (parts < whole - slack and not may_be_fewer):
            yield f"{figure} of the parts add up to {parts}, the day says {whole}"


def bad_report(reported: Sequence[InsightRow], read: Sequence[InsightRow]) -> Iterator[str]:
    """Yield rows of a day that a report and a plain reading do not tell alike."""
    ours, theirs = ({row.ad_id: row for row in rows} for rows in (read, reported))
    yield from told("ads are read and not reported", sorted(ours.keys() - theirs.keys()))
    yield from told("ads are reported and not read", sorted(theirs.keys() - ours.keys()))
    unlike = (
        f"ad {key} has {figure} {getattr(ours[key], figure)} and {getattr(theirs[key], figure)}"
        for key in sorted(ours.keys() & theirs.keys())
        for figure in _FIGURES
        if abs(getattr(ours[key], figure) - getattr(theirs[key], figure)) > _WITHIN * getattr(ours[key], figure)
    )
    yield from told("a report and a reading differ", unlike)


def _name(row: InsightRow) -> str:
    return f"ad {row.ad_id} on {row.on}" + ("" if row.hour == WHOLE_DAY else f" at {row.hour}")
