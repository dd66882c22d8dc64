"""Emergency stops under busy senders: what reached the platform when, and what the stops said."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy import Engine

from actions import stop
from actions.timing import Timing
from domain.ids import AccountId, ActionId
from models import fence, ledger_reads
from tests.faults.guarantee import Place
from tests.faults.nemesis.file_platform import FilePlatform, Line
from tests.faults.nemesis.senders import Senders
from tests.faults.nemesis.stock import Stock, creates, stock

SENDERS = 16
AT_ONCE = 4  # accounts that share the senders, each with a stop of its own
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the stops of a round have in common. `each` = actions of an account that each sender is given."""

    timing: Timing
    latency_s: float
    stop_by: StopBy = close
    prepare: Callable[[], None] = lambda: None
    each: int = 3


def run(
    place: Place, engine: Engine, database: str, number: int, setting: Setting, *, stops: int = AT_ONCE, killed: int = 0
) -> tuple[Seen, ...]:
    """Let 16 processes send for some accounts, stop each account at a random instant, and look what came after.

    `killed` of the senders die right before the first stop.
    """
    stocked = [_stock(engine, number * AT_ONCE + place_, setting.each) for place_ in range(stops)]
    senders = Senders(
        database=database, timing=setting.timing, log=place.folder() / "oracle", latency_s=setting.latency_s,
        prepare=setting.prepare,
    )  # fmt: skip
    senders.start([_share(stocked, sender) for sender in range(SENDERS)])
    dice = random.Random(f"{place.seed}-{number}")
    waits_s = [dice.uniform(0.0, 0.3) for _ in stocked]
    killing = threading.Lock()

    def stop_one(held: Stock, wait_s: float) -> tuple[float, float, frozenset[ActionId]]:
        time.sleep(wait_s)
        with killing:
            if wait_s == min(waits_s):
                senders.kill(killed)
        begun = time.monotonic()
        listed = setting.stop_by(engine, held.account_id, setting.timing)
        return begun, time.monotonic(), listed

    try:
        platform = FilePlatform(senders.log)
        _wait_for_first(platform)
        with ThreadPoolExecutor(stops) as pool:
            stopped = list(pool.map(stop_one, stocked, waits_s))
        time.sleep(max(_AFTERWARDS_S, setting.latency_s))
    finally:
        senders.kill()
    lines = platform.lines()
    return tuple(_see(held, lines, *told) for held, told in zip(stocked, stopped, strict=True))


def _stock(engine: Engine, number: int, each: int) -> Stock:
    account = f"act_{number + 1}"
    return stock(engine, account, creates(SENDERS * each, account))


def _share(stocked: list[Stock], sender: int) -> list[ActionId]:
    """One sender's actions, of all accounts in turn."""
    shares = [[row.id for row in held.actions[sender::SENDERS]] for held in stocked]
    turned = shares[sender % len(shares) :] + shares[: sender % len(shares)]
    return [action for turn in zip(*turned, strict=True) for action in turn]


def _see(held: Stock, all_lines: tuple[Line, ...], begun: float, returned: float, listed: frozenset[ActionId]) -> Seen:
    tokens = {row.op_token: row.id for row in held.actions}
    lines = [line for line in all_lines if line.token in tokens]
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
