"""What the platform says of an object's review and issues (meta_graph_api.md §2.2, §2.4). Reads only."""

from typing import Any, Final

from sandbox.market.dice import object_key
from sandbox.nodes import DISAPPROVED, Kind, Node

LEVELS: Final = {Kind.CAMPAIGN: "CAMPAIGN", Kind.AD_SET: "AD_SET", Kind.AD: "AD"}
REJECTED: Final = 2_490_427
_POLICIES: Final = (
    ("Unacceptable Business Practices", "Ads must not promote products with deceptive or misleading practices."),
    ("Personal Attributes", "Ads must not assert or imply personal attributes of the people who see them."),
    ("Non-Functional Landing Page", "Ads must lead to a page that works and that says what the ad says."),
    ("Sensational Content", "Ads must not contain shocking or sensational content."),
)
_ROW: Final = ("error_code", "error_type", "error_summary", "error_message")


def issues_of(node: Node) -> list[dict[str, Any]] | None:
    """Return the rows of issues_info: the object's own, then its parents'; None where there is none."""
    rows: list[dict[str, Any]] = []
    above: Node | None = node
    while above is not None:
        level = LEVELS.get(above.kind)
        if level is None:
            return None
        rows.extend(_row(level, issue) for issue in above.extra.get("sandbox_issues") or ())
        if above.review == DISAPPROVED:
            rows.append(_rejection(level, above))
        above = above.parent
    return rows or None


def feedback_of(ad: Node) -> dict[str, Any] | None:
    """Return ad_review_feedback of an ad that was not approved."""
    if ad.review != DISAPPROVED:
        return None
    reason, text = policy_of(ad)
    return {"global": {reason: text}}


def policy_of(ad: Node) -> tuple[str, str]:
    """Return the rule that a disapproved ad is said to break, the same each time."""
    return _POLICIES[object_key(ad.reviews, int(ad.id)) % len(_POLICIES)]


def _row(level: str, issue: dict[str, Any]) -> dict[str, Any]:
    told = {name: issue.get(name) for name in _ROW}
    return {
        "level": level, "error_code": 1_000, "error_type": "HARD_ERROR", "error_summary": "Delivery has stopped",
        "error_message": "Something about this object needs attention.",
        **{name: value for name, value in told.items() if value is not None},
    }  # fmt: skip


def _rejection(level: str, ad: Node) -> dict[str, Any]:
    reason, text = policy_of(ad)
    return {
        "level": level, "error_code": REJECTED, "error_type": "HARD_ERROR",
        "error_summary": f"Ad rejected: {reason}", "error_message": f"{text} Make a new ad, or change the creative.",
    }  # fmt: skip
