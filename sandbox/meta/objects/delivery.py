"""The words of `delivery_info` (meta_graph_api.md §1.8): what may be said of an object's delivery at an instant."""

from typing import Final

from sandbox.account import ads_under, flight_of
from sandbox.nodes import DELIVERING, DISAPPROVED, PENDING, Kind, Node

WORDS: Final = frozenset(
    {"active", "archived", "completed", "limited", "not_delivering", "deleted", "not_published", "pending_review",
     "permanently_deleted", "recently_completed", "recently_rejected", "rejected", "scheduled", "inactive"}
)  # fmt: skip
HIDDEN_DELIVERY: Final = frozenset({"archived", "deleted", "permanently_deleted"})
_RECENT_S: Final = 7 * 86_400  # how long something stays recent; the platform's own figure is not documented
_SAID: Final = {"DELETED": "deleted", "ARCHIVED": "archived", PENDING: "pending_review"}


def deliveries_of(node: Node, now_s: float) -> tuple[str, ...]:
    """Return every word of delivery_info that fits an object; what is on but reaches nobody does not deliver."""
    status = node.effective_status()
    if status in _SAID:
        return (_SAID[status],)
    if status == DISAPPROVED:
        is_recent = now_s - node.review_due_s <= _RECENT_S
        return ("rejected", "recently_rejected") if is_recent else ("rejected",)
    return _while_it_runs(node, status, now_s)


def _while_it_runs(node: Node, status: str, now_s: float) -> tuple[str, ...]:
    start_s, end_s = flight_of(node)
    if end_s <= now_s:
        return ("completed", "recently_completed") if now_s - end_s <= _RECENT_S else ("completed",)
    if status not in (DELIVERING, "WITH_ISSUES"):
        return ("inactive",)
    if start_s > now_s:
        return ("scheduled",)
    is_reaching = status == DELIVERING and (
        node.kind is Kind.CREATIVE or any(ad.effective_status() == DELIVERING for ad in ads_under(node))
    )
    return ("active",) if is_reaching else ("not_delivering",)
