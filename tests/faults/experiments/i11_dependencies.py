"""I-11: a stop needs Postgres alone; without Postgres nobody sends."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from psycopg import OperationalError as Away
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine, event
from sqlalchemy.exc import SQLAlchemyError

from actions import steps
from models import fence, stops
from models.engine import make_engine
from tests.actions.stage import Stage, budget, set_stage
from tests.faults.guarantee import Guarantee, Outcome, Place

_ROOT = Path(__file__).parents[3]
_PIECES = ("Redis", "data folder", "platform")  # beat, workers, Flower and the tower run in no trial at all
_LIMIT_S = 60
_STEPS = (steps.CLAIMED, steps.PRECHECKED, steps.WRITTEN_AHEAD)
_WORDS = ("-m", "cli.main", "emergency-stop", "--no-pause-campaigns", "--reason", "drill", "--json")
Close = Callable[[str, dict[str, str]], str | None]


def by_the_command(database: str, env: dict[str, str]) -> str | None:
    """`stakazo emergency-stop` in a process of its own; None = it says that all is closed, and quiet."""
    done = subprocess.run(
        [sys.executable, *_WORDS], env={**env, "DATABASE_URL": database}, cwd=_ROOT, capture_output=True, text=True,
        check=False, timeout=_LIMIT_S,
    )  # fmt: skip
    if done.returncode != 0:
        return done.stderr.strip()[-300:]
    told = json.loads(done.stdout)
    quiet = [row["stop"]["quiet_at"] for row in told["stops"]]
    return None if told["closed"] and None not in quiet else f"closed is {told['closed']}, quiet {quiet}"


def by_a_message(_database: str, env: dict[str, str]) -> str | None:
    """Weaker: the stop is a message to the workers, carried by the broker."""
    try:
        with closing(Redis.from_url(env["REDIS_URL"], socket_connect_timeout=1)) as client:
            client.rpush("stops", "close")
    except RedisError as error:
        return type(error).__name__
    return None  # and no worker lives that would read it


def _run(place: Place, trials: int, how: Close) -> Outcome:
    violations: list[str] = []
    database = place.database_url()
    engine = make_engine(database, pool_size=3)
    try:
        _open(engine)
        for number in range(trials):
            stage = set_stage(engine, platform_account_id=f"act_{number + 1}", ad_set_count=len(_STEPS) + 1)
            down = [piece for bit, piece in enumerate(_PIECES) if (7 - number) >> bit & 1]  # all of them first
            violations += _lose_postgres(stage, database)
            violations += _stop(stage, database, _environment(place, down), how, down)
            _open(engine)
    finally:
        engine.dispose()
    figures: dict[str, float | str] = {"pieces down": f"every subset of {', '.join(_PIECES)}; no other process runs"}
    return Outcome(trials=trials, violations=tuple(violations), figures=figures)


def _stop(stage: Stage, database: str, env: dict[str, str], how: Close, down: list[str]) -> list[str]:
    action = stage.approve(budget())
    before = len(stage.platform.requests)
    problem = how(database, env)
    stage.executor().execute(action.id)
    found = [] if problem is None else [f"with {down or 'nothing'} down the stop failed: {problem}"]
    return found + [
        f"with {down or 'nothing'} down a write left after the stop" for _ in stage.platform.requests[before:]
    ]


def _open(engine: Engine) -> None:
    with engine.begin() as conn:
        for held in stops.listing(conn, only_open=True):
            stops.open_(conn, held.id, actor="trial")
        fence.open_(conn, None)


def _environment(place: Place, down: list[str]) -> dict[str, str]:
    ours = ("META_", "STAKAZO_", "SANDBOX_", "REDIS_", "DATABASE_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    home = place.folder()
    env["STAKAZO_HOME"] = str(home / "never-made" if "data folder" in down else home)
    env["REDIS_URL"] = f"redis://127.0.0.1:{_dead_port()}/0" if "Redis" in down else place.redis_url()
    if "platform" in down:
        env["SANDBOX_DATA"] = str(home / "no-sandbox")
    return env


def _lose_postgres(stage: Stage, database: str) -> list[str]:
    """Postgres goes away at each step up to the send; whoever is on the way there sends nothing."""
    found = []
    for place, step in enumerate(_STEPS):
        action = stage.approve(budget(f"1{place + 2}"))
        before = len(stage.platform.requests)
        engine = make_engine(database, pool_size=2)
        own = Stage(engine=engine, account_id=stage.account_id, platform=stage.platform, clock=stage.clock)
        with closing_down(engine) as go_away, suppress(SQLAlchemyError):
            own.executor(checkpoint=lambda passed, at=step: go_away() if passed == at else None).execute(action.id)
        if len(stage.platform.requests) > before:
            found.append(f"a write left although Postgres went away after {step}")
    return found


@contextmanager
def closing_down(engine: Engine) -> Iterator[Callable[[], None]]:
    """From the call on no connection can be had, and those that there are end."""
    gone = False

    @event.listens_for(engine, "do_connect")
    def refuse(*_: object) -> None:
        if gone:
            raise Away("connection refused")

    def go_away() -> None:
        nonlocal gone
        gone = True
        engine.dispose()

    try:
        yield go_away
    finally:
        engine.dispose()


def _dead_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


GUARANTEE = Guarantee(
    id="I-11",
    statement="A stop needs Postgres alone: no broker, beat, worker, tower, data folder or platform. Without Postgres"
    " nobody sends.",
    enforced_at="actions/stop.py: order; control_tower/emergency.py: finish; actions/send.py: send, which reads the"
    " fence or sends nothing",
    refuted_by="`stakazo emergency-stop` in a process of its own with every subset of Redis, data folder and platform"
    " away and no other process of ours alive; then executors whose Postgres goes away at each step before the send.",
    short=2,
    full=64,
    experiment=lambda place, trials: _run(place, trials, by_the_command),
    weaker={"the stop is a message": lambda place, trials: _run(place, min(trials, 2), by_a_message)},
    judge="the requests that a platform in memory has received",
    not_promised="That a stop can be ordered without Postgres: then nothing of ours sends, and the platform's own"
    " spending limit holds.",
)
