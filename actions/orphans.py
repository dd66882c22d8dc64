"""Sweeps for orphans: objects that carry an operation's token, or were made by us, and are no recorded result.

What is paused and never spent is put away through the door; everything else is told, for a person to look at. An
object whose action counts as not applied proves the ledger wrong: it landed late, and the action's history says so.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from actions import door
from actions.door import Proposed
from actions.guardrails import Limits
from actions.request import CREATED_KINDS
from domain import catalogue
from domain.actions import IN_FLIGHT, Action, ActionKind, ActionState, ObjectKind, Priority, Proposal
from domain.ids import RunId
from domain.objects import Activity, CreatedObject, Status
from domain.ports import PlatformReader
from models import audit, budgets, fence, ledger, orphans
from models.accounts import Account

RULE = "orphan"
ARCHIVED = frozenset({ObjectKind.CAMPAIGN, ObjectKind.AD_SET, ObjectKind.AD})  # a creative spends nothing by itself
_UNDECIDED = IN_FLIGHT | {ActionState.PROPOSED, ActionState.AWAITING_APPROVAL}
_TRY_AGAIN = frozenset({ActionState.BLOCKED, ActionState.CANCELLED, ActionState.NOT_APPLIED})
_LIMITS = Limits()
_CREATED = "create"  # how the platform's words for a making begin
_Key = tuple[ObjectKind, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One orphan, and whether it is harmless enough to be put away without asking."""

    thing: CreatedObject
    action: Action | None
    why: str
    is_harmless: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the platform was read to say: what was made, and what others did (newest first) to which object."""

    made: tuple[CreatedObject, ...]
    history: Mapping[_Key, tuple[Activity, ...]]


def read(
    reader: PlatformReader,
    account: Account,
    *,
    since: datetime,
    kinds: Iterable[ObjectKind],
    keep: Callable[[], None] = lambda: None,
) -> Seen:
    """Read what was made since then, as far as it can concern us; `keep` is called after each page.

    Raises:
        PlatformError: the platform cannot be read.
    """
    history: dict[_Key, list[Activity]] = {}
    for page in reader.activities(account.platform_account_id, since):
        keep()
        for line in page:
            history.setdefault((line.object_kind, line.object_id), []).append(line)
    ours = {
        key for key, lines in history.items() if any(row.is_ours and row.event.startswith(_CREATED) for row in lines)
    }
    made = []
    for kind in kinds:
        for objects in reader.created_since(account.platform_account_id, kind, since):
            keep()
            made += [row for row in objects if row.op_token is not None or (kind, row.id) in ours]
    return Seen(made=tuple(made), history={key: tuple(lines) for key, lines in history.items()})


def find(conn: Connection, account: Account, seen: Seen) -> tuple[Found, ...]:
    """Tell orphans from what is as it should be."""
    tokens = [row.op_token for row in seen.made if row.op_token is not None]
    owners = orphans.by_token(conn, account.id, tokens)
    results = orphans.recorded_results(conn, account.id, [row.id for row in seen.made])
    spent = _spent(conn, account, seen.made)
    found = []
    for row in seen.made:
        if row.id in results or row.status in {Status.ARCHIVED, Status.DELETED}:
            continue
        lines = seen.history.get((row.kind, row.id), ())
        if row.op_token is None:
            found.append(_without_token(conn, account, row))
            continue
        owner = owners.get(row.op_token)
        if owner is None or owner.state not in _UNDECIDED:
            found.append(_with_token(row, owner, lines, spent.get((row.kind, row.id), 0)))
    return tuple(found)


def settle(
    conn: Connection,
    account: Account,
    found: Sequence[Found],
    *,
    run_id: RunId | None,
    now: datetime,
    actor: str,
    limits: Limits = _LIMITS,
) -> Proposed:
    """Put orphans on record, tell the audit of new ones, and propose to put away what is harmless."""
    fence.lock_caps(conn, account.id)  # before the audit, as everywhere
    spent = _spent(conn, account, [row.thing for row in found])
    new = orphans.record(conn, [_row(account, row, spent.get((row.thing.kind, row.thing.id), 0)) for row in found])
    tried = orphans.archives(conn, account.id)
    wanted = [
        row
        for row in found
        if row.is_harmless and tried.get((row.thing.kind, row.thing.id), ActionState.BLOCKED) in _TRY_AGAIN
    ]
    proposed = door.propose(
        conn, account=account, run_id=run_id, now=now, proposals=[_proposal(row) for row in wanted], actor=actor,
        module="api_client", limits=limits,
    )  # fmt: skip
    for action in proposed.actions:
        if action.kind is ActionKind.ARCHIVE:
            orphans.note_archive(conn, account.id, action.object_kind, action.object_id, action.id)
    for row in found:
        if row.thing.id in new:
            _tell(conn, account, row, actor)
    return proposed


def _tell(conn: Connection, account: Account, row: Found, actor: str) -> None:
    thing = row.thing
    detail = {"kind": thing.kind, "object": thing.id, "name": thing.name, "status": thing.status, "why": row.why}
    audit.note(
        conn, actor=actor, event="orphan.found", account_id=account.id,
        action_id=None if row.action is None else row.action.id, detail=detail,
    )  # fmt: skip
    if row.action is not None and row.action.state is ActionState.NOT_APPLIED:
        ledger.note(conn, row.action, actor=actor, event="landed_late", detail={"object": thing.id})


def _with_token(row: CreatedObject, owner: Action | None, lines: Sequence[Activity], spent_minor: int) -> Found:
    doubt = _doubt(row, owner, lines, spent_minor)
    if owner is None:
        why = "its token is in no ledger of ours"
    elif owner.state is ActionState.APPLIED:
        why = f"action {owner.id} made it beside its result {owner.result_object_id}"
    else:
        why = f"it landed although action {owner.id} is {owner.state.replace('_', ' ')}"
    return Found(thing=row, action=owner, why=f"{why}; {doubt}" if doubt else why, is_harmless=doubt is None)


def _doubt(row: CreatedObject, owner: Action | None, lines: Sequence[Activity], spent_minor: int) -> str | None:
    """Why a person must look before it is put away; None = nobody can miss it."""
    people = sorted({line.actor_name or line.actor_id for line in lines if not line.is_ours})
    if owner is None:
        return "nobody knows what it is for"
    if CREATED_KINDS.get(owner.kind) is not row.kind or people:
        return f"{', '.join(people) or 'somebody'} made or changed it"
    if owner.state is ActionState.DEAD:
        return "its action waits for a person"
    if row.kind not in ARCHIVED:
        return "such an object cannot be put away, and spends nothing"
    if row.status is not Status.PAUSED or spent_minor > 0:
        return f"it is {row.status} and has spent {spent_minor} minor units"
    return None


def _without_token(conn: Connection, account: Account, row: CreatedObject) -> Found:
    """Made with our application, its name without a token: somebody renamed it. Told only, never put away."""
    within = catalogue.platform(account.platform).quarantine_create
    kinds = [kind for kind, made in CREATED_KINDS.items() if made is row.kind]
    likely = orphans.not_applied_near(conn, account.id, kinds, row.created_at, within)
    owner = None if likely is None else ledger.get(conn, likely)
    what = "of no action that we know" if owner is None else f"likely of action {owner.id}, which is {owner.state}"
    return Found(thing=row, action=owner, why=f"made with our application, its token gone; {what}", is_harmless=False)


def _spent(conn: Connection, account: Account, made: Sequence[CreatedObject]) -> Mapping[_Key, int]:
    if not made:
        return {}
    since = (min(row.created_at for row in made) - timedelta(days=1)).astimezone(ZoneInfo(account.zone)).date()
    return budgets.spend_of(conn, account.id, [(row.kind, row.id) for row in made if row.kind in ARCHIVED], since)


def _row(account: Account, found: Found, spent_minor: int) -> dict[str, object]:
    thing = found.thing
    return {
        "account_id": account.id,
        "object_kind": thing.kind,
        "object_id": thing.id,
        "object_name": thing.name,
        "status": thing.status,
        "made_at": thing.created_at,
        "action_id": None if found.action is None else found.action.id,
        "why": found.why,
        "spend_minor": spent_minor,
    }


def _proposal(found: Found) -> Proposal:
    thing = found.thing
    return Proposal(
        kind=ActionKind.ARCHIVE,
        object_kind=thing.kind,
        object_id=thing.id,
        object_name=thing.name,
        expected_before={"status": "paused"},
        target={"status": "archived"},
        rule=RULE,
        priority=Priority.SAFETY,
        reason=f"{found.why}; paused, and never spent",
        evidence={"made_at": thing.created_at.isoformat(), "action": None if found.action is None else found.action.id},
    )
