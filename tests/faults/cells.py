"""The cells of the kill matrix: where the executor dies x what becomes of the write x what is written.

Each cell has an ad account of its own, in the sandbox and in our database, so that no cell can disturb another.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert

from actions import steps
from actions.door import propose
from actions.executor import STEPS
from domain.actions import Action, ActionKind, ActionState, Level, Mode, ObjectKind, Priority, Proposal
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from models import accounts
from models.tables import ad_sets, ads, campaigns

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATE_S = 0.3


class Fate(StrEnum):
    """What becomes of the write, the first time that it is sent."""

    APPLIED = "applied"
    LOST = "lost before commit"
    ANSWER_LOST = "committed, then lost"
    LATE = "late commit"
    REFUSED = "refused"
    ERROR_5XX = "500 with effect"
    HTML_502 = "html 502 with effect"
    THROTTLED = "throttled"


_FAULTS: dict[Fate, dict[str, Any]] = {
    Fate.LOST: {"do": "drop_before_commit"},
    Fate.ANSWER_LOST: {"do": "commit_then_drop"},
    Fate.LATE: {"do": "late_commit", "seconds": LATE_S},
    Fate.REFUSED: {"do": "refuse", "code": 100},
    Fate.ERROR_5XX: {"do": "error_5xx", "effect": True},
    Fate.HTML_502: {"do": "html_502", "effect": True},
    Fate.THROTTLED: {"do": "throttle", "code": 17},
}
MATRIX_FATES = (Fate.APPLIED, Fate.LOST, Fate.ANSWER_LOST, Fate.LATE)
KINDS = (ActionKind.SET_DAILY_BUDGET, ActionKind.PAUSE, ActionKind.CREATE_CAMPAIGN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One death, one fate, one kind of write; `number` makes the ids of its objects."""

    number: int
    step: str
    fate: Fate
    kind: ActionKind
    second_step: str | None = None  # where its recovery dies too
    line: int = 0  # at the start of which executed line it dies; 0 = at none
    life: int = 1  # which executor dies at the line: the one that sends, or the one that looks after the quarantine
    leader: int | None = None  # the cell in whose account it is, and with whose action its own goes out; None = alone
    mates: int = 0  # how many go out with it

    @property
    def deaths(self) -> str:
        return self.step if self.second_step is None else f"{self.step}, then {self.second_step}"

    @property
    def account_id(self) -> str:
        return f"77{self.number if self.leader is None else self.leader:04d}"

    def object_id(self, level: int) -> str:
        """Level 1 = campaign, 2 = ad set, 3 = ad."""
        return f"88{level}{self.number:04d}"

    @property
    def written(self) -> str:
        """The last part of the path that the write goes to."""
        match self.kind:
            case ActionKind.SET_DAILY_BUDGET:
                return self.object_id(2)
            case ActionKind.PAUSE:
                return self.object_id(3)
            case _:
                return f"act_{self.account_id}/campaigns"


def all_cells() -> tuple[Cell, ...]:
    """Every step x fate x kind: enumerated, not sampled."""
    combinations = itertools.product(STEPS, MATRIX_FATES, KINDS)
    return tuple(Cell(number=n, step=step, fate=fate, kind=kind) for n, (step, fate, kind) in enumerate(combinations))


def twice_killed() -> tuple[Cell, ...]:
    """A create, killed when it may be out, and its recovery killed at each of its steps, under every fate."""
    firsts = (steps.WRITTEN_AHEAD, steps.ANSWERED, steps.NOTED)
    seconds = (steps.CLAIMED, steps.READ_BACK, steps.NOTED, steps.RECORDED)
    return tuple(
        Cell(number=n, step=first, second_step=second, fate=fate, kind=ActionKind.CREATE_CAMPAIGN)
        for n, (first, second, fate) in enumerate(itertools.product(firsts, seconds, MATRIX_FATES))
    )


def scenario(cells: tuple[Cell, ...]) -> dict[str, Any]:
    """One small account per cell, without history."""
    by_account: dict[str, list[Cell]] = {}
    for cell in cells:
        by_account.setdefault(cell.account_id, []).append(cell)
    found = [_account(account_id, those) for account_id, those in by_account.items()]
    return {"name": "kill-matrix", "history_days": 0, "accounts": found}


