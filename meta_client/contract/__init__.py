"""The contract of the client with Meta: clauses, a runner that only reads, recordings without the account in them."""

from domain.ports import ClientOptions
from meta_client.contract.suite import MetaContract

__all__ = ["open_contract"]


def open_contract(options: ClientOptions) -> MetaContract:
    """Open the suite; nothing is sent until it is asked to."""
    return MetaContract(options)
