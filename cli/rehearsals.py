"""What the next full cycle and optimizer would do, whole (`plan`) or step by step (`cycle step`). Nothing is sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli.actions import print_actions
from cli.console import ago, compact, instant, print_facts, print_json, print_table, say
from cli.session import actor, choose_account, opened, reading, transaction
from domain import catalogue
from domain.actions import Action, ActionState
from domain.catalogue import Rhythm
from domain.slots import next_slot
from models.accounts import Account
from tasks import rehearsal
from tasks.rehearsal import Rehearsal
from workers.work import why_stop

_GOES_OUT = frozenset({ActionState.APPROVED, ActionState.APPLIED, ActionState.OBSERVED})


def show_plan(account: str | None, *, as_json: bool) -> None:
    """Show what would be done and what would be left, with why."""
    with opened() as house:
        with transaction(house) as conn:
            chosen = choose_account(conn, account)
            rhythm, daily = (_rhythm(chosen, name) for name in (rehearsal.CYCLE, rehearsal.OPTIMIZER))
            hindrance, daily_hindrance = (why_stop(conn, row, chosen) for row in (rhythm, daily))
        now = house.clock_of(chosen).now()
        slot_at, daily_at = (next_slot(row.cycle, chosen.zone, now) for row in (rhythm, daily))
        with reading():
            found = rehearsal.plan(house, chosen.id)
    optimizer = _Optimizer(found=found, slot_at=daily_at, hindrance=daily_hindrance)
    if as_json:
        print_json(
            _document(found)
            | {"now": now, "next_slot_at": slot_at, "hindrance": hindrance, "optimizer": optimizer.document()}
        )
        return
    print_facts(
        f"Next full cycle of account {chosen.id}, {chosen.name}",
        [
            ("slot", f"{instant(slot_at)} ({ago(slot_at, now)} on the platform's clock)"),
            ("policy", f"{found.judged.policy_name}, level {chosen.level}"),
            ("figures read", ago(chosen.insights_read_at, now)),
            (
                "judged as of",
                f"{instant(found.as_of)}, {ago(found.as_of, now)}; the cycle collects anew before it decides",
            ),
        ],
    )
    if hindrance:
        say(f"it would not run: {hindrance}")
    if found.declined:
        say(f"it would decide nothing: {found.declined}")
    for words in found.judged.decided.set_aside:
        say(words)
    _print_actions(found)
    optimizer.print(now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Optimizer:
    """The optimizer's part of a plan: once a day, after the ROAS engine, it moves daily budgets."""

    found: Rehearsal
    slot_at: datetime
    hindrance: str | None

    def document(self) -> dict[str, Any]:
        rehearsed = self.found.optimizer
        return {
            "next_slot_at": self.slot_at,
            "hindrance": self.hindrance,
            "declined": rehearsed.declined,
            "expected_gain_minor": round(rehearsed.gain_minor),
            "actions": [_without_id(row) for row in rehearsed.actions],
        }

    def print(self, now: datetime) -> None:
        say(f"optimizer: next at {instant(self.slot_at)} ({ago(self.slot_at, now)} on the platform's clock)")
        if self.hindrance:
            say(f"it would not run: {self.hindrance}")
        if self.found.optimizer.declined:
            say(f"it would plan nothing: {self.found.optimizer.declined}")
            return
        _print_rows("The optimizer would", self.found.optimizer.actions, self.found.account.currency)


def _rhythm(account: Account, name: str) -> Rhythm:
    return catalogue.rhythm(f"{account.platform}.{name}")


def show_step(step: str, account: str | None, *, as_json: bool) -> None:
    """Do one step by itself and show what came of it."""
    with opened() as house:
        with transaction(house) as conn:
            chosen = choose_account(conn, account)
        with reading():
            found: dict[str, Any] = dict(rehearsal.step(house, chosen.id, step, asked_by=actor()))
    if as_json:
        print_json({"step": step, "account": chosen.id} | found)
        return
    rows = found.pop("proposals", None) or found.pop("actions", None) or []
    print_facts(
        f"Step {step} of account {chosen.id}, {chosen.name}", [(name, _shown(value)) for name, value in found.items()]
    )
    if rows:
        columns = list(rows[0])
        cells = [[_shown(row[column]) for column in columns] for row in rows]
        print_table("What came of it", columns, cells, empty="nothing")


def _document(found: Rehearsal) -> dict[str, Any]:
    return {
        "account": found.account.id,
        "as_of": found.as_of,
        "policy": found.judged.policy_name,
        "tree_read_at": found.account.tree_read_at,
        "insights_read_at": found.account.insights_read_at,
        "declined": found.declined,
        "stats": found.stats,
        "left_alone": found.judged.decided.left_alone,
        "set_aside": found.judged.decided.set_aside,
        "actions": [_without_id(row) for row in found.actions],
    }


def _without_id(row: Action) -> dict[str, Any]:
    """The rehearsal's ids were rolled back: they name nothing."""
    return {name: getattr(row, name) for name in Action.__dataclass_fields__ if name not in {"id", "op_token"}}


def _print_actions(found: Rehearsal) -> None:
    _print_rows("It would", found.actions, found.account.currency)
    if found.judged.decided.left_alone:
        counts = found.judged.decided.left_alone.items()
        print_table("Ad sets whose budgets rules leave alone", ("why", "how many"), counts, empty="none")


def _print_rows(who: str, actions: Sequence[Action], currency: str) -> None:
    for verb, is_meant in (("do", True), ("leave", False)):
        rows = [(row, currency) for row in actions if (row.state in _GOES_OUT) is is_meant]
        print_actions(f"{who} {verb}", rows, empty="nothing", with_ids=False)


def _shown(value: object) -> object:
    return compact(value) if isinstance(value, dict | list) else value
