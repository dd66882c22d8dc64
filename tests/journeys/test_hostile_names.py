"""Names that would redraw a terminal or run in a spreadsheet go through a whole cycle and are shown as plain text."""

import unicodedata
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from models.tables import ad_sets, campaigns
from tests.journeys.running import Machine

HOSTILE = '=HYPERLINK("http://evil.example","x")\nspend 0\x1b[2J\x1b]0;gone\x07\r\u202eevil\x9b2J'
_ALLOWED = "\n"
_TABLES = (
    ("status",),
    ("account", "list"),
    ("account", "show"),
    ("modules",),
    ("plan",),
    ("cycle", "last"),
    ("cycle", "history"),
    ("cycle", "step", "decisions"),
    ("cycle", "step", "api_actions"),
    ("actions", "list"),
    ("policy", "show"),
    ("approvals", "list"),
    ("edits", "list"),
    ("edits", "window"),
    ("audit", "show"),
    ("fence", "status"),
    ("user", "list"),
    ("level", "show"),
    ("quota", "show"),
    ("actions", "dead", "list"),
    ("actions", "orphans"),
    ("policy", "check"),
    ("digest",),
    ("undo", "cycle"),
    ("undo", "window", "--hours", "6"),
    ("sandbox", "faults", "list"),
    ("doctor",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """A machine on whose account every ad set and campaign carries a hostile name, and a cycle that met them."""

    machine: Machine
    cycle: Any


@pytest.fixture(scope="module")
def renamed(shared) -> Renamed:
    with shared.engine.connect() as conn:
        objects = [row.id for table in (ad_sets, campaigns) for row in conn.execute(select(table.c.id))]
    for number, object_id in enumerate(objects):
        shared.edit(object_id, name=f"{HOSTILE} {number}")
    shared.ask("policy", "set", "classic")  # which wants something of many objects at any time
    shared.ask("account", "set", "1", "--level", "auto")
    shared.advance(days=4)
    return Renamed(machine=shared, cycle=shared.cycle())


def test_a_cycle_acts_on_objects_with_such_names(renamed):
    cycle = renamed.cycle
    assert cycle["status"] == "succeeded"
    named = [row for row in cycle["actions"] if "HYPERLINK" in row["object_name"]]
    assert "applied" in {row["state"] for row in named}
    assert renamed.machine.comparison().agrees


@pytest.mark.parametrize("words", _TABLES, ids=" ".join)
def test_a_table_shows_no_control_character(renamed, words):
    done = renamed.machine.type(*words)
    assert done.returncode in {0, 1}, done.stderr
    assert _control_characters(done.stdout + done.stderr) == set()


def test_one_run_and_one_action_in_full_show_no_control_character(renamed):
    row = next(row for row in renamed.cycle["actions"] if "HYPERLINK" in row["object_name"])
    for words in (("cycle", "log", str(row["run_id"])), ("actions", "show", str(row["id"]))):
        shown = renamed.machine.type(*words)
        assert shown.returncode == 0
        assert "HYPERLINK" in shown.stdout or words[0] == "cycle"
        assert _control_characters(shown.stdout) == set()


def test_why_and_undo_of_such_an_object_show_no_control_character(renamed):
    row = next(row for row in renamed.cycle["actions"] if "HYPERLINK" in row["object_name"])
    for words in (("why", row["object_id"]), ("undo", "object", row["object_id"]), ("undo", "action", str(row["id"]))):
        shown = renamed.machine.type(*words)
        assert shown.returncode in {0, 1}, shown.stderr
        assert "HYPERLINK" in shown.stdout, words
        assert _control_characters(shown.stdout + shown.stderr) == set()


def test_no_cell_begins_like_a_formula(renamed):
    shown = renamed.machine.type("actions", "list").stdout
    assert "=HYPERLINK" in shown
    assert not [line for line in shown.splitlines() if line.lstrip().startswith("=")]


def test_json_says_the_name_in_escapes(renamed):
    done = renamed.machine.type("actions", "list", "--json")
    assert "HYPERLINK" in done.stdout
    assert _control_characters(done.stdout) == set()


def test_logs_and_terminal_hold_no_control_character_of_a_name(renamed):
    logs = "".join(path.read_text(errors="replace") for path in (renamed.machine.home / "logs").glob("*.log"))
    assert "\x1b[2J" not in logs + renamed.machine.said
    assert "\x9b" not in logs + renamed.machine.said


def _control_characters(text: str) -> set[str]:
    return {char for char in text if unicodedata.category(char) in {"Cc", "Cf"} and char not in _ALLOWED}
