"""The exact request of an action, and the hash of all that a person sees when they approve it. Pure."""

import hashlib
import json

from domain.actions import CREATES, Action, ActionKind, ObjectKind
from domain.ids import PlatformAccountId
from domain.ports import WriteRequest

CREATED_KINDS = {
    ActionKind.CREATE_CAMPAIGN: ObjectKind.CAMPAIGN,
    ActionKind.CREATE_AD_SET: ObjectKind.AD_SET,
    ActionKind.CREATE_CREATIVE: ObjectKind.CREATIVE,
    ActionKind.CREATE_AD: ObjectKind.AD,
}


def request_of(action: Action) -> WriteRequest:
    """What is sent for an action; the row alone says it."""
    is_create = action.kind in CREATES
    fields = dict(action.target)
    if is_create and action.kind is not ActionKind.CREATE_CREATIVE:
        fields["status"] = "paused"  # whatever was asked for: activating is an action of its own
    return WriteRequest(
        kind=action.kind,
        object_kind=CREATED_KINDS.get(action.kind, action.object_kind),
        object_id=None if is_create else action.object_id,
        parent_id=action.object_id if is_create else None,
        fields=fields,
        op_token=action.op_token,
        request_id=f"action-{action.id}-{action.epoch}",
    )


def fingerprint(action: Action, account: PlatformAccountId) -> str:
    """SHA-256 over everything that decides what the request does; what changes with each attempt is left out.

    What it was decided on is part of it: who approves 100.00 → 120.00 has not approved 60.00 → 120.00.
    """
    told = {
        "account": account,
        "kind": action.kind,
        "object_kind": action.object_kind,
        "object_id": action.object_id,
        "expected_before": dict(action.expected_before),
        "target": dict(action.target),
        "op_token": action.op_token,
    }
    document = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(document.encode()).hexdigest()
