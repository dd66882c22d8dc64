"""I-7: delivering an action n times, also at once, does what delivering it once does."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from actions.executor import Executor
from domain.actions import ActionState
from domain.ports import Client, PlatformWriter, WriteRequest
from models.engine import make_engine
from tests.actions.fake_platform import FakePlatform
from tests.actions.stage import QUICK, budget, create, pause
from tests.faults.guarantee import Guarantee, Outcome, Place
from tests.faults.nemesis.stock import Stock, approved

_MOST = 10
_PROPOSALS = (budget(), pause(), create())
_BEFORE_MINOR = 10_000


@dataclass
class _Relative:
    """A writer that changes a budget by what the request means of it, as "+20 %" would."""

    inner: FakePlatform

    def write(self, account: Any, request: WriteRequest, *, deadline_s: float, not_after_s: float = inf) -> str:
        wanted = request.fields.get("daily_budget_minor")
        if isinstance(wanted, int) and request.object_id is not None:
            now = self.inner.objects[request.object_id]["daily_budget_minor"]
            request = replace(request, fields={"daily_budget_minor": now * wanted // _BEFORE_MINOR})
        return self.inner.write(account, request, deadline_s=deadline_s, not_after_s=not_after_s)

    def write_many(self, account: Any, requests: Any, **more: Any) -> Any:
        return [self.write(account, request, **more) for request in requests]


def _deliver(place: Place, trials: int, *, relative: bool = False) -> Outcome:
    engine = make_engine(place.database_url(), pool_size=_MOST)
    dice, violations = random.Random(place.seed), []
    try:
        with ThreadPoolExecutor(_MOST) as pool:
            for number in range(trials):
                proposal = _PROPOSALS[number // _MOST % len(_PROPOSALS)]
                stocked = approved(engine, f"act_{number + 1}", proposal)
                times = number % _MOST + 1
                violations += _one(stocked, times, dice.randint(1, times), pool, relative=relative)
    finally:
        engine.dispose()
    return Outcome(trials=trials, violations=tuple(violations), figures={"deliveries of each": f"1..{_MOST}"})


def _one(stocked: Stock, times: int, at_once: int, pool: ThreadPoolExecutor, *, relative: bool) -> list[str]:
    """Deliver the message n times, some at once; then let the wire deliver the request n times as well."""
    stage, action = stocked.stage, stocked.actions[0]
    platform = stage.platform
    writer: PlatformWriter = _Relative(platform) if relative else platform
    client = Client(reader=platform, writer=writer)  # type: ignore[arg-type]  # what the executor asks for
    executor = Executor(stage.engine, lambda _: client, lambda _: stage.clock, "x", QUICK)
    list(pool.map(executor.execute, [action.id] * at_once))
    for _ in range(times - at_once):
        stage.end_waits()
        executor.execute(action.id)
    told, found = f"{action.kind} delivered {times} times, {at_once} of them at once", []
    if stage.get(action).state is not ActionState.APPLIED:
        found.append(f"{told}: {stage.get(action).state}")
    if len(platform.requests) != 1 or len(platform.oracle) != 1:
        found.append(f"{told}: {len(platform.requests)} requests, {len(platform.oracle)} effects")
    (request, *_) = platform.requests
    if request.object_id is None:
        return found
    for _ in range(times - 1):
        writer.write(stage.account.platform_account_id, request, deadline_s=1.0)
    held = platform.objects[request.object_id]
    if any(held.get(name) != value for name, value in action.target.items()):
        found.append(f"{told}, by the wire too: left {held}, wanted {dict(action.target)}")
    return found


GUARANTEE = Guarantee(
    id="I-7",
    statement="Delivering an action n times, in turn or at once, does what delivering it once does; and a request that"
    " the wire delivers n times leaves what it would have left once, because every write is absolute.",
    enforced_at="models/ledger_claims.py: claim; actions/request.py",
    refuted_by="n = 1..10 deliveries of a budget, a pause or a create, a random number of them at once in threads; then"
    " the same request n times straight at the platform.",
    short=60,
    full=10_000,
    experiment=_deliver,
    weaker={"relative writes": lambda place, trials: _deliver(place, min(trials, 20), relative=True)},
    judge="the fake platform's oracle, requests and objects",
    not_promised="That a create which the wire repeats makes one object: the others carry the same token, are paused,"
    " and are listed as duplicates.",
)
