"""Settings as a newcomer gets them wrong: one list, exit status 2, nothing started; and servers given from outside."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from embedded.runtime import read_runtime
from tests.journeys.running import environment, stakazo

_WRONG = {
    "META_ADS_MODE": "live",
    "META_CYCLE_INTERVAL_MINUTES": "7",
    "DATABASE_URL": "mysql://root:hunter2secret@db/shop",
    "REDIS_URL": "http://cache",
    "MAX_TOTAL_DAILY_SPEND": "5000",
    "LOG_LEVEL": "loud",
    "SECRET_KEY": "short",
}
_LIVE_NEEDS = (
    "META_ACCESS_TOKEN",
    "META_APP_ID",
    "META_APP_SECRET",
    "SECRET_KEY",
    "MAX_DAILY_BUDGET_PER_ADSET",
    "MAX_TOTAL_DAILY_SPEND",
    "ALERT_EMAIL",
)


def _type(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Type a command in a folder of its own, so that whatever it makes is seen."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *words],
        cwd=folder,
        env=environment(folder / "home", PYTHONPATH=str(Path(__file__).parents[2]), **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", ["up", "demo", "tower"])
def test_wrong_settings_are_one_list_and_nothing_is_started(tmp_path, command):
    done = _type(tmp_path, command, **_WRONG)
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == len(_WRONG)
    for name in _WRONG:
        (line,) = [line for line in lines if line.startswith(f"stakazo: {name} is ")]
        assert "; " in line  # and then what to write
    assert "hunter2secret" not in done.stderr + done.stdout
    assert list(tmp_path.iterdir()) == []  # every process that `up` starts writes a log into the data folder


def test_the_list_is_a_document_for_who_asked_for_json(tmp_path):
    done = _type(tmp_path, "demo", "--json", **_WRONG)
    assert done.returncode == 2
    assert len(json.loads(done.stdout)["error"]["problems"]) == len(_WRONG)


@pytest.mark.parametrize("command", ["up", "demo"])
def test_live_without_what_it_needs_is_refused_naming_each(tmp_path, command):
    done = _type(tmp_path, command, META_API_MODE="live")
    assert done.returncode == 2
    for name in _LIVE_NEEDS:
        assert f"stakazo: {name} " in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_live_on_a_platform_that_is_not_built_is_refused(tmp_path):
    done = _type(tmp_path, "up", TIKTOK_API_MODE="live", TIKTOK_ACCESS_TOKEN="x" * 20)
    assert done.returncode == 2
    assert "TikTok is planned and not built" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_servers_given_from_outside_replace_the_embedded_ones(tmp_path_factory, empty_database_url, redis_url):
    home = tmp_path_factory.mktemp("outside") / "home"
    given = empty_database_url.replace("postgresql+psycopg://", "postgresql+asyncpg://")
    assert given.startswith("postgresql+asyncpg://")
    done = stakazo(home, "demo", "--json", DATABASE_URL=given, REDIS_URL=redis_url)
    assert done.returncode == 0, done.stderr
    demo = json.loads(done.stdout)
    assert demo["ledger_equals_oracle"]
    assert demo["comparison"]["applied"] > 0

    runtime = read_runtime(home)
    assert {name for name, _ in runtime.external} == {"postgres", "redis"}
    assert {"postgres", "redis"} & {child.name for child in runtime.children} == set()
    assert not (home / "postgres").exists()
    assert not (home / "redis").exists()
    for secret in (password for url in (given, redis_url) if (password := _password(url))):
        assert secret not in done.stdout + done.stderr
        assert not [path for path in (home / "logs").iterdir() if secret in path.read_text(errors="replace")]


def _password(url: str) -> str:
    return url.partition("://")[2].rpartition("@")[0].rpartition(":")[2]
