"""The quota: a score per account (read 1, write 3) that decays over 300 s of platform time, and its four headers."""

from dataclasses import dataclass
from typing import Final

import msgspec

from sandbox.meta.errors import GraphError, throttled

_WINDOW_S: Final = 300.0
_LIMITS: Final = {"standard_access": (9_000, 60.0), "development_access": (60, 300.0)}  # score, seconds blocked
_HOURLY: Final = {"standard_access": 100_000, "development_access": 300}
READ_POINTS, WRITE_POINTS = 1, 3

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class _Score:
    points: float = 0.0
    at_s: float = 0.0
    blocked_until_s: float = 0.0


class Usage:
    """Scores of all accounts; forgotten when the process ends, as quotas are short."""

    def __init__(self, tier: str) -> None:
        self.tier = tier
        self.peak = 0.0  # the largest share of a score that any account ever used
        self._scores: dict[str, _Score] = {}

    @property
    def block_s(self) -> float:
        """For how long an account is blocked whose score is used up."""
        return _LIMITS[self.tier][1]

    def charge(self, account_id: str, *, is_write: bool, now_s: float) -> None:
        """Count a call.

        Raises:
            GraphError: 17/2446079, the account's score is used up.
        """
        score = self._decayed(account_id, now_s)
        limit, block_s = _LIMITS[self.tier]
        if now_s < score.blocked_until_s:
            raise throttled(17, 2_446_079)
        points = WRITE_POINTS if is_write else READ_POINTS
        if score.points + points > limit:
            score.blocked_until_s = now_s + block_s
            raise throttled(17, 2_446_079)
        score.points += points
        self.peak = max(self.peak, score.points / limit)

    def headers(self, account_id: str, *, now_s: float) -> Headers:
        """Return the usage headers that go with every answer about an account."""
        score = self._decayed(account_id, now_s)
        limit, _ = _LIMITS[self.tier]
        percent = round(100 * score.points / limit, 2)
        wait_s = max(0.0, score.blocked_until_s - now_s)
        hourly = int(100 * score.points * (3_600 / _WINDOW_S) / _HOURLY[self.tier])
        entries = [
            {
                "type": kind, "call_count": hourly, "total_cputime": hourly // 2, "total_time": hourly // 2,
                "estimated_time_to_regain_access": int(-(-wait_s // 60)), "ads_api_access_tier": self.tier,
            }
            for kind in ("ads_management", "ads_insights")
        ]  # fmt: skip
        shown = {
            "X-App-Usage": {"call_count": hourly, "total_time": hourly // 2, "total_cputime": hourly // 2},
            "X-Ad-Account-Usage": {
                "acc_id_util_pct": percent, "reset_time_duration": int(wait_s), "ads_api_access_tier": self.tier
            },
            "X-Business-Use-Case-Usage": {account_id: entries},
            "X-FB-Ads-Insights-Throttle": {
                "app_id_util_pct": percent, "acc_id_util_pct": percent, "ads_api_access_tier": self.tier
            },
        }  # fmt: skip
        return [(name, msgspec.json.encode(value).decode()) for name, value in shown.items()]

    def _decayed(self, account_id: str, now_s: float) -> _Score:
        score = self._scores.setdefault(account_id, _Score(at_s=now_s))
        passed = max(0.0, now_s - score.at_s)
        score.points *= max(0.0, 1.0 - passed / _WINDOW_S)
        score.at_s = now_s
        return score


__all__ = ["GraphError", "Headers", "Usage"]
