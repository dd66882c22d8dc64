"""Every fault that we say is survived names tests and experiments that are there."""

import ast
from pathlib import Path

import pytest

from tests.faults import found
from tests.faults.survived import ROWS

_ROOT = Path(__file__).parents[2]
_EXPERIMENTS = {f"I-{int(name[1:3])}" for name in found.names()}


def _tests_in(path):
    tree = ast.parse((_ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fault)
def test_what_shows_it_is_there(row):
    named = [shown.partition("::") for shown in row.shown_by if not shown.startswith("I-")]

    assert row.shown_by
    assert {shown for shown in row.shown_by if shown.startswith("I-")} <= _EXPERIMENTS
    assert [test for path, _, test in named if test not in _tests_in(path)] == []
