"""How each of Meta's limits says that it is reached: its error code, and the header that tells when to come back."""

from typing import Any, Final

import msgspec

from sandbox.meta.limits.headers import Headers, minutes, up

_FULL: Final = 100
INSIGHTS_SUBCODES: Final = frozenset({1_504_022, 1_504_039})
SCORE_CODES: Final = frozenset({17, 613})
# meta_graph_api.md §5: the business use cases by their codes; those that the fact sheet does not name say "pages".
USE_CASES: Final = {
    32: "pages", 80_000: "ads_insights", 80_001: "pages", 80_002: "instagram", 80_003: "custom_audience",
    80_004: "ads_management", 80_005: "leadgen", 80_006: "messenger", 80_008: "whatsapp",
    80_009: "catalog_management", 80_014: "catalog_batch",
}  # fmt: skip
_OTHER: Final = "pages"


def throttle_headers(code: int, subcode: int | None, account_id: str, *, wait_s: float, tier: str) -> Headers:
    """Return the header in which the limit of this code tells that it is full, and for how long."""
    if code in SCORE_CODES:
        name = "X-Ad-Account-Usage"
        value: Any = {"acc_id_util_pct": _FULL, "reset_time_duration": up(wait_s), "ads_api_access_tier": tier}
    elif subcode in INSIGHTS_SUBCODES:
        name = "X-FB-Ads-Insights-Throttle"
        value = {"app_id_util_pct": _FULL, "acc_id_util_pct": _FULL, "ads_api_access_tier": tier}
    elif code == 4:  # noqa: PLR2004 - the app's own limit, which tells no time
        name, value = "X-App-Usage", {"call_count": _FULL, "total_time": _FULL, "total_cputime": _FULL}
    else:
        name = "X-Business-Use-Case-Usage"
        entry = {
            "type": USE_CASES.get(code, _OTHER), "call_count": _FULL, "total_cputime": _FULL, "total_time": _FULL,
            "estimated_time_to_regain_access": minutes(wait_s), "ads_api_access_tier": tier,
        }  # fmt: skip
        value = {account_id: [entry]}
    return [(name, msgspec.json.encode(value).decode())]


def replaced(headers: Headers, told: Headers) -> Headers:
    """Return headers with those that a limit tells in the place of what stood there."""
    names = {name for name, _ in told}
    return [*(pair for pair in headers if pair[0] not in names), *told]
