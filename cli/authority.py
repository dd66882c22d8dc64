"""Which permission every command needs, and the one gate before all of them. Deny by default: no line, no command.

None = needs only this machine and no database; everything else needs a principal, looked up anew for every command.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import typer
from typer.main import get_command

from actions import access
from cli.session import forget_actor, opened, principal, transaction
from cli.unfinished import say_unfinished
from domain.errors import InvariantError, NotAllowedError, NotReadyError
from domain.permissions import Permission, granted_to, may

_P = Permission
VERBS: Mapping[str, Permission | None] = MappingProxyType(
    {
        "account list": _P.READ,
        "account open": _P.SET_LIMITS,
        "account set": _P.SET_LIMITS,
        "account show": _P.READ,
        "actions dead list": _P.READ,
        "actions dead requeue": _P.REQUEUE,
        "actions dead show": _P.READ,
        "actions list": _P.READ,
        "actions orphans": _P.READ,
        "actions show": _P.READ,
        "ad list": _P.READ,
        "ad set": _P.MARK,
        "adset list": _P.READ,
        "adset set": _P.MARK,
        "alerts": _P.READ,
        "alerts ack": _P.STOP,  # who may stop everything may see to an alarm
        "alerts channels": _P.READ,
        "alerts false": _P.STOP,
        "alerts list": _P.READ,
        "alerts show": _P.READ,
        "alerts test": _P.STOP,
        "anomalies list": _P.READ,
        "anomalies refund": _P.READ,
        "anomalies show": _P.READ,
        "allocations": _P.READ,
        "approvals list": _P.READ,
        "approvals withdraw": _P.APPROVE,
        "approve": _P.APPROVE,
        "audit export": _P.AUDIT_EXPORT,
        "audit retain": _P.COMMAND,
        "audit show": _P.READ,
        "audit verify": _P.READ,
        "autonomy": _P.READ,
        "backtest": None,  # of a twin; over an account's records it asks who it is (cli/backtest_recorded.py)
        "backup restore": None,  # of an empty database; who has the owner's address needs no leave of ours
        "backup write": None,
        "campaign list": _P.READ,
        "campaign set": _P.MARK,
        "change account": _P.PROPOSE,
        "change ad": _P.PROPOSE,
        "change adset": _P.PROPOSE,
        "change campaign": _P.PROPOSE,
        "command cancel": _P.RUN_CYCLE,  # and what giving it takes
        "command emergency_stop": _P.STOP,
        "command health_check": _P.COMMAND,
        "command list": _P.READ,
        "command optimize": _P.RUN_CYCLE,
        "command release": _P.RUN_CYCLE,  # and what giving it takes
        "command restart_module": _P.COMMAND,
        "command resume": _P.RESUME,
        "command show": _P.READ,
        "command start_all": _P.COMMAND,
        "command stop_all": _P.STOP,
        "command sync_data": _P.RUN_CYCLE,
        "contract check": _P.READ,  # of the platform, never of it more than that
        "contract list": _P.READ,
        "contract record": _P.READ,
        "creatives": _P.READ,
        "cycle history": _P.READ,
        "cycle last": _P.READ,
        "cycle log": _P.READ,
        "cycle run": _P.RUN_CYCLE,
        "cycle step": _P.RUN_CYCLE,
        "demo": None,
        "digest": _P.READ,
        "doctor": None,
        "drill": _P.COMMAND,
        "edits list": _P.READ,
        "edits release": _P.MARK,
        "edits window": _P.READ,
        "emergency-stop": _P.STOP,
        "experiment create": _P.MARK,
        "experiment list": _P.READ,
        "experiment show": _P.READ,
        "experiment stop": _P.MARK,
        "fence close": _P.STOP,
        "fence open": _P.RESUME,
        "fence status": _P.READ,
        "health": _P.READ,
        "level set": _P.SET_LIMITS,
        "level show": _P.READ,
        "live": _P.READ,
        "logs": _P.READ,
        "metrics": None,
        "migrate": None,
        "modules": _P.READ,
        "modules start": _P.COMMAND,
        "modules stop": _P.STOP,
        "pacing": _P.READ,
        "plan": _P.READ,
        "policy check": _P.READ,
        "policy set": _P.SET_LIMITS,
        "policy show": _P.READ,
        "quota reset-breaker": _P.COMMAND,
        "quota show": _P.READ,
        "recovery list": _P.READ,
        "recovery procedures drop": _P.COMMAND,
        "recovery procedures list": _P.READ,
        "recovery procedures set": _P.COMMAND,
        "recovery run": _P.COMMAND,
        "recovery show": _P.READ,
        "reference": None,
        "reject": _P.APPROVE,
        "report": _P.READ,
        "roas": _P.READ,
        "sandbox advance": None,
        "sandbox export": None,
        "sandbox faults clear": None,
        "sandbox faults list": None,
        "sandbox faults set": None,
        "sandbox import": None,
        "sandbox scenario check": None,
        "sandbox scenario list": None,
        "resume": _P.RESUME,
        "schedules": _P.READ,
        "schedules list": _P.READ,
        "schedules pause": _P.STOP,
        "schedules resume": _P.COMMAND,
        "schedules run": _P.RUN_CYCLE,
        "secret delete": _P.MANAGE_SECRETS,
        "secret list": _P.MANAGE_SECRETS,
        "secret rotate": _P.MANAGE_SECRETS,
        "secret set": _P.MANAGE_SECRETS,
        "simulate": None,
        "status": _P.READ,
        "tower": None,
        "undo action": _P.PROPOSE,
        "undo cycle": _P.PROPOSE,
        "undo object": _P.PROPOSE,
        "undo run": _P.PROPOSE,
        "undo window": _P.PROPOSE,
        "up": None,
        "user add": _P.MANAGE_USERS,
        "user disable": _P.MANAGE_USERS,
        "user enable": _P.MANAGE_USERS,
        "user list": _P.READ,
        "user role": _P.MANAGE_USERS,
        "user token": _P.MANAGE_USERS,
        "why": _P.READ,
    }
)
# These tell what is wrong with the house, also where its database cannot say who asks: then they show none of its rows.
_WITHOUT_DATABASE: Final = frozenset({"contract check", "contract list", "contract record", "health", "logs", "status"})


Gate = Callable[[str], None]


def guarded(app: typer.Typer, gate: Gate | None = None) -> Any:
    """Build the tree of commands with the gate before every body; `check` unless somebody tries another one."""
    root = get_command(app)
    for path, command in commands_of(root):
        command.invoke = _behind(gate or check, path, command.invoke)
    return root


def commands_of(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command of a built tree that has a body, with the words that call it; groups that run by themselves too."""
    below: Mapping[str, Any] = getattr(command, "commands", {})
    if command.callback is not None and path:
        yield " ".join(path), command
    for name, child in below.items():
        yield from commands_of(child, (*path, name))


