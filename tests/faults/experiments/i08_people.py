"""I-8: what a person changed is not written over where a fresh reading shows it; where it cannot, it is flagged."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import Any

from sqlalchemy import text, update

from actions import people
from domain.actions import Action, ActionState, Proposal
from domain.objects import Activity, ObjectState
from models import hand_edits
from models.engine import make_engine
from models.hand_edits import FoundBy, Noted
from models.tables import ad_sets
from tests.actions.fake_platform import FakePlatform, take_effect
from tests.actions.stage import Stage, budget, set_stage
from tests.faults.guarantee import Guarantee, Outcome, Place

_OBJECTS = 16  # one trial each in a wave
_REST = timedelta(hours=80)
_TRIP_S = 0.002  # of a question or an answer
_PERSON = "Marta"


@dataclass
class Watched(FakePlatform):
    """A platform at some distance, that notes when it was read, written and edited; `weakness` is for the variants."""

    weakness: str = ""
    reads_at_s: dict[str, float] = field(default_factory=dict)  # the last reading before the write, as it was served
    lines: dict[str, list[tuple[str, str, float]]] = field(default_factory=dict)  # object: who, what, when
    stale: dict[str, dict[str, Any]] = field(default_factory=dict)

    def state(self, account: Any, kind: Any, object_id: str) -> ObjectState:
        time.sleep(_TRIP_S)
        at_s = time.monotonic()  # before: an edit between the reading and its instant would count as one it shows
        served = super().state(account, kind, object_id)
        if all(who == _PERSON for who, _, _ in self.lines.get(object_id, ())):
            if self.weakness == "no fresh reading":
                return ObjectState(id=object_id, values=self.stale[object_id], updated_at=None)
            self.reads_at_s[object_id] = at_s
        time.sleep(_TRIP_S)
        return served

    def activities(self, account: Any, since: Any) -> Iterator[Sequence[Activity]]:
        return iter(()) if self.weakness == "no history" else super().activities(account, since)

    def by_hand(self, object_id: str, name: str, value: Any) -> None:
        """A person's edit, at its instant among the effects."""
        with self.order:
            self.edit_by_hand(object_id, **{name: value})
            self.lines.setdefault(object_id, []).append((_PERSON, name, time.monotonic()))

    def by_us(self, _: FakePlatform, request: Any) -> str:
        """Our write, at its instant among the effects."""
        time.sleep(_TRIP_S)
        with self.order:
            done = take_effect(self, request)
            (name,) = request.fields
            self.lines.setdefault(done, []).append(("us", name, time.monotonic()))
        time.sleep(_TRIP_S)
        return done

    order: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One write of ours with an edit by hand round it."""

    action: Action
    edited: str  # which value
    value: Any
    ended: ActionState


class World:
    """An account whose ad sets are changed by us and by a person at once."""

    def __init__(self, stage: Stage, platform: Watched, dice: random.Random) -> None:
        self.stage, self.platform, self.dice = stage, platform, dice
        self.took_s = [0.03]

    def begin_wave(self) -> None:
        """Let every rest be over, and collect."""
        stage, platform = self.stage, self.platform
        stage.clock.at += _REST
        at = stage.clock.at
        platform.history.clear()
        platform.lines.clear()
        platform.reads_at_s.clear()
        stage.change_account(tree_read_at=at, insights_read_at=at, activities_read_at=at)
        with stage.engine.begin() as conn:
            conn.execute(text("DELETE FROM hand_edits"))
            for key in self.keys():
                values = platform.objects[key] | {"status": "active"}
                platform.objects[key] = values
                platform.stale[key] = dict(values)
                seen = {"daily_budget_minor": values["daily_budget_minor"], "status": "active", "seen_at": at}
                conn.execute(update(ad_sets).where(ad_sets.c.id == key).values(seen))

    def keys(self) -> list[str]:
        return [key for key, row in self.platform.objects.items() if "daily_budget_minor" in row]

    def try_one(self, key: str) -> Trial | None:
        """Let the person edit at a uniformly random time round our write; None where we were not to write at all."""
        before = self.platform.objects[key]["daily_budget_minor"]
        (action,) = self.stage.propose(self.wish(key, before)).actions
        if action.state is not ActionState.APPROVED:
            return None
        name = self.dice.choice(["daily_budget_minor"] * 4 + ["name"])
        value = f"By hand {self.dice.random()}" if name == "name" else before + self.dice.randrange(3_001, 4_000)
        wait_s = self.dice.uniform(0, 1.3 * sum(self.took_s) / len(self.took_s))
        person = threading.Timer(wait_s, self.platform.by_hand, (key, name, value))
        self.platform.writes = [self.platform.by_us]
        begun_s = time.monotonic()
        person.start()
        ended = self.stage.executor().execute(action.id)
        self.took_s = [*self.took_s[-50:], time.monotonic() - begun_s]
        person.join()
        return Trial(action=action, edited=name, value=value, ended=ended)

    @staticmethod
    def wish(key: str, before: int) -> Proposal:
        return budget(key, round(before * (1.1 if before < 10_000 else 0.9)), before)

    def collect(self) -> dict[str, list[Noted]]:
        """What the collector does with the history; returns what is on record, by object."""
        account = self.stage.account
        since = people.read_from(account, self.stage.clock.at)
        with self.stage.engine.begin() as conn:
            lines = chain.from_iterable(self.platform.activities(account.platform_account_id, since))
            people.take_in(conn, account.id, lines, actor="experiment")
            found: dict[str, list[Noted]] = {}
            for row in hand_edits.listing(conn, account.id, limit=10_000):
                found.setdefault(row.edit.object_id, []).append(row)
        return found


def _judge(world: World, trial: Trial, on_record: Sequence[Noted]) -> tuple[str, list[str]]:
    """How the trial went by the platform's own order of effects, and what is wrong about it."""
    key, platform = trial.action.object_id, world.platform
    lines = platform.lines[key]
    theirs = next(place for place, line in enumerate(lines) if line[0] == _PERSON)
    ours = next((place for place, line in enumerate(lines) if line[0] == "us"), None)
    wrong = []
    if not on_record:
        wrong.append(f"an edit of {key} by hand was never noticed")
    flagged = any(row.edit.found_by is FoundBy.OVERWRITTEN for row in on_record)
    is_same = trial.edited in trial.action.target
    if ours is None:
        return "left alone", wrong
    if not is_same or ours < theirs:
        if flagged:
            wrong.append(f"an edit of {key} that stands is called overwritten")
        if platform.objects[key][trial.edited] != trial.value:
            wrong.append(f"an edit of {key} by hand does not stand, though nothing was written over it")
        return "beside" if not is_same else "after ours", wrong
    read_s = platform.reads_at_s.get(key)
    if read_s is None or lines[theirs][2] < read_s:
        wrong.append(f"{key} was written over though a reading before the write would have shown the edit")
    if not flagged:
        wrong.append(f"an edit of {key} was overwritten and nobody was told")
    return "overwritten", wrong


