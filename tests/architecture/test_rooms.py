"""The rooms are those the contracts know, and imports between them are as the contracts say."""

import ast
import subprocess
import sys
from pathlib import Path

from tests.architecture.source import (
    NOT_ROOMS,
    ROOT,
    folders_with_python,
    import_linter_rooms,
    imported,
    name_of,
    room_files,
    tree,
)


def test_every_folder_with_python_is_a_room_under_contract():
    """import-linter cannot see a root package that nobody listed."""
    assert folders_with_python() - NOT_ROOMS == import_linter_rooms()


def test_the_import_contracts_are_kept():
    found = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout[-3000:] + found.stderr[-1000:]


def test_the_schedule_imports_only_the_vocabulary_and_celerys_schedules():
    """import-linter cannot see a module that is a single file at the root."""
    foreign = {
        name
        for name in imported(ROOT / "beat_schedule.py")
        if name.split(".")[0] not in sys.stdlib_module_names | {"domain"} and not name.startswith("celery.schedules")
    }
    assert foreign == set()


def test_one_decision_never_imports_another():
    rules = [path for path in (ROOT / "decisions").glob("*.py") if _defines(path, "decide") and path.stem != "registry"]
    assert len(rules) >= 4
    names = {f"decisions.{path.stem}" for path in rules}
    assert [name_of(path) for path in rules if imported(path) & names] == []


def test_one_guardrail_never_imports_another():
    rules = [
        path
        for path in (ROOT / "actions" / "guardrails").glob("*.py")
        if _defines(path, "judge") and path.stem != "__init__"
    ]
    assert len(rules) >= 13
    names = {f"actions.guardrails.{path.stem}" for path in rules}
    assert [name_of(path) for path in rules if imported(path) & names] == []


def test_pure_rooms_read_no_clock_and_throw_no_dice():
    """Time, ids and randomness are arguments there."""
    banned = {"time", "random", "secrets", "uuid", "os", "pathlib", "socket", "subprocess", "threading", "logging"}
    pure = ("domain/", "decisions/", "estimators/", "actions/guardrails/", "actions/arbiter.py")
    found = {
        (name_of(path), module)
        for path in room_files()
        if name_of(path).startswith(pure)
        for module in {name.split(".")[0] for name in imported(path)} & banned
    }
    assert found == set()


def test_every_file_opens_by_saying_what_lives_there():
    assert [name_of(path) for path in room_files() if not ast.get_docstring(tree(path))] == []


def _defines(path, function):
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in tree(path).body)
