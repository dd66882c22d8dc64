"""From rows to facts of evidence. Pure; nothing is asked and nothing judged here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from control_tower import slots_due
from control_tower.evidence import (
    CallFacts,
    ClientFacts,
    Known,
    QuotaFacts,
    Reading,
    RunFacts,
    Sign,
    SlotFacts,
    WorkerFacts,
)
from domain.actions import Mode
from domain.catalogue import Rhythm
from models.accounts import Account
from models.canaries import Canary
from models.heartbeats import Heartbeat, ProcessKind
from models.quota import Quota
from models.schedule_pauses import Pause

FORGOTTEN_S: Final = 900.0  # silent for so long: taken away rather than ill
_CANARY_LATELY_S: Final = 180.0  # nobody sends any more: what was done last says nothing of now


def client_facts(calls: Mapping[tuple[str, str], CallFacts], budgets: Sequence[Quota]) -> ClientFacts:
    """Sum calls up by pair and by platform, and say how full the budgets are at worst."""
    of_pair: dict[str, CallFacts] = {}
    of_platform: dict[str, CallFacts] = {}
    for (platform, pair), facts in calls.items():
        before = of_platform.get(platform, CallFacts())
        of_platform[platform] = CallFacts(
            calls=before.calls + facts.calls,
            errors=before.errors + facts.errors,
            total_ms=before.total_ms + facts.total_ms,
        )
        if pair:
            of_pair[pair] = facts
    platforms = {budget.key.platform for budget in budgets}
    return ClientFacts(
        of_pair=of_pair,
        of_platform=of_platform,
        quota={slug: _quota([row for row in budgets if row.key.platform == slug]) for slug in platforms},
    )


def _quota(budgets: Iterable[Quota]) -> QuotaFacts:
    shares: list[float] = []
    broken: list[str] = []
    for row in budgets:
        shares.extend(share for share in (row.account_share, row.business_share) if share is not None)
        broken.extend(f"{row.key.account or 'token'} {kind}" for kind, found in row.breakers.items() if found.is_open)
    return QuotaFacts(usage=max(shares, default=None), breakers=tuple(sorted(broken)))


def of_kind(signs: Iterable[Heartbeat], kind: ProcessKind) -> tuple[Heartbeat, ...]:
    """Keep the signs of one kind of process."""
    return tuple(sign for sign in signs if sign.kind is kind)


def worker_facts(signs: tuple[Heartbeat, ...], owed: Mapping[str, Canary]) -> tuple[WorkerFacts, ...]:
    """Join heartbeats and canaries of workers that have not long gone, freshest first."""
    found = of_kind(signs, ProcessKind.WORKER)
    return tuple(_worker(sign, owed.get(sign.process)) for sign in found if sign.age_s <= FORGOTTEN_S)


def _worker(sign: Heartbeat, canary: Canary | None) -> WorkerFacts:
    detail = sign.detail
    return WorkerFacts(
        name=sign.process,
        age_s=sign.age_s,
        canary_age_s=None if canary is None else _canary_age_s(canary),
        rss_mb=_number(detail.get("rss_mb")),
        cpu_pct=_number(detail.get("cpu_pct")),
        db_connections=_count(detail.get("db_connections")),
        at_work=_count(detail.get("at_work")),
        concurrency=_count(detail.get("concurrency")),
        child=_word(detail.get("child")),
        version=_word(detail.get("version")),
    )


def _canary_age_s(canary: Canary) -> float | None:
    if canary.owed_s is not None:
        return canary.owed_s
    return canary.done_s if canary.done_s is not None and canary.done_s <= _CANARY_LATELY_S else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(value: object) -> int | None:
    if isinstance(value, list | tuple):
        return len(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def sign_of(signs: tuple[Heartbeat, ...], kind: ProcessKind) -> Sign:
    """Return the freshest sign; of towers, that of one that leads."""
    mine = [row for row in of_kind(signs, kind) if row.detail.get("leads", True)]
    return Sign(age_s=mine[0].age_s, detail=mine[0].detail) if mine else Sign(age_s=None, detail={})


def beat_of(signs: tuple[Heartbeat, ...], up_s: float | None) -> Sign:
    """Return beat's sign, awaited since its process began (`up_s`, where known) and since the tower began to watch."""
    tower = sign_of(signs, ProcessKind.TOWER)
    watching_s = _number(tower.detail.get("watching_s"))
    awaited = [] if up_s is None else [up_s]
    if tower.age_s is not None and watching_s is not None:
        awaited.append(tower.age_s + watching_s)
    return replace(sign_of(signs, ProcessKind.BEAT), awaited_s=min(awaited, default=None))


def modes_of(people: tuple[Account, ...]) -> Mapping[str, Mode]:
    """Return platform → LIVE if any account of it is, else STUB."""
    found: dict[str, Mode] = {}
    for account in people:
        is_live = account.mode is Mode.LIVE or found.get(account.platform) is Mode.LIVE
        found[account.platform] = Mode.LIVE if is_live else account.mode
    return found


def slot_facts(
    rhythm: Rhythm,
    account: Account,
    now: Reading[datetime],
    seen: RunFacts | None,
    *,
    is_closed: bool,
    pause: Pause | None = None,
) -> SlotFacts:
    """Say where a cycle of an account stands; `is_closed` = the fence of all accounts is, `pause` = of its schedule."""
    view = None
    if isinstance(now, Known) and seen is not None:
        view = slots_due.view(rhythm, account.zone, now.value, last_slot=seen.last_slot)
    excused = "" if pause is None or not _holds(pause, now) else f"paused by {pause.paused_by}: {pause.reason}"
    if account.is_paused:
        excused = "paused"
    if is_closed or account.fence_closed:
        excused = "its fence is closed"
    return SlotFacts(task=rhythm.name, account_id=account.id, account=account.name, excused=excused, now=now, view=view)


def _holds(pause: Pause, now: Reading[datetime]) -> bool:
    """Whether it holds a schedule back still; one that ends by a clock that cannot be read is no excuse."""
    return pause.until_at is None or (isinstance(now, Known) and now.value < pause.until_at)
