"""Meta's JSON of what stands beside the tree, as typed structs, and what it means in the house's words. Pure."""

import html
import re
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import msgspec

from domain.assets import Image, Label, Page, Pixel, Preview, Study, Video, VideoStage
from domain.audiences import Audience
from meta_client.names import token_of, without_token
from meta_client.redact import plain
from meta_client.wire import Row

_STAGES = MappingProxyType(
    {
        "uploading": VideoStage.UPLOADING,
        "upload_complete": VideoStage.PROCESSING,
        "processing": VideoStage.PROCESSING,
        "ready": VideoStage.READY,
        "error": VideoStage.FAILED,
        "upload_failed": VideoStage.FAILED,
        "expired": VideoStage.FAILED,
    }
)
_SOURCE = re.compile(r"<iframe\b[^>]*?\bsrc=\"([^\"]*)\"", re.IGNORECASE)
_SIDE = re.compile(r"\b(width|height)=\"(\d{1,5})\"", re.IGNORECASE)
_READY = 200


class PageRow(Row):
    """A page."""

    id: str
    name: str = ""


class PixelRow(Row):
    """A pixel."""

    id: str
    name: str = ""
    last_fired_time: datetime | None = None


class LabelRow(Row):
    """A label."""

    id: str
    name: str = ""


class ImageRow(Row):
    """An image."""

    hash: str
    name: str = ""
    width: int = 0
    height: int = 0
    status: str = "ACTIVE"


class Phase(Row):
    """One phase of a video's way; Meta misspells its count of bytes in some versions."""

    status: str = ""
    bytes_transferred: int | None = None
    bytes_transfered: int | None = None
    source_file_size: int | None = None
    errors: list[dict[str, Any]] = msgspec.field(default_factory=list)


class VideoStatus(Row):
    """`status` of a video."""

    video_status: str = ""
    processing_progress: int = 0
    uploading_phase: Phase | None = None
    processing_phase: Phase | None = None


class VideoRow(Row):
    """A video."""

    id: str
    title: str = ""
    status: VideoStatus | None = None
    length: float | None = None


class Code(Row):
    """A status of an audience."""

    code: int = 0
    description: str = ""


class AudienceRow(Row):
    """A custom audience; its instants are seconds since 1970."""

    id: str
    name: str = ""
    subtype: str = ""
    approximate_count_lower_bound: int = -1
    approximate_count_upper_bound: int = -1
    operation_status: Code | None = None
    delivery_status: Code | None = None
    time_created: int = 0


class PreviewRow(Row):
    """A preview: an iframe as text."""

    body: str


class StudyRow(Row):
    """A study."""

    id: str
    start_time: datetime
    end_time: datetime
    name: str = ""
    type: str = ""
    canceled_time: datetime | None = None


PAGE, LABEL, PIXEL = "id,name", "id,name", "id,name,last_fired_time"
IMAGE = "hash,name,width,height,status"
VIDEO = "id,title,status,length"
AUDIENCE = (
    "id,name,subtype,approximate_count_lower_bound,approximate_count_upper_bound,operation_status,delivery_status,"
    "time_created"
)
STUDY = "id,name,type,start_time,end_time,canceled_time"


def people(count: int | None) -> int | None:
    """A count of people; Meta says -1 where it does not know, or will not tell."""
    return None if count is None or count < 0 else count


def page(row: PageRow) -> Page:
    """A page."""
    return Page(id=row.id, name=row.name)


def pixel(row: PixelRow) -> Pixel:
    """A pixel."""
    return Pixel(id=row.id, name=row.name, last_fired_at=_utc(row.last_fired_time))


def label(row: LabelRow) -> Label:
    """A label."""
    return Label(id=row.id, name=row.name)


def image(row: ImageRow) -> Image:
    """An image."""
    return Image(
        hash=row.hash, name=row.name, width_px=row.width, height_px=row.height, is_active=row.status == "ACTIVE"
    )


def video(row: VideoRow) -> Video:
    """A video; one of a state that we do not know is not to be used."""
    status = row.status or VideoStatus()
    sent, processing = status.uploading_phase or Phase(), status.processing_phase or Phase()
    stage = _STAGES.get(status.video_status.lower(), VideoStage.UNKNOWN)
    words = [str(error.get("message", "")) for error in processing.errors]
    return Video(
        id=row.id,
        title=without_token(row.title),
        op_token=token_of(row.title),
        stage=stage,
        processed=1.0 if stage is VideoStage.READY else min(max(status.processing_progress, 0), 100) / 100,
        uploaded_bytes=sent.bytes_transfered if sent.bytes_transferred is None else sent.bytes_transferred,
        size_bytes=sent.source_file_size,
        length_s=row.length or None,
        problem=plain("; ".join(filter(None, words)) or status.video_status) if stage is VideoStage.FAILED else "",
    )


def audience(row: AudienceRow) -> Audience:
    """A custom audience."""
    delivery, operation = row.delivery_status or Code(), row.operation_status or Code()
    return Audience(
        id=row.id,
        name=without_token(row.name),
        op_token=token_of(row.name),
        kind=row.subtype.lower(),
        people_low=people(row.approximate_count_lower_bound),
        people_high=people(row.approximate_count_upper_bound),
        is_ready=delivery.code == _READY,
        status_text=plain(operation.description),
        created_at=datetime.fromtimestamp(row.time_created, UTC),
    )


def preview(row: PreviewRow) -> Preview | None:
    """A preview, None where its frame names no address."""
    found = _SOURCE.search(row.body)
    sides = {name.lower(): int(pixels) for name, pixels in _SIDE.findall(row.body)}
    if found is None:
        return None
    return Preview(address=html.unescape(found[1]), width_px=sides.get("width", 0), height_px=sides.get("height", 0))


def study(row: StudyRow) -> Study:
    """A study."""
    return Study(
        id=row.id,
        name=row.name,
        kind=row.type,
        starts_at=row.start_time.astimezone(UTC),
        ends_at=row.end_time.astimezone(UTC),
        cancelled_at=_utc(row.canceled_time),
    )


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC)
