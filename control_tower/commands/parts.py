"""What a command is carried out with, and what one turn at it comes to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine

from domain.actions import Json, JsonMap
from domain.broker_ports import Switchboard
from domain.catalogue import Rhythm
from domain.clock import PlatformClock
from domain.ids import StopId
from domain.ports import Doorbell
from models.accounts import Account
from models.commands import Command, CommandState

MOST_TRIES = 12  # turns without an answer before a command fails: a minute of the tower's rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a turn came to; RUNNING = another turn is needed. `results` replace those before."""

    state: CommandState
    results: JsonMap
    actions: Sequence[JsonMap] = ()  # done in this turn
    noted: Command | None = None  # the command as the turn itself has written it meanwhile


Errand = Callable[[Command], Progress]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What commands act through. The last three are rooms of their own, handed in by the composition root."""

    engine: Engine
    switchboard: Switchboard
    doorbell: Doorbell
    clock_of: Callable[[Account], PlatformClock]
    rhythms: Sequence[Rhythm]  # the cycles that the settings want
    check: Errand
    resume: Errand
    finish_stop: Callable[[StopId], object]  # halt, drain, answer; any process may, any number of times


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How commands of one type are carried out.

    `begin` decides once, in the transaction that takes the command; what it returns is kept as the first results.
    `go_on` acts and looks, and may be repeated at any time, after a death as well.
    """

    begin: Callable[[Connection, Command, Ports], JsonMap]
    go_on: Callable[[Command, Ports], Progress]
    opens: bool = False  # makes modules run: refused while a stop of all keeps them still


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One module of a command: what it was, what was done, what was seen afterwards."""

    was: str
    done: str = ""
    seen: str = ""
    is_confirmed: bool = False
    detail: Mapping[str, Json] = field(default_factory=dict)

    def as_json(self) -> dict[str, Json]:
        """As it stands in the results."""
        told: dict[str, Json] = {
            "was": self.was, "done": self.done, "seen": self.seen, "confirmed": self.is_confirmed
        }  # fmt: skip
        return told | dict(self.detail)


def tries_of(command: Command) -> int:
    """How many turns it has had."""
    return int(command.results.get("tries", 0))
