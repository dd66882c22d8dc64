"""Every reading command, on an empty and on a filled database: one JSON document, and tables that nobody can abuse."""

import pytest

from cli.console import cell, print_json, safe

READS = {
    "account list": "accounts",
    "actions list": "actions",
    "cycle history": "runs",
    "modules": "modules",
    "status": "processes",
}
READS_OF_ONE = {
    "account show": "account",
    "actions show 1": "events",
    "cycle last": "run",
    "cycle log 1": "log",
    "policy show": "body",
    "policy show --history 3": "history",
}


@pytest.mark.parametrize("words", READS)
def test_on_an_empty_database_a_list_is_one_document_with_an_empty_list(on_database, words):
    done = on_database(*words.split(), "--json")
    assert done.code == (1 if words == "status" else 0)
    rows = done.document[READS[words]]
    assert (len(rows) > 17) if words == "modules" else rows == []


@pytest.mark.parametrize("words", READS_OF_ONE)
def test_on_an_empty_database_asking_for_one_thing_says_that_it_is_not_there(on_database, words):
    done = on_database(*words.split(), "--json")
    assert done.code in (1, 2)
    assert done.document["error"]["problems"]


@pytest.mark.parametrize("words", READS | READS_OF_ONE)
def test_on_a_filled_database_json_is_one_document(on_database, filled, words):
    done = on_database(*words.split(), "--json")
    assert (READS | READS_OF_ONE)[words] in done.document
    assert done.code == (1 if words == "status" else 0)
    assert _is_harmless(done.out)


@pytest.mark.parametrize("words", READS | READS_OF_ONE)
def test_tables_show_names_and_obey_none(on_database, filled, words):
    done = on_database(*words.split())
    assert _is_harmless(done.out + done.err)
    assert done.out.strip()


def test_a_name_keeps_its_letters_and_shows_its_control_characters(on_database, filled):
    shown = on_database("account", "show").out
    assert r"\nSummer \x1b[2Jsale \u202e\x9b31m" in shown


def test_a_cell_that_a_spreadsheet_would_run_is_defused():
    assert [cell(text) for text in ("=cmd", "+1", "@a", " =b", "-5.00 EUR", "a=b")] == [
        *("'=cmd", "'+1", "'@a", "' =b", "-5.00 EUR", "a=b")
    ]


def test_a_word_that_folding_may_put_at_the_start_of_a_line_is_defused_too():
    """An ad set named "=HYPERLINK(...)" stood alone on the second line of its cell."""
    shown = [cell(text) for text in ("ad set =HYPERLINK(1) =b", "by @cmd", "then +cmd|1", "budget +30 %: 1 = 1, a=b")]
    assert shown == ["ad set '=HYPERLINK(1) '=b", "by '@cmd", "then '+cmd|1", "budget +30 %: 1 = 1, a=b"]


def test_safe_makes_one_line_of_everything():
    assert safe("a\nb\tc\x1b]0;x\x07é漢") == r"a\nb\tc\x1b]0;x\x07é漢"


def test_json_keeps_letters_and_escapes_what_a_terminal_would_obey(capsys):
    print_json({"name": "é\u009b31m\u202e", "ratio": float("nan")})
    out = capsys.readouterr().out
    assert '"é\\u009b31m\\u202e"' in out
    assert '"ratio": null' in out


def test_an_action_is_shown_with_evidence_verdicts_and_events(on_database, filled):
    document = on_database("actions", "show", "1", "--json").document
    assert document["action"]["evidence"]["roas"] == 3.4
    assert document["machinery"]["verdicts"][0]["guardrail"] == "step"
    assert [event["after"] for event in document["events"]] == ["proposed", "approved"]


def test_lists_are_narrowed_by_state_account_and_limit(on_database, filled):
    def ids(*words: str) -> list[int]:
        return [row["id"] for row in on_database("actions", "list", *words, "--json").document["actions"]]

    assert ids() == [2, 1]
    assert ids("--state", "blocked") == [2]
    assert ids("--limit", "1", "--account", "act_1001") == [2]


def test_budgets_are_shown_as_amounts_of_the_account(on_database, filled):
    assert "budget 40.00 EUR → 48.00 EUR" in on_database("actions", "list").out


def test_history_shows_a_run_with_its_outcome_and_the_log_its_steps(on_database, filled):
    assert "succeeded" in on_database("cycle", "history").out
    assert "step_2_decisions" in on_database("cycle", "log", "1").out


def test_the_catalogue_tells_built_from_planned(on_database):
    rows = {row["slug"]: row for row in on_database("modules", "--json").document["modules"]}
    assert rows["meta.full_cycle"]["state"] == "built"
    assert rows["meta.full_cycle"]["id"] == "10.11"
    assert rows["meta.full_cycle"]["desired"] == "running"
    assert rows["meta.targeting"]["state"] == "planned"
    assert rows["meta.targeting"]["desired"] == ""


def _is_harmless(text: str) -> bool:
    return all(char.isprintable() or char == "\n" for char in text) and "\n=" not in text
