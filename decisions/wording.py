"""Figures as operators read them, fast enough for 10^5 reasons, and the evidence that every proposal carries."""

from collections.abc import Callable

from decisions.freshness import age_s
from domain.actions import Json
from domain.money import exponent
from domain.snapshot import Snapshot


def amounts(currency: str) -> Callable[[int], str]:
    """A function that writes minor units without the currency: 277810 → "2,778.10". Equal to `Money`, but quicker."""
    places = exponent(currency)
    unit = 10**places

    def write(minor: int) -> str:
        if minor < 0:
            return "-" + write(-minor)
        if places == 0:
            return f"{minor:,}"
        major, rest = divmod(minor, unit)
        return f"{major:,}.{rest:0{places}d}"

    return write


def percent(share: float, places: int | None = None) -> str:
    """0.3 → "30 %", 0.125 → "12.5 %"; with `places` 2, 0.0097 → "0.97 %"."""
    return f"{share * 100:g} %" if places is None else f"{share * 100:.{places}f} %"


def ages(snapshot: Snapshot) -> dict[str, Json]:
    """The part of the evidence that is the same for every proposal of a snapshot."""
    return {
        "tree_age_s": age_s(snapshot.tree_read_at, snapshot.now),
        "insights_age_s": age_s(snapshot.insights_read_at, snapshot.now),
    }
