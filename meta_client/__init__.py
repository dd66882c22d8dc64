"""How to speak to Meta: a typed Graph API client. It knows neither our tables, nor our decisions, nor settings."""

from domain.ports import Client, ClientOptions
from meta_client.accounts import AccountBook
from meta_client.assets import MetaAssets
from meta_client.pages import Pager
from meta_client.planning import MetaPlanning
from meta_client.reads import MetaReader
from meta_client.transport import Transport

__all__ = ["open_client"]


def open_client(options: ClientOptions) -> Client:
    """Open both halves on one pool of connections; nothing is sent until the first call."""
    from meta_client.supply import open_writers  # the one import of the writes: who reads need not even load them
    from meta_client.writes import MetaWriter

    transport = Transport(options)
    pager = Pager(transport)
    book = AccountBook(pager)
    return Client(
        reader=MetaReader(transport, pager, book),
        writer=MetaWriter(transport, book),
        assets=MetaAssets(pager),
        planning=MetaPlanning(pager, book),
        asset_writers=open_writers(transport),
    )
