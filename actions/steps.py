"""The named steps of the send protocol, in order: where tests kill the executor, and what the docs are drawn from."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

Checkpoint = Callable[[str], None]

CLAIMED = "claimed"
PRECHECKED = "prechecked"
RESERVED = "reserved"
WRITTEN_AHEAD = "written_ahead"
FENCED = "fenced"
ANSWERED = "answered"
RELEASED = "released"
READ_BACK = "read_back"
NOTED = "noted"
RECORDED = "recorded"

# Each name is called right after what it says, and before anything else happens.
MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        CLAIMED: "the row is ours for the length of the lease (committed)",
        PRECHECKED: "the platform was read: the object still is what the decision was made on",
        RESERVED: "guardrails judged again, budget reserved, row marked sent (not committed yet)",
        WRITTEN_AHEAD: "the same, committed: from here on the platform may have it",
        FENCED: "the fence's shared lock is held, the fence is open, the deadline not missed; no byte left yet",
        ANSWERED: "the platform answered, or the call failed; the fence's lock is still held",
        RELEASED: "the fence's lock is free",
        READ_BACK: "the platform was read again",
        NOTED: "outcome, event, reservation and mirror written (not committed yet)",
        RECORDED: "the same, committed",
    }
)
STEPS: tuple[str, ...] = tuple(MEANINGS)


def pass_by(step: str) -> None:
    """Do nothing at a step, as everywhere but in tests."""