def with_mates(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Add what goes out with each: actions of the same kind on objects in other campaigns of its account."""
    numbers = itertools.count(max((cell.number for cell in cells), default=0) + 1)
    return tuple(
        row
        for cell in cells
        for row in (
            cell,
            *(
                Cell(number=next(numbers), step="", fate=Fate.APPLIED, kind=cell.kind, leader=cell.number)
                for _ in range(cell.mates)
            ),
        )
    )


def _account(account_id: str, cells: Sequence[Cell]) -> dict[str, Any]:
    campaigns_of = [_campaign(cell) for cell in cells]
    return {"id": account_id, "name": f"Cell {account_id}", "currency": "USD", "campaigns": campaigns_of}


def _campaign(cell: Cell) -> dict[str, Any]:
    ad = {"id": cell.object_id(3), "name": "Ad", "ctr": 0.01, "cvr": 0.01, "order_value_minor": 1000}
    ad_set = {"id": cell.object_id(2), "name": "Set", "daily_budget_minor": 10_000, "ads": [ad]}
    return {"id": cell.object_id(1), "name": "Campaign", "ad_sets": [ad_set]}


def faults(cells: tuple[Cell, ...]) -> dict[str, Any]:
    """The script: each cell's first write meets its fate; all others go through, and are counted on the way.

    The oracle log has no line for a write that changes nothing: only a count shows that one was sent twice.
    """
    script: list[dict[str, Any]] = []
    for cell in cells:
        match = {"method": "POST", "path": f"{cell.written}$"}
        if cell.fate in _FAULTS:
            script.append({**_FAULTS[cell.fate], "match": match, "times": 1})
        script.append({"do": "slow", "match": match, "times": None})
    return {"script": script}


def sends(script: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How often each path was written to, by the script that the admin address gives back."""
    counted: dict[str, int] = {}
    for line in script:
        path = str(line["match"]["path"]).removesuffix("$")
        counted[path] = counted.get(path, 0) + int(line.get("fired", 0))
    return counted


def approve(conn: Connection, cell: Cell) -> Action:
    """Open the cell's account, mirror it and bring its one action to approved."""
    info = AccountInfo(
        id=PlatformAccountId(f"act_{cell.account_id}"), name=f"Cell {cell.account_id}", currency="USD",
        zone="Europe/Madrid", is_active=True, status_text="", minimum_daily_budget_minor=100,
    )  # fmt: skip
    account_id = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
    account = accounts.change(conn, account_id, tree_read_at=NOW, insights_read_at=NOW, activities_read_at=NOW)
    life = {"name": "x", "status": "active", "effective_status": "ACTIVE", "created_at": NOW, "updated_at": NOW}
    common = {"account_id": account_id, "seen_at": NOW, **life}
    campaign = {**common, "id": cell.object_id(1), "objective": "OUTCOME_SALES"}
    ad_set = {
        **common, "id": cell.object_id(2), "campaign_id": cell.object_id(1), "daily_budget_minor": 10_000,
        "optimization_goal": "OFFSITE_CONVERSIONS", "learning": "done",
    }  # fmt: skip
    ad = {**common, "id": cell.object_id(3), "ad_set_id": cell.object_id(2), "campaign_id": cell.object_id(1)}
    for table, row in ((campaigns, campaign), (ad_sets, ad_set), (ads, ad)):
        conn.execute(insert(table), [row])
    wanted = _proposal(cell)
    (action,) = propose(conn, account=account, run_id=None, now=NOW, proposals=[wanted], actor="test").actions
    assert action.state is ActionState.APPROVED, action.state_reason
    return action


def _proposal(cell: Cell) -> Proposal:
    values: dict[ActionKind, tuple[ObjectKind, str, dict[str, Any], dict[str, Any]]] = {
        ActionKind.SET_DAILY_BUDGET: (
            ObjectKind.AD_SET, cell.object_id(2), {"daily_budget_minor": 10_000}, {"daily_budget_minor": 12_000},
        ),
        ActionKind.PAUSE: (ObjectKind.AD, cell.object_id(3), {"status": "active"}, {"status": "paused"}),
        ActionKind.CREATE_CAMPAIGN: (
            ObjectKind.CAMPAIGN, f"act_{cell.account_id}", {},
            {"name": "New", "objective": "OUTCOME_SALES", "status": "paused"},
        ),
    }  # fmt: skip
    object_kind, object_id, before, target = values[cell.kind]
    return Proposal(
        kind=cell.kind, object_kind=object_kind, object_id=object_id, object_name="x", expected_before=before,
        target=target, rule="roas", priority=Priority.PERSON, reason="cell of the kill matrix",
    )  # fmt: skip
