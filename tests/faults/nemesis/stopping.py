"""One emergency stop under busy senders: what reached the platform when, and what the stop said."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from actions import stop
from actions.timing import Timing
from domain.ids import AccountId, ActionId
from models import fence, ledger_reads
from tests.faults.guarantee import Place
from tests.faults.nemesis.file_platform import FilePlatform, Line
from tests.faults.nemesis.senders import Senders
from tests.faults.nemesis.stock import creates, stock

SENDERS = 16
_AFTERWARDS_S = 0.12
StopBy = Callable[[Engine, AccountId, Timing], frozenset[ActionId]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one stop came to. `unlisted` = what left, or took effect, after it had returned and was not told of."""

    stop_s: float
    writes: int
    unlisted: tuple[Line, ...]
    last_left_s: float | None  # of the last write, before (-) or after (+) the return
    listed: int


def close(engine: Engine, account_id: AccountId, timing: Timing) -> frozenset[ActionId]:
    """Stop as the house does; return what it says is in doubt."""
    stopped = stop.close(engine, account_id=account_id, reason="experiment", actor="test", timing=timing).stop
    return frozenset(ActionId(int(str(told["action"]))) for told in stopped.in_doubt)


def flag_and_list(engine: Engine, account_id: AccountId, _timing: Timing) -> frozenset[ActionId]:
    """A weaker stop: set the flag, list what is under way, wait for nobody."""
    with engine.begin() as conn:
        fence.close(conn, account_id, reason="experiment")
    with engine.begin() as conn:
        return frozenset(row.id for row in ledger_reads.in_doubt(conn, account_id))


def flag_only(engine: Engine, account_id: AccountId, _timing: Timing) -> frozenset[ActionId]:
    """A weaker stop still: set the flag."""
    with engine.begin() as conn:
        fence.close(conn, account_id, reason="experiment")
    return frozenset()


def run(
    place: Place,
    engine: Engine,
    database: str,
    number: int,
    *,
    timing: Timing,
    latency_s: float,
    stop_by: StopBy = close,
    prepare: Callable[[], None] = lambda: None,
    each: int = 8,
    killed: int = 0,
) -> Seen:
    """Let 16 processes send, stop at a random instant, kill some of them right before, and look what came after."""
    dice = random.Random(f"{place.seed}-{number}")
    account = f"act_{number + 1}"
    stocked = stock(engine, account, creates(SENDERS * each, account))
    ids = [row.id for row in stocked.actions]
    senders = Senders(
        database=database, timing=timing, log=place.folder() / "oracle", latency_s=latency_s, prepare=prepare
    )
    senders.start([ids[place_::SENDERS] for place_ in range(SENDERS)])
    try:
        platform = FilePlatform(senders.log)
        _wait_for_first(platform)
        time.sleep(dice.uniform(0.0, 0.3))
        senders.kill(killed)
        begun = time.monotonic()
        listed = stop_by(engine, stocked.account_id, timing)
        returned = time.monotonic()
        time.sleep(max(_AFTERWARDS_S, latency_s))
    finally:
        senders.kill()
    tokens = {row.op_token: row.id for row in stocked.actions}
    lines = platform.lines()
    late = tuple(line for line in lines if max(line.left_at, line.at) > returned and tokens[line.token] not in listed)
    lasts = max((line.left_at for line in lines), default=None)
    return Seen(
        stop_s=returned - begun, writes=len(lines), unlisted=late, listed=len(listed),
        last_left_s=None if lasts is None else lasts - returned,
    )  # fmt: skip


def _wait_for_first(platform: FilePlatform) -> None:
    for _ in range(2000):
        if platform.lines():
            return
        time.sleep(0.005)
