"""How the ledger's rows and the house's values turn into each other. No statement is run here."""

import hashlib
from typing import Any

from sqlalchemy import RowMapping

from domain.actions import CREATES, Action, ActionKind, ActionState, JsonMap, ObjectKind, Proposal, Verdict
from models.tables import actions

_NAMES = tuple(Action.__dataclass_fields__)
ACTION_COLUMNS = tuple(actions.c[name] for name in _NAMES)


def to_action(row: RowMapping) -> Action:
    """Read a row; columns beyond those of an action are left out."""
    values: dict[str, Any] = {name: row[name] for name in _NAMES}
    values["kind"] = ActionKind(values["kind"])
    values["object_kind"] = ObjectKind(values["object_kind"])
    values["state"] = ActionState(values["state"])
    return Action(**values)


def from_proposal(wanted: Proposal, verdicts: tuple[Verdict, ...], op_token: str) -> dict[str, Any]:
    """Write a proposal as the columns of a new row."""
    return {
        "kind": wanted.kind,
        "object_kind": wanted.object_kind,
        "object_id": wanted.object_id,
        "object_name": wanted.object_name,
        "expected_before": dict(wanted.expected_before),
        "target": dict(wanted.target),
        "rule": wanted.rule,
        "priority": int(wanted.priority),
        "reason": wanted.reason,
        "evidence": dict(wanted.evidence),
        "verdicts": [_verdict(verdict) for verdict in verdicts],
        "op_token": op_token,
        "undoes": wanted.undoes,
        "discriminator": discriminator(wanted.kind, wanted.target),
        "stop_id": wanted.stop_id,
    }


def discriminator(kind: ActionKind, target: JsonMap) -> str:
    """Tell creates of one rule under one parent apart, by the new object's name; "" for every other kind."""
    if kind not in CREATES:
        return ""
    return hashlib.sha256(str(target.get("name", "")).encode()).hexdigest()[:16]


def _verdict(verdict: Verdict) -> dict[str, Any]:
    told: dict[str, Any] = {"guardrail": verdict.guardrail, "allowed": verdict.allowed, "reason": verdict.reason}
    if verdict.trimmed_target is not None:
        told["trimmed_target"] = dict(verdict.trimmed_target)
    return told