def check(path: str) -> None:
    """Let whoever types through to a command, or not.

    Raises:
        NotAllowedError: they may not; says who they are, what it takes and who grants it.
        NotReadyError: the database that knows them does not answer.
        InvariantError: the command has no line in the table.
    """
    forget_actor()
    if path not in VERBS:
        raise InvariantError(f"`stakazo {path}` declares no permission, so that nobody may use it; add it to VERBS")
    needed = VERBS[path]
    if needed is None:
        return
    try:
        _require(path, needed)
    except NotReadyError:
        if path not in _WITHOUT_DATABASE:
            raise


def _require(path: str, needed: Permission) -> None:
    with opened(name="stakazo-gate") as house, transaction(house) as conn:
        who = principal(conn)
        if may(who.role, needed):
            say_unfinished(conn)
            return
        role = granted_to(needed)[0]
        raise NotAllowedError(
            f"{who.name} is a {who.role} and may not `stakazo {path}`: it needs {needed}, which {role}s have;"
            f" {access.ask_an_admin(conn)} grants it with `stakazo user role {who.name} {role}`"
        )


def _behind(gate: Gate, path: str, invoke: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(invoke)
    def guarded_invoke(context: Any) -> Any:
        if not context._protected_args:  # noqa: SLF001 - else a group only hands on, to a command with its own line
            gate(path)
        return invoke(context)

    return guarded_invoke
