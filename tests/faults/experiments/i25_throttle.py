"""I-25: no ordinary call takes the reported usage above 80 %, and nobody calls before the regain time."""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import monotonic

from sqlalchemy import Engine, text

from domain.actions import Mode
from domain.calls import calling
from domain.errors import PlatformError, ThrottledError
from domain.ids import PlatformAccountId
from domain.ports import CallClass, CallGate, CallKind, CallPass, Usage
from meta_client.usage import NOTHING_KNOWN, merge, read_usage
from sandbox.meta.limits.usage import Usage as Scores
from sandbox.meta.protocol.errors import GraphError
from tests.faults.guarantee import Guarantee, Outcome, Place
from workers.gate import QuotaGate, gate_engine

_STEPS = 80
_MOST_SHARE = 0.80
_PROCESSES = 3
_SHIFT = text(
    "UPDATE quotas SET reported_at = reported_at - :age * interval '1 s',"
    " regain_at = regain_at - :age * interval '1 s' WHERE account = :account"
)
_BLOCKS = ((613, 1487742), (80004, None))  # the score of an account, the hourly limit of the business case
Gates = Callable[[Sequence[Engine]], list[CallGate]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """A call under way. `told` is set once the platform has taken it."""

    gate: CallGate
    call_class: CallClass
    held: CallPass
    is_forbidden: bool  # it set out after a throttle had been told, and before the regain time
    told: tuple[Usage, PlatformError | None] | None = None


@dataclass
class Trial:
    """One account at a platform with the limits of limited access; `scores` is the sandbox's own count of calls."""

    account: PlatformAccountId
    gates: list[CallGate]
    books: Engine
    dice: random.Random
    scores: Scores = field(default_factory=lambda: Scores("development_access"))
    flights: list[Flight] = field(default_factory=list)
    passed_s: float = 0.0
    blocked_until_s: float = 0.0
    told_until_s: float = 0.0  # the regain time, as far as an answer has told it
    calls: int = 0
    fullest: float = 0.0
    violations: list[str] = field(default_factory=list)

    def now_s(self) -> float:
        return monotonic() + self.passed_s

    def step(self) -> None:
        what = self.dice.random()
        if what < 0.55:
            self.begin()
        elif what < 0.75:
            self.arrive()
        elif what < 0.93:
            self.answer()
        elif what < 0.98:
            self.wait(self.dice.choice([1.0, 10.0, 60.0, 300.0, 1800.0]))
        else:
            self.block()

    def begin(self) -> None:
        """Somebody wants to call; the emergency's calls come alone, since they may use what others leave."""
        kind = self.dice.choice(list(CallKind))
        call_class = self.dice.choice([CallClass.COLLECT, CallClass.DOOR, CallClass.DOOR, CallClass.EMERGENCY])
        if CallClass.EMERGENCY in {call_class, *(one.call_class for one in self.flights)} and self.flights:
            return
        gate = self.dice.choice(self.gates)
        with suppress(ThrottledError), calling(call_class):
            held = gate.enter(self.account, kind)
            is_forbidden = self.now_s() < self.told_until_s
            self.flights.append(Flight(gate=gate, call_class=call_class, held=held, is_forbidden=is_forbidden))

    def arrive(self) -> None:
        """The platform takes a call, and counts it: here the judge looks."""
        waiting = [place for place, one in enumerate(self.flights) if one.told is None]
        if not waiting:
            return
        place = self.dice.choice(waiting)
        flight, now_s = self.flights[place], self.now_s()
        error: PlatformError | None = None
        if now_s < self.blocked_until_s:
            left_s = self.blocked_until_s - now_s
            error = ThrottledError("blocked", retry_after_s=left_s, code=self.dice.choice(_BLOCKS)[0])
            if flight.is_forbidden:
                self.violations.append(f"{flight.call_class} call {left_s:.0f} s before the regain time that was told")
        else:
            error = self.charge(flight, now_s)
        usage = self.usage(now_s)
        share = max(usage.account or 0.0, usage.business or 0.0)
        self.calls += 1
        if flight.call_class is not CallClass.EMERGENCY:
            self.fullest = max(self.fullest, share)
            if share > _MOST_SHARE:
                self.violations.append(f"{flight.call_class} call took the reported usage to {share:.0%}")
        self.flights[place] = replace(flight, told=(usage, error))

    def charge(self, flight: Flight, now_s: float) -> PlatformError | None:
        try:
            self.scores.charge(self.account, is_write=flight.held.kind is CallKind.WRITE, now_s=now_s)
        except GraphError:
            self.blocked_until_s = max(self.blocked_until_s, now_s + 300.0)
            return ThrottledError("used up", retry_after_s=300.0, code=17)
        return None

    def answer(self) -> None:
        """An answer comes in, not always in the order in which the platform gave them."""
        done = [one for one in self.flights if one.told is not None]
        if not done:
            return
        flight = self.dice.choice(done)
        assert flight.told is not None
        usage, error = flight.told
        flight.gate.leave(flight.held, usage, error)
        if isinstance(error, ThrottledError):
            self.told_until_s = max(self.told_until_s, self.blocked_until_s)
        self.flights.remove(flight)

    def wait(self, seconds: float) -> None:
        """Let time pass on both sides; whatever is under way ends first, as no call lasts for minutes."""
        while self.flights:
            self.arrive()
            self.answer()
        self.passed_s += seconds
        with self.books.connect() as conn:
            conn.execute(_SHIFT, {"age": seconds, "account": self.account})

    def block(self) -> None:
        """The platform takes nothing for a while, for reasons of its own; calls under way were taken before."""
        while self.flights:
            self.arrive()
            self.answer()
        self.blocked_until_s = self.now_s() + self.dice.choice([60.0, 300.0])

    def usage(self, now_s: float) -> Usage:
        return merge(NOTHING_KNOWN, read_usage(dict(self.scores.headers(self.account, now_s=now_s))))


def _shared(engines: Sequence[Engine]) -> list[CallGate]:
    return [QuotaGate(lambda engine=engine: engine, "meta", Mode.STUB) for engine in engines]


def _each_for_itself(engines: Sequence[Engine]) -> list[CallGate]:
    return [QuotaGate(lambda engine=engine: engine, f"meta-{n}", Mode.STUB) for n, engine in enumerate(engines)]


class _Open:
    """No gate at all."""

    def enter(self, account: PlatformAccountId | None, kind: CallKind, *, calls: int = 1) -> CallPass:
        return CallPass(account=account, kind=kind, points=float(calls))

    def leave(self, held: CallPass, usage: Usage | None, error: PlatformError | None) -> None:
        pass

    def may_repeat(self, account: PlatformAccountId | None) -> bool:
        return account is None or True


def _run(place: Place, trials: int, gates: Gates) -> Outcome:
    url = place.database_url()
    engines = [gate_engine(url, f"process-{number}") for number in range(_PROCESSES)]
    violations: list[str] = []
    calls, fullest = 0, 0.0
    try:
        for number in range(trials):
            trial = Trial(
                account=PlatformAccountId(f"act_{number}"),
                gates=gates(engines),
                books=engines[0],
                dice=random.Random(f"{place.seed}-{number}"),
            )
            for _ in range(_STEPS):
                trial.step()
            violations += [f"trial {number}: {one}" for one in trial.violations[:1]]
            calls, fullest = calls + trial.calls, max(fullest, trial.fullest)
    finally:
        for engine in engines:
            engine.dispose()
    figures = {"calls": float(calls), "fullest after an ordinary call": f"{fullest:.0%}"}
    return Outcome(trials=trials, violations=tuple(violations), figures=figures)


GUARANTEE = Guarantee(
    id="I-25",
    statement="No ordinary call takes the usage that the platform reports of an account above 80 %; after a throttle "
    "of the account (17, 613, 80004) nobody calls, an emergency neither, before the regain time that was told.",
    enforced_at="workers/gate.py: QuotaGate.enter (the rule: actions/quota.py: judge)",
    refuted_by="three processes with gates of their own on one Postgres call an account of limited access (60 points) "
    "in all classes; calls overlap, answers overtake each other, blocks begin at random",
    short=40,
    full=1_000,
    experiment=lambda place, trials: _run(place, trials, _shared),
    weaker={
        "no gate": lambda place, trials: _run(place, trials, lambda engines: [_Open() for _ in engines]),
        "a budget for each process": lambda place, trials: _run(place, trials, _each_for_itself),
    },
    judge="the sandbox's own count of calls (sandbox/meta/limits/usage.py), read through the headers that it sends",
    not_promised="calls that others make with the same app and that no answer has told us of; a call under way when "
    "the platform begins to refuse",
)
