"""The ledger against the sandbox's own log of effects: the judge believes the oracle, never our tables. STUB only."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
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


def compare(engine: Engine, admin_url: str) -> Comparison:
    """Read both logs and compare them, action by action.

    Raises:
        NotReadyError: the sandbox does not answer.
    """
    effects = Counter(_our_effects(_oracle_lines(admin_url)))
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


def _oracle_lines(admin_url: str) -> Iterable[Mapping[str, Any]]:
    try:
        response = requests.get(f"{admin_url.rstrip('/')}/oracle", timeout=_TIMEOUT_S)
        response.raise_for_status()
        body = response.json()
    except (requests.RequestException, ValueError) as error:
        raise NotReadyError(f"the sandbox at {admin_url} does not show its log ({type(error).__name__})") from None
    return list(body["lines"] if isinstance(body, dict) else body)


def _our_effects(lines: Iterable[Mapping[str, Any]]) -> Iterable[int]:
    for line in lines:
        match = _REQUEST_ID.match(str(line.get("request_id") or ""))
        if match:
            yield int(match[1])
