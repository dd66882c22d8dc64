"""I-34: no token leaves its place: planted in every path that fails, it stands in no log, row, message or exception."""

import logging
import os
import secrets as dice
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import structlog
from redis import Redis
from sqlalchemy import Engine

from control_tower.standins import NotedDoorbell, SetClock
from domain import catalogue
from domain.actions import Level, Mode
from domain.errors import NotReadyError, PlatformError, SettingsError
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from domain.ports import Client
from models import accounts, audit, runs, secrets
from models.accounts import Account
from models.engine import make_engine
from models.secrets import Box
from models.secrets import Place as Where
from tests import canary
from tests.faults.guarantee import Guarantee, Outcome, Place
from tests.meta_client.scripted import (
    Kit,
    Reply,
    Scripted,
    answering,
    graph_error,
    hanging_up,
    open_kit,
    pausing,
    truncated,
)
from workers import log
from workers.doorbell import CeleryDoorbell, sender_app
from workers.log import Redaction
from workers.serve import serve
from workers.settings import Settings, read_settings
from workers.vault import Vault

_WEAKER_TRIALS = 2
_SLOT = datetime(2026, 3, 1, tzinfo=UTC)
_ACCOUNT = PlatformAccountId("act_7")
_RHYTHM = next(rhythm for rhythm in catalogue.RHYTHMS if rhythm.name == "meta.collector")
_INFO = AccountInfo(
    id=_ACCOUNT,
    name="Shop",
    currency="USD",
    zone="Europe/Madrid",
    is_active=True,
    status_text="active",
    minimum_daily_budget_minor=100,
)


def _replies(token: str) -> list[Reply]:
    """Ways in which an answer goes wrong; most quote the token, as Meta does with one that is malformed or expired."""
    said = f"Malformed access token {token} at /v26.0/me?access_token={token}&x=1"
    return [
        answering(graph_error(190, 463, message=said, error_user_msg=said), 401),
        answering(graph_error(100, None, fbtrace_id=said), 400),
        answering(graph_error(17, 2446079, message=said), 400),
        answering(graph_error(1, None, message=said)),
        answering(b"<html>" + said.encode(), 502),
        answering({"id": token, "currency": [token]}),
        answering(b"", 302, {"Location": f"/?access_token={token}"}),
        hanging_up,
        truncated,
    ]


@dataclass
class Ways:
    """How the house handles a token; the weakened variants leave one of these out."""

    cleaned: Callable[[Any, str, Any], Any] = field(default_factory=Redaction)
    sealed: Callable[[Settings, Where, str], Box] = lambda settings, where, token: Vault.of(settings).seal(where, token)
    worded: Callable[[Exception, str], Exception] = lambda error, _token: error


@dataclass
class House:
    """What a run needs, on one database."""

    engine: Engine
    settings: Settings
    doorbell: NotedDoorbell = field(default_factory=NotedDoorbell)

    def client_of(self, account: Account) -> Client:
        raise NotReadyError(f"{account.name}: this experiment speaks to no platform")

    def clock_of(self, account: Account) -> SetClock:
        return SetClock(_SLOT + timedelta(days=account.id))


@dataclass
class Trial:
    """One token, planted everywhere; what each sink received is kept apart from what is in Postgres and Redis."""

    number: int
    house: House
    bell: CeleryDoorbell
    ways: Ways
    token: str = field(default_factory=lambda: f"EAACanary{dice.token_hex(12)}")
    told: dict[str, list[str]] = field(default_factory=lambda: {"exception": [], "log": [], "settings error": []})

    def run(self) -> None:
        with _logs_caught(self.ways.cleaned) as caught:
            for place, error in enumerate(self.errors()):
                self.show(self.ways.worded(error, self.token), place)
            self.store()
            self.set_wrong()
        self.told["log"] += caught.getvalue().splitlines()

    def errors(self) -> Iterator[Exception]:
        """Every error that the real client makes of such answers, reading and writing, and of nobody there."""
        server = Scripted()
        token = self.token
        with closing(server):
            client = open_kit(server.url, token=token, secret="app secret", timeout_s=5)
            for turn in range(len(_replies(token))):
                for write in (False, True):
                    server.replies[:] = [_replies(token)[turn]] * 5
                    with suppress(_Fine):
                        yield _failing(client, write=write)
        yield _failing(client, write=False)
        yield _failing(client, write=True)

    def show(self, error: Exception, place: int) -> None:
        """Let the error go the ways that errors go: a traceback, a log line, the row of a run."""
        self.told["exception"] += ["".join(traceback.format_exception(error)), repr(error)]
        line: Any = {"event": "run raised", "error": str(error), "where": [{"what": repr(error)}], "exc_info": error}
        line = structlog.processors.format_exc_info(None, "error", line)
        self.told["log"].append(
            structlog.processors.JSONRenderer()(None, "error", self.ways.cleaned(None, "error", line))
        )
        with self.house.engine.begin() as conn:
            account_id = accounts.open_account(
                conn, platform="meta", info=_INFO, mode=Mode.STUB, level=Level.AUTO
            )  # fmt: skip
            slot = _SLOT + timedelta(minutes=30 * (1000 * self.number + place))
            run_id = runs.plan(
                conn,
                task=_RHYTHM.name,
                account_id=account_id,
                mode=Mode.STUB,
                level=Level.AUTO,
                slot_at=slot,
                now_at=slot,
            )
        assert run_id is not None

        def body(_work: object) -> None:
            raise error

        serve(self.house, run_id, body, rhythm=_RHYTHM, rhythms=catalogue.RHYTHMS, owner="experiment")
        self.bell.ring_run(_RHYTHM.name, run_id, about="Shop")

    def store(self) -> None:
        """Seal it away, as `stakazo secret set` does."""
        where = Where(platform="meta", name="access_token")
        box = self.ways.sealed(self.house.settings, where, self.token)
        with self.house.engine.begin() as conn:
            secrets.put(conn, where, box, set_by="experiment")
            audit.note(conn, actor="experiment", event="secret.set", detail={"secret": "meta.access_token"})

    def set_wrong(self) -> None:
        """A person pastes it where it does not belong, and the settings complain."""
        for name in ("META_API_BASE_URL", "META_ACCESS_TOKEN", "LOG_LEVEL", "DATABASE_URL", "MAX_TOTAL_DAILY_SPEND"):
            with _environment({name: f"https://x/?access_token={self.token}", "META_CYCLE_INTERVAL_MINUTES": "7"}):
                try:
                    read_settings()
                except SettingsError as error:
                    self.told["settings error"].append(str(error))


