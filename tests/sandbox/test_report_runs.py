"""Asynchronous reports: made by POST, watched until they end, read page by page from the reading at their end."""

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.process import SandboxProcess, start
from tests.sandbox.stranger import FIGURES, START, Stranger, open_shop, scenario

WEEK = {"level": "ad", "date_preset": "last_7d", "time_increment": "1", "fields": json.dumps(FIGURES.split(","))}


def make(stranger: Stranger, path: str | None = None, **params: str) -> str:
    answer = stranger.post(f"{path or stranger.account}/insights", **{**WEEK, **params})
    assert answer.keys() == {"report_run_id"}
    return str(answer["report_run_id"])


def finish(stranger: Stranger, run: str) -> dict[str, Any]:
    for _ in range(10):
        told = stranger.get(run)
        if not told["is_running"]:
            return told
    raise AssertionError(told)


def script(stranger: Stranger, **line: Any) -> None:
    stranger.process.ask("POST", "/faults", {"script": [line]})


def test_a_run_tells_all_of_itself_without_fields_and_only_what_is_asked_with_them(stranger: Stranger) -> None:
    run = make(stranger)
    told = stranger.get(f"{run}/")
    assert told.keys() == {"id", "account_id", "time_ref", "time_completed", "async_status", "async_percent_completion",
                           "is_running", "date_start", "date_stop"}  # fmt: skip
    assert (told["id"], told["account_id"]) == (run, stranger.account.removeprefix("act_"))
    assert (told["date_start"], told["date_stop"]) == ("2026-11-13", "2026-11-19")
    fields = "async_status,async_percent_completion,level"
    assert stranger.get(run, fields=fields).keys() == {"id", "async_status", "async_percent_completion", "level"}
    assert stranger.refused("GET", run, fields="colour") == (100, None)


def test_a_run_advances_with_each_poll_while_the_clock_stands(stranger: Stranger) -> None:
    run = make(stranger)
    seen = [stranger.get(run) for _ in range(4)]
    assert [told["async_status"] for told in seen] == ["Job Running", *["Job Completed"] * 3]
    assert [told["async_percent_completion"] for told in seen] == [50, 100, 100, 100]
    assert seen[0]["time_completed"] == 0
    assert seen[1]["time_completed"] >= seen[1]["time_ref"] > 0


@pytest.mark.parametrize("of", ["account", "campaigns", "adsets", "ads"])
def test_the_rows_of_a_run_are_those_of_the_same_synchronous_call(stranger: Stranger, of: str) -> None:
    path = stranger.account if of == "account" else stranger.rows(f"{stranger.account}/{of}", fields="name")[-1]["id"]
    run = make(stranger, path)
    finish(stranger, run)
    expected = stranger.insights(path, **WEEK)
    assert expected
    for limit in (3, 500):
        assert stranger.rows(f"{run}/insights", limit=limit) == expected


def test_the_links_of_a_run_s_pages_lead_to_the_run_and_repeat_no_parameters(stranger: Stranger) -> None:
    run = make(stranger)
    finish(stranger, run)
    page = stranger.get(f"{run}/insights", limit=2)
    assert page["paging"]["next"].startswith(f"{stranger.process.graph}/v26.0/{run}/insights?")
    assert "time_increment" not in page["paging"]["next"]


def test_rows_that_are_asked_for_too_early_are_refused(stranger: Stranger) -> None:
    run = make(stranger)
    assert stranger.refused("GET", f"{run}/insights") == (2601, 1815107)
    finish(stranger, run)
    assert stranger.call("GET", f"{run}/insights").ok


def test_what_a_synchronous_call_would_refuse_makes_no_run(stranger: Stranger) -> None:
    before = stranger.effects()
    for params in ({"fields": "colour"}, {"date_preset": "whenever"}, {"level": "planet"}, {"time_range": "x"},
                   {"breakdowns": "platform_position"}):  # fmt: skip
        assert stranger.refused("POST", f"{stranger.account}/insights", **params)[0] == 100
    error = stranger.call("POST", f"{stranger.account}/insights", data={"export_format": "csv"}).json()["error"]
    assert "export_format" in error["message"]
    assert stranger.effects() == before


def test_a_run_of_nothing_has_no_rows_and_no_cursors(stranger: Stranger) -> None:
    paused = stranger.new_campaign()
    run = make(stranger, paused)
    finish(stranger, run)
    assert stranger.get(f"{run}/insights") == {"data": []}


