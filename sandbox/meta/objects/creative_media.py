"""What creatives show of the account's library: unknown images and videos are refused, known ones lend addresses.

The platform's subcodes for an unknown hash or video are not documented: the refusal has none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sandbox import media
from sandbox.account import Account
from sandbox.meta.context import Context
from sandbox.meta.media.served import STILL, address, image_file
from sandbox.meta.objects.drafts import Draft
from sandbox.meta.protocol.errors import invalid
from sandbox.nodes import Node

Values = dict[str, Any]
STORY_PARTS: Final = ("link_data", "video_data", "photo_data", "text_data", "template_data")
_IMAGES: Final = ("image_hash", "thumbnail_hash")
_VIDEO: Final = "video_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stills:
    """Tells the addresses of what creatives of an account show, at the host that the caller spoke to."""

    context: Context
    account: Account

    def image_url(self, creative: Node) -> str | None:
        """Return where the creative's image is: as it was given, or that of its hash in the library."""
        given, digest = creative.extra.get("image_url"), creative.extra.get("image_hash")
        record = None if given or not digest else media.image_of(self.context, self.account.id, str(digest))
        return address(self.context, image_file(record)) if record is not None else given

    def thumbnail_url(self, creative: Node) -> str | None:
        """Return where a small picture of the creative is: for a video without an image, one of the video's own."""
        told = creative.extra.get("thumbnail_url") or self.image_url(creative)
        video_id = creative.extra.get(_VIDEO)
        if told or not video_id or media.video_of(self.context, self.account.id, str(video_id)) is None:
            return told
        return address(self.context, f"{STILL}0.png")


def check_media(draft: Draft) -> None:
    """Refuse a creative that names an image or a video which the account does not have.

    Raises:
        GraphError: 100.
    """
    context, account = draft.context, draft.account
    for field, part in _parts(draft.values):
        for name in _IMAGES:
            digest = part.get(name)
            if digest and media.image_of(context, account.id, str(digest)) is None:
                raise _unknown("image", "hash", digest, account, field=field or name)
        video_id = part.get(_VIDEO)
        if video_id and media.video_of(context, account.id, str(video_id)) is None:
            raise _unknown("video", "id", video_id, account, field=field or _VIDEO)


def _unknown(what: str, by: str, value: Any, account: Account, *, field: str) -> Exception:
    return invalid(
        f"Ad account {account.id} has no {what} with the {by} {str(value)[:80]!r}: upload it to ad{what}s first.",
        field=field, title=f"{what.capitalize()} not found",
    )  # fmt: skip


def _parts(values: Values) -> Iterable[tuple[str, Values]]:
    """Yield each part of a creative that may name media, and the parameter it stands in ("" = the creative's own)."""
    yield "", values
    story, feed = values.get("object_story_spec"), values.get("asset_feed_spec")
    for part in (story.get(name) for name in STORY_PARTS) if isinstance(story, dict) else ():
        if isinstance(part, dict):
            yield "object_story_spec", part
            yield from (("object_story_spec", card) for card in _rows(part, "child_attachments"))
    if isinstance(feed, dict):
        yield from (("asset_feed_spec", {"image_hash": row.get("hash")}) for row in _rows(feed, "images"))
        yield from (("asset_feed_spec", row) for row in _rows(feed, "videos"))


def _rows(holder: Values, name: str) -> list[Values]:
    rows = holder.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
