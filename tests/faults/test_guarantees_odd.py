"""Every other guarantee stands, and each of its weaker variants is caught."""

import pytest

from tests.faults import found
from tests.faults.session_place import stands


@pytest.mark.parametrize("name", found.names()[1::2])
def test_the_guarantee_stands_and_the_harness_can_fail(name, postgres_url, migrated_template, redis_url):
    stands(name, postgres_url, migrated_template, redis_url)
