"""Ad accounts: their nodes, and the one thing of them that every amount needs, the currency, read once and kept."""

from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from meta_client import wire
from meta_client.decode import account_info
from meta_client.pages import Pager

FIELDS = "id,name,currency,timezone_name,account_status,min_daily_budget,disable_reason,spend_cap,amount_spent"


def node_of(account: PlatformAccountId) -> str:
    """Meta's node of an account; both "act_1" and "1" are understood."""
    return account if account.startswith("act_") else f"act_{account}"


class AccountBook:
    """Reads accounts; an account's currency never changes on Meta, so it is kept for the life of the process."""

    def __init__(self, pager: Pager) -> None:
        self._pager = pager
        self._currencies: dict[str, str] = {}

    def read(self, account: PlatformAccountId) -> AccountInfo:
        """A fresh reading of the account."""
        node = node_of(account)
        info = account_info(self._pager.node(wire.Account, node, {"fields": FIELDS}, about=f"ad account {account}"))
        self._currencies[node] = info.currency
        return info

    def currency(self, account: PlatformAccountId) -> str:
        """The account's ISO currency; costs one read the first time."""
        known = self._currencies.get(node_of(account))
        return known if known is not None else self.read(account).currency

    def currency_within(self, account: PlatformAccountId, deadline_s: float) -> str:
        """The currency, with at most one read that ends by the deadline: for writes, which cannot wait."""
        node = node_of(account)
        known = self._currencies.get(node)
        if known is None:
            about = f"currency of account {account}"
            row = self._pager.node_once(wire.Account, node, {"fields": FIELDS}, about=about, deadline_s=deadline_s)
            known = self._currencies[node] = row.currency
        return known
