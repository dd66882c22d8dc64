"""I-35: what the tower reports is what is so, soon; and a module whose last success is old is never called well."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from structlog.testing import capture_logs

from control_tower import health
from control_tower.evidence import Evidence, Known, Unknown
from control_tower.gathering import Sources
from control_tower.health import Checked
from control_tower.judging import judge, system
from domain import catalogue
from domain.catalogue import RHYTHMS
from domain.health import ModuleStatus, SystemStatus
from domain.modules import Lane
from tests.faults.guarantee import Guarantee, Outcome, Place
from tests.faults.nemesis.simulated import EVERY, FAULTS, PAIRS, SimulatedHouse, simulated_house

_HEARTBEATS_S = 20.0  # two
_STALE = 1.5  # intervals
_STEPS_S = (2.0, 21.0, 45.0, 90.0, 185.0, 300.0, 900.0, 1500.0)
# Seconds until a fault has to be told. Two heartbeats of what tells of it: a worker is asked, a canary is sent each
# minute and missed after two, silence of the tower is noticed after a minute, of a beat elsewhere after three signs.
_SOON_S = dict.fromkeys(FAULTS, _HEARTBEATS_S) | {
    "worker stuck": 185.0, "beat frozen": 45.0, "tower frozen": 75.0,
}  # fmt: skip
_SHORTEST_S, _LONGEST_S = 30.0, 9_000.0  # of a fault
_SETTLES_S = 65.0  # the next canary after a fault
_OTHER_LANE = {row.pair.slug for row in RHYTHMS if row.cycle.lane is Lane.FAST}
_STANDS = ("work stands",)
_CUTS = ("postgres", "sandbox", "processes cut")
_DAY_S = 86_400.0
_FACTS_S = 7_200.0
_FEWEST, _WELL_RATE = 5, 0.95

Report = Callable[[Sources], Checked]


@dataclass(slots=True)
class _Oracle:
    """What is so, from what the simulation did: it reads no row and none of the tower's words."""

    house: SimulatedHouse

    def is_stale(self, pair: str) -> bool:
        now_s = self.house.now_s
        return any(now_s - self.house.ended[task].success_s > _STALE * EVERY[task] for task in PAIRS[pair])

    def truth(self, pair: str) -> str:
        """ "down", "stale", "failing", "blind", "well", or "" within the time that telling takes."""
        worker = () if pair in _OTHER_LANE else ("worker",)  # another's; it runs here all the same, and grows stale
        if self._told(*worker, "redis", "postgres", "sandbox") or self._nobody_plans():
            return "down"
        if self._told("processes cut") or self.house.now_s - self.house.facts[0] > _FACTS_S + 1:
            return "blind"
        if self.is_stale(pair):
            return "stale"
        if not self.house.facts[1] or self._fails(pair):
            return "failing"
        return "well" if self._is_settled() else ""

    def is_ill(self) -> bool:
        """Whether the house may not be called healthy."""
        parts = ("worker", "redis", "postgres", "sandbox", "beat", "tower", "processes cut")
        return self._told(*parts) or any(self.is_stale(pair) for pair in PAIRS)

    def _told(self, *parts: str) -> bool:
        down = self.house.down.items()
        return any(self.house.now_s - at_s > _SOON_S[fault] for fault, at_s in down if fault.startswith(parts))

    def _nobody_plans(self) -> bool:
        return all(self._told(part) and self._age(part) > _SOON_S["tower frozen"] for part in ("beat", "tower"))

    def _age(self, part: str) -> float:
        return min(self.house.now_s - at_s for fault, at_s in self.house.down.items() if fault.startswith(part))

    def _fails(self, pair: str) -> bool:
        now_s, held = self.house.now_s, [self.house.ended[task].at_s for task in PAIRS[pair]]
        lately = [is_well for rows in held for at_s, is_well in rows if now_s - at_s < _DAY_S]
        rate = sum(lately) / len(lately) if len(lately) >= _FEWEST else 1.0
        return rate < _WELL_RATE or any(not rows[-1][1] for rows in held)

    def _is_settled(self) -> bool:
        healed = max(self.house.healed.values(), default=-_SETTLES_S)
        return (
            self.house.down.keys() <= {"token", "beat killed", "beat frozen"}
            and self.house.now_s - healed >= _SETTLES_S
        )


