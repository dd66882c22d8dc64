"""Anomalies as people read them, without a full stop."""

from typing import Final

from decisions.anomaly_values import Told
from decisions.wording import amounts, percent
from domain.evidence import Cause

_CAUSES: Final = {
    Cause.OWN: "after a change",
    Cause.PLATFORM: "as with unrelated objects at once: the platform",
    Cause.TRACKING: "while clicks go on: the tracking",
    Cause.MARKET: "as with most objects of the account: the market",
    Cause.UNEXPLAINED: "without a cause that can be seen",
}


def describe(told: Told, currency: str) -> str:
    """Say what was seen instead of what, and why as far as can be told."""
    write = amounts(currency)

    def money(minor: float) -> str:
        return f"{write(round(minor))} {currency}"

    match told.metric:
        case "spend":
            seen, usual = f"spends {money(told.seen)} an hour", f"{money(told.low)} to {money(told.high)}"
        case "cpm":
            seen = f"pays {money(told.seen)} per thousand impressions"
            usual = f"{money(told.low)} to {money(told.high)}"
        case "ctr":
            seen = f"is clicked by {percent(told.seen, 2)}"
            usual = f"{percent(told.low, 2)} to {percent(told.high, 2)}"
        case _:
            counted, expected = told.counts.get("seen_lately"), told.counts.get("expected_lately")
            seen, usual = f"brought about {counted} purchases in the last hours", f"about {expected}"
    own = told.counts.get("changed")
    why = f"after {own}" if told.cause is Cause.OWN and own else _CAUSES[told.cause]
    return f"{seen} instead of {usual}, since {told.since:%Y-%m-%d %H:%M} UTC, {why}"
