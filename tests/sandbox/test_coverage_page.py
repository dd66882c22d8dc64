"""The page of what the sandbox answers: no row without a word, and calls that hold others have their own lines."""

from itertools import pairwise
from pathlib import Path

from sandbox.meta import coverage
from sandbox.meta.insights.support import DIFFERENCES
from sandbox.meta.insights.tables import InsightTables
from sandbox.meta.routes import all_routes

NOBODY = Path("no client was seen")


def drawn() -> dict[str, dict[str, str]]:
    """The page's tables by their titles: what the first column names, and the note beside it."""
    tables: list[dict[str, str]] = []

    def table(_, rows):
        tables.append({str(row[0]): str(row[1]) for row in rows})
        return f"table {len(tables) - 1}"

    parts = coverage.page(table, NOBODY)[1]
    titles = [part.splitlines()[0].removeprefix("## ") for part in parts]
    return {
        title: tables[int(after.removeprefix("table "))]
        for title, after in pairwise(titles)
        if after.startswith("table ") and not title.startswith("table ")
    }


def test_every_row_says_what_of_it_is_there():
    assert [route.key for route in all_routes(InsightTables()) if not route.note] == []


def test_batches_and_several_ids_have_lines_of_their_own():
    notes = drawn()["Several calls in one"]
    assert "50" in notes["`POST /` with `batch`"]
    assert "v26.0" in notes["`GET /?ids=`, `GET /{edge}?ids=`"]


def test_where_insights_knowingly_differ_is_told():
    told = coverage.page(lambda _, rows: str(len(list(rows))), NOBODY)[1][-1]
    assert all(text in told for text in DIFFERENCES)


def test_each_call_stands_with_its_note_under_its_thing():
    page = drawn()
    for route in all_routes(InsightTables()):
        if route.of == "account":
            path = f"/act_{{account}}/{route.edge}".rstrip("/")
            assert page["The ad account"][f"`{route.method} {path}`"] == route.note.replace("|", "/")
