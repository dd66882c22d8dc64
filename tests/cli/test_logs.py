"""`stakazo logs`: events of all processes in one order, picked by what they are about, also when nothing else works."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import NASTY, Run
from workers.log_lines import Wanted, follow


def _line(ts: str, event: str, **fields: object) -> str:
    return json.dumps({"event": event, "level": "info", "ts": f"2026-11-21T10:00:{ts}Z", **fields}) + "\n"


def _append(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    logs = tmp_path / "home" / "logs"
    logs.mkdir(parents=True)
    (logs / "tower.log").write_text(_line("02", "stop ordered", stop=4) + _line("04", "rung", run=7))
    (logs / "worker-cycles.log.1").write_text("cut}\n" + _line("01", "run began", run=7))
    (logs / "worker-cycles.log").write_text(
        "celery@vm ready.\n" + _line("03", "run ended", run=7, name=NASTY) + _line("05", "run ended", run=8)
    )
    (logs / "worker-actions.log").write_text(_line("06", "boom", level="error", action=5, exception="Traceback\nOops"))
    return logs


@pytest.mark.usefixtures("folder")
def test_lines_of_all_processes_come_in_the_order_in_which_they_happened(stakazo: Run) -> None:
    told = stakazo("logs").out
    places = [told.index(event) for event in ("run began", "stop ordered", "rung", "boom")]
    assert places == sorted(places)
    assert "ready" not in told
    assert "\x1b[2J" not in told


@pytest.mark.usefixtures("folder")
def test_a_run_is_followed_through_every_process_and_a_turned_over_file(stakazo: Run) -> None:
    done = stakazo("logs", "--run", "7", "--json")
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [(row["process"], row["event"]) for row in rows] == [
        ("worker-cycles", "run began"), ("worker-cycles", "run ended"), ("tower", "rung"),
    ]  # fmt: skip


@pytest.mark.usefixtures("folder")
def test_an_action_a_stop_a_process_and_a_level_pick_theirs(stakazo: Run) -> None:
    assert "boom" in stakazo("logs", "--action", "5").out
    assert "Oops" in stakazo("logs", "--action", "5").out
    assert "stop ordered" in stakazo("logs", "--stop", "4").out
    assert "rung" not in stakazo("logs", "--stop", "4").out
    assert stakazo("logs", "--process", "tower").out.count("tower") == 2
    assert stakazo("logs", "--level", "error", "--json").out.count("\n") == 1


@pytest.mark.usefixtures("folder")
def test_only_the_last_lines_are_shown_and_nothing_is_said_so(stakazo: Run) -> None:
    assert stakazo("logs", "-n", "2", "--json").out.count("\n") == 2
    nothing = stakazo("logs", "--command", "99")
    assert nothing.code == 0
    assert "nothing of that" in nothing.err


def test_following_gives_what_is_written_from_then_on_also_after_the_file_was_turned_over(folder: Path) -> None:
    log = folder / "tower.log"
    steps = iter(
        (
            lambda: _append(log, _line("10", "first") + '{"event": "half'),
            lambda: _append(log, ' a line", "ts": "2026-11-21T10:00:11Z", "level": "info"}\n'),
            lambda: log.write_text(_line("12", "anew")),
        )
    )

    def goes_on() -> bool:
        step = next(steps, None)
        if step is not None:
            step()
        return step is not None

    seen = [line.event for line in follow(folder, Wanted(), goes_on=goes_on)]
    assert seen == ["first", "half a line", "anew"]
