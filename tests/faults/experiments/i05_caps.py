"""I-5: at no instant do budgets on the platform sum to more than the account's cap, whatever races."""

import random
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import update

from actions import steps
from domain.actions import ActionState
from domain.errors import UnknownOutcomeError
from domain.ports import WriteRequest
from models import budgets, ledger
from models.engine import make_engine
from models.tables import ad_sets
from tests.actions.fake_platform import FakePlatform, take_effect
from tests.actions.stage import Stage, budget, set_stage
from tests.faults.guarantee import Guarantee, Outcome, Place

_RACERS = 16
_WAVES = 3  # of one database
_ROOM = 3  # whole raises that the cap leaves in a wave
_REST = timedelta(hours=80)
_ROUNDS = 12  # of recovery: each may meet lost answers of its own
_KILLED_AT = (steps.RESERVED, steps.CLAIMED)


class Killed(BaseException):
    """The executor dies: nothing of it runs any more."""


class Race:
    """One account of 16 ad sets, and what its platform holds after each effect."""

    def __init__(self, stage: Stage, dice: random.Random) -> None:
        self.stage, self.dice = stage, dice
        self.lock = threading.Lock()
        self.sums: list[tuple[int, int]] = []  # after an effect: sum of budgets, and the cap
        self.late: list[WriteRequest] = []
        self.cap = 0

    def total(self) -> int:
        return sum(int(row.get("daily_budget_minor", 0)) for row in self.stage.platform.objects.values())

    def weigh(self) -> None:
        self.sums.append((self.total(), self.cap))

    def apply(self, request: WriteRequest) -> str:
        with self.lock:
            object_id = take_effect(self.stage.platform, request)
            self.weigh()
        return object_id

    def way(self) -> Callable[[FakePlatform, WriteRequest], str]:
        """How the next write goes: mostly well; else the answer is lost, and the effect with it, or not, or late."""
        fate = self.dice.choice(["well", "well", "well", "answer lost", "all lost", "late"])

        def go(_: FakePlatform, request: WriteRequest) -> str:
            if fate in {"well", "answer lost"}:
                self.apply(request)
            if fate == "late":
                self.late.append(request)
            if fate != "well":
                raise UnknownOutcomeError("connection reset after the request was sent")
            return request.object_id or ""

        return go

    def begin_wave(self) -> None:
        """Let cooldowns be over, collect, and set a cap that leaves room for some raises."""
        stage = self.stage
        stage.clock.at += _REST
        self.collect()
        now = stage.clock.at
        self.cap = self.total() + _ROOM * 2_000 + self.dice.randrange(2_000)
        stage.change_account(
            max_total_daily_spend_minor=self.cap, tree_read_at=now, insights_read_at=now, activities_read_at=now
        )
        stage.platform.writes = [self.way() for _ in range(2 * _RACERS)]

    def collect(self) -> None:
        with self.stage.engine.begin() as conn:
            for key, values in self.budgets().items():
                seen = {"daily_budget_minor": values, "seen_at": self.stage.clock.at}
                conn.execute(update(ad_sets).where(ad_sets.c.id == key).values(seen))

    def budgets(self) -> Mapping[str, int]:
        rows = self.stage.platform.objects.items()
        return {key: int(row["daily_budget_minor"]) for key, row in rows if "daily_budget_minor" in row}

    def person(self) -> None:
        """Somebody cuts budgets on the platform meanwhile, and takes the cut back."""
        for key in self.dice.sample(sorted(self.budgets()), 3):
            before = self.budgets()[key]
            with self.lock:
                self.stage.platform.objects[key]["daily_budget_minor"] = before - 500
                self.weigh()
            with self.lock:
                if self.budgets()[key] == before - 500:
                    self.stage.platform.objects[key]["daily_budget_minor"] = before
                self.weigh()

    def raise_one(self, number: int, kill_at: str | None) -> None:
        """Through the door: propose +20 %, and carry it out with an executor that may die on the way."""
        key = f"1{number}"
        before = self.budgets()[key]

        def checkpoint(step: str) -> None:
            if step == kill_at:
                raise Killed

        (action,) = self.stage.propose(budget(key, before=before, target=before * 6 // 5)).actions
        if action.state is not ActionState.APPROVED:
            return
        try:
            self.stage.executor(checkpoint=checkpoint, owner=f"executor-{number}").execute(action.id)
        except Killed:
            return

    def recover(self) -> None:
        """Late effects come before anybody looks: quarantines are longer than that. Then another executor goes on."""
        for _ in range(_ROUNDS):
            late, self.late = self.late, []
            for request in late:
                self.apply(request)
            self.stage.end_waits()
            with self.stage.engine.begin() as conn:
                rows = ledger.listing(conn, self.stage.account_id, limit=10 * _RACERS)
            open_ids = [row.id for row in rows if row.finished_at is None]
            if not open_ids and not self.late:
                return
            for action_id in open_ids:
                self.stage.executor(owner="recovery").execute(action_id)


class Unlocked(Race):
    """Weaker: everybody looks at the sum, and then writes."""

    def raise_one(self, number: int, kill_at: str | None) -> None:  # noqa: ARG002 - the same signature
        key = f"1{number}"
        before = self.budgets()[key]
        with self.stage.engine.begin() as conn:
            running = budgets.running(conn, self.stage.account_id).account_minor
        if running + before // 5 <= self.cap:
            self.send(key, before * 6 // 5)

    def send(self, key: str, target: int) -> None:
        request: Any = budget(key, target=target)
        with self.lock:
            self.stage.platform.objects[key]["daily_budget_minor"] = request.target["daily_budget_minor"]
            self.weigh()
        with self.stage.engine.begin() as conn:
            conn.execute(update(ad_sets).where(ad_sets.c.id == key).values(daily_budget_minor=target))


class Forgetting(Unlocked):
    """Weaker: one after the other, but a raise whose answer is lost gives its room back at once."""

    def __init__(self, stage: Stage, dice: random.Random) -> None:
        super().__init__(stage, dice)
        self.one_by_one = threading.Lock()

    def raise_one(self, number: int, kill_at: str | None) -> None:
        with self.one_by_one:
            super().raise_one(number, kill_at)

    def send(self, key: str, target: int) -> None:
        if self.dice.random() < 1 / 2:  # the effect is there, the answer is not
            with self.lock:
                self.stage.platform.objects[key]["daily_budget_minor"] = target
                self.weigh()
            return
        super().send(key, target)


def _wave(race: Race) -> None:
    race.begin_wave()
    start = threading.Barrier(_RACERS + 1)
    broken: list[BaseException] = []

    def run(task: Callable[[], None]) -> None:
        start.wait()
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - told by the experiment
            broken.append(error)

    kills = [race.dice.choice([None, None, None, *_KILLED_AT]) for _ in range(_RACERS)]
    tasks = [partial(race.raise_one, number, kill) for number, kill in enumerate(kills, start=1)]
    threads = [threading.Thread(target=run, args=(task,)) for task in (*tasks, race.person)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    race.recover()
    if broken:
        raise broken[0]


def _run(kind: type[Race], place: Place, trials: int) -> Outcome:
    dice = random.Random(place.seed)
    sums: list[tuple[int, int]] = []
    done = 0
    while done < trials:
        engine = make_engine(place.database_url(), pool_size=_RACERS + 4)
        try:
            race = kind(set_stage(engine, ad_set_count=_RACERS), dice)
            for _ in range(_WAVES):
                if done < trials:
                    _wave(race)
                    done += _RACERS
            sums += race.sums
        finally:
            engine.dispose()
    over = [total - cap for total, cap in sums if total > cap]
    full = sum(cap - total < 2_000 for total, cap in sums)
    return Outcome(
        trials=done,
        violations=tuple(f"budgets stood {surplus} minor units over the cap" for surplus in over),
        figures={"looks at the platform": len(sums), "with the cap nearly used": full},
    )


GUARANTEE = Guarantee(
    id="I-5",
    statement="The daily budgets on the platform never sum to more than the account's cap by a write of ours: applied"
    " and reserved together stay under it, and what is unknown keeps its room until it is known.",
    enforced_at="models/fence.py: lock_caps; actions/door.py: propose; actions/writeahead.py: write_ahead",
    refuted_by="16 threads race raises for a cap with room for three; a third of the answers is lost, with the effect,"
    " without it, or with the effect coming late; executors die between claim, reservation and send; a person cuts"
    " budgets and takes the cuts back meanwhile. The sum is taken after every single effect.",
    short=48,
    full=10_000,
    experiment=partial(_run, Race),
    weaker={"no lock": partial(_run, Unlocked), "lost answers free their room": partial(_run, Forgetting)},
    judge="the budgets that the fake platform holds after each effect",
    not_promised="What people raise on the platform themselves: it counts from the next collection on, and can stand"
    " over the cap together with ours until then. An effect that lands after the platform's quarantine finds its room"
    " given back: such ones put this sum over the cap before the experiment let them land in time.",
)
