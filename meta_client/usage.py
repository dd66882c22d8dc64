"""Meta's usage headers, read into the house's `Usage`; an unreadable header counts as not sent.

Account = X-Ad-Account-Usage; business = X-Business-Use-Case-Usage (all but insights) and X-App-Usage, whichever is
fuller; insights = X-FB-Ads-Insights-Throttle and the insights entries of the former. Percent become 0..1.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from domain.ports import Usage
from meta_client.wire import UNREADABLE

_FULL = 100.0
_ABSURD = 1e15  # no percentage and no number of seconds
_LONGEST_S = 24 * 3600.0  # one absurd header must not close an account for years
_STANDARD_BLOCK_S = 60.0  # score block of the tier with full access (facts §6); the limited one's is 300 s
_SCORES = {"standard_access": 9_000.0, "development_access": 60.0}  # points in 300 s (facts §6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the headers of one answer said; None where they said nothing. `block_s` is the tier's score block."""

    account: float | None
    business: float | None
    insights: float | None
    regain_s: float
    block_s: float | None
    score_limit: float | None = None


def read_usage(headers: Mapping[str, str]) -> Reading:
    """Read the four headers; names are compared without case."""
    lower = {name.lower(): value for name, value in headers.items() if name.lower().startswith("x-")}
    account = _object(lower.get("x-ad-account-usage"))
    app = _object(lower.get("x-app-usage"))
    throttle = _object(lower.get("x-fb-ads-insights-throttle"))
    cases = list(_cases(_object(lower.get("x-business-use-case-usage"))))
    used = _share([account.get("acc_id_util_pct")])
    reset_s = _number(account.get("reset_time_duration")) or 0.0
    regain_s = [60 * (_number(case.get("estimated_time_to_regain_access")) or 0.0) for case in cases]
    tiers = [str(row.get("ads_api_access_tier")) for row in (account, throttle, *cases)]
    return Reading(
        account=used,
        business=_share(
            [*_loads(case for case in cases if case.get("type") != "ads_insights"), *_loads([app])],
        ),
        insights=_share(
            [
                *_loads(case for case in cases if case.get("type") == "ads_insights"),
                throttle.get("app_id_util_pct"),
                throttle.get("acc_id_util_pct"),
            ]
        ),
        regain_s=min(_LONGEST_S, max([*regain_s, reset_s if used is not None and used >= 1.0 else 0.0], default=0.0)),
        block_s=_STANDARD_BLOCK_S if "standard_access" in tiers else None,
        score_limit=next((_SCORES[tier] for tier in tiers if tier in _SCORES), None),
    )


def merge(known: Usage, reading: Reading) -> Usage:
    """Keep what the newest answer was silent about."""
    return Usage(
        account=known.account if reading.account is None else reading.account,
        business=known.business if reading.business is None else reading.business,
        insights=known.insights if reading.insights is None else reading.insights,
        regain_at_s=reading.regain_s,
        score_limit=known.score_limit if reading.score_limit is None else reading.score_limit,
    )


NOTHING_KNOWN = Usage(account=None, business=None, insights=None, regain_at_s=0.0)


def _object(text: str | None) -> dict[str, Any]:
    if not text:
        return {}
    try:
        value = msgspec.json.decode(text)
    except UNREADABLE:
        return {}
    return value if isinstance(value, dict) else {}


def _cases(header: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for entries in header.values():
        if isinstance(entries, list):
            yield from (entry for entry in entries if isinstance(entry, dict))


def _loads(rows: Iterable[dict[str, Any]]) -> list[Any]:
    return [row.get(name) for row in rows for name in ("call_count", "total_cputime", "total_time")]


def _number(value: Any) -> float | None:
    is_one = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _ABSURD
    return float(value) if is_one else None


def _share(percents: list[Any]) -> float | None:
    """The fullest of some percentages as 0..1, or None where there is none."""
    known = [number for number in map(_number, percents) if number is not None]
    return min(max(known) / _FULL, 1.0) if known else None
