"""Uploads to Meta: `MetaMedia` is its `domain.asset_ports.MediaWriter`.

An image is one write. A video is many: each chunk says where it begins, so that one which arrived although its answer
was lost is refused with the byte to go on from. So a chunk, and only a chunk, is sent again.
"""

import re
import time
from collections.abc import Callable

from domain.asset_ports import Sending
from domain.assets import FileAt, VideoUpload
from domain.errors import NotSentError, RefusedError, UnknownOutcomeError
from domain.ids import PlatformAccountId
from meta_client.accounts import node_of
from meta_client.errors import WrongOffsetError
from meta_client.multipart import FilePart
from meta_client.names import with_token
from meta_client.supply.files import name_of, open_file, read_image, require_film, size_of
from meta_client.supply.sender import Done, Sender, Told, ToldT
from meta_client.wire import Row

LONGEST_TITLE = 255
_MOST_CHUNK_BYTES = 32 << 20  # what is held in memory, whatever a platform asks for
_WAITS_S = (1.0, 2.0, 4.0)  # before a chunk goes out again
_MOST_STALLS = 3  # chunks in a row after which the platform stands where it stood
_HASH = re.compile(r"[0-9a-f]{32}\Z")


class _ImageTold(Row):
    hash: str


class _Images(Told, kw_only=True):
    images: dict[str, _ImageTold]


class _Begun(Told, kw_only=True):
    upload_session_id: str
    video_id: str
    start_offset: int
    end_offset: int


class _Taken(Told, kw_only=True):
    start_offset: int
    end_offset: int


class MetaMedia:
    """Uploads images and videos."""

    def __init__(self, sender: Sender, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sender = sender
        self._sleep = sleep

    def upload_image(self, account: PlatformAccountId, content: bytes | FileAt, *, sending: Sending) -> str:
        """Send an image and return its hash.

        Raises:
            RefusedError: it is none that Meta takes, or Meta refused it.
            UnknownOutcomeError: read it back by its MD5.
        """
        data, name = read_image(content)
        about = f"upload of image {name}"
        told = self._sender.send(
            _Images,
            account,
            f"{node_of(account)}/adimages",
            {},
            about=about,
            sending=sending,
            file=FilePart(part="filename", name=name, content=data),
        )
        hashes = {image.hash for image in told.images.values()}
        if len(hashes) != 1 or not all(map(_HASH.match, hashes)):
            raise UnknownOutcomeError(f"{about}: the answer names {len(hashes)} images; read it back by its hash")
        return hashes.pop()

    def upload_video(
        self,
        account: PlatformAccountId,
        file: FileAt,
        *,
        title: str,
        op_token: str,
        sending: Sending,
        resume: VideoUpload | None = None,
        on_progress: Callable[[VideoUpload], None] = lambda _: None,
    ) -> str:
        """Stream a file and return the video's id; `on_progress` raises what it likes, the upload can be gone on with.

        Raises:
            RefusedError: it is none that Meta takes, it changed meanwhile, or Meta refused it.
            UnknownOutcomeError: go on with the last progress; without any, look for the title's token first.
            PlatformError: as `PlatformWriter` says.
        """
        size = require_film(file)
        named = with_token(title, op_token, longest=LONGEST_TITLE)
        if resume is not None and resume.size_bytes != size:
            raise RefusedError(f"the video {name_of(file)} has {size} bytes, its upload began with {resume.size_bytes}")
        upload = resume or self._begin(account, named, size, sending)
        on_progress(upload)
        stalls = 0
        while not upload.is_sent:  # ends: each round goes on, or is a stall
            before = upload.next_offset_bytes
            upload = self._go_on(account, file, upload, sending)
            stalls = 0 if upload.next_offset_bytes > before else stalls + 1
            if stalls > _MOST_STALLS:
                raise RefusedError(f"video {upload.video_id}: Meta wants byte {upload.next_offset_bytes} over and over")
            on_progress(upload)
        form = {"upload_phase": "finish", "upload_session_id": upload.session_id, "title": named}
        self._send(Done, account, form, about=f"end of the upload of video {upload.video_id}", sending=sending)
        return upload.video_id

    def _begin(self, account: PlatformAccountId, title: str, size: int, sending: Sending) -> VideoUpload:
        form = {"upload_phase": "start", "file_size": str(size), "title": title}
        begun = self._send(_Begun, account, form, about=f"begin of the upload of {title}", sending=sending)
        return VideoUpload(
            session_id=begun.upload_session_id,
            video_id=begun.video_id,
            size_bytes=size,
            next_offset_bytes=_within(begun.start_offset, size),
            chunk_bytes=max(1, min(begun.end_offset - begun.start_offset, _MOST_CHUNK_BYTES)),
        )

    def _go_on(self, account: PlatformAccountId, file: FileAt, upload: VideoUpload, sending: Sending) -> VideoUpload:
        """Send the next chunk, a few times if its answers are lost; return where the platform then stands."""
        for wait_s in _WAITS_S:
            try:
                return self._send_chunk(account, file, upload, sending)
            except (UnknownOutcomeError, NotSentError):
                if time.monotonic() + wait_s > sending.not_after_s:
                    raise
            self._sleep(wait_s)
        return self._send_chunk(account, file, upload, sending)

    def _send_chunk(
        self, account: PlatformAccountId, file: FileAt, upload: VideoUpload, sending: Sending
    ) -> VideoUpload:
        offset = upload.next_offset_bytes
        form = {"upload_phase": "transfer", "upload_session_id": upload.session_id, "start_offset": str(offset)}
        part = FilePart(part="video_file_chunk", name="chunk", content=_chunk(file, upload))
        about = f"upload of video {upload.video_id} from byte {offset}"
        try:
            taken = self._send(_Taken, account, form, about=about, sending=sending, file=part)
        except WrongOffsetError as error:
            return upload.at(_within(error.next_offset_bytes, upload.size_bytes))
        return upload.at(_within(taken.start_offset, upload.size_bytes))

    def _send(
        self, told: type[ToldT], account: PlatformAccountId, form: dict[str, str], *, about: str, sending: Sending,
        file: FilePart | None = None,
    ) -> ToldT:  # fmt: skip
        path = f"{node_of(account)}/advideos"
        return self._sender.send(told, account, path, form, about=about, sending=sending, file=file, is_video=True)


def _chunk(file: FileAt, upload: VideoUpload) -> bytes:
    """The bytes that are wanted next; a film that is written anew meanwhile must not become half of each."""
    wanted = min(upload.chunk_bytes, upload.size_bytes - upload.next_offset_bytes)
    if size_of(file) == upload.size_bytes:
        with open_file(file) as source:
            source.seek(upload.next_offset_bytes)
            content = source.read(wanted)
        if len(content) == wanted:
            return content
    raise RefusedError(f"the video {name_of(file)} changed while it was sent; upload it anew")


def _within(offset: int, size: int) -> int:
    if 0 <= offset <= size:
        return offset
    raise UnknownOutcomeError(f"Meta wants byte {offset} of a video of {size} bytes; read it back by its title's token")
