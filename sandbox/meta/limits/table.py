"""Meta's limits as rows (meta_graph_api.md §6): what is counted, how much is allowed, and how a refusal is told.

No state here. Limits of one object live with it: budget edits of an ad set (sandbox/nodes.py), changes of an account's
spending limit (sandbox/account.py). Limits without a figure in the facts (ad creation by daily spend, the load of all
of insights) come by a fault only.
"""

from dataclasses import dataclass
from typing import Final

from sandbox.meta.route import AUDIENCES, INSIGHTS, MANAGEMENT

FULL_ACCESS: Final = "standard_access"  # as the headers still call it
LIMITED_ACCESS: Final = "development_access"
TIERS: Final = (FULL_ACCESS, LIMITED_ACCESS)
APP: Final = "app"  # calls about no account count for the app
READ_POINTS: Final = 1
WRITE_POINTS: Final = 3
SCORE_WINDOW_S: Final = 300.0
MUTATIONS_PER_SECOND: Final = 100
_APP_CALLS_PER_USER: Final = 200
_USERS: Final = {FULL_ACCESS: 1_000, LIMITED_ACCESS: 10}  # ours: no source tells how many users an app has


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLimit:
    """The most that an account's score may reach, and for how long the account is blocked then."""

    tier: str
    most: float
    block_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyLimit:
    """Calls allowed in any rolling hour: `base + per_active * active - per_error * errors`, at most `cap`."""

    use_case: str
    tier: str
    code: int
    base: int
    per_active: int = 0  # for each ad that delivers, or each custom audience
    per_error: float = 0.0  # for each call of the hour that the caller got wrong
    cap: int | None = None

    def calls(self, *, active: int, errors: int) -> int:
        """Return how many calls an hour holds."""
        allowed = int(self.base + self.per_active * active - self.per_error * errors)
        return max(1, allowed if self.cap is None else min(allowed, self.cap))


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What of an account its hourly limits go by."""

    active_ads: int = 0
    audiences: int = 0

    def active(self, use_case: str) -> int:
        """Return the number that counts for a use case."""
        return self.audiences if use_case == AUDIENCES else self.active_ads


SCORES: Final = {
    row.tier: row
    for row in (
        ScoreLimit(tier=FULL_ACCESS, most=9_000.0, block_s=60.0),
        ScoreLimit(tier=LIMITED_ACCESS, most=60.0, block_s=300.0),
    )
}
HOURLY: Final = {
    (row.use_case, row.tier): row
    for row in (
        HourlyLimit(use_case=MANAGEMENT, tier=FULL_ACCESS, code=80_004, base=100_000, per_active=40),
        HourlyLimit(use_case=MANAGEMENT, tier=LIMITED_ACCESS, code=80_004, base=300, per_active=40),
        HourlyLimit(
            use_case=INSIGHTS, tier=FULL_ACCESS, code=80_000, base=190_000, per_active=400, per_error=0.001
        ),
        HourlyLimit(use_case=INSIGHTS, tier=LIMITED_ACCESS, code=80_000, base=600, per_active=400, per_error=0.001),
        HourlyLimit(use_case=AUDIENCES, tier=FULL_ACCESS, code=80_003, base=190_000, per_active=40, cap=700_000),
        HourlyLimit(use_case=AUDIENCES, tier=LIMITED_ACCESS, code=80_003, base=5_000, per_active=40, cap=700_000),
        HourlyLimit(use_case=APP, tier=FULL_ACCESS, code=4, base=_APP_CALLS_PER_USER * _USERS[FULL_ACCESS]),
        HourlyLimit(use_case=APP, tier=LIMITED_ACCESS, code=4, base=_APP_CALLS_PER_USER * _USERS[LIMITED_ACCESS]),
    )
}  # fmt: skip
