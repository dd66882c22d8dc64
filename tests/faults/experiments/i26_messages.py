"""I-26: what comes through the broker has no authority: no code is run, nothing unapproved is written."""

import base64
import json
import os
import pickle
import random
import subprocess
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from redis import Redis
from sqlalchemy import Engine, select

from domain import catalogue
from domain.actions import ActionState, Level
from domain.modules import Lane
from models import fence
from models.engine import make_engine
from models.tables import actions
from sandbox.process import SandboxProcess, start
from tests.actions.stage import create, set_stage
from tests.faults.guarantee import Guarantee, Outcome, Place
from workers.commands import worker_lines

_QUEUE = catalogue.actions_queue(catalogue.platform("meta"))
_TRIES = 3000
_ABSENT = 987_654_321
_POLL_S = 0.1


class _Bomb:
    """Unpickled, it leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self._mark),)


def _envelope(body: bytes, *, task: str = _QUEUE, content: str = "application/json", **headers: Any) -> bytes:
    """A message as kombu's Redis transport lays it into a list."""
    number = str(uuid.uuid4())
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": "utf-8" if content.endswith("json") else "binary",
            "content-type": content,
            "headers": {"lang": "py", "task": task, "id": number, "root_id": number, "parent_id": None, **headers},
            "properties": {
                "correlation_id": number, "delivery_mode": 2, "delivery_tag": number, "priority": 0,
                "delivery_info": {"exchange": "", "routing_key": _QUEUE}, "body_encoding": "base64",
            },
        }
    ).encode()  # fmt: skip


def _body(*arguments: Any, **named: Any) -> bytes:
    return json.dumps([arguments, named, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]).encode()


def _messages(dice: random.Random, waiting: int, mark: Path) -> tuple[Callable[[], bytes], ...]:
    """The kinds of message that somebody who can write to Redis may send."""
    bomb = pickle.dumps(_Bomb(mark))
    forged = {"state": "approved", "approved_by": "admin", "needs_approval": False}
    return (
        lambda: _envelope(_body(waiting)),  # replayed: the id of an action that nobody approved
        lambda: _envelope(_body(waiting, **forged)),
        lambda: _envelope(_body({"id": waiting, **forged})),
        lambda: _envelope(_body(f"{waiting}; DROP TABLE actions")),
        lambda: _envelope(_body(dice.randint(-(2**70), 2**70))),
        lambda: _envelope(bomb, content="application/x-python-serialize"),
        lambda: _envelope(_body(base64.b64encode(bomb).decode())),
        lambda: _envelope(_body("os.system", [f"mkdir {mark}"]), task="celery.map"),
        lambda: _envelope(_body(f"mkdir {mark}"), task="os.system"),
        lambda: _envelope(_body(), task=f"no.such.{dice.randint(0, 9)}"),
        lambda: _envelope(dice.randbytes(dice.randint(0, 200))),
        lambda: _envelope(b"!!python/object/apply:os.mkdir [x]", content="application/x-yaml"),
    )


def _push(place: Place, trials: int) -> Outcome:
    database, redis_url, home = place.database_url(), place.redis_url(), place.folder()
    engine = make_engine(database, pool_size=2)
    mark = home / "code-was-run"
    dice = random.Random(place.seed)
    try:
        waiting = _unapproved(engine)
        with start(home / "sandbox", speed=0) as sandbox:
            kinds = _messages(dice, waiting, mark)
            with Redis.from_url(redis_url) as client:
                worker = _Worker(home, database, redis_url)
                try:
                    for number in range(trials):
                        client.lpush(_QUEUE, kinds[number % len(kinds)]())
                    worker.drain(client)
                    found = _judge(engine, sandbox, waiting, mark)
                    found += [] if worker.answers(client) else ["the worker no longer works after them"]
                finally:
                    worker.end()
    finally:
        engine.dispose()
    return Outcome(trials=trials, violations=tuple(found), figures={"kinds of message": len(kinds)})


def _unapproved(engine: Engine) -> int:
    """An action that lacks nothing but a person's approval."""
    with engine.begin() as conn:
        fence.open_(conn, None)
    stage = set_stage(engine)
    stage.change_account(level=Level.PROPOSE)
    (action,) = stage.propose(create()).actions
    if action.state is not ActionState.AWAITING_APPROVAL:
        raise RuntimeError(f"the experiment's action is {action.state}: {action.state_reason}")
    return int(action.id)


