"""What an examination says: one finding per fact, graded, with the way out where one is needed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from workers.bootstrap import House


class Grade(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"  # works, but a person should look
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor's. `advice` is empty where nothing has to be done."""

    check: str
    grade: Grade
    says: str
    advice: str = ""


Look: TypeAlias = Callable[[House], Iterator[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something to look at. `needs` names checks without which there is nothing to see."""

    name: str
    look: Look
    needs: tuple[str, ...] = ()
    advice: str = ""  # for failures that the look itself does not foresee
