"""Where a cycle of an account stands among its slots: the last, the next, those that passed unclaimed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from domain.catalogue import Rhythm
from domain.slots import due_slots, latest_slot, next_slot
from models import run_history, runs
from models.accounts import Account
from models.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotView:
    """One cycle of one account. `missed` are due slots that nobody claimed though half an interval has passed."""

    last_slot: datetime | None  # the newest scheduled one that has a row, whatever became of it
    last_run: Run | None  # the newest run, a person's included; None also where only slots were asked for
    next_slot: datetime
    missed: tuple[datetime, ...]


def slots(conn: Connection, account: Account, rhythm: Rhythm, now: datetime) -> SlotView:
    """Look at one cycle of one account at the platform's instant `now`."""
    last_slot = runs.last_slot(conn, rhythm.name, account.id)
    last_run = run_history.last(conn, task=rhythm.name, account_id=account.id)
    return view(rhythm, account.zone, now, last_slot=last_slot, last_run=last_run)


def view(
    rhythm: Rhythm, zone: str, now: datetime, *, last_slot: datetime | None, last_run: Run | None = None
) -> SlotView:
    """Tell where the cycle stands from its last claimed slot; a cycle that was never planned has missed none."""
    patience = rhythm.cycle.every / 2
    since = latest_slot(rhythm.cycle, zone, now) if last_slot is None else last_slot
    due = due_slots(rhythm.cycle, zone, since, now)
    return SlotView(
        last_slot=last_slot,
        last_run=last_run,
        next_slot=next_slot(rhythm.cycle, zone, now),
        missed=tuple(slot for slot in due if now - slot > patience),
    )
