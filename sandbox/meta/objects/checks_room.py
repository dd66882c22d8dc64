"""How many objects an account, a campaign and an ad set may hold (meta_graph_api.md §2.5)."""

from typing import Final

from sandbox.account import Account
from sandbox.meta.protocol.errors import invalid
from sandbox.nodes import GONE, Kind, Node

PER_ACCOUNT: Final = {Kind.CAMPAIGN: 6_000, Kind.AD_SET: 6_000, Kind.AD: 6_000}  # neither archived nor deleted
# Accounts with more than an ordinary one may hold are the platform's bulk accounts.
PER_BULK_ACCOUNT: Final = {Kind.CAMPAIGN: 10_000, Kind.AD_SET: 10_000, Kind.AD: 50_000}
AD_SETS_PER_CAMPAIGN: Final = 200
ADS_PER_AD_SET: Final = 50
ARCHIVED_PER_KIND: Final = 100_000


def check_room(account: Account, kind: Kind) -> None:
    """Refuse one more object in an account that is full; a world that began beyond the limit keeps its room."""
    nodes = account.nodes[kind]
    if len(nodes) < PER_ACCOUNT[kind]:
        return  # the common case costs nothing
    living = sum(1 for node in nodes if node.status not in GONE)
    is_bulk = len(account.nodes[Kind.AD]) > PER_ACCOUNT[Kind.AD]
    most = PER_BULK_ACCOUNT[kind] if is_bulk else PER_ACCOUNT[kind]
    if living >= most:
        raise invalid(
            f"The account holds {living} of at most {most} {kind}s that are neither archived nor deleted; delete some.",
            title="Too many objects in the account",
        )  # fmt: skip


def check_siblings(parent: Node) -> None:
    """Refuse one more child of a campaign or ad set that is full."""
    most = AD_SETS_PER_CAMPAIGN if parent.kind is Kind.CAMPAIGN else ADS_PER_AD_SET
    living = sum(1 for child in parent.children if child.status not in GONE)
    if living >= most:
        what = "ad sets" if parent.kind is Kind.CAMPAIGN else "ads"
        raise invalid(
            f"The {parent.kind} {parent.id} holds {living} of at most {most} {what} that are neither archived nor "
            "deleted; delete some.", title=f"Too many {what}",
        )  # fmt: skip


def check_archive(account: Account, kind: Kind) -> None:
    """Refuse one more archived object where the archive is full."""
    nodes = account.nodes[kind]
    if len(nodes) > ARCHIVED_PER_KIND and sum(node.status == "ARCHIVED" for node in nodes) >= ARCHIVED_PER_KIND:
        raise invalid(
            f"The account holds {ARCHIVED_PER_KIND} archived {kind}s already; delete some.", subcode=1_487_990,
            title="Too many archived objects",
        )  # fmt: skip
