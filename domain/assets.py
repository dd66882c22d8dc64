"""What stands beside an account's tree, in the house's words: pages, pixels, labels, media, previews, tests."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page in whose name the account's ads may speak."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixel:
    """What counts purchases on a site; `last_fired_at` is None where it never did, or the platform does not tell."""

    id: str
    name: str
    last_fired_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A word that objects of the account can bear."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that creatives can show, by the hash under which they name it; sides in pixels, 0 = not told."""

    hash: str
    name: str
    width_px: int
    height_px: int
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAt:
    """A file on the disk of whoever is called; `path` is as that machine spells it."""

    path: str


class VideoStage(StrEnum):
    """How far a video is; only a READY one can be shown."""

    UPLOADING = "uploading"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    UNKNOWN = "unknown"  # a state that we do not know: not to be used


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """A video as the platform tells of it now."""

    id: str
    title: str
    op_token: str | None  # the operation's token in its title
    stage: VideoStage
    processed: float  # 0..1
    uploaded_bytes: int | None  # None = not told
    size_bytes: int | None
    length_s: float | None  # None until it is ready
    problem: str  # why it failed, "" else


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoUpload:
    """An upload under way: all that is needed to go on with it, also in another process.

    Bytes before `next_offset_bytes` are on the platform. `chunk_bytes` is how many it wants at once.
    """

    session_id: str
    video_id: str
    size_bytes: int
    next_offset_bytes: int
    chunk_bytes: int

    @property
    def is_sent(self) -> bool:
        """Whether all bytes are there; the upload is not over before it was finished."""
        return self.next_offset_bytes >= self.size_bytes

    def at(self, offset_bytes: int) -> Self:
        """Return the same upload, gone on to there."""
        return replace(self, next_offset_bytes=offset_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Where an ad or creative can be looked at as people would see it; sides in pixels."""

    address: str
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A test that the platform runs; instants by the platform's clock, `cancelled_at` None while it is not."""

    id: str
    name: str
    kind: str  # the platform's word
    starts_at: datetime
    ends_at: datetime
    cancelled_at: datetime | None
