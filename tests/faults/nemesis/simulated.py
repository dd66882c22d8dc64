"""A house in simulated time: real rows in Postgres, the real planner, stand-ins for the rest, and parts that fail.

What is so is kept here in plain values, apart from everything that the tower reads: experiments compare the two.
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from control_tower.gathering import Sources
from control_tower.planner import Planner
from control_tower.standins import NotedDoorbell, ObedientSwitchboard, SetClock
from domain.actions import Level, Mode
from domain.catalogue import RHYTHMS
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from domain.ports import ProcessState
from models import accounts, fence, heartbeats
from models.accounts import Account
from models.engine import make_engine
from models.heartbeats import ProcessKind
from tests.control_tower.healthy import HealthyHouse, healthy_house

BEGIN = datetime(2026, 3, 1, 10, 7, tzinfo=UTC)
BEAT_S, CANARY_S = 10.0, 60.0  # between two signs of a worker or beat; between two canaries
WORKER = "cycles@a"
EVERY = {row.name: row.cycle.every.total_seconds() for row in RHYTHMS}
PAIRS = {row.pair.slug: tuple(one.name for one in RHYTHMS if one.pair == row.pair) for row in RHYTHMS}
# A part that is "frozen" lives and does nothing, one that is "stuck" beats; where "work stands" all else is well.
FAULTS = (
    "worker killed", "worker killed elsewhere", "worker frozen", "worker stuck", "beat killed", "beat frozen",
    "tower killed", "tower frozen", "redis", "postgres", "sandbox", "token", "processes cut", "work stands",
)  # fmt: skip
_NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
_SHIFT = text(
    "UPDATE runs SET created_at = created_at - make_interval(secs => :s), started_at = started_at"
    " - make_interval(secs => :s), finished_at = finished_at - make_interval(secs => :s)"
)
_SIGN = text("UPDATE heartbeats SET seen_at = clock_timestamp() - make_interval(secs => :age) WHERE process = :process")
_CANARY = text(
    "UPDATE canaries SET sent_at = clock_timestamp() - make_interval(secs => :sent), done_at = clock_timestamp()"
    " - make_interval(secs => :done) WHERE worker = :worker"
)
_FACTS = text(
    "UPDATE platform_facts SET checked_at = clock_timestamp() - make_interval(secs => :age), is_token_valid = :valid"
)
_PLANNED = text("SELECT id, task, now_at FROM runs WHERE state = 'planned' ORDER BY slot_at, id")
_END = text(
    "UPDATE runs SET state = :state, worker = 'cycles@a', duration_ms = 1500, started_at = clock_timestamp(),"
    " finished_at = clock_timestamp() WHERE id = :id"
)


@dataclass(slots=True)
class Ended:
    """Runs of one cycle that came to an end: when, and whether well."""

    at_s: list[tuple[float, bool]] = field(default_factory=lambda: [(0.0, True)])
    success_s: float = 0.0  # for which instant the last that went well was planned


@dataclass(slots=True)
class SimulatedHouse:
    """One house; `now_s` are seconds since its begin. `down` = what has failed, and since when."""

    engine: Engine
    away: Engine
    house: HealthyHouse
    dice: random.Random
    now_s: float = 0.0
    down: dict[str, float] = field(default_factory=dict)
    healed: dict[str, float] = field(default_factory=dict)  # when a fault was over last
    signs: dict[str, float] = field(default_factory=dict)  # process → its last sign
    canaries: dict[str, tuple[float, float]] = field(default_factory=dict)  # worker → sent, done
    facts: tuple[float, bool] = (0.0, True)  # when the platform was asked, and what it said of the token
    ended: dict[str, Ended] = field(default_factory=lambda: {task: Ended() for task in EVERY})
    plans: bool = True  # whether who lives to plan does
    tower: str = "tower@a:1"  # the process that leads

    @property
    def sources(self) -> Sources:
        sources = self.house.sources
        if "postgres" not in self.down:
            return sources
        return Sources(engine=self.away, switchboard=sources.switchboard, processes=sources.processes,
                       clock_of=sources.clock_of)  # fmt: skip

    @property
    def clock(self) -> SetClock:
        return self.house.clock

    def is_down(self, part: str) -> bool:
        return any(fault.startswith(part) for fault in self.down)

    def end(self) -> None:
        self.engine.dispose()
        self.away.dispose()

    # -- what happens -----------------------------------------------------------------------------------------

    def fail(self, fault: str) -> None:
        self.down[fault] = self.now_s
        self._show()

    def heal(self, fault: str) -> None:
        del self.down[fault]
        if fault == "tower killed":
            self._lead_anew()
        self.healed[fault] = self.now_s
        self._show()
        self.advance(0.0)

    def advance(self, seconds: float) -> None:
        """Let time go by, stopping where a slot comes due: there it is planned and run, as far as that is possible."""
        until_s = self.now_s + seconds
        while (slot_s := self._next_slot_s()) <= until_s:
            self._move(slot_s)
            self._act()
        self._move(until_s)
        self._act()

    def _next_slot_s(self) -> float:
        """A moment after each half hour."""
        since = (BEGIN - BEGIN.replace(minute=0)).total_seconds()
        return ((self.now_s + since - 5.0) // 1800.0 + 1) * 1800.0 - since + 5.0

    def _move(self, to_s: float) -> None:
        passed_s, before_s, self.now_s = to_s - self.now_s, self.now_s, to_s
        self.clock.at = None if "sandbox" in self.down else BEGIN + timedelta(seconds=to_s)
        if "postgres" not in self.down:
            self._live(before_s)
        with self.engine.begin() as conn:
            conn.execute(_SHIFT, {"s": passed_s})
            conn.execute(_SIGN, [{"process": name, "age": to_s - at_s} for name, at_s in self.signs.items()])
            conn.execute(
                _CANARY, [{"worker": name, "sent": to_s - sent_s, "done": to_s - done_s}
                          for name, (sent_s, done_s) in self.canaries.items()],
            )  # fmt: skip
            conn.execute(_FACTS, {"age": to_s - self.facts[0], "valid": self.facts[1]})

    def _live(self, before_s: float) -> None:
        """Whoever lives gives its signs, and does its canary."""
        silent = {"beat": self.is_down("beat"), self.tower: self.is_down("tower"), WORKER: self._is_silent()}
        for name, at_s in self.signs.items():
            if not silent.get(name, name.startswith("tower")):
                self.signs[name] = max(at_s, self.now_s - self.now_s % BEAT_S)
        tick_s = self.now_s - self.now_s % CANARY_S
        are_sent = tick_s > before_s and not self.is_down("tower") and "redis" not in self.down
        for name, (sent_s, done_s) in self.canaries.items():
            if name == WORKER and self.is_down("worker"):
                first_s = before_s - before_s % CANARY_S + CANARY_S
                self.canaries[name] = (first_s if are_sent and done_s >= sent_s else sent_s, done_s)
            elif are_sent:
                self.canaries[name] = (tick_s, tick_s)
            elif done_s < sent_s and "redis" not in self.down:
                self.canaries[name] = (sent_s, self.now_s)

    def _lead_anew(self) -> None:
        """Another process takes the place of a tower that was killed; the sign of the dead one stays."""
        self.tower = f"tower@a:{len(self.signs)}"
        self.signs[self.tower] = self.now_s
        with self.engine.begin() as conn:
            heartbeats.beat(conn, process=self.tower, kind=ProcessKind.TOWER, detail={"leads": True})

    def _is_silent(self) -> bool:
        return any(fault.startswith("worker") and fault != "worker stuck" for fault in self.down)

    def _show(self) -> None:
        """What can be seen from outside of what has failed."""
        board, states = self.house.switchboard, self.house.processes.states
        board.is_away = "redis" in self.down
        board.silent = {WORKER} if self._is_silent() else set()
        states.clear()
        if "worker killed" in self.down:
            states["worker-cycles"] = ProcessState.DEAD
        if "worker killed elsewhere" in self.down:
            states["worker-cycles"] = ProcessState.ELSEWHERE
        states.update({part: ProcessState.DEAD for part in ("beat", "tower") if f"{part} killed" in self.down})
        self.house.processes.is_broken = "processes cut" in self.down

    # -- work -------------------------------------------------------------------------------------------------

    @property
    def can_plan(self) -> bool:
        by_beat = not self.is_down("beat") and "redis" not in self.down and not self.is_down("worker")
        by_tower = not self.is_down("tower")
        return self.plans and "postgres" not in self.down and "sandbox" not in self.down and (by_tower or by_beat)

    @property
    def can_run(self) -> bool:
        return not ({"postgres", "redis", "sandbox", "work stands"} & self.down.keys()) and not self.is_down("worker")

    def _act(self) -> None:
        if self.can_plan:
            Planner(
                engine=self.engine, rhythms=RHYTHMS, clock_of=lambda _row: self.clock, doorbell=NotedDoorbell()
            ).plan()
        if self.can_run:
            self._run_all()

    def _run_all(self) -> None:
        is_well = "token" not in self.down
        with self.engine.begin() as conn:
            for row in conn.execute(_PLANNED).all():
                conn.execute(_END, {"id": row.id, "state": "succeeded" if is_well else "failed"})
                mine = self.ended[row.task]
                mine.at_s.append((self.now_s, is_well))
                if is_well:
                    mine.success_s = (row.now_at - BEGIN).total_seconds()
                if row.task == "meta.api_client":
                    self.facts = (self.now_s, is_well)
            conn.execute(_FACTS, {"age": self.now_s - self.facts[0], "valid": self.facts[1]})


def simulated_house(database_url: str, seed: int) -> SimulatedHouse:
    """Build one in which all is well."""
    engine = make_engine(database_url, pool_size=6)
    clock = SetClock(BEGIN)
    house = healthy_house(engine, _account(engine), clock)
    board: ObedientSwitchboard = house.switchboard
    made = SimulatedHouse(
        engine=engine, away=make_engine(_NOWHERE), house=house, dice=random.Random(seed),
        signs=dict.fromkeys((*board.workers, "beat", "tower@a:1"), 0.0),
        canaries=dict.fromkeys(board.workers, (0.0, 0.0)),
    )  # fmt: skip
    made.advance(1.0)
    return made


def _account(engine: Engine) -> Account:
    info = AccountInfo(
        id=PlatformAccountId("act_1"), name="Shop 1", currency="USD", zone="Europe/Madrid", is_active=True,
        status_text="active", minimum_daily_budget_minor=100,
    )  # fmt: skip
    with engine.begin() as conn:
        fence.open_(conn, None)
        account_id = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
        return accounts.get(conn, account_id)
