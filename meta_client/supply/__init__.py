"""Writes beside the tree: media, audiences, events, copies, labels. Only `actions` may hold them (`pyproject.toml`)."""

from domain.asset_ports import AssetWriters
from meta_client.supply.audiences import MetaAudiences
from meta_client.supply.events import MetaEvents
from meta_client.supply.media import MetaMedia
from meta_client.supply.objects import MetaObjects
from meta_client.supply.sender import Sender
from meta_client.transport import Transport

__all__ = ["open_writers"]


def open_writers(transport: Transport) -> AssetWriters:
    """All of them on one transport."""
    sender = Sender(transport)
    return AssetWriters(
        media=MetaMedia(sender),
        audiences=MetaAudiences(sender),
        events=MetaEvents(sender),
        objects=MetaObjects(sender),
    )
