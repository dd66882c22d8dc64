"""Exit codes and words for what goes wrong before anything can be done: 1 not ready, 2 what was typed or set."""

import os
import subprocess
import sys

import pytest

from cli.authority import VERBS
from cli.tree import build

_ALL = tuple(sorted(set(VERBS) - {"reference"}))  # hidden: it writes the docs
_GROUPS = tuple(sorted({words.rpartition(" ")[0] for words in _ALL} - {""}))


@pytest.mark.parametrize("words", [*_ALL, "", *_GROUPS])
def test_every_command_teaches(stakazo, words):
    done = stakazo(*words.split(), "--help")
    assert done.code == 0
    assert "Usage: stakazo" in done.out
    assert words not in set(_ALL) - {"up", "demo"} or "Example" in done.out


def test_no_command_is_missing_above():
    def names(typer_app) -> set[str]:
        own = {command.name for command in typer_app.registered_commands if not command.hidden}
        groups = typer_app.registered_groups
        return own | {f"{group.name} {name}" for group in groups for name in names(group.typer_instance)}

    groups_that_run = {"alerts", "modules", "schedules"}
    assert names(build()) | groups_that_run == set(_ALL)


def test_all_wrong_settings_are_listed_at_once_and_nothing_is_started(stakazo, tmp_path):
    wrong = {"META_CYCLE_INTERVAL_MINUTES": "7", "MAX_TOTAL_DAILY_SPEND": "much", "DATABASE_URL": "mysql://x:secret@y"}
    done = stakazo("status", "--json", env=wrong)
    assert done.code == 2
    assert len(done.document["error"]["problems"]) == 3
    assert all(name in done.err for name in wrong)
    assert "secret" not in done.err + done.out
    assert not (tmp_path / "home").exists()


def test_live_without_what_it_needs_names_each(stakazo):
    done = stakazo("up", env={"META_API_MODE": "live"})
    assert done.code == 2
    missing = ("META_ACCESS_TOKEN", "META_APP_ID", "META_APP_SECRET", "SECRET_KEY", "MAX_DAILY_BUDGET_PER_ADSET")
    assert all(f"{name} is missing" in done.err for name in (*missing, "MAX_TOTAL_DAILY_SPEND"))
    assert "ALERT_EMAIL or ALERT_SLACK_WEBHOOK_URL" in done.err


@pytest.mark.parametrize("words", ["account list", "actions list", "plan", "cycle run", "sandbox faults list"])
def test_without_a_house_a_command_says_how_to_start_one(stakazo, words):
    done = stakazo(*words.split())
    assert done.code == 1
    assert "stakazo up" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_database_that_does_not_answer_is_one_line_without_the_password(stakazo):
    done = stakazo("account", "list", env={"DATABASE_URL": "postgresql://me:hunter2@127.0.0.1:1/x"})
    assert done.code == 1
    assert "Postgres cannot be used" in done.err
    assert "hunter2" not in done.err
    assert "Traceback" not in done.err


def test_a_database_without_tables_is_told_so(stakazo, empty_database_url):
    done = stakazo("account", "list", env={"DATABASE_URL": empty_database_url})
    assert done.code == 1
    assert "lacks tables" in done.err


_MISTYPED = ("actions lis", "cycle step everything", "actions list --state gone", "actions list --limit x")


@pytest.mark.parametrize("words", _MISTYPED)
def test_what_was_mistyped_is_a_usage_error(stakazo, words):
    done = stakazo(*words.split(), "--json")
    assert done.code == 2
    assert done.document["error"]["problems"]


@pytest.mark.parametrize("words", ["actions show 99", "cycle log 99"])
def test_an_id_that_is_none_is_a_usage_error(on_database, words):
    done = on_database(*words.split())
    assert done.code == 2
    assert "no " in done.err


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("modules | head -1", ("Modules", "")),
        ("modules --json | head -1", ("{", "")),
        ("modules >&-", ("", "")),
        ("modules > /dev/full", ("", "stakazo: [Errno 28] No space left on device")),
    ],
)
def test_the_module_is_the_command_and_lost_output_is_no_crash(tmp_path, database_url, command, told):
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m cli.main {command}"],
        env={**os.environ, "STAKAZO_HOME": str(tmp_path), "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout.strip(), done.stderr.strip()) == told


@pytest.mark.parametrize(
    "words",
    [
        ("actions", "show", "9" * 30),
        ("cycle", "log", "9" * 30),
        ("account", "set", "1", "--max-total-daily-spend", f"{'9' * 30} EUR"),
        ("account", "set", "1", "--max-total-daily-spend", "1.005 EUR"),
        ("policy", "set", "classic", "--set", f"roas_high={'9' * 5000}"),
        ("policy", "set", "classic", "--set", f"roas_high={'[' * 50_000}"),
        ("policy", "set", "classic", "--set", "roas_high=NaN"),
        ("sandbox", "advance", "--hours", "inf"),
        ("sandbox", "advance", "--hours", "nan"),
        ("modules", "--platform", "myspace"),
        ("cycle", "history", "--cycle", "nope"),
        ("actions", "list", "--account", "\udcff"),
    ],
)
def test_absurd_input_is_a_usage_error_in_one_breath(on_database, filled, words):
    done = on_database(*words)
    assert done.code == 2
    assert len(done.err) < 1000


@pytest.mark.parametrize("words", [("--reason", "\udcff\x1b[2J"), ("--reason", "a\x00b")])
def test_a_reason_that_no_database_can_hold_is_cleaned(on_database, words):
    assert on_database("modules", "stop", "meta.full_cycle", *words).code == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://me:hunter2@host:port/db"),
        ("REDIS_URL", "redis://:hunter2@host:port/0"),
        ("STAKAZO_HOME", f"{__file__}/home"),
    ],
)
def test_an_address_or_folder_that_is_none_is_a_wrong_setting(stakazo, name, value):
    done = stakazo("doctor", env={name: value})
    assert done.code == 2
    assert name in done.out
    assert "hunter2" not in done.out + done.err
