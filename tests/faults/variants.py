"""The executor as it is, and weaker ones that look reasonable: the harness must find fault with those.

A variant changes what the executor stands on - its writer, its timing, the row that it finds - and not its code.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text

from actions.executor import Executor
from actions.timing import Timing
from domain.actions import ActionState
from domain.errors import PlatformError, UnknownOutcomeError
from domain.ids import ActionId
from domain.ports import Client, ClientOptions, PlatformWriter
from meta_client import open_client
from tests.faults.cells import NOW

# Short, but in the order that real ones have: late commit (0.3) < quarantine; send + client deadline < lease.
TIMING = Timing(
    lease_s=4.5,
    send_deadline_s=3.0,  # a traced executor on a busy machine must keep it, or nothing is sent
    client_deadline_s=1.0,
    quarantine_create_s=2.0,
    quarantine_update_s=2.0,
    held_wait_s=0.1,
    retry_wait_s=0.1,
)
NO_QUARANTINE = replace(TIMING, quarantine_create_s=0.0, quarantine_update_s=0.0)
_TRIES = 5
_UNSEND = text(
    "UPDATE actions SET state = 'approved', lease_owner = NULL, lease_until = NULL, next_at = clock_timestamp()"
    " WHERE id = :id AND state = 'sent' AND lease_until <= clock_timestamp()"
)


class Standing:
    """The sandbox's clock, which stands still."""

    def now(self) -> datetime:
        return NOW

    def speed(self) -> float:
        return 0.0


@dataclass
class RetryUntilSuccess:
    """A writer that takes an unknown outcome for a failure and sends again, as `max_retries` does."""

    inner: PlatformWriter

    def write(self, *arguments: Any, **more: Any) -> str:
        for _ in range(_TRIES - 1):
            try:
                return self.inner.write(*arguments, **more)
            except UnknownOutcomeError:
                continue
        return self.inner.write(*arguments, **more)

    def write_many(self, account: Any, requests: Sequence[Any], **more: Any) -> Sequence[str | PlatformError]:
        answers = list(self.inner.write_many(account, requests, **more))
        for _ in range(_TRIES - 1):
            doubtful = [place for place, answer in enumerate(answers) if isinstance(answer, UnknownOutcomeError)]
            if not doubtful:
                break
            again = self.inner.write_many(account, [requests[place] for place in doubtful], **more)
            for place, answer in zip(doubtful, again, strict=True):
                answers[place] = answer
        return answers


class WithoutWriteAhead(Executor):
    """Takes a row that a dead executor left as sent for unsent, as if nothing had been written before the send."""

    def execute(self, action_id: ActionId) -> ActionState:
        with self._engine.begin() as conn:
            conn.execute(_UNSEND, {"id": action_id})
        return super().execute(action_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """How the protocol is weakened."""

    executor: type[Executor] = Executor
    writer: Callable[[PlatformWriter], PlatformWriter] = lambda inner: inner
    timing: Timing = TIMING


VARIANTS: dict[str, Variant] = {
    "as it is": Variant(),
    "without write-ahead": Variant(executor=WithoutWriteAhead),
    "retry until success": Variant(writer=RetryUntilSuccess),
    "without quarantine": Variant(timing=NO_QUARANTINE),
}


def open_executor(
    variant: str, engine: Engine, *, graph: str, token: str, owner: str, checkpoint: Callable[[str], None]
) -> Executor:
    """Build a variant over the real client."""
    options = ClientOptions(base_url=graph, token=lambda: token, app_secret=lambda: None, read_timeout_s=10.0)
    return weaken(variant, engine, open_client(options), owner=owner, checkpoint=checkpoint)


def weaken(
    variant: str, engine: Engine, client: Client, *, owner: str, checkpoint: Callable[[str], None] = lambda _: None
) -> Executor:
    """Build a variant over any client."""
    return weaken_for(variant, engine, client, VARIANTS[variant].timing, owner=owner, checkpoint=checkpoint)


def weaken_for(
    variant: str,
    engine: Engine,
    client: Client,
    timing: Timing,
    *,
    owner: str,
    checkpoint: Callable[[str], None] = lambda _: None,
) -> Executor:
    """Build a variant over any client, at a timing of the caller's."""
    chosen = VARIANTS[variant]
    used = Client(reader=client.reader, writer=chosen.writer(client.writer))
    return chosen.executor(engine, lambda _: used, lambda _: Standing(), owner, timing, checkpoint)