@pytest.mark.parametrize("version", ["/v24.0", "/v25.0", "/v26.0"])
def test_a_run_that_fails_says_why_from_v25_on(stranger: Stranger, version: str) -> None:
    script(stranger, do="report_fails")
    run = make(stranger)
    told = finish(stranger, run)
    assert told["async_status"] == "Job Failed"
    assert told["async_percent_completion"] < 100
    shown = stranger.call("GET", run, version=version).json()
    if version == "/v24.0":
        assert not [name for name in shown if name.startswith("error_")]
    else:
        assert (shown["error_code"], shown["error_subcode"]) == (-2, 2490547)
        assert shown["error_message"]
        assert shown["error_user_title"]
        assert shown["error_user_msg"]
    assert stranger.refused("GET", f"{run}/insights") == (-2, 2490547)


def test_a_script_chooses_how_a_run_ends(stranger: Stranger) -> None:
    script(stranger, do="report_fails", code=2, subcode=1504043)
    assert finish(stranger, make(stranger))["error_subcode"] == 1504043
    script(stranger, do="report_skipped")
    told = finish(stranger, make(stranger))
    assert (told["async_status"], told["async_percent_completion"]) == ("Job Skipped", 0)
    script(stranger, do="report_stalls")
    run = make(stranger)
    assert {stranger.get(run)["async_status"] for _ in range(20)} == {"Job Running"}
    assert finish(stranger, make(stranger))["async_status"] == "Job Completed"


def test_a_fault_may_be_about_polls_alone(stranger: Stranger) -> None:
    script(stranger, do="error_5xx", match={"kind": "report_run"})
    run = make(stranger)
    assert stranger.call("GET", run).status_code == 500
    assert finish(stranger, run)["async_status"] == "Job Completed"


def own_shop(folder: Path, **more: Any) -> SandboxProcess:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "own.json"
    file.write_text(json.dumps({**scenario(), **more}), encoding="utf-8")
    return start(folder / "data", scenario=str(file), speed=0, start_at=START)


def test_a_run_keeps_the_platform_s_time(tmp_path: Path) -> None:
    with own_shop(tmp_path, reports={"seconds": 600}) as process:
        stranger = Stranger(process)
        run, seen = make(stranger), []
        for minutes in (0.55, 2.5, 2, 5.1):
            stranger.advance(minutes=minutes)
            seen.append(stranger.get(run, fields="async_status,async_percent_completion"))
        assert [told["async_percent_completion"] for told in seen] == [5, 30, 50, 100]
        assert [told["async_status"] for told in seen] == ["Job Started", "Job Running", "Job Running", "Job Completed"]


def test_the_share_of_runs_that_fails_is_drawn_from_the_seed(tmp_path: Path) -> None:
    ends = []
    for name in ("one", "two"):
        with own_shop(tmp_path / name, reports={"failed_share": 0.5}) as process:
            stranger = Stranger(process)
            ends.append([finish(stranger, make(stranger))["async_status"] for _ in range(12)])
    assert ends[0] == ends[1]
    assert set(ends[0]) == {"Job Completed", "Job Failed"}


def test_what_is_too_large_fails_with_its_own_error(tmp_path: Path) -> None:
    with own_shop(tmp_path, reports={"most_rows": 3}) as process:
        stranger = Stranger(process)
        told = finish(stranger, make(stranger))
        assert (told["async_status"], told["error_code"], told["error_subcode"]) == ("Job Failed", -3, 1504045)


def test_a_run_holds_its_reading_through_a_kill_and_is_gone_after_thirty_days(tmp_path: Path) -> None:
    with open_shop(tmp_path) as process:
        stranger = Stranger(process)
        run = make(stranger, date_preset="today")
        finish(stranger, run)
        rows = stranger.rows(f"{run}/insights", limit=2)
        stranger.advance(hours=5)
        open_run = make(stranger)
        process.kill()
        process.restart()
        assert stranger.get(run)["async_status"] == "Job Completed"
        assert stranger.rows(f"{run}/insights", limit=2) == rows
        assert stranger.insights(**{**WEEK, "date_preset": "today"}) != rows
        assert finish(stranger, open_run)["async_status"] == "Job Completed"
        stranger.advance(days=31)
        assert stranger.refused("GET", run) == (100, 33)
        assert stranger.refused("GET", f"{run}/insights") == (100, 33)
