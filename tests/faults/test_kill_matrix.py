"""SIGKILL between every two steps of the send protocol, under every fate of the write: enumerated, judged by the
platform's own log. `make kill-matrix` prints the tables.
"""

from pathlib import Path

from actions.executor import STEPS
from tests.faults import matrix
from tests.faults.cells import KINDS, MATRIX_FATES, all_cells, twice_killed

MOST_AGAIN = 3  # on a busy machine a deadline may be over before a cell comes to its step


def test_whatever_dies_when_nothing_happens_twice_and_the_ledger_tells_the_truth(database_url: str, tmp_path: Path):
    report = matrix.show("as it is", database_url, tmp_path, all_cells(), most_again=MOST_AGAIN)
    assert len(report.verdicts) == len(STEPS) * len(MATRIX_FATES) * len(KINDS)
    assert all(verdict.died_as_told for verdict in report.verdicts), "a step was not reached: its cell shows nothing"
    assert report.violations == ()


def test_so_it_is_when_the_recovery_dies_too(database_url: str, tmp_path: Path):
    cells = twice_killed()
    report = matrix.show("as it is", database_url, tmp_path, cells, most_again=MOST_AGAIN)
    assert len(report.verdicts) == len(cells)
    assert all(verdict.died_as_told for verdict in report.verdicts), "a step was not reached: its cell shows nothing"
    assert report.violations == ()
