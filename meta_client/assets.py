"""Reads what an account has beside its tree: `MetaAssets` is Meta's `domain.asset_ports.AssetReader`."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from domain.assets import Image, Label, Page, Pixel, Preview, Study, Video
from domain.audiences import Audience
from domain.errors import BadInputError, TransientError
from domain.ids import PlatformAccountId
from meta_client import asset_rows as rows
from meta_client.accounts import node_of
from meta_client.pages import Pager, RowT

_PAGE = 100
_HASHES = 50  # in one call: they go out in its address


class MetaAssets:
    """Reads beside the tree; failures in passing are repeated a little, as by `MetaReader`."""

    def __init__(self, pager: Pager) -> None:
        self._pager = pager

    def pages(self, account: PlatformAccountId) -> tuple[Page, ...]:
        """Pages in whose name the account may speak."""
        found = self._edge(rows.PageRow, account, "promote_pages", {"fields": rows.PAGE})
        return tuple(rows.page(row) for page in found for row in page)

    def pixels(self, account: PlatformAccountId) -> tuple[Pixel, ...]:
        """Pixels whose counts the account may use."""
        found = self._edge(rows.PixelRow, account, "adspixels", {"fields": rows.PIXEL})
        return tuple(rows.pixel(row) for page in found for row in page)

    def labels(self, account: PlatformAccountId) -> Iterator[Sequence[Label]]:
        """Pages of all labels."""
        for page in self._edge(rows.LabelRow, account, "adlabels", {"fields": rows.LABEL}):
            yield [rows.label(row) for row in page]

    def images(self, account: PlatformAccountId, hashes: Sequence[str]) -> Mapping[str, Image]:
        """Images by hash; those that the account has not are missing."""
        found: dict[str, Image] = {}
        for first in range(0, len(hashes), _HASHES):
            wanted = msgspec.json.encode(list(hashes[first : first + _HASHES])).decode()
            for page in self._edge(rows.ImageRow, account, "adimages", {"fields": rows.IMAGE, "hashes": wanted}):
                found |= {row.hash: rows.image(row) for row in page if row.hash in hashes}
        return found

    def video(self, account: PlatformAccountId, video_id: str) -> Video:
        """A fresh reading of a video.

        Raises:
            TransientError: the answer was about another one.
        """
        _require_id(video_id)
        about = f"video {video_id}"
        row = self._pager.node(rows.VideoRow, video_id, {"fields": rows.VIDEO}, about=about, account=account)
        if row.id != video_id:
            raise TransientError(f"{about}: asked for {video_id}, Meta answered about {row.id}")
        return rows.video(row)

    def find_videos(self, account: PlatformAccountId, op_token: str) -> tuple[Video, ...]:
        """Videos whose title carries the token. All are listed: how Meta's own search reads a title is not told."""
        found = self._edge(rows.VideoRow, account, "advideos", {"fields": rows.VIDEO})
        videos = (rows.video(row) for page in found for row in page)
        return tuple(video for video in videos if video.op_token == op_token)

    def audiences(self, account: PlatformAccountId) -> Iterator[Sequence[Audience]]:
        """Pages of all custom audiences."""
        for page in self._edge(rows.AudienceRow, account, "customaudiences", {"fields": rows.AUDIENCE}):
            yield [rows.audience(row) for row in page]

    def find_audiences(self, account: PlatformAccountId, op_token: str) -> tuple[Audience, ...]:
        """Audiences whose name carries the token."""
        return tuple(one for page in self.audiences(account) for one in page if one.op_token == op_token)

    def previews(self, account: PlatformAccountId, object_id: str, format_name: str) -> tuple[Preview, ...]:
        """Previews of an ad or a creative."""
        _require_id(object_id)
        pages = self._pager.edge(
            rows.PreviewRow,
            f"{object_id}/previews",
            {"ad_format": format_name},
            about=f"previews of {object_id}",
            limit=_PAGE,
            account=account,
        )
        return tuple(shown for page in pages for row in page if (shown := rows.preview(row)) is not None)

    def studies(self, account: PlatformAccountId) -> Iterator[Sequence[Study]]:
        """Pages of all studies."""
        for page in self._edge(rows.StudyRow, account, "ad_studies", {"fields": rows.STUDY}):
            yield [rows.study(row) for row in page]

    def _edge(
        self, row: type[RowT], account: PlatformAccountId, edge: str, params: dict[str, str]
    ) -> Iterator[Sequence[RowT]]:
        about = f"{edge} of account {account}"
        return self._pager.edge(row, f"{node_of(account)}/{edge}", params, about=about, limit=_PAGE)


def _require_id(object_id: str) -> None:
    if not (object_id.isascii() and object_id.isalnum()):
        raise BadInputError(f'"{object_id}" is no id of Meta\'s: they are digits')