class _Worker:
    """The real worker of the lane that executes actions."""

    def __init__(self, home: Path, database: str, redis_url: str) -> None:
        (line,) = [line for line in worker_lines() if line.name == f"worker-{Lane.ACTIONS}"]
        env = {"DATABASE_URL": database, "REDIS_URL": redis_url, "STAKAZO_HOME": str(home), "PYTHONUNBUFFERED": "1"}
        self._log = home / "worker.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(line.argv, env={**os.environ, **line.env, **env}, stdout=log, stderr=log)
        self._until(lambda: " ready." in self._text(), "the worker is ready")

    def drain(self, client: Redis) -> None:
        self._until(lambda: client.llen(_QUEUE) == 0, "the queue is empty")

    def answers(self, client: Redis) -> bool:
        """Whether a message in order is still carried out: of an action that is not there it says so in its log."""
        client.lpush(_QUEUE, _envelope(_body(_ABSENT)))
        self._until(lambda: str(_ABSENT) in self._text() or not self._is_alive(), "a message is carried out")
        return self._is_alive()

    def end(self) -> None:
        family = psutil.Process(self._process.pid).children(recursive=True) if self._is_alive() else []
        self._process.kill()
        for child in family:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        self._process.wait()

    def _is_alive(self) -> bool:
        return self._process.poll() is None

    def _text(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        for _ in range(_TRIES):
            if condition():
                return
            if not self._is_alive():
                break
            time.sleep(_POLL_S)
        raise RuntimeError(f"never came true: {what}; the worker's log ends with {self._text()[-800:]}")


def _judge(engine: Engine, sandbox: SandboxProcess, waiting: int, mark: Path) -> list[str]:
    found = ["code from a message was run"] if mark.exists() else []
    if lines := sandbox.ask("GET", "/oracle")["lines"]:
        found.append(f"{len(lines)} effects on the platform, though nothing was approved")
    with engine.begin() as conn:
        state = conn.execute(select(actions.c.state).where(actions.c.id == waiting)).scalar_one()
    return [*found, *([] if state == ActionState.AWAITING_APPROVAL else [f"an action nobody approved is {state}"])]


def _trusting(place: Place, trials: int) -> Outcome:
    """A task that believes its message: unpickles what says it is pickled, approves what says it is approved."""
    engine = make_engine(place.database_url(), pool_size=2)
    mark = place.folder() / "code-was-run"
    found: list[str] = []
    try:
        waiting = _unapproved(engine)
        kinds = _messages(random.Random(place.seed), waiting, mark)
        for number in range(min(trials, 2 * len(kinds))):
            _believe(json.loads(kinds[number % len(kinds)]()), found)
            if mark.exists():
                found.append("code from a message was run")
                mark.rmdir()
    finally:
        engine.dispose()
    return Outcome(trials=min(trials, 2 * len(kinds)), violations=tuple(found))


def _believe(message: dict[str, Any], found: list[str]) -> None:
    body = base64.b64decode(message["body"])
    if message["content-type"] == "application/x-python-serialize":
        pickle.loads(body)
        return
    with suppress(ValueError, IndexError, TypeError, KeyError):
        arguments, named, *_ = json.loads(body)
        claims = {**named, **(arguments[0] if isinstance(arguments[0], dict) else {})}
        if claims.get("state") == "approved":
            found.append("an unapproved action would have been sent, since its message calls it approved")


GUARANTEE = Guarantee(
    id="I-26",
    statement="A message has no authority: whatever is pushed into Redis, no code of it is run and nothing that was not"
    " approved is written; the worker goes on working.",
    enforced_at="workers/celery_config.py: accept_content; workers/task.py; actions/executor.py",
    refuted_by="12 kinds of message pushed into the queue of a real worker over a real sandbox: replayed, forged as"
    " approved, pickled, of unknown tasks, Celery's own tasks, YAML, random bytes, wrong arguments.",
    short=240,
    full=100_000,
    experiment=_push,
    weaker={"a task that trusts its message": _trusting},
    judge="the sandbox's oracle log, and a mark that code from a message would leave",
    not_promised="That somebody who can write to Redis cannot delay work: messages can be flushed, the sweeper rings"
    " again (I-2).",
)
