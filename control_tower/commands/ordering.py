"""Giving an order: what each command needs and refuses, before a row is written. Callers commit."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from control_tower.commands.targets import commandable, pairs_of
from domain.actions import JsonMap
from domain.errors import BadInputError
from domain.health import CommandType
from domain.ids import CommandId
from domain.permissions import Permission
from models import commands
from models.accounts import Account
from models.cleaning import clean_text

_T = CommandType
NEEDS: Final[Mapping[CommandType, Permission]] = {  # stopping is easy, resuming is hard
    _T.START_ALL: Permission.COMMAND,
    _T.STOP_ALL: Permission.STOP,
    _T.RESTART_MODULE: Permission.COMMAND,
    _T.EMERGENCY_STOP: Permission.STOP,
    _T.RESUME: Permission.RESUME,
    _T.SYNC_DATA: Permission.RUN_CYCLE,
    _T.OPTIMIZE: Permission.RUN_CYCLE,
    _T.HEALTH_CHECK: Permission.COMMAND,
}
_NEEDS_REASON = frozenset({_T.STOP_ALL, _T.RESTART_MODULE, _T.EMERGENCY_STOP, _T.RESUME})
_TAKES_MODULES = frozenset({_T.START_ALL, _T.STOP_ALL, _T.RESTART_MODULE, _T.SYNC_DATA, _T.OPTIMIZE})
_TAKES_ACCOUNT = frozenset({_T.START_ALL, _T.STOP_ALL, _T.SYNC_DATA, _T.OPTIMIZE, _T.EMERGENCY_STOP})


def give(
    conn: Connection,
    command_type: CommandType,
    *,
    reason: str,
    actor: str,
    platform: str | None = None,
    modules: Sequence[str] = (),
    account: Account | None = None,
    execute_immediately: bool = True,
    options: JsonMap | None = None,
) -> CommandId:
    """Check an order and write it down, for the tower to carry out; `execute_immediately` False = held.

    Raises:
        BadInputError: it lacks something, names what there is none of, or what this command does not take.
    """
    _require(command_type, reason, modules, account)
    if platform is not None and not commandable(platform):
        raise BadInputError(f"{platform} is planned: none of its modules is built, so there is nothing to order there")
    if account is not None and platform not in {None, account.platform}:
        raise BadInputError(f"account {account.id} is on {account.platform}, not on {platform}; leave one of them out")
    if account is not None and modules and command_type in {_T.START_ALL, _T.STOP_ALL}:
        raise BadInputError("an account is stopped as a whole, and a module for all accounts; name one of the two")
    return commands.accept(
        conn,
        command_type=command_type,
        reason=clean_text(reason).strip(),
        actor=actor,
        platform=platform,
        target_modules=[pair.slug for pair in pairs_of(platform, modules)] if modules else (),
        execute_immediately=execute_immediately,
        account_id=None if account is None else account.id,
        options=options,
    )


def _require(command_type: CommandType, reason: str, modules: Sequence[str], account: Account | None) -> None:
    if command_type in _NEEDS_REASON and not reason.strip():
        raise BadInputError(f"{command_type} needs a reason, which everybody reads: --reason 'price change'")
    if modules and command_type not in _TAKES_MODULES:
        raise BadInputError(f"{command_type} takes no modules; it is about all of them")
    if command_type is _T.RESTART_MODULE and not modules:
        raise BadInputError("restart_module needs to know which: --module full_cycle")
    if account is not None and command_type not in _TAKES_ACCOUNT:
        raise BadInputError(f"{command_type} takes no account; leave out --account")
