"""The API client's own cycle (module 2): what the platform says of our token and version, how long an answer takes, and
whether the mirror shows what the platform does. Evidence only; nothing is changed.

The token is one for all accounts: whose run comes first asks, the others of the same minutes take its answer. Of an
account's tree a sample is compared, another one each hour; each run costs two calls or three.
"""  # noqa: D205 - the sentence needs the room

import time
from collections.abc import Iterator, Mapping, Sequence

from domain.actions import Json, JsonMap, ObjectKind
from domain.calls import calling
from domain.errors import NeedsPersonError, PlatformError
from domain.objects import ObjectState
from domain.ports import CallClass, PlatformReader, TokenInfo
from models import mirror, platform_facts
from models.run_history import LogEntry
from workers.celery_app import app
from workers.log import redact_text
from workers.task import cycle_tasks
from workers.work import Work

STEP_PLATFORM, STEP_DRIFT = "step_1_platform", "step_2_drift"
BELIEVED_S = 600.0  # that one account's run was told of a valid token serves the others for so long
SAMPLE = 50  # objects of a kind: what one call can ask for
_COMPARED = ("status", "daily_budget_minor", "name")
_KINDS = (ObjectKind.CAMPAIGN, ObjectKind.AD_SET)


@calling(CallClass.COLLECT)
def run(work: Work) -> None:
    """Ask the platform about ourselves, then compare a sample of the tree."""
    with work.step(STEP_PLATFORM):
        reader = work.house.client_of(work.account).reader
        ask_platform(work, reader)
    with work.step(STEP_DRIFT):
        try:
            compare(work, reader)
        except NeedsPersonError:
            ask_platform(work, reader, believed_s=0.0)  # what was believed of the token may be what is wrong
            raise


def ask_platform(work: Work, reader: PlatformReader, *, believed_s: float = BELIEVED_S) -> None:
    """Learn how token and version are, unless all was well with them lately.

    Raises:
        NeedsPersonError: the platform does not take our token any more.
        PlatformError: it could not be asked; that is written down.
    """
    platform, mode = work.account.platform, work.account.mode
    with work.house.engine.connect() as conn:
        age_s = platform_facts.well_age_s(conn, platform, mode)
    if age_s is not None and age_s < believed_s:
        return
    begun_s = time.monotonic()
    try:
        token = reader.token()
    except PlatformError as error:
        with work.transaction() as conn:
            platform_facts.note_silence(conn, platform, mode, redact_text(str(error)))
        raise
    took_ms = round((time.monotonic() - begun_s) * 1000, 1)
    with work.transaction() as conn:
        platform_facts.note(
            conn, platform, mode, token=token, version=reader.version(), round_trip_ms=took_ms
        )  # fmt: skip
    version = reader.version()
    work.stats |= {"round_trip_ms": took_ms, "is_token_valid": token.is_valid, "version": version.name}
    if version.warning:
        work.stats["version_warning"] = version.warning
        told: JsonMap = {"version": version.name, "warning": version.warning, "newest": version.newest}
        work.write_logs([LogEntry(step=STEP_PLATFORM, action="version_warning", output_snapshot=told)])
    _require_valid(token, platform)


def compare(work: Work, reader: PlatformReader) -> None:
    """Compare a sample of campaigns and ad sets with the mirror, and log what differs: people's edits, our faults."""
    account = work.reload_account()
    if account.tree_read_at is None:
        work.stats["drift_looked_at"] = 0
        return
    looked_at, found = 0, list[LogEntry]()
    for kind in _KINDS:
        with work.house.engine.connect() as conn:
            sample = _sample(work, mirror.listing(conn, account.id, kind))
        if not sample:
            continue
        shown = reader.states(account.platform_account_id, kind, [row.id for row in sample])
        looked_at += len(sample)
        found.extend(_differences(kind, sample, shown))
    work.write_logs(found)
    work.stats |= {"drift_looked_at": looked_at, "drift_found": len(found)}


def _sample(work: Work, things: Sequence[mirror.Mirrored]) -> Sequence[mirror.Mirrored]:
    """Return the next objects of the tree, beginning elsewhere each hour."""
    if len(things) <= SAMPLE:
        return things
    hour = int(work.run.slot_at.timestamp() // 3600)
    first = hour * SAMPLE % len(things)
    return (*things[first:], *things[:first])[:SAMPLE]


def _differences(
    kind: ObjectKind, sample: Sequence[mirror.Mirrored], shown: Mapping[str, ObjectState]
) -> Iterator[LogEntry]:
    for thing in sample:
        state = shown.get(thing.id)
        ours: JsonMap = {name: _value(thing, name) for name in _COMPARED}
        if state is None:
            yield _drift(kind, thing.id, ours, {"gone": True})
            continue
        theirs: JsonMap = {name: state.values[name] for name in _COMPARED if name in state.values}
        differs = [name for name, value in theirs.items() if value != ours[name]]
        if differs:
            yield _drift(kind, thing.id, {name: ours[name] for name in differs}, {n: theirs[n] for n in differs})


def _value(thing: mirror.Mirrored, name: str) -> Json:
    value = getattr(thing, name)
    return value if value is None or isinstance(value, int) else str(value)


def _drift(kind: ObjectKind, object_id: str, ours: JsonMap, theirs: JsonMap) -> LogEntry:
    told: JsonMap = {"mirror": dict(ours), "platform": dict(theirs)}
    return LogEntry(step=STEP_DRIFT, action="drift", entity_type=kind, entity_id=object_id, output_snapshot=told)


def _require_valid(token: TokenInfo, platform: str) -> None:
    if not token.is_valid:
        raise NeedsPersonError(
            f"{platform} does not take our token any more; set a new one: `stakazo secret set {platform}.access_token`"
        )


cycle_tasks(app, "api_client", run)
