"""How much the door's limits leave a plan in the twin: from its ledger, as `tasks/leeway.py` has it from Postgres."""

from typing import Final

from actions import leeway
from actions.guardrails import Limits
from actions.guardrails.mass_pause import room_left
from domain.actions import ObjectKind
from domain.leeway import Leeway
from domain.snapshot import Snapshot
from twin.brains import HALF_HOUR, Setting
from twin.ledger import Ledger
from twin.readings import Readings

_KINDS: Final = (ObjectKind.CAMPAIGN, ObjectKind.AD_SET, ObjectKind.AD)


def leeway_of(readings: Readings, snapshot: Snapshot, setting: Setting, ledger: Ledger) -> Leeway:
    """Read it at this instant."""
    now, limits, cap = readings.now, Limits(), setting.caps.account_minor
    kinds = {node.id: kind for kind in _KINDS for node in readings.tree.nodes(kind)}
    return Leeway(
        actions=max(0, limits.actions_per_cycle - ledger.in_cycle(now)),
        next_cycle_at=now + HALF_HOUR,
        stops=room_left(limits, *ledger.pauses(now)),
        raise_minor=None if cap is None else cap - readings.tree.running_minor(),
        margin=setting.wishes.margin,
        resting=leeway.resting_until(snapshot, ledger.budgets_changed_at(), limits),
        turned=leeway.turns(ledger.last_changes(now - limits.hysteresis), limits),
        held=leeway.held(
            {(kinds[key], key): until for key, until in ledger.hands_off.items() if until > now and key in kinds}, {}
        ),
        asked=ledger.waiting(now),
    )