@dataclass(slots=True)
class _Watched:
    """What was reported beside what is so."""

    oracle: _Oracle
    report: Report
    matrix: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def sample(self) -> None:
        house, checked = self.oracle.house, self.report(self.oracle.house.sources)
        about = f"at {house.now_s:.0f} s, down: {sorted(house.down) or 'nothing'}"
        truths = {pair: self.oracle.truth(pair) for pair in PAIRS}
        for pair, truth in truths.items():
            found = checked.module(pair)
            self.matrix[f"{truth or 'changing'} told {found.word}"] += 1
            is_online = found.status is ModuleStatus.ONLINE
            if is_online and (truth not in {"", "well"} or self.oracle.is_stale(pair)):
                self.violations.append(f"{pair} is {truth or 'stale'} and was told online {about}")
            if truth == "well" and not is_online:
                self.violations.append(f"{pair} is well and was told {found.word} {about}: {found.reasons[0].text}")
        is_healthy = checked.system.status is SystemStatus.HEALTHY
        self.matrix[f"system told {checked.system.status}"] += 1
        if is_healthy and self.oracle.is_ill():
            self.violations.append(f"the house is ill and was told healthy {about}")
        if not is_healthy and not house.down and set(truths.values()) == {"well"}:
            self.violations.append(f"the house is well and was told {checked.system.status} {about}:"
                                   f" {checked.system.reasons[0]}")  # fmt: skip


def _watch(
    place: Place,
    trials: int,
    make_report: Callable[[], Report] = lambda: health.judged,
    faults: tuple[str, ...] = FAULTS,
) -> Outcome:
    house = simulated_house(place.database_url(), place.seed)
    watched = _Watched(oracle=_Oracle(house), report=make_report())
    ends: dict[str, float] = {}
    deck: list[str] = []
    try:
        for _ in range(trials):
            with capture_logs():  # each source that cannot be asked is logged
                deck = deck or house.dice.sample(faults, len(faults))
                _disturb(house, ends, deck)
                house.advance(house.dice.choice(_STEPS_S))
                watched.sample()
    finally:
        house.end()
    hours = round(house.now_s / 3600, 1)
    figures: dict[str, float | str] = {"simulated hours": hours, **dict(sorted(watched.matrix.items()))}
    return Outcome(trials=trials, violations=tuple(watched.violations), figures=figures)


def _disturb(house: SimulatedHouse, ends: dict[str, float], deck: list[str]) -> None:
    """Let something fail, or an end come to what has; most of the time one thing at once."""
    for fault in [name for name in house.down if ends[name] <= house.now_s]:
        house.heal(fault)
    if house.dice.random() < (0.05 if house.down else 0.5) and not house.is_down(deck[-1].split()[0]):
        fault = deck.pop()
        ends[fault] = house.now_s + _SHORTEST_S * (_LONGEST_S / _SHORTEST_S) ** house.dice.random()
        house.fail(fault)


def _trusting() -> Report:
    """A tower that stands in the last known value for a source that is cut."""
    known: dict[str, Known[object]] = {}

    def report(sources: Sources) -> Checked:
        found = health.judged(sources)
        for name in Evidence.__dataclass_fields__:
            reading = getattr(found.evidence, name)
            if isinstance(reading, Known):
                known[name] = reading
        cut = {name for name in known if isinstance(getattr(found.evidence, name), Unknown)}
        return _judged_on(found, replace(found.evidence, **{name: known[name] for name in cut}))

    return report


def _patient() -> Report:
    """A tower that takes the intervals for four times as long."""
    slow = tuple(replace(row, cycle=replace(row.cycle, every=4 * row.cycle.every)) for row in RHYTHMS)
    return lambda sources: health.judged(replace(sources, rhythms=slow))


def _judged_on(found: Checked, evidence: Evidence) -> Checked:
    modules = judge(evidence, catalogue.WATCHED, RHYTHMS)
    return replace(found, evidence=evidence, modules=modules, system=system(evidence, modules))


_LONG = Guarantee(
    id="I-35",
    statement="The tower is honest: what is down is told, and what is well is told so, within two heartbeats of what"
    " tells of it (20 s; canaries 2 min, the tower 1 min); a house is never called HEALTHY, nor a module ONLINE, while"
    " its last success is older than 1.5 intervals, nor while a source that it depends on is cut.",
    enforced_at="control_tower/gathering.py: gather; control_tower/judging.py; control_tower/thresholds.py",
    refuted_by="Simulated days in which a worker, beat, tower, Redis, Postgres, sandbox or token fails, is frozen or is"
    " cut off at random, on a real Postgres and the real planner; what is told is held against an oracle at random"
    " instants.",
    short=300,
    full=20 * 1_440,
    experiment=_watch,
    weaker={
        "the last known value stands in": lambda place, trials: _watch(place, min(trials, 120), _trusting, _CUTS),
        "intervals are taken for longer": lambda place, trials: _watch(
            place, min(trials, 120), _patient, ("work stands",)
        ),
    },
    judge="what the simulation itself did, in plain values",
    not_promised="That a token that was revoked is told before the next run of a cycle: nobody asks in between.",
)
GUARANTEE = replace(_LONG, in_suite=replace(_LONG, short=120))
