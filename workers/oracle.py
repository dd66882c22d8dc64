"""The ledger against the sandbox's own log of effects: the judge believes the oracle, never our tables. STUB only."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from sqlalchemy import Engine, select

from domain.actions import RECORDED_ONLY, ActionState
from domain.errors import NotReadyError
from models.tables import actions

_REQUEST_ID = re.compile(r"^action-(\d+)-\d+$")
_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the ledger says was applied, what the oracle saw of ours, and where they disagree (ids of actions)."""

    applied: int
    effects: int
    applied_without_effect: tuple[int, ...]
    effect_not_applied: tuple[int, ...]  # the ledger says refused, blocked, ... and yet the platform changed
    effects_twice: tuple[int, ...]
    undecided: int  # sent or unknown: the ledger claims nothing yet

    @property
    def agrees(self) -> bool:
        """Whether each applied action has one effect, and each effect its applied (or undecided) action."""
        return not (self.applied_without_effect or self.effect_not_applied or self.effects_twice)


def compare(engine: Engine, admin_url: str, *, after: int = 0) -> Comparison:
    """Read both logs and compare them, action by action; the sandbox's from the line behind the `after`th on.

    Raises:
        NotReadyError: the sandbox does not answer.
    """
    effects = Counter(_our_effects(lines(admin_url, after=after)))
    with engine.connect() as conn:
        sendable = actions.c.kind.not_in(RECORDED_ONLY)
        states = {int(row.id): (ActionState(row.state), row.attempts) for row in conn.execute(
            select(actions.c.id, actions.c.state, actions.c.attempts).where(sendable))}  # fmt: skip
    # An action that already was as wanted is applied without a send: it has no attempt and needs no effect.
    applied = {number for number, (state, tries) in states.items() if state is ActionState.APPLIED and tries > 0}
    undecided = {number for number, (state, _) in states.items() if state in (ActionState.SENT, ActionState.UNKNOWN)}
    return Comparison(
        applied=len(applied),
        effects=sum(effects.values()),
        applied_without_effect=tuple(sorted(applied - effects.keys())),
        effect_not_applied=tuple(sorted(effects.keys() - applied - undecided)),
        effects_twice=tuple(sorted(number for number, count in effects.items() if count > 1)),
        undecided=len(undecided),
    )


def lines(admin_url: str, *, after: int = 0) -> Sequence[Mapping[str, Any]]:
    """Return every effect that the sandbox wrote down behind the `after`th, oldest first, as it tells them.

    Raises:
        NotReadyError: the sandbox does not answer.
    """
    try:
        response = requests.get(f"{admin_url.rstrip('/')}/oracle", params={"after": after}, timeout=_TIMEOUT_S)
        response.raise_for_status()
        body = response.json()
    except (requests.RequestException, ValueError) as error:
        raise NotReadyError(f"the sandbox at {admin_url} does not show its log ({type(error).__name__})") from None
    return list(body["lines"] if isinstance(body, dict) else body)


def action_of(line: Mapping[str, Any]) -> int | None:
    """Return the id of the action of ours that made the effect, None where it was somebody else."""
    match = _REQUEST_ID.match(str(line.get("request_id") or ""))
    return int(match[1]) if match else None


def _our_effects(effects: Iterable[Mapping[str, Any]]) -> Iterable[int]:
    return (number for line in effects if (number := action_of(line)) is not None)
