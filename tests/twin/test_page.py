"""The page of the decision benchmarks: bars first, tables as they are, what is missing said."""

import json

import numpy as np
import pytest

from benchmarks.decisions import page
from benchmarks.decisions.__main__ import PARTS, is_built

PART = {
    "title": "A part",
    "commit": "abc123",
    "bars": [
        {"bar": "gain > 0", "met": True, "figure": "+3"},
        {"bar": "regret | share", "met": False, "figure": "40 %"},
    ],
    "rows": [{"policy": "hold", "profit": 0.12345, "seeds": 20}, {"policy": "classic", "profit": 1234.5, "seeds": 20}],
    "curves": {"hold": [1.0] * 60},
    "notes": ["Where it is worse, it says so."],
}


def test_the_page_has_bars_tables_notes_and_what_is_missing():
    parts = {"system": PART, "speed": {"title": "speed", "missing": "not built"}}
    text = page.compose({"command": "python -m x", "parts": parts}, {"system": ["a.png"]}, order=("system", "speed"))
    assert "| system | regret \\| share | 40 % | **missed** |" in text
    assert "| hold | 0.123 | 20 |" in text
    assert "| classic | 1,234 | 20 |" in text
    assert "![a](a.png)" in text
    assert "- Where it is worse, it says so." in text
    assert "not built" in text
    assert "`python -m benchmarks.decisions system` at commit `abc123`" in text
    assert "used for tuning.*" not in text
    assert text.index("## Bars") < text.index("## A part")


def test_a_part_on_a_tuning_seed_says_so():
    part = PART | {"is_for_tuning": True, "seed": 7}
    text = page.compose({"command": "python -m x", "parts": {"system": part}}, {}, order=("system",))
    assert "*On seed 7, which was used for tuning.*" in text


def test_results_are_plain_json_without_nan():
    found = page.plain({"a": np.float64(1 / 3), "b": [float("nan"), np.int64(3)], "c": np.arange(2)})
    assert json.dumps(found) == '{"a": 0.33333, "b": [null, 3], "c": [0, 1]}'


def test_a_part_run_alone_keeps_the_others_results(tmp_path):
    page.write(tmp_path, {"command": "c", "parts": {"system": PART}}, {}, order=("system",))
    assert page.kept(tmp_path)["system"]["title"] == "A part"
    assert page.kept(tmp_path / "nowhere") == {}


@pytest.mark.parametrize("name", PARTS)
def test_a_built_part_speaks_the_interface(name):
    if is_built(name):
        import importlib

        part = importlib.import_module(f"benchmarks.decisions.{name}")
        assert isinstance(part.NAME, str)
        assert callable(part.run)
        assert callable(part.plots)
