"""`stakazo contract`: on the sandbox in STUB, and on a real platform, which a second sandbox plays; it only reads."""

import json

import pytest

import sandbox.process
from workers import oracle

LIVE = {"META_API_MODE": "live", "META_APP_ID": "1", "META_APP_SECRET": "nobody checks this one",
        "SECRET_KEY": "a key that nobody can guess", "MAX_DAILY_BUDGET_PER_ADSET": "100 EUR",
        "MAX_TOTAL_DAILY_SPEND": "900 EUR", "ALERT_EMAIL": "ana@shop.example"}  # fmt: skip


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    with sandbox.process.start(tmp_path_factory.mktemp("real"), scenario="generated:6", speed=1) as process:
        yield process


@pytest.fixture
def live(stakazo, platform):
    """`stakazo` with what LIVE wants and no database at all."""
    own = {"META_API_BASE_URL": platform.graph, "META_ACCESS_TOKEN": platform.token}
    return lambda *words: stakazo(*words, env=LIVE | own)


def test_the_clauses_are_listed_without_asking_anybody(stakazo):
    done = stakazo("contract", "list", "--json")
    assert done.code == 0
    assert done.document["calls"] > 20
    assert "daily insights" in {clause["name"] for clause in done.document["clauses"]}


def test_a_real_account_is_checked_without_a_database_and_nothing_is_written_there(live, platform):
    before = oracle.lines(platform.admin)
    done = live("contract", "check", "--live", "--json")
    assert done.code == 0, done.err
    assert done.document["ok"]
    assert done.document["address"] == platform.graph
    assert {row["standing"] for row in done.document["verdicts"]} == {"kept"}
    assert "nothing is written there" in done.err
    assert f"{platform.graph} will be called about" in done.err
    later = oracle.lines(platform.admin)[len(before) :]
    assert {line["kind"] for line in later} <= {"report_run"}


def test_a_recording_is_written_without_the_account_and_compared_with(live, platform, tmp_path):
    folder = tmp_path / "made"
    done = live("contract", "record", "--live", "--out", str(folder))
    assert done.code == 0, done.err
    text = "".join(path.read_text() for path in folder.iterdir())
    assert platform.account_ids[0].removeprefix("act_") not in text
    assert platform.token not in text
    assert {json.loads(path.read_text())["recorded_from"] for path in folder.iterdir()} == {"live"}
    told = live("contract", "check", "--live", "--against", str(folder), "--json").document
    assert told["differences"] == []
    changed = folder / "003-account.json"
    content = json.loads(changed.read_text())
    content["answer"]["body"]["timezone_name"] = 7
    changed.write_text(json.dumps(content))
    shown = live("contract", "check", "--live", "--against", str(folder))
    assert "timezone_name" in shown.out
    assert live("contract", "record", "--live", "--out", str(folder)).code == 2


def test_what_does_not_hold_is_shown_and_ends_with_1(live, platform):
    platform.ask("POST", "/faults", {"script": [{"do": "throttle", "match": {"path": "activities"}, "times": 9}]})
    try:
        done = live("contract", "check", "--live")
    finally:
        platform.ask("DELETE", "/faults")
    assert done.code == 1
    (line,) = [line for line in done.out.splitlines() if line.startswith("activities")]
    assert "broken" in line


def test_without_a_token_or_a_sandbox_it_says_what_to_do(stakazo):
    done = stakazo("contract", "check")
    assert done.code == 1
    assert "stakazo up" in done.err
    assert stakazo("contract", "check", "--platform", "nowhere").code == 2


def test_a_folder_without_a_recording_is_refused(live, tmp_path):
    done = live("contract", "check", "--live", "--against", str(tmp_path))
    assert done.code == 2
    assert "is no recording" in done.err
    assert "will be called" not in done.err
