"""The executor as it is, and two weaker ones that look reasonable: the harness must find fault with those."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from actions import precheck, steps
from actions.executor import Executor
from actions.send import Outcome, Postponed, Sending, Unknown, send
from actions.timing import Timing
from actions.writeahead import write_ahead
from domain.actions import Action, ActionState
from domain.ports import Client, ClientOptions
from meta_client import open_client
from models.accounts import Account
from tests.faults.cells import NOW

# Short, but in the order that real ones have: late commit (0.3) < quarantine; send + client deadline < lease.
TIMING = Timing(
    lease_s=2.5,
    send_deadline_s=1.0,
    client_deadline_s=1.0,
    quarantine_create_s=2.0,
    quarantine_update_s=2.0,
    held_wait_s=0.1,
    retry_wait_s=0.1,
)


class Standing:
    """The sandbox's clock, which stands still."""

    def now(self) -> datetime:
        return NOW

    def speed(self) -> float:
        return 0.0


class WithoutWriteAhead(Executor):
    """Sends first and writes down afterwards: who dies in between leaves a row that looks unsent."""

    def _carry_out(self, action: Action, account: Account, client: Client, now: datetime) -> ActionState:
        found = precheck.look(client.reader, account.platform_account_id, action, self._timing)
        self._checkpoint(steps.PRECHECKED)
        if not isinstance(found, precheck.Ready):
            return self._end_early(action, found)
        outcome = send(self._sending(account, client), action)
        if isinstance(outcome, Postponed):
            return self._recorder.release(action, outcome.reason, outcome.wait_s)
        sent = write_ahead(
            self._engine, action, now=now, owner=self._owner, limits=self._limits, timing=self._timing,
            checkpoint=self._checkpoint,
        )  # fmt: skip
        self._checkpoint(steps.WRITTEN_AHEAD)
        return self._conclude(sent, account, client.reader, outcome, now)

    def _sending(self, account: Account, client: Client) -> Sending:
        return Sending(
            engine=self._engine, writer=client.writer, account=account.platform_account_id, timing=self._timing,
            monotonic_s=self._monotonic_s, begun_s=self._monotonic_s(), checkpoint=self._checkpoint,
        )  # fmt: skip


class RetryUntilSuccess(WithoutWriteAhead):
    """Writes ahead, but takes an unknown outcome for a failure and sends again, as `max_retries` does."""

    def _carry_out(self, action: Action, account: Account, client: Client, now: datetime) -> ActionState:
        self._client, self._seen_at = client, now
        return Executor._carry_out(self, action, account, client, now)

    def _conclude(self, action: Action, account: Account, reader: Any, outcome: Outcome, sent_at: datetime):
        for _ in range(5):
            if not isinstance(outcome, Unknown):
                break
            outcome = send(self._sending(account, self._client), action)
        return Executor._conclude(self, action, account, reader, outcome, sent_at)


VARIANTS: dict[str, type[Executor]] = {
    "as it is": Executor,
    "without write-ahead": WithoutWriteAhead,
    "retry until success": RetryUntilSuccess,
}


def open_executor(
    variant: str, engine: Engine, *, graph: str, token: str, owner: str, checkpoint: Callable[[str], None]
) -> Executor:
    """Build a variant over the real client."""
    options = ClientOptions(base_url=graph, token=lambda: token, app_secret=lambda: None, read_timeout_s=10.0)
    client = open_client(options)
    return VARIANTS[variant](engine, lambda _: client, lambda _: Standing(), owner, TIMING, checkpoint)
