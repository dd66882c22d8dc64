"""Ports for what stands beside an account's tree: reads that any module may hold, writes that only `actions` may hold.

`domain/ports.py: Client` carries them; a platform whose client has none of them yet carries None.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Protocol

from domain.actions import JsonMap, ObjectKind
from domain.assets import FileAt, Image, Label, Page, Pixel, Preview, Study, Video, VideoUpload
from domain.audiences import Audience, ConversionEvent, EventsReceived, PeopleAdded, Person
from domain.ids import PlatformAccountId
from domain.planning import DeliveryEstimate, Interest, MinimumBudgets, Place, PlaceKind, ReachEstimate


class AssetReader(Protocol):
    """Reads of what an account has beside its tree. Raises as `PlatformReader`."""

    def pages(self, account: PlatformAccountId) -> tuple[Page, ...]:
        """Those in whose name the account may speak."""
        ...

    def pixels(self, account: PlatformAccountId) -> tuple[Pixel, ...]:
        """Those whose counts the account may use."""
        ...

    def labels(self, account: PlatformAccountId) -> Iterator[Sequence[Label]]:
        """Pages of all labels."""
        ...

    def images(self, account: PlatformAccountId, hashes: Sequence[str]) -> Mapping[str, Image]:
        """By hash; those that the account has not are missing. So an image whose upload was lost is found again."""
        ...

    def video(self, account: PlatformAccountId, video_id: str) -> Video:
        """A fresh reading: its stage, and why it failed."""
        ...

    def find_videos(self, account: PlatformAccountId, op_token: str) -> tuple[Video, ...]:
        """Videos whose title carries the operation's token, half-uploaded ones too."""
        ...

    def audiences(self, account: PlatformAccountId) -> Iterator[Sequence[Audience]]:
        """Pages of all custom audiences, deleted ones not."""
        ...

    def find_audiences(self, account: PlatformAccountId, op_token: str) -> tuple[Audience, ...]:
        """Audiences whose name carries the operation's token."""
        ...

    def previews(self, account: PlatformAccountId, object_id: str, format_name: str) -> tuple[Preview, ...]:
        """Of an ad or a creative; `format_name` is the platform's word for the place, such as MOBILE_FEED_STANDARD."""
        ...

    def studies(self, account: PlatformAccountId) -> Iterator[Sequence[Study]]:
        """Pages of all tests, cancelled ones too where the platform lists them."""
        ...


class PlanningReader(Protocol):
    """Reads of what could be: nothing here belongs to an object that exists. Raises as `PlatformReader`."""

    def search_interests(self, text: str, *, at_most: int = 50) -> tuple[Interest, ...]:
        """What a text finds, the best first."""
        ...

    def search_places(
        self, text: str, *, kinds: Sequence[PlaceKind] = (), country: str = "", at_most: int = 50
    ) -> tuple[Place, ...]:
        """What a text finds, the best first; no kinds = all of them, no country = everywhere."""
        ...

    def reach(self, account: PlatformAccountId, targeting: JsonMap) -> ReachEstimate:
        """How many people a targeting, in the words of an ad set's, reaches."""
        ...

    def delivery(
        self, account: PlatformAccountId, targeting: JsonMap, goal: str, *, pixel_id: str | None = None
    ) -> DeliveryEstimate:
        """What the targeting promises for an optimization goal; a goal of purchases is of this pixel's."""
        ...

    def minimum_budgets(self, account: PlatformAccountId) -> MinimumBudgets:
        """The least daily budgets in the account's own currency."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How one write goes out: a hard total in seconds for each HTTP call, and monotonic seconds past which none begins.

    `request_id` goes out as a header, so that logs on both sides can be joined.
    """

    request_id: str
    deadline_s: float
    not_after_s: float = inf


class MediaWriter(Protocol):
    """Uploads. Raises as `PlatformWriter`; what the platform would refuse is refused before anything is sent."""

    def upload_image(self, account: PlatformAccountId, content: bytes | FileAt, *, sending: Sending) -> str:
        """Return its hash. The same bytes are the same image: found again by `AssetReader.images` and their MD5."""
        ...

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
        """Stream a file in chunks and return the video's id; its title carries the token.

        `on_progress` is told where the upload stands at its start and after each chunk. Whoever keeps that can go on
        with `resume` after any failure, in any process: the platform tells which byte it wants next. The deadline is
        that of each chunk. The video is not READY yet when this returns.
        """
        ...


class AudienceWriter(Protocol):
    """Custom audiences. People are made unreadable here, before anything is sent. Raises as `PlatformWriter`."""

    def create_audience(
        self, account: PlatformAccountId, *, name: str, description: str, op_token: str, sending: Sending
    ) -> str:
        """Return the id of a new empty list; its name carries the token."""
        ...

    def add_people(
        self, account: PlatformAccountId, audience_id: str, people: Sequence[Person], *, sending: Sending
    ) -> PeopleAdded:
        """Add up to 10,000 people; doing it twice adds nobody twice."""
        ...


class EventWriter(Protocol):
    """Tells a platform what people did. Raises as `PlatformWriter`."""

    def send_events(
        self,
        account: PlatformAccountId,
        pixel_id: str,
        events: Sequence[ConversionEvent],
        *,
        now: datetime,
        sending: Sending,
        test_code: str = "",
    ) -> EventsReceived:
        """Send up to 1,000 events, all or none; `now` is the platform's clock. The same event sent twice counts once.

        With `test_code` they are only shown to who looks at that test.
        """
        ...


class ObjectWriter(Protocol):
    """Writes about objects that exist. Raises as `PlatformWriter`."""

    def copy(
        self, account: PlatformAccountId, kind: ObjectKind, object_id: str, *,
        op_token: str, sending: Sending, deep: bool = False,
    ) -> str:  # fmt: skip
        """Copy a campaign, ad set or ad, PAUSED, with what is below it if `deep`; return the copy's id.

        The names of all copies carry the token, so that `find_by_token` finds them.
        """
        ...

    def add_labels(
        self, account: PlatformAccountId, kind: ObjectKind, object_id: str, labels: Sequence[str], *, sending: Sending
    ) -> None:
        """Put labels beside those that the object bears; one that it bears already changes nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetWriters:
    """All writes beside `PlatformWriter`; only `actions` may hold them."""

    media: MediaWriter
    audiences: AudienceWriter
    events: EventWriter
    objects: ObjectWriter
