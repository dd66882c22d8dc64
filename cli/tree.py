"""Which file has which commands. Only the one that was typed is loaded: all of them together take over a second."""

import importlib
from collections.abc import Mapping
from types import MappingProxyType, ModuleType
from typing import Final, NamedTuple

import typer


class _Group(NamedTuple):
    """Commands below one word: the first file has the group, further ones add to it as they are loaded."""

    files: tuple[str, ...]
    help: str = ""  # none: the group's own


# By file: the words under which its `register` puts commands or groups.
_FILES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "up": ("up", "demo", "migrate"),
        "simulate": ("simulate",),
        "backtest": ("backtest",),
        "autonomy": ("autonomy",),
        "tower": ("tower",),
        "metrics": ("metrics",),
        "status": ("status",),
        "report": ("report",),
        "roas": ("roas",),
        "allocations": ("allocations",),
        "logs": ("logs",),
        "health": ("health",),
        "cycles": ("plan",),
        "doctor": ("doctor",),
        "reference": ("reference",),
        "objects": ("campaign", "adset", "ad"),
        "creatives": ("creatives",),
        "digests": ("digest",),
        "why": ("why",),
        "approvals": ("approve", "reject"),
        "pacing": ("pacing", "live"),
        "emergency": ("emergency-stop", "resume"),
        "drill": ("drill",),
    }
)
_GROUPS: Final[Mapping[str, _Group]] = MappingProxyType(
    {
        "modules": _Group(("modules",)),
        "alerts": _Group(("alerts",)),
        "anomalies": _Group(("anomalies",), "What is not as usual, incidents, and refund claims."),
        "command": _Group(("command",), "Order the tower about: eight commands, each a row with its outcome."),
        "schedules": _Group(("schedules",)),
        "cycle": _Group(("cycles",), "Run a full cycle now, or look at past ones."),
        "actions": _Group(("actions",), "The ledger: what was wanted, why, and what became of it."),
        "approvals": _Group(("approvals",), "What waits for a person, and taking an answer back."),
        "change": _Group(("changes", "spending_limit"), "Ask for a change yourself, through the same door."),
        "undo": _Group(("undo",), "What taking changes back would do; and doing it."),
        "edits": _Group(("edits",), "What people changed by hand, and until when we keep off."),
        "experiment": _Group(("experiments",), "Tests of ads: what may be claimed, picked, given up."),
        "fence": _Group(("fence",), "Stop everything that writes; open it again, and resume what was paused."),
        "policy": _Group(("policies",), "The rules' thresholds, per account."),
        "audit": _Group(("audit",), "Who did what: look, hand out, check that nobody touched it."),
        "backup": _Group(("backup",), "A copy of the database in use; a house that wakes up stopped."),
        "account": _Group(("accounts",), "Accounts: level, caps, pause switch."),
        "level": _Group(("levels",), "How far accounts and modules may go by themselves."),
        "user": _Group(("users",), "Who may use this house: names, roles, tokens."),
        "quota": _Group(("quota",), "Calls to the platforms: how many are left, who may make them."),
        "recovery": _Group(("recovery",), "What was done by itself, whether it helped, what waits for you."),
        "secret": _Group(("secrets",), "Tokens, sealed: set, list, rotate, delete; never shown."),
        "contract": _Group(("contracts",), "Whether a platform answers as our client expects; reading only."),
        "sandbox": _Group(("sandboxes",), "The ad platform on loopback: import, advance, faults."),
    }
)


def build(first: str = "") -> typer.Typer:
    """The commands that begin with this word; all of them where none does, for help and for slips of the pen."""
    app = typer.Typer(
        name="stakazo",
        help="Runs a company's ads unattended. Start with `stakazo up`; `stakazo doctor` says what is wrong.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_several)
    is_known = first in _GROUPS or any(first in words for words in _FILES.values())
    for file, words in _FILES.items():
        if not is_known or first in words:
            _load(file).register(app)
    for name, group in _GROUPS.items():
        if not is_known or first == name:
            head, *_ = [_load(file) for file in group.files]
            app.add_typer(head.app, name=name, help=group.help or head.app.info.help)
    return app


def _several() -> None:
    # Without a callback typer takes an only command for the whole program, and its name for an argument.
    return


def _load(file: str) -> ModuleType:
    return importlib.import_module(f"cli.{file}")
