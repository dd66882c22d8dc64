"""The four usage headers, as Meta writes them: JSON texts, percentages of 0 to 100, minutes and seconds as named.

A percentage is rounded down, so that it says 100 only where a limit is reached.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from sandbox.meta.limits.table import SCORE_WINDOW_S
from sandbox.meta.route import INSIGHTS

Headers = list[tuple[str, str]]
_MINUTE_S: Final = 60
_HUNDREDTHS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """How full an hour is, 0..1, and in how many seconds it takes a call again (0: now)."""

    use_case: str
    share: float
    wait_s: float


def app_headers(app: Filled) -> Headers:
    """Return the header of the app's own hour. Of processor and total time nothing is modelled: half of the calls."""
    return [_header("X-App-Usage", _load(app.share))]


def account_headers(
    account_id: str, *, tier: str, score: float, blocked_s: float, cases: Iterable[Filled], app: Filled
) -> Headers:  # fmt: skip
    """Return an account's three headers: its score, its hours by use case, its insights."""
    rows = list(cases)
    insights = next((row.share for row in rows if row.use_case == INSIGHTS), 0.0)
    reset_s = up(blocked_s if blocked_s > 0 else SCORE_WINDOW_S * score)
    entries = [
        {
            "type": row.use_case, **_load(row.share),
            "estimated_time_to_regain_access": minutes(max(row.wait_s, blocked_s)), "ads_api_access_tier": tier,
        }
        for row in rows
    ]  # fmt: skip
    return [
        _header(
            "X-Ad-Account-Usage",
            {"acc_id_util_pct": _percent(score), "reset_time_duration": reset_s, "ads_api_access_tier": tier},
        ),
        _header("X-Business-Use-Case-Usage", {account_id: entries}),
        _header(
            "X-FB-Ads-Insights-Throttle",
            {
                "app_id_util_pct": _percent(app.share), "acc_id_util_pct": _percent(insights),
                "ads_api_access_tier": tier,
            },
        ),
    ]  # fmt: skip


def minutes(seconds: float) -> int:
    """Return whole minutes, rounded up: whoever waits for so long is served."""
    return up(seconds / _MINUTE_S)


def up(number: float) -> int:
    """Return the next whole number."""
    return int(-(-number // 1))


def _load(share: float) -> dict[str, int]:
    calls = int(100 * share)
    return {"call_count": calls, "total_cputime": calls // 2, "total_time": calls // 2}


def _percent(share: float) -> float:
    hundredths = int(min(1.0, share) * _HUNDREDTHS)
    return hundredths / 100 if hundredths % 100 else hundredths // 100


def _header(name: str, value: Any) -> tuple[str, str]:
    return name, msgspec.json.encode(value).decode()
