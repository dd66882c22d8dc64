"""How properties are drawn: the suite takes the same examples each time, `make fuzz` new ones, and many more of fuzzes.

So what fails in CI fails again at home; what fails in `make fuzz` is printed with a `@reproduce_failure` to repeat it.
"""

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("FUZZ", "1"))


def set_up() -> None:
    """Set what holds for every property; how fast a machine is says nothing of one."""
    settings.register_profile(
        "stakazo",
        derandomize="FUZZ" not in os.environ,
        deadline=None,
        print_blob=True,
        suppress_health_check=(HealthCheck.function_scoped_fixture, HealthCheck.too_slow),  # fixtures may be shared
    )
    settings.load_profile("stakazo")


def examples(most: int) -> settings:
    """So many examples, or `FUZZ` times as many."""
    odd = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large)
    return settings(max_examples=most * TIMES, suppress_health_check=odd)