class _Fine(Exception):  # noqa: N818 - not every answer that quotes a token is an error
    pass


def _failing(client: Kit, *, write: bool) -> Exception:
    try:
        if write:
            client.writer.write(_ACCOUNT, pausing(), deadline_s=5)
        else:
            client.reader.token()
    except PlatformError as error:
        return error
    raise _Fine


@contextmanager
def _logs_caught(cleaned: Callable[[Any, str, Any], Any]) -> Iterator[StringIO]:
    """What the house logs, as it logs it, but for the cleaning of a weakened variant."""
    root, caught = logging.getLogger(), StringIO()
    handlers, level, config = root.handlers, root.level, structlog.get_config()
    log.set_up(readable=False)
    chain = [cleaned if isinstance(step, Redaction) else step for step in structlog.get_config()["processors"]]
    structlog.configure(processors=chain, cache_logger_on_first_use=False)
    root.handlers = [logging.StreamHandler(caught)]
    root.handlers[0].setFormatter(_formatter(chain))
    try:
        yield caught
    finally:
        root.handlers = handlers
        root.setLevel(level)
        structlog.configure(**config)


def _formatter(chain: list[Any]) -> logging.Formatter:
    last = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=chain[:-1], processors=last)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _run(place: Place, trials: int, ways: Callable[[], Ways]) -> Outcome:
    url, redis_url = place.database_url(), place.redis_url()
    with _environment({"STAKAZO_HOME": str(place.folder())}):
        settings = read_settings()
    engine, app = make_engine(url), sender_app(redis_url)
    hits: Counter[str] = Counter()
    shown = 0
    try:
        for number in range(trials):
            trial = Trial(
                number=number, house=House(engine=engine, settings=settings), bell=CeleryDoorbell(app), ways=ways()
            )
            trial.run()
            shown += sum(map(len, trial.told.values()))
            hits.update({sink: sum(map(canary.is_in, texts)) for sink, texts in trial.told.items()})
        with Redis.from_url(redis_url) as client:
            hits["Redis"] = len(list(canary.in_redis(client)))
        hits.update({f"Postgres, {found}": 1 for found in canary.in_database(url)})
        hits["Postgres"] += 0
        hits["data folder"] = len(list(canary.in_folder(settings.home)))
    finally:
        engine.dispose()
        app.close()
    figures: dict[str, float | str] = {f"hits in {sink}": float(count) for sink, count in sorted(hits.items())}
    violations = tuple(f"{count} hits in {sink}" for sink, count in sorted(hits.items()) if count)
    return Outcome(trials=trials, violations=violations, figures={"texts looked at": float(shown), **figures})


def _weaker(place: Place, trials: int, ways: Callable[[], Ways]) -> Outcome:
    return _run(place, min(trials, _WEAKER_TRIALS), ways)


def _quoting(error: Exception, token: str) -> Exception:
    return RuntimeError(f"{error}: for url: /v26.0/me?access_token={token}")


GUARANTEE = Guarantee(
    id="I-34",
    statement="A platform's token stands in no log line, exception, row, message or file of ours in clear, whatever "
    "fails and whatever the platform quotes; at rest it is sealed.",
    enforced_at="meta_client/credentials.py: Credentials, scrub; meta_client/redact.py; workers/log.py: Redaction; "
    "workers/vault.py: Vault.seal",
    refuted_by="a token of its own in each trial: nine kinds of answers that quote it, to reads and writes, nobody "
    "there, wrong settings; then traceback, log, run rows, audit, Redis and folder are searched for it",
    short=12,
    full=100,
    experiment=lambda place, trials: _run(place, trials, Ways),
    weaker={
        "logs as they come": lambda place, trials: _weaker(
            place, trials, lambda: Ways(cleaned=lambda _logger, _method, line: line, worded=_quoting)
        ),
        "the token in the address, as Meta's own library has it": lambda place, trials: _weaker(
            place, trials, lambda: Ways(worded=_quoting)
        ),
        "stored as it is": lambda place, trials: _weaker(
            place,
            trials,
            lambda: Ways(sealed=lambda _settings, _where, token: Box(key_id="none", content=token.encode())),
        ),
    },
    judge="a search for the token's form in all that was written (tests/canary.py)",
    not_promised="the memory of a running process; a token without Meta's form that was never opened by us; the "
    "environment, of which the operating system shows a process's own user the values",
)
