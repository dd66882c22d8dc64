"""The kill matrix on protocols that look reasonable: a harness that finds nothing there would prove nothing."""

from pathlib import Path

import pytest

from tests.faults import matrix
from tests.faults.cells import all_cells


@pytest.mark.parametrize("variant", ["without write-ahead", "retry until success"])
def test_the_same_harness_finds_two_effects_under_a_weaker_protocol(database_url: str, tmp_path: Path, variant: str):
    report = matrix.show(variant, database_url, tmp_path, all_cells())
    assert any(verdict.violation == "more than one effect" for verdict in report.violations)
