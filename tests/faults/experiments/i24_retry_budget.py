"""I-24: with the platform down, what goes out stays within 1.1 times the usual and decays; repeats are on a budget."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress

from sqlalchemy import Engine

from domain.actions import Mode
from domain.errors import PlatformError
from domain.ids import PlatformAccountId
from domain.ports import CallGate, ClientOptions
from meta_client.accounts import AccountBook
from meta_client.pages import Pager
from meta_client.transport import Transport
from tests.faults.guarantee import Guarantee, Outcome, Place
from tests.meta_client.scripted import Scripted, hanging_up
from workers.gate import QuotaGate, gate_engine

_WORKERS = 4
_READS = 200  # that would go out, each once, were the platform well
_MOST = 1.1
Open = Callable[[Engine], CallGate | None]


@contextmanager
def _down() -> Iterator[Scripted]:
    """A platform that takes every connection and breaks it: it counts what reaches it."""
    server = Scripted(replies=[hanging_up] * (_READS * 10))
    with closing(server):
        yield server


def _storm(gate: CallGate | None, account: PlatformAccountId) -> tuple[int, int]:
    """Let workers read while the platform is down; return what reached it in the first half, and in the second."""
    with _down() as server:
        pager = Pager(
            Transport(ClientOptions(base_url=server.url, token=lambda: "EAAToken", app_secret=lambda: None, gate=gate)),
            sleep=lambda _seconds: None,
        )
        turns, counts, lock = iter(range(_READS)), [0, 0], threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    turn = next(turns, None)
                    if turn == _READS // 2:
                        counts[0] = len(server.requests)
                if turn is None:
                    return
                with suppress(PlatformError):
                    AccountBook(pager).read(account)

        with ThreadPoolExecutor(_WORKERS) as pool:
            for worker in [pool.submit(work) for _ in range(_WORKERS)]:
                worker.result()
        counts[1] = len(server.requests) - counts[0]
    return counts[0], counts[1]


def _run(place: Place, trials: int, opened: Open) -> Outcome:
    books = gate_engine(place.database_url(), "experiment")
    violations: list[str] = []
    most = 0
    try:
        for number in range(trials):
            first, second = _storm(opened(books), PlatformAccountId(f"act_{number}"))
            most = max(most, first + second)
            if first + second > _MOST * _READS:
                violations.append(f"trial {number}: {first + second} calls where {_READS} are usual")
            elif second > first:
                violations.append(f"trial {number}: {first} calls in the first half, {second} in the second")
    finally:
        books.dispose()
    return Outcome(
        trials=trials, violations=tuple(violations), figures={"usual calls": float(_READS), "most calls": float(most)}
    )


GUARANTEE = Guarantee(
    id="I-24",
    statement="While the platform is down, calls of an account stay within 1.1 times the usual, repeats included, and "
    "decay: ten broken calls break their kind off, and repeats take tokens from a bucket of 20.",
    enforced_at="workers/gate.py: QuotaGate.enter, may_repeat (the rule: actions/quota.py: opens)",
    refuted_by="four workers want 200 reads of a platform that breaks every connection; what reaches it is counted",
    short=2,
    full=50,
    experiment=lambda place, trials: _run(place, trials, lambda books: QuotaGate(lambda: books, "meta", Mode.STUB)),
    weaker={"no budget of repeats and no breaker": lambda place, trials: _run(place, trials, lambda _books: None)},
    judge="the server that is called, by its own count",
    not_promised="emergency pauses go past the breaker; accounts are counted each for itself",
)
