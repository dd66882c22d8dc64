"""The faults script: which calls go wrong, how, and how often each line has fired. Data and matching, no HTTP.

Kinds: slow (effect at once, answer late) · refuse (a Graph error, no effect) · drop_before_commit (reset, no effect) ·
commit_then_drop (effect, then reset) · late_commit (reset at once, effect `seconds` of real time later; forgotten if
the process is killed meanwhile) · error_5xx and html_502 (with or without `effect`) · throttle (a limit's error).
"""

import re
from typing import Literal

import msgspec

from sandbox.journal import Journal

Kind = Literal[
    "slow", "refuse", "drop_before_commit", "commit_then_drop", "late_commit", "error_5xx", "html_502", "throttle"
]
_SETTING = "faults"


class Match(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """Which calls: every given part must fit; `path` is a regular expression searched in the unversioned path."""

    method: str | None = None
    path: str | None = None
    kind: str | None = None


class Fault(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One line of the script: after `after` matches it fires `times` times (null: for ever)."""

    do: Kind
    match: Match = Match()
    seconds: float = 0.0
    code: int | None = None
    subcode: int | None = None
    status: int | None = None
    effect: bool = False
    times: int | None = 1
    after: int = 0
    seen: int = 0
    fired: int = 0

    def fits(self, method: str, path: str, kind: str) -> bool:
        """Say whether the line speaks of this call."""
        wanted = self.match
        return (
            (wanted.method is None or wanted.method.upper() == method)
            and (wanted.kind is None or wanted.kind == kind)
            and (wanted.path is None or re.search(wanted.path, path) is not None)
        )


class Script(msgspec.Struct, forbid_unknown_fields=True):
    """What the admin address takes and gives."""

    script: list[Fault]


class Faults:
    """The script in force; counts are on disk before the fault is felt."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        kept = journal.setting(_SETTING)
        self.script = msgspec.json.decode(kept, type=list[Fault]) if kept else []

    def replace(self, script: list[Fault]) -> None:
        """Put a new script in force.

        Raises:
            ValueError: a path is no regular expression.
        """
        for fault in script:
            try:
                re.compile(fault.match.path or "")
            except re.error as error:
                message = f"path {fault.match.path!r} is no regular expression: {error}"
                raise ValueError(message) from error
        self.script = script
        self._keep()

    def take(self, method: str, path: str, kind: str) -> Fault | None:
        """Return the first line that fires on this call, counted."""
        counted, firing = False, None
        for fault in self.script:
            if not fault.fits(method, path, kind) or (fault.times is not None and fault.fired >= fault.times):
                continue
            fault.seen += 1
            counted = True
            if fault.seen > fault.after:
                fault.fired += 1
                firing = fault
                break
        if counted:
            self._keep()
        return firing

    def _keep(self) -> None:
        self._journal.set(_SETTING, msgspec.json.encode(self.script).decode())
