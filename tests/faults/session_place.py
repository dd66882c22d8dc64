"""The guarantees in the suite: each id is a test on the session's own servers; two files, so that two workers share."""

from tests.faults.found import load
from tests.faults.place import ScratchPlace
from tests.faults.running import try_all

SEED = 4  # the suite tries the same cases each time; `make guarantees` throws the dice


def stands(name: str, postgres_url: str, template: str, redis_url: str) -> None:
    """Run the short form of one experiment.

    Raises:
        AssertionError: it does not stand; the message says why.
    """
    with ScratchPlace(SEED, postgres=postgres_url, template=template, redis=redis_url) as place:
        result = try_all(load(name), place, full=False)
    assert result.faults == ()
