"""What differs between versions of the Marketing API (meta_graph_api.md §1.1, §1.2), as flags. Pure tables."""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

NEWEST: Final = 26
_OLDEST: Final = 21
# First day on which a Marketing version no longer answers; what is absent has no announced end.
ENDS_ON: Final = {
    21: date(2025, 9, 9), 22: date(2026, 2, 19), 23: date(2026, 6, 9), 24: date(2026, 10, 6),
}  # fmt: skip
# From these days on a rule holds whatever version is spoken.
NO_AUTOMATED_CAMPAIGNS_FROM: Final = date(2026, 5, 19)
REMOVED_PROTOCOL_FROM: Final = date(2026, 10, 27)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """How one version treats objects."""

    number: int
    needs_sharing_flag: bool  # a campaign without a budget says is_adset_budget_sharing_enabled
    needs_advantage_flag: bool  # a new ad set says targeting_automation.advantage_audience
    advantage_by_default: bool  # where it may stay silent, the audience is widened
    refuses_automated_campaigns: bool  # ASC and AAC: smart_promotion_type of a new or changed campaign
    run_says_why: bool  # a failed report run carries error_code and the like
    has_video_feeds: bool  # the placement video_feeds of Facebook


def number_of(version: str | None) -> int:
    """Return the major number of a version as a path names it; the newest where it names none."""
    return int(version[1:].split(".")[0]) if version else NEWEST


def quirks_of(version: str | None, today: date) -> Quirks:
    """Return how a version behaves on a day of the platform's calendar."""
    number = number_of(version)
    return Quirks(
        number=number,
        needs_sharing_flag=number >= 24,  # noqa: PLR2004 - the version that brought it
        needs_advantage_flag=number >= 24,  # noqa: PLR2004 - the version that brought it
        advantage_by_default=number >= 23,  # noqa: PLR2004 - the version that brought it
        refuses_automated_campaigns=number >= 25 or today >= NO_AUTOMATED_CAMPAIGNS_FROM,  # noqa: PLR2004 - likewise
        run_says_why=number >= 25,  # noqa: PLR2004 - the version that brought it
        has_video_feeds=number < 24,  # noqa: PLR2004 - the version that took it away
    )


def has_ended(version: str, today: date) -> bool:
    """Say whether a version's Marketing API has ended; calls of it are served as the oldest that lives."""
    end = ENDS_ON.get(number_of(version))
    return number_of(version) < _OLDEST or (end is not None and today >= end)


@lru_cache(maxsize=64)
def served(version: str | None, today: date) -> str:
    """Return the version that really answers a call: the oldest that lives where the one asked for has ended."""
    if version is None or not has_ended(version, today):
        return version or f"v{NEWEST}.0"
    return f"v{min(number for number in range(_OLDEST, NEWEST + 1) if not has_ended(f'v{number}.0', today))}.0"


@lru_cache(maxsize=64)
def warning(version: str | None, today: date) -> str | None:
    """Return the text of the header X-Ad-Api-Version-Warning, None where a version needs none."""
    if version is None or not has_ended(version, today):
        return None
    return (
        f"The call has been auto-upgraded to {served(version, today)} as {version} has been deprecated. "
        f"Please update to the latest version: v{NEWEST}.0."
    )
