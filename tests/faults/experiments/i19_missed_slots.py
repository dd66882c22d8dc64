"""I-19: no slot is missed silently: it has a row, and where nobody planned it in time, people were told."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import inf

from sqlalchemy import text
from structlog.testing import capture_logs

from control_tower import health
from control_tower.alarm import Alarm
from control_tower.planner import UNSERVED
from control_tower.standins import NotedMessenger
from control_tower.telling import Telling
from control_tower.watch import watch
from models.engine import db_now
from tests.faults.guarantee import Guarantee, Outcome, Place
from tests.faults.nemesis.simulated import BEGIN, EVERY, SimulatedHouse, simulated_house

_LATE = 1.5  # intervals until somebody must have been told
_LOOK_S = 300.0  # between two looks; 15 s in the house
_RETURN_S = 3 * _LOOK_S  # until who comes back has told
_SHORTEST_S, _LONGEST_S = 60.0, 4 * 3_600.0  # of an absence
_PARTS = ("beat killed", "beat frozen", "tower killed", "tower frozen", "planning fails", "both")
_TELL = ("slot_missed", "tower_dead", "cycle_missing")
_SHIFT = text(
    "UPDATE incidents SET opened_at = opened_at - make_interval(secs => :s), updated_at = updated_at"
    " - make_interval(secs => :s), resolved_at = resolved_at - make_interval(secs => :s)"
)
_ROWS = text("SELECT task, slot_at, state, reason FROM runs")
_CARDS = text("SELECT id, kind, resolved_at IS NULL AS is_open FROM incidents")
_SWALLOW = """
    CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    CREATE TRIGGER swallow BEFORE INSERT ON runs FOR EACH ROW WHEN (NEW.state = 'skipped') EXECUTE FUNCTION swallow()
