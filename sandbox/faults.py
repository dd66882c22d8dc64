"""The faults script: which calls go wrong, how (`MEANINGS`), and how often each line has fired. No HTTP.

`seconds` are real time. A line is kept to `share` of the calls that it fits, and to `hours` of the platform's time.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from sandbox.journal import Journal

Kind = Literal[
    "slow", "drip", "refuse", "expired_token", "throttle", "drop_before_commit", "commit_then_drop", "late_commit",
    "error_5xx", "html_502", "error_in_200", "truncated_json", "batch_null", "wrong_id", "list_lag", "human_edit",
    "batch_timeout", "report_fails", "report_skipped", "report_stalls",
]  # fmt: skip
MEANINGS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        "slow": "effect at once, the answer `seconds` late",
        "drip": "effect at once, the answer byte by byte, `seconds` for each (1 if it says 0)",
        "refuse": "a Graph error, no effect",
        "expired_token": "error 190/463, or the `subcode` given (467: invalidated), no effect",
        "throttle": "a limit's error with its headers; welcome again in `seconds` (the tier's block if it says 0)",
        "drop_before_commit": "reset, no effect",
        "commit_then_drop": "effect, then reset",
        "late_commit": "reset at once, the effect `seconds` later, also when the process is killed meanwhile",
        "error_5xx": "a server error, with or without `effect`",
        "html_502": "a gateway's page instead of the answer, with or without `effect`",
        "error_in_200": "HTTP 200 around a Graph error, with or without `effect`",
        "truncated_json": "the answer ends in its middle, with or without `effect`",
        "batch_null": "an item of a batch, or all of them, come back as null, with or without `effect`",
        "wrong_id": "the effect is as asked, the answer is about another object of its kind",
        "list_lag": "lists show the world as it was `seconds` ago; reads by id do not",
        "human_edit": "once a GET of an object was answered, a person edits it, `seconds` later",
        "batch_timeout": "error 960 in place of a whole batch, with or without `effect`",
        "report_fails": "the report run that the call makes ends as Job Failed, with `code` and `subcode` (-2/2490547)",
        "report_skipped": "the report run that the call makes ends as Job Skipped",
        "report_stalls": "the report run that the call makes never ends",
    }
)
REPORT_FAULTS: Final[frozenset[Kind]] = frozenset({"report_fails", "report_skipped", "report_stalls"})
_SETTING = "faults"
_HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call as far as the script looks at it."""

    method: str
    path: str
    kind: str
    at_us: int  # the platform's instant
    in_batch: bool = False
    is_list: bool = False
    is_object: bool = False


class Match(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """Which calls: every given part must fit; `path` is a regular expression searched in the unversioned path."""

    method: str | None = None
    path: str | None = None
    kind: str | None = None


class Edit(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """What a person changes; nothing given: the budget by a tenth, or the switch where there is no budget."""

    status: Literal["ACTIVE", "PAUSED", "ARCHIVED"] | None = None
    daily_budget_minor: int | None = None
    budget_factor: float | None = None
    name: str | None = None
    actor: str = "A person"


class Fault(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One line of the script: after `after` matches it fires `times` times (null: for ever)."""

    do: Kind
    match: Match = Match()
    seconds: float = 0.0
    code: int | None = None
    subcode: int | None = None
    status: int | None = None
    effect: bool = False
    edit: Edit = Edit()
    share: float = 1.0
    hours_after_start: float = 0.0
    hours: float | None = None
    times: int | None = 1
    after: int = 0
    seen: int = 0
    fired: int = 0

    def fits(self, asked: Asked, *, start_us: int) -> bool:
        """Say whether the line speaks of this call."""
        wanted = self.match
        return (
            self._has_sense(asked)
            and self._is_its_time(asked.at_us - start_us)
            and (wanted.method is None or wanted.method.upper() == asked.method)
            and (wanted.kind is None or wanted.kind == asked.kind)
            and (wanted.path is None or re.search(wanted.path, asked.path) is not None)
        )

    def is_struck(self, seed: int, place: int) -> bool:
        """Draw whether the call that was seen just now is among the share; the same each time it is asked."""
        if self.share >= 1:
            return True
        drawn = hashlib.blake2b(f"{seed}/{place}/{self.do}/{self.seen}".encode(), digest_size=4).digest()
        return int.from_bytes(drawn) < self.share * 2**32

    def _has_sense(self, asked: Asked) -> bool:
        if self.do == "batch_null":
            return asked.in_batch or asked.kind == "batch"
        if self.do == "batch_timeout":
            return asked.kind == "batch"
        if self.do in REPORT_FAULTS:
            return asked.method == "POST" and asked.kind == "insights"
        if self.do == "list_lag":
            return asked.method == "GET" and asked.is_list
        return self.do != "human_edit" or (asked.method == "GET" and asked.is_object)

    def _is_its_time(self, passed_us: int) -> bool:
        begin_us = self.hours_after_start * _HOUR_US
        return passed_us >= begin_us and (self.hours is None or passed_us < begin_us + self.hours * _HOUR_US)


class Script(msgspec.Struct, forbid_unknown_fields=True):
    """What the admin address takes and gives."""

    script: list[Fault]


def write_script(journal: Journal, script: list[Fault]) -> None:
    """Keep a script, for the next start to find."""
    journal.set(_SETTING, msgspec.json.encode(script).decode())


class Faults:
    """The script in force; counts are on disk before the fault is felt."""

    def __init__(self, journal: Journal, *, start_us: int = 0, seed: int = 0) -> None:
        self._journal = journal
        self._start_us = start_us
        self._seed = seed
        kept = journal.setting(_SETTING)
        self.script = msgspec.json.decode(kept, type=list[Fault]) if kept else []

    def replace(self, script: list[Fault]) -> None:
        """Put a new script in force.

        Raises:
            ValueError: a path is no regular expression, or a share is none.
        """
        require_usable(script)
        self.script = script
        write_script(self._journal, script)

    def take(self, asked: Asked) -> Fault | None:
        """Return the first line that fires on this call, counted."""
        counted, firing = False, None
        for place, fault in enumerate(self.script):
            if (fault.times is not None and fault.fired >= fault.times) or not fault.fits(
                asked, start_us=self._start_us
            ):
                continue
            fault.seen += 1
            counted = True
            if fault.seen > fault.after and fault.is_struck(self._seed, place):
                fault.fired += 1
                firing = fault
                break
        if counted:
            write_script(self._journal, self.script)
        return firing


def require_usable(script: list[Fault]) -> None:
    """Look at what the types cannot tell.

    Raises:
        ValueError: a path is no regular expression, or a share is none.
    """
    for fault in script:
        try:
            re.compile(fault.match.path or "")
        except re.error as error:
            message = f"path {fault.match.path!r} is no regular expression: {error}"
            raise ValueError(message) from error
        if not 0 < fault.share <= 1:
            message = f"share is above 0 and at most 1, not {fault.share}"
            raise ValueError(message)
