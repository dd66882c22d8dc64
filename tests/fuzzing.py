"""How long a fuzz runs: a few examples for each fact in the suite, `FUZZ` times as many in `make fuzz`. No facts.

The suite takes other examples every time; what failed is printed as the call of `@reproduce_failure` that repeats it.
"""

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("FUZZ", "1"))


def examples(most: int) -> settings:
    """So many examples, or `FUZZ` times as many; a fixture may be shared by them."""
    shared = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large)
    return settings(max_examples=most * TIMES, deadline=None, print_blob=True, suppress_health_check=shared)
