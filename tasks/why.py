"""Why an object was changed, or was not: what the last cycles wanted of it, and what stops each rule now.

The present is rehearsed: rules and door judge as the next cycle would, in a transaction that is rolled back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import Connection

from decisions import gates, gates_ads
from decisions.freshness import age_s
from decisions.gates import Gate
from decisions.policy import ClassicPolicy
from domain import catalogue
from domain.actions import ObjectKind
from domain.errors import BadInputError
from domain.health import OPEN_RUN_STATES
from domain.ids import AccountId
from domain.snapshot import Snapshot, Texts
from models import accounts, findings, histories
from models.accounts import Account
from models.findings import Told
from models.histories import Named, Wanted
from models.runs import Run
from tasks import full_cycle, rehearsal
from tasks.full_cycle import Judged
from workers.bootstrap import House, limits_of
from workers.work import why_stop

_RULES = {**gates.RULES, **gates_ads.RULES}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleGates:
    """One rule and the object: what it would do, and everything that it asks; it fires where all pass."""

    rule: str
    would: str
    gates: tuple[Gate, ...]

    @property
    def binding(self) -> tuple[Gate, ...]:
        """What stops it."""
        return tuple(gate for gate in self.gates if not gate.passes)


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleLine:
    """One cycle and the object. Without `wanted`, `note` says why there is no row."""

    run: Run
    wanted: tuple[Wanted, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The whole answer. `hindrance` stops every cycle of the account; ages are seconds on the platform's clock."""

    account: Account
    thing: Named
    as_of: datetime
    policy: str
    tree_age_s: int | None
    insights_age_s: int | None
    hindrance: str | None
    declined: str | None
    set_aside: tuple[str, ...]  # evidence that is too old
    rules: tuple[RuleGates, ...]  # of `classic`; `matured` acts on the findings
    findings: tuple[Told, ...]  # what each module last said of the object, and on which evidence
    not_judged: str | None  # why no rule looks at the object
    now: tuple[Wanted, ...]
    cycles: tuple[CycleLine, ...]
    outside: tuple[Wanted, ...]  # by people, undos and stops


def explain(house: House, account_id: AccountId, object_id: str, *, cycles: int) -> Why:
    """Explain one object, with its last `cycles` full cycles; nothing is written.

    Raises:
        BadInputError: the mirror holds no such object.
        NotReadyError: no such account, or its platform's clock cannot be read.
    """
    with house.engine.connect() as conn, conn.begin() as transaction:
        account = accounts.get(conn, account_id)
        thing = histories.find_object(conn, account_id, object_id)
        if thing is None:
            raise BadInputError(
                f"no object {object_id} in account {account_id}; `stakazo campaign list`, `adset list` and `ad list`"
                " show what was collected"
            )
        rhythm = catalogue.rhythm(f"{account.platform}.{rehearsal.CYCLE}")
        past = _past(conn, account, object_id, rhythm.name, cycles)
        found_out = findings.of_object(conn, account_id, object_id)
        outside = histories.outside_runs(conn, account_id, object_id, cycles)
        hindrance = why_stop(conn, rhythm, account)
        as_of = rehearsal.instant(account, rhythm, house.clock_of(account).now())
        judged = full_cycle.judge(conn, account, rhythm, as_of, limits=limits_of(house.settings))
        proposed = full_cycle.propose(
            conn, account, judged.decided, now=as_of, settings=house.settings, run_id=None, actor="rehearsal"
        )  # fmt: skip
        ids = [row.id for row in proposed.actions if row.object_id == object_id]
        now = histories.of_actions(conn, account_id, object_id, ids)
        found, not_judged = _rules(conn, account, judged, thing)
        transaction.rollback()
    return Why(
        account=account,
        thing=thing,
        as_of=as_of,
        policy=judged.policy_name,
        tree_age_s=age_s(account.tree_read_at, as_of),
        insights_age_s=age_s(account.insights_read_at, as_of),
        hindrance=hindrance,
        declined=judged.decided.declined,
        set_aside=judged.decided.set_aside,
        rules=found,
        findings=(*found_out, *_waits(judged, object_id)),
        not_judged=not_judged,
        now=now,
        cycles=past,
        outside=outside,
    )


def _past(conn: Connection, account: Account, object_id: str, task: str, limit: int) -> tuple[CycleLine, ...]:
    """The last full cycles, and however old the last runs of any module that wanted something of it; newest first."""
    names = [row.name for row in catalogue.RHYTHMS if row.pair.platform.slug == account.platform]
    cycles = histories.runs_of(conn, account.id, [task], limit)
    wanting = histories.runs_that_wanted(conn, account.id, object_id, names, limit)
    either = {run.id: run for run in (*cycles, *wanting)}
    found = sorted(either.values(), key=lambda run: (run.slot_at, run.id), reverse=True)
    wanted = histories.wanted_in(conn, account.id, object_id, [run.id for run in found])
    return tuple(CycleLine(run=run, wanted=wanted[run.id], note=_note(run, wanted[run.id])) for run in found)


def _waits(judged: Judged, object_id: str) -> tuple[Told, ...]:
    """What the rules want of the object and do not ask for yet, with what it waits for."""
    at = judged.snapshot.now
    return tuple(
        Told(module=rehearsal.CYCLE, found_at=at, finding=row)
        for row in judged.decided.waits
        if row.object_id == object_id
    )


def _note(run: Run, wanted: tuple[Wanted, ...]) -> str:
    if wanted:
        return ""
    stats: Mapping[str, object] = run.stats_snapshot
    if run.reason:
        return run.reason
    if run.state in OPEN_RUN_STATES:
        return "it has not ended yet"
    if stats.get("declined"):
        return f"it decided nothing: {stats['declined']}"
    if stats.get("repeated"):
        return (
            f"no row of its own: nothing was wanted, or it is one of {stats['repeated']} blocks that repeat one on"
            " record (they are recorded once in 24 h)"
        )
    return "no rule wanted a change"


def _rules(
    conn: Connection, account: Account, judged: Judged, thing: Named
) -> tuple[tuple[RuleGates, ...], str | None]:
    _, policy = full_cycle.policy_of(conn, account)
    if not isinstance(policy, ClassicPolicy):
        return (), None
    limits = full_cycle.limits_of_account(account)
    snapshot = judged.snapshot
    if thing.kind is ObjectKind.AD:
        row = _row(snapshot.ads.id, thing.id)
        found = () if row is None else gates_ads.of_ad(snapshot, row, policy)
    else:
        frame = snapshot.campaigns if thing.kind is ObjectKind.CAMPAIGN else snapshot.ad_sets
        row = _row(frame.id, thing.id)
        found = () if row is None else gates.of_budget(snapshot, frame, row, policy, limits)
    if row is None:
        return (), _why_unseen(snapshot, thing)
    names = dict.fromkeys(gate.rule for gate in found)
    return tuple(
        RuleGates(rule=name, would=_RULES[name], gates=tuple(gate for gate in found if gate.rule == name))
        for name in names
    ), None


def _row(ids: Texts, object_id: str) -> int | None:
    rows = np.flatnonzero(ids == object_id)
    return int(rows[0]) if len(rows) else None


def _why_unseen(snapshot: Snapshot, thing: Named) -> str:
    if thing.kind is ObjectKind.CAMPAIGN and thing.status in {"active", "paused"}:
        count = int((snapshot.ad_sets.campaign_id == thing.id).sum())
        return f"it carries no daily budget: rules act on its {count} ad sets"
    return f"it is {thing.status}: rules look at active and paused objects only"
