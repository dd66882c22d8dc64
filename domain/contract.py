"""A platform's contract with its client, clause by clause: what is asked, what must hold, what came of it. No I/O."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.objects import AccountInfo
from domain.ports import ClientOptions


class Standing(StrEnum):
    """What was found of a clause."""

    KEPT = "kept"
    BROKEN = "broken"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One thing that our client asks of the platform; `calls` at least, more where `is_paged` and there are pages."""

    name: str
    holds: str
    calls: int
    is_paged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a clause stands; `differs` says what does not hold, a sentence each."""

    clause: str
    standing: Standing
    calls: int
    differs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much may be asked: pages of each list, and calls altogether, repeats included."""

    pages: int = 3
    calls: int = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where the answers of two recordings differ: a question, a place in its answer, what each has there."""

    question: str
    place: str
    recorded: str
    present: str


class PlatformContract(Protocol):
    """The suite of one platform's client. It only reads: what would write is refused before a byte of it leaves."""

    @property
    def address(self) -> str:
        """Whom it calls."""
        ...

    def clauses(self) -> Sequence[Clause]:
        """All of them, in the order in which they are asked."""
        ...

    def accounts(self) -> Sequence[AccountInfo]:
        """What the token sees; one call.

        Raises:
            PlatformError: as `PlatformReader` says.
        """
        ...

    def check(self, account: str, now: datetime, bounds: Bounds) -> Iterator[Verdict]:
        """Ask all, one clause after the other; `now` is the platform's clock. Raises nothing of the platform's."""
        ...

    def write(self, folder: str, *, recorded_from: str, amounts: float = 1.0) -> int:
        """Write what the last check exchanged, without secrets, ids, names and texts; how many files.

        Raises:
            NotReadyError: the folder holds something, or what was written is not read the same way again.
        """
        ...

    def differences(self, folder: str) -> Sequence[Difference]:
        """Where the answers of the last check have another shape than those of a recording.

        Raises:
            BadInputError: the folder holds no recording.
        """
        ...


class OpenContract(Protocol):
    """The signature that a platform row's `contract` names."""

    def __call__(self, options: ClientOptions) -> PlatformContract:
        """Open it; nothing is sent."""
        ...
