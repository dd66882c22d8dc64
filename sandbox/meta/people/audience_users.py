"""People of a custom audience: POST and DELETE {audience}/users. Values are hashed at the edge and never kept.

An upload leaves a record with shortened digests, from which who is in follows; answers, log and files name nobody.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sandbox.market.dice import object_key
from sandbox.meta.context import Context, Json
from sandbox.meta.people.audiences import FLAGGED_UPLOAD, deny_flagged, find_audience
from sandbox.meta.people.people_keys import NEVER_ALONE, NORMALISERS, digest_of, member_of
from sandbox.meta.protocol.errors import GraphError, invalid, parameter
from sandbox.meta.protocol.record_edges import take_only, whole
from sandbox.meta.route import AUDIENCES, Route
from sandbox.records import Record, RecordKind

MOST_ROWS: Final = 10_000
LEAST_LEFT: Final = 100  # a removal that would leave fewer people than this is refused
_BYTES: Final = 16
_SAMPLES: Final = 10
_SESSION: Final = frozenset({"session_id", "batch_seq", "last_batch_flag", "estimated_num_total"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upload:
    """What came in one call, unreadable already."""

    received: int
    members: frozenset[bytes]
    invalid: dict[str, str]  # the row's place -> why, without its value
    num_invalid: int


class AudienceUsers:
    """Who is in each audience of one dialect; read again from the uploads after a restart."""

    def __init__(self) -> None:
        self._members: dict[str, set[bytes]] = {}
        self._read: dict[str, int] = {}  # how many uploads of an audience are in `_members`

    def routes(self) -> tuple[Route, ...]:
        """Return the rows of the edge."""
        note = (
            f"up to {MOST_ROWS} rows; single and multi-key schemas; raw values are hashed at the edge, only shortened "
            "digests are kept; invalid_entry_samples tell the row and why, never the value; usersreplace is not there"
        )
        kind = RecordKind.AUDIENCE
        return (
            Route(method="POST", of=kind, edge="users", answer=self.add, note=note, use_case=AUDIENCES),
            Route(method="DELETE", of=kind, edge="users", answer=self.remove, note=note, use_case=AUDIENCES),
        )

    def add(self, context: Context, audience: Record) -> Json:
        """Answer `POST /{audience}/users`."""
        return self._change(context, audience, word="add")

    def remove(self, context: Context, audience: Record) -> Json:
        """Answer `DELETE /{audience}/users`."""
        return self._change(context, audience, word="remove")

    def _change(self, context: Context, audience: Record, *, word: str) -> Json:
        call = context.call
        find_audience(context, audience.account_id, audience.id)
        take_only(call, ("payload", "session", "namespace"), edge="customaudience/users")
        if audience.values["subtype"] != "CUSTOM":
            raise invalid(f"Audience {audience.id} is of subtype {audience.values['subtype']}: it takes no customer "
                          "lists.", field="payload")  # fmt: skip
        deny_flagged(audience, subcode=FLAGGED_UPLOAD)
        upload, session_id = _read(context), _session(context, audience)
        if context.is_only_checked():
            return {"success": True}
        self._note(context, audience, upload, word=word, session_id=session_id)
        return {
            "audience_id": audience.id, "session_id": str(session_id), "num_received": upload.received,
            "num_invalid_entries": upload.num_invalid, "invalid_entry_samples": upload.invalid,
        }  # fmt: skip

    def _note(self, context: Context, audience: Record, upload: _Upload, *, word: str, session_id: int) -> None:
        held = self._of(context, audience)
        after = held | upload.members if word == "add" else held - upload.members
        if word == "remove" and len(held) >= LEAST_LEFT > len(after):
            raise GraphError(
                200, "(#200) Permissions error", subcode=1_870_047, title="Audience would be too small",
                user=f"Removing these people would leave fewer than {LEAST_LEFT} in audience {audience.id}.",
            )  # fmt: skip
        if upload.members:
            kept = base64.b64encode(b"".join(sorted(upload.members))).decode()
            values = {"audience_id": audience.id, "do": word, "session_id": session_id, "digests": kept}
            context.note(RecordKind.AUDIENCE_UPLOAD, audience.account_id, values)
        at_s = int(context.platform.clock.now_s())
        context.note(
            RecordKind.AUDIENCE, audience.account_id, {"people": len(after), "populated_s": at_s}, record=audience
        )

    def _of(self, context: Context, audience: Record) -> set[bytes]:
        """Return who is in an audience, having read the uploads that are new."""
        uploads = context.platform.world.records.of(audience.account_id, RecordKind.AUDIENCE_UPLOAD)
        members = self._members.setdefault(audience.id, set())
        for upload in uploads[self._read.get(audience.id, 0) :]:
            if upload.values["audience_id"] != audience.id:
                continue
            found = set(_split(upload.values["digests"]))
            if upload.values["do"] == "add":
                members |= found
            else:
                members -= found
        self._read[audience.id] = len(uploads)
        return members


def _split(kept: str) -> Iterator[bytes]:
    joined = base64.b64decode(kept)
    for at in range(0, len(joined), _BYTES):
        yield joined[at : at + _BYTES]


def _read(context: Context) -> _Upload:
    payload = context.call.get("payload")
    if not isinstance(payload, dict):
        raise parameter("Param payload must be a JSON object with a schema and data")
    keys, is_list = _schema(payload.get("schema"))
    data = payload.get("data")
    if not isinstance(data, list) or not data:
        raise parameter("Param payload[data] must be a list of rows that is not empty")
    if len(data) > MOST_ROWS:
        raise parameter(f"Param payload[data] has {len(data)} rows; one call takes at most {MOST_ROWS}")
    members: set[bytes] = set()
    problems: dict[str, str] = {}
    num_invalid = 0
    for place, row in enumerate(data):
        found = _member(keys, row, is_list=is_list)
        if isinstance(found, bytes):
            members.add(found)
            continue
        num_invalid += 1
        if len(problems) < _SAMPLES:
            problems[str(place)] = found
    return _Upload(received=len(data), members=frozenset(members), invalid=problems, num_invalid=num_invalid)


def _schema(given: Any) -> tuple[tuple[str, ...], bool]:
    keys = tuple(str(key).upper() for key in (given if isinstance(given, list) else [given]))
    strange = [key for key in keys if key not in NORMALISERS]
    if not given or strange:
        raise parameter(f"Param payload[schema] must name keys of {{{', '.join(sorted(NORMALISERS))}}}")
    if len(set(keys)) != len(keys):
        raise parameter("Param payload[schema] names a key twice")
    if set(keys) <= NEVER_ALONE:
        raise parameter("Param payload[schema] needs a key that tells one person from another, such as EMAIL or PHONE")
    return keys, isinstance(given, list)


def _member(keys: tuple[str, ...], row: Any, *, is_list: bool) -> bytes | str:
    """Return a row's digest, or why it is invalid."""
    values = row if isinstance(row, list) else [row]
    if len(values) != len(keys) or (isinstance(row, list) and not is_list and len(keys) != 1):
        return f"a row of {len(values)} values for {len(keys)} keys"
    digests: list[str] = []
    for key, value in zip(keys, values, strict=True):
        if value is None or value == "":
            digests.append("")
            continue
        digest = digest_of(key, value)
        if digest is None:
            return f"{key} is neither valid nor hashed"
        digests.append(digest)
    if not any(digest for key, digest in zip(keys, digests, strict=True) if key not in NEVER_ALONE):
        return "no key that tells one person from another"
    return member_of(keys, tuple(digests))


def _session(context: Context, audience: Record) -> int:
    """Return the upload's session: the caller's, or one of our own."""
    given = context.call.get("session")
    if given is None:
        return object_key(0, int(audience.id), context.platform.last_seq) >> 2
    if not isinstance(given, dict) or "session_id" not in given:
        raise parameter("Param session must be a JSON object with a session_id")
    strange = sorted(set(given) - _SESSION)
    if strange:
        raise parameter(f"Param session has no part {strange[0]}")
    if "batch_seq" in given:
        whole(given["batch_seq"], "session[batch_seq]", least=1, most=10**9)
    if "estimated_num_total" in given:
        whole(given["estimated_num_total"], "session[estimated_num_total]", least=0, most=10**12)
    return whole(given["session_id"], "session[session_id]", least=1, most=2**63 - 1)