"""


@dataclass(slots=True)
class _Seen:
    """What a person could see, and since when: rows of slots, cards of incidents, and whether the tower signals."""

    rows: dict[tuple[str, datetime], float] = field(default_factory=dict)
    unserved: set[tuple[str, datetime]] = field(default_factory=set)
    cards: dict[int, list[float]] = field(default_factory=dict)  # id → from, until
    away: list[list[float]] = field(default_factory=list)  # spans without the dead-man's signal

    def read(self, house: SimulatedHouse) -> None:
        with house.engine.begin() as conn:
            for row in conn.execute(_ROWS):
                self.rows.setdefault((row.task, row.slot_at), house.now_s)
                if (row.state, row.reason) == ("skipped", UNSERVED):
                    self.unserved.add((row.task, row.slot_at))
            for card in conn.execute(_CARDS):
                if card.kind in _TELL:
                    span = self.cards.setdefault(card.id, [house.now_s, inf])
                    span[1] = inf if card.is_open else min(span[1], house.now_s)
        is_away = house.is_down("tower")
        if is_away and (not self.away or self.away[-1][1] != inf):
            self.away.append([house.now_s, inf])
        elif not is_away and self.away and self.away[-1][1] == inf:
            self.away[-1][1] = house.now_s

    def judge(self, task: str, slot_at: datetime) -> str:
        """Say what is wrong with a slot, "" where nothing is."""
        slot_s = (slot_at - BEGIN).total_seconds()
        late_s = slot_s + _LATE * EVERY[task]
        claimed_s = self.rows.get((task, slot_at))
        if claimed_s is None:
            return f"the slot of {task} at {slot_at:%m-%d %H:%M} has no row"
        if claimed_s <= late_s and (task, slot_at) not in self.unserved:
            return ""
        if self._is_told(slot_s, late_s):
            return ""
        away = [until_s for from_s, until_s in self.away if from_s <= late_s and until_s > slot_s]
        if away and self._is_told(slot_s, max(away) + _RETURN_S):
            return ""
        return f"nobody was told of the slot of {task} at {slot_at:%m-%d %H:%M}"

    def _is_told(self, from_s: float, until_s: float) -> bool:
        return any(since_s <= until_s and over_s >= from_s for since_s, over_s in self.cards.values())


def _miss(
    place: Place, trials: int, *, parts: tuple[str, ...] = _PARTS, sabotage: str = "", forgets: bool = False
) -> Outcome:
    house = simulated_house(place.database_url(), place.seed)
    with house.engine.begin() as conn:
        if sabotage:
            conn.execute(text(sabotage))
    seen, ends = _Seen(), dict[str, float]()
    alarm = _alarm(house)
    try:
        slots: list[tuple[str, datetime]] = []
        while len(slots) < trials or house.down or not house.plans:
            with capture_logs():
                fell = _disturb(house, ends, () if len(slots) >= trials else parts)
                alarm = _alarm(house) if fell else alarm
                _pass(house, alarm)
                if forgets:
                    alarm._looked_at = _now(house)
                _look(house, alarm)
            seen.read(house)
            slots = _slots(house.now_s)
        violations = [wrong for task, slot_at in slots if (wrong := seen.judge(task, slot_at))]
    finally:
        house.end()
    hours = round(house.now_s / 3600, 1)
    figures: dict[str, float | str] = {
        "simulated hours": hours, "slots": len(slots), "slots that nobody planned in time": len(seen.unserved),
        "absences of the tower": len(seen.away), "cards": len(seen.cards),
    }  # fmt: skip
    return Outcome(trials=len(slots), violations=tuple(violations), figures=figures)


def _disturb(house: SimulatedHouse, ends: dict[str, float], parts: tuple[str, ...]) -> bool:
    """Take beat, the tower, both or their planning away, and let them come back; say whether another tower leads."""
    back = [name for name in house.down if not parts or ends[name] <= house.now_s]
    for name in back:
        house.heal(name)
    if not house.plans and (not parts or ends["planning fails"] <= house.now_s):
        house.plans = True
    if parts and not house.down and house.plans and house.dice.random() < 0.2:
        part = house.dice.choice(parts)
        until_s = house.now_s + _SHORTEST_S * (_LONGEST_S / _SHORTEST_S) ** house.dice.random()
        for name in ("beat killed", "tower killed") if part == "both" else (part,):
            ends[name] = until_s
            if name == "planning fails":
                house.plans = False
            else:
                house.fail(name)
    return "tower killed" in back


def _pass(house: SimulatedHouse, alarm: Alarm) -> None:
    house.advance(_LOOK_S)
    gone = timedelta(seconds=_LOOK_S)
    alarm._since = {key: at - gone for key, at in alarm._since.items()}
    if alarm._looked_at is not None:
        alarm._looked_at -= gone
    with house.engine.begin() as conn:
        conn.execute(_SHIFT, {"s": _LOOK_S})


def _look(house: SimulatedHouse, alarm: Alarm) -> None:
    """The tower looks and raises alarms; what beat rings for looks after the tower."""
    if not house.is_down("tower"):
        alarm.look(health.judged(house.sources))
    if not house.is_down("beat"):
        watch(house.engine, Telling(engine=house.engine, messenger=NotedMessenger()))


def _slots(now_s: float) -> list[tuple[str, datetime]]:
    """Every slot since the begin of which people must have been told by now."""
    first = BEGIN.replace(minute=0)
    return [
        (task, first + timedelta(seconds=number * every_s))
        for task, every_s in EVERY.items()
        for number in range(1, int(now_s // every_s) + 2)
        if (first - BEGIN).total_seconds() + (number + _LATE) * every_s + _RETURN_S <= now_s
    ]


def _alarm(house: SimulatedHouse) -> Alarm:
    return Alarm(
        engine=house.engine, aside=house.engine, clock_of=lambda _row: house.clock, daily_cap_of=lambda _row: None
    )


def _now(house: SimulatedHouse) -> datetime:
    with house.engine.begin() as conn:
        return db_now(conn)


_LONG = Guarantee(
    id="I-19",
    statement="No slot is missed silently: each has a run, or a row that says why not; and of one that nobody planned"
    " within 1.5 intervals people were told by then, or, where no tower lived to tell, as soon as one does.",
    enforced_at="control_tower/planner.py: plan; control_tower/alerts_of_health.py: slot_missed;"
    " control_tower/absence.py; control_tower/watch.py",
    refuted_by="Beat, the tower, both, or the planning of both is killed or frozen for random spans of a minute to 4"
    " hours of simulated time, on a real Postgres with the real planner, alarm and watch; every slot is asked for.",
    short=120,
    full=5_000,
    experiment=_miss,
    weaker={
        "slots that passed are not written": lambda place, trials: _miss(
            place, max(trials, 40), parts=("both",), sabotage=_SWALLOW
        ),
        "who comes back looks ahead only": lambda place, trials: _miss(
            place, max(trials, 40), parts=("both",), forgets=True
        ),
    },
    judge="the slots by plain arithmetic, beside rows and incidents as a person could read them",
    not_promised="That people are told by the house itself while neither tower nor beat lives: then the outside watcher"
    " misses the dead-man's signal.",
)
GUARANTEE = replace(_LONG, in_suite=replace(_LONG, short=40))
