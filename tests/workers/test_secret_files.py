"""Secrets come as files: NAME_FILE holds the path; no value is ever told."""

import os

import pytest

from domain.errors import SettingsError
from workers.settings import read_settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    ours = ("META_", "MAX_", "DATABASE", "REDIS", "STAKAZO", "ALERT", "SECRET")
    for name in [name for name in os.environ if name.startswith(ours)]:
        monkeypatch.delenv(name)


@pytest.fixture
def given(monkeypatch, tmp_path):
    """Hand out values as files, as docker does."""

    def give(**values):
        for name, value in values.items():
            path = tmp_path / name.lower()
            path.write_bytes(value if isinstance(value, bytes) else value.encode())
            monkeypatch.setenv(f"{name}_FILE", str(path))

    return give


def _problems():
    with pytest.raises(SettingsError) as caught:
        read_settings()
    return caught.value.problems


def test_any_setting_may_lie_in_a_file(given):
    given(META_ACCESS_TOKEN="EAA-of-the-file\n", SECRET_KEY="a-key-of-sixteen-signs\n", LOG_LEVEL="warning\n")

    settings = read_settings()

    assert settings.of("meta").secret("access_token") == "EAA-of-the-file"
    assert settings.common.secret_key.get_secret_value() == "a-key-of-sixteen-signs"
    assert settings.common.log_level == "warning"


def test_a_password_of_any_signs_completes_its_address(monkeypatch, given):
    monkeypatch.setenv("DATABASE_URL", "postgresql://stakazo_app@postgres:5432/stakazo")
    monkeypatch.setenv("REDIS_URL", "redis://worker@redis:6379/0")
    given(DATABASE_PASSWORD="p@ss:w/rd\n", REDIS_PASSWORD="short")

    settings = read_settings()

    assert settings.database_url == "postgresql://stakazo_app:p%40ss%3Aw%2Frd@postgres:5432/stakazo"
    assert settings.redis_url == "redis://worker:short@redis:6379/0"


def test_an_empty_file_is_a_setting_that_is_not_set(given):
    given(META_ACCESS_TOKEN="\n", SECRET_KEY="", REDIS_PASSWORD="")

    settings = read_settings()

    assert settings.of("meta").access_token is None
    assert settings.common.secret_key is None
    assert settings.redis_url is None


def test_live_is_content_with_secrets_in_files(monkeypatch, given):
    monkeypatch.setenv("META_API_MODE", "live")
    monkeypatch.setenv("META_APP_ID", "1")
    monkeypatch.setenv("MAX_DAILY_BUDGET_PER_ADSET", "500 USD")
    monkeypatch.setenv("MAX_TOTAL_DAILY_SPEND", "5000 USD")
    monkeypatch.setenv("ALERT_EMAIL", "team@example.com")
    given(META_ACCESS_TOKEN="EAA-1", META_APP_SECRET="s-1", SECRET_KEY="a-key-of-sixteen-signs")

    assert read_settings().of("meta").secret("app_secret") == "s-1"


def test_a_value_given_twice_is_refused_because_nobody_knows_which_counts(monkeypatch, given):
    monkeypatch.setenv("SECRET_KEY", "the-key-of-the-environment")
    given(SECRET_KEY="the-key-of-the-file")

    assert _problems() == ("SECRET_KEY and SECRET_KEY_FILE are both set; keep one",)


def test_every_file_that_cannot_be_used_is_named_and_none_is_quoted(monkeypatch, given, tmp_path):
    monkeypatch.setenv("META_APP_SECRET_FILE", str(tmp_path / "missing"))
    monkeypatch.setenv("REDIS_URL", "redis://worker:mine@redis:6379/0")
    given(META_ACCESS_TOKEN=b"\xff\xfe-not-text", SECRET_KEY="tiny", REDIS_PASSWORD="hidden-one", DATABASE_PASSWORD="x")

    problems = _problems()

    assert {problem.split()[0] for problem in problems} == {
        "META_APP_SECRET_FILE",
        "META_ACCESS_TOKEN_FILE",
        "SECRET_KEY",
        "REDIS_PASSWORD_FILE",
        "DATABASE_PASSWORD_FILE",
    }
    told = " ".join(problems)
    assert not any(value in told for value in ("tiny", "hidden-one", "not-text", ":mine@"))
