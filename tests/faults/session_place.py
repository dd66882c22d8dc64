"""The guarantees in the suite: each id is a test on the session's own servers; two files, so that two workers share."""

from tests.faults.found import load
from tests.faults.place import ScratchPlace
from tests.faults.running import try_all

SEED = 4  # the suite tries the same cases each time; `make guarantees` throws the dice


def stands(name: str, postgres_url: str, template: str, redis_url: str) -> None:
    """Run the short form of one experiment, or its form for the suite where it has one.

    Raises:
        AssertionError: it does not stand; the message says why.
    """
    with ScratchPlace(SEED, postgres=postgres_url, template=template, redis=redis_url) as place:
        held = load(name)
        result = try_all(held.in_suite or held, place, full=False)
    assert not result.faults, "\n".join(result.faults)