def _run(weakness: str, place: Place, trials: int) -> Outcome:
    dice, engine = random.Random(place.seed), make_engine(place.database_url())
    stage = set_stage(engine, ad_set_count=_OBJECTS)
    platform = Watched(objects=stage.platform.objects, clock=stage.clock, weakness=weakness)
    stage.platform = platform
    world = World(stage, platform, dice)
    found: list[str] = []
    counts: dict[str, int] = {}
    windows_ms: list[float] = []
    for _ in range(-(-trials // _OBJECTS) * 4):  # ends: most ad sets may be written to in a wave
        world.begin_wave()
        done = {key: world.try_one(key) for key in world.keys()[: trials - sum(counts.values())]}
        on_record = world.collect()
        for key, trial in done.items():
            if trial is not None:
                kind, wrong = _judge(world, trial, on_record.get(key, ()))
                counts[kind] = counts.get(kind, 0) + 1
                found += wrong
                windows_ms += _exposed_ms(platform, key)
        if sum(counts.values()) >= trials:
            break
    with engine.begin() as conn:
        told = hand_edits.read_to_write(conn)
    engine.dispose()
    windows_ms.sort()
    figures: dict[str, float | str] = {name.replace(" ", "_"): count for name, count in sorted(counts.items())}
    figures |= {
        "d_p50_ms": float(told.p50_ms or 0),
        "d_p99_ms": float(told.p99_ms or 0),
        "exposed_p50_ms": round(windows_ms[len(windows_ms) // 2], 1) if windows_ms else 0.0,
    }
    return Outcome(trials=sum(counts.values()), violations=tuple(found), figures=figures)


def _exposed_ms(platform: Watched, key: str) -> list[float]:
    """From the reading as it was served to the write as it took effect: what d of our own clock cannot see is in it."""
    ours = [at for who, _, at in platform.lines.get(key, ()) if who == "us"]
    return [(ours[0] - platform.reads_at_s[key]) * 1000] if ours and key in platform.reads_at_s else []


GUARANTEE = Guarantee(
    id="I-8",
    statement="Where the platform shows another value than was decided on, nothing is written. An edit by hand that"
    " falls between our last reading and our write can be overwritten, but never unseen: it is found in the platform's"
    " history, flagged with the action that went over it, and can be undone. Every edit by hand is noticed.",
    enforced_at="actions/precheck.py: look; actions/people.py: take_in; actions/guardrails/hands_off.py",
    refuted_by="A person edits the very object at a uniformly random time round our write (its budget, or its name),"
    " on a platform 2 ms away whose history tells whole seconds. d is the measured window from reading to sending.",
    short=96,
    full=5_000,
    experiment=partial(_run, ""),
    weaker={
        "no fresh reading": partial(_run, "no fresh reading"),
        "no history": partial(_run, "no history"),
    },
    judge="the order of effects on the fake platform (tests/actions/fake_platform.py)",
    not_promised="That no edit is ever overwritten: the platform knows no compare-and-set. Nor is an edit seen before"
    " the platform's history tells of it; until then the precheck is what keeps us off.",
)
