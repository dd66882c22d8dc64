"""I-18: one run per slot however many plan, one tower leads, and rings by several do no harm."""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, select, text
from sqlalchemy.exc import SQLAlchemyError

from control_tower import leadership
from control_tower.leadership import Leadership
from control_tower.planner import Planner
from control_tower.standins import NotedDoorbell, SetClock
from domain.actions import Level, Mode
from domain.catalogue import RHYTHMS
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from models import accounts, fence
from models.engine import make_engine
from models.tables import runs
from tests.faults.guarantee import Guarantee, Outcome, Place

_BEGIN = datetime(2026, 3, 28, 20, 5, tzinfo=UTC)  # the clocks of Madrid go forward that night
_TASKS = ("meta.collector", "meta.full_cycle")
_PLANNERS, _TOWERS = 5, 3
_CUT = text("SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND granted")
_DOUBLES = (
    select(runs.c.task, runs.c.account_id, runs.c.slot_at)
    .group_by(runs.c.task, runs.c.account_id, runs.c.slot_at)
    .having(text("count(*) > 1"))
)


def _plan(
    place: Place, trials: int, *, is_unique: bool = True, take: Callable[..., bool] = Leadership._take
) -> Outcome:
    engine = make_engine(place.database_url(), pool_size=_PLANNERS + 2)
    dice, violations = random.Random(place.seed), list[str]()
    rung: Counter[int] = Counter()
    try:
        _open(engine, is_unique=is_unique)
        towers = [
            _Tower(make_engine(engine.url.render_as_string(hide_password=False), pool_size=2), take)
            for _ in range(_TOWERS)
        ]
        now = _BEGIN
        with ThreadPoolExecutor(_PLANNERS) as pool:
            for _ in range(trials):
                now += timedelta(minutes=dice.choice((1, 15, 30, 45, 90)))
                bells = list(pool.map(lambda clock: _plan_once(engine, clock), _skewed(dice, now)))
                rung.update(run for bell in bells for _, run in bell.runs)
                violations += _leaders(pool, towers, engine, cut=dice.random() < 0.3)
        with engine.begin() as conn:
            rows = conn.execute(select(runs.c.id)).all()
            violations += [f"slot planned twice: {row.task} at {row.slot_at}" for row in conn.execute(_DOUBLES)]
        violations += [f"run {run} rung {count} times by planners" for run, count in rung.items() if count > 1]
    finally:
        for tower in towers:
            tower.end()
        engine.dispose()
    figures: dict[str, float | str] = {"planners": _PLANNERS, "towers": _TOWERS, "slots": len(rows)}
    return Outcome(trials=trials, violations=tuple(violations), figures=figures)


class _Tower:
    """A tower's claim to lead, on an engine of its own."""

    def __init__(self, engine: Engine, take: Callable[..., bool]) -> None:
        self._engine = engine
        self._leadership = type("Claim", (Leadership,), {"_take": take})(engine)

    def leads(self) -> bool:
        with suppress(SQLAlchemyError):
            return self._leadership.is_held()
        return False

    def end(self) -> None:
        self._leadership.release()
        self._engine.dispose()


def _leaders(pool: ThreadPoolExecutor, towers: list[_Tower], engine: Engine, *, cut: bool) -> list[str]:
    """Ask all at once, and once more after the leader's session may have been cut."""
    found = []
    if cut:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(_CUT)
    for _ in range(2):
        leading = sum(pool.map(_Tower.leads, towers))
        if leading > 1:
            found.append(f"{leading} towers led at once")
    if not leading:
        found.append("no tower led, though all could ask")
    return found


def _skewed(dice: random.Random, now: datetime) -> list[datetime]:
    """Clocks that are up to ten minutes apart."""
    return [now + timedelta(seconds=dice.uniform(-600, 600)) for _ in range(_PLANNERS)]


def _plan_once(engine: Engine, at: datetime) -> NotedDoorbell:
    bell = NotedDoorbell()
    rhythms = tuple(row for row in RHYTHMS if row.name in _TASKS)
    Planner(engine=engine, rhythms=rhythms, clock_of=lambda _: SetClock(at), doorbell=bell).plan()
    return bell


def _open(engine: Engine, *, is_unique: bool) -> None:
    with engine.begin() as conn:
        fence.open_(conn, None)
        for number, zone in enumerate(("UTC", "Europe/Madrid")):
            info = AccountInfo(
                id=PlatformAccountId(f"act_{number + 1}"), name=f"Shop {number}", currency="USD", zone=zone,
                is_active=True, status_text="active", minimum_daily_budget_minor=100,
            )  # fmt: skip
            accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
        if not is_unique:
            conn.execute(text(_DROP))


_DROP = """
DO $$ DECLARE found record; BEGIN
    FOR found IN SELECT conname FROM pg_constraint WHERE conrelid = 'runs'::regclass AND contype = 'u' LOOP
        EXECUTE format('ALTER TABLE runs DROP CONSTRAINT %I CASCADE', found.conname);
    END LOOP;
    FOR found IN SELECT indexrelid::regclass AS name FROM pg_index
        WHERE indrelid = 'runs'::regclass AND indisunique AND NOT indisprimary LOOP
        EXECUTE format('DROP INDEX %s CASCADE', found.name);
    END LOOP;
END $$
"""


def _take_for_a_moment(claim: Leadership) -> bool:
    """The lock of a transaction: free again as soon as it was taken."""
    with claim._engine.begin() as conn:
        return bool(conn.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": leadership._KEY}).scalar())


GUARANTEE = Guarantee(
    id="I-18",
    statement="A module has one run per account and slot, however many beats and towers plan at once and however far"
    " their clocks are apart; of all towers one leads at most, and one of them does.",
    enforced_at="models/runs.py: plan, by the unique slot; control_tower/leadership.py: Leadership",
    refuted_by="5 planners at once with clocks up to 10 minutes apart, over a change of summer time; 3 towers that ask"
    " at once whether they lead, the leader's session cut at random.",
    short=60,
    full=500,
    experiment=_plan,
    weaker={
        "the slot is looked up, not unique": lambda place, trials: _plan(place, min(trials, 8), is_unique=False),
        "the lead is a transaction's": lambda place, trials: _plan(place, min(trials, 4), take=_take_for_a_moment),
    },
    judge="rows and rings of all planners, and how many towers led at the same instant",
    not_promised="That a message is rung once: the tower rings again for what nobody took, and delivering it n times"
    " does what delivering it once does (I-7).",
)
