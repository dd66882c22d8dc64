"""How long the door waits for what, and that these spans fit into each other. No clock is read here."""

from dataclasses import dataclass

from domain.actions import CREATES, ActionKind, Mode
from domain.platforms import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Spans in real seconds. What is counted on Postgres' clock is sent there as a span, never as an instant.

    The order that everything rests on: a send begins before `send_deadline_s`, ends within `client_deadline_s`, and
    both are over before the lease is; nobody looks for its effect before the quarantine is over.
    """

    lease_s: float = 60.0
    send_deadline_s: float = 5.0  # from the write-ahead to the socket
    client_deadline_s: float = 25.0  # total for one write, after which the socket is closed
    quarantine_create_s: float | None = None  # None = the platform's trait
    quarantine_update_s: float | None = None
    quarantine_stub_s: float | None = None  # of accounts of the sandbox, whose effects are never that late
    approval_life_s: float = 3600.0  # an action that could not be sent for so long is cancelled: the world moved on
    held_wait_s: float = 30.0  # fence closed, account paused, client not ready
    retry_wait_s: float = 2.0  # nothing left this machine, or a read failed; doubles with each attempt
    retry_wait_most_s: float = 300.0
    find_margin_s: float = 300.0  # a create is searched from that long before its write-ahead, for skewed clocks
    most_crashes: int = 3

    def __post_init__(self) -> None:
        if self.send_deadline_s + self.client_deadline_s >= self.lease_s:
            raise ValueError(
                f"a send may last {self.send_deadline_s + self.client_deadline_s:g} s, which must be under the lease of"
                f" {self.lease_s:g} s"
            )

    def quarantine_s(self, kind: ActionKind, platform: Platform, mode: Mode = Mode.LIVE) -> float:
        """How long an unknown outcome of the kind may still surface."""
        if mode is Mode.STUB and self.quarantine_stub_s is not None:
            return self.quarantine_stub_s
        if kind in CREATES:
            own, trait = self.quarantine_create_s, platform.quarantine_create
        else:
            own, trait = self.quarantine_update_s, platform.quarantine_update
        return trait.total_seconds() if own is None else own

    def backoff_s(self, attempts: int) -> float:
        """How long to wait after the n-th attempt that led nowhere."""
        return float(min(self.retry_wait_most_s, self.retry_wait_s * 2 ** min(max(0, attempts - 1), 16)))
