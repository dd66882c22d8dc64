"""What of an ad account was changed by `POST act_X` and its controls, beside its spending limit: one record each."""

from typing import Any

from sandbox.account import Account
from sandbox.meta.context import Context
from sandbox.platform import Platform
from sandbox.records import Record, RecordKind


def settings_of(platform: Platform, account: Account) -> dict[str, Any]:
    """Return what was changed, by the field's name; empty where nothing was."""
    record = _record(platform, account)
    return record.values if record is not None else {}


def settle(context: Context, account: Account, values: dict[str, Any]) -> None:
    """Let settings be these from now on."""
    if values:
        context.note(RecordKind.SETTINGS, account.id, values, record=_record(context.platform, account))


def _record(platform: Platform, account: Account) -> Record | None:
    held = platform.world.records.of(account.id, RecordKind.SETTINGS)
    return held[0] if held else None
