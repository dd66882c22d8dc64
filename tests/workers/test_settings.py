"""The environment is checked as a whole before anything starts."""

import os

import pytest

from domain.actions import Mode
from domain.errors import SettingsError
from domain.money import Money
from workers.settings import read_settings

_LIVE = {
    "META_API_MODE": "live",
    "META_ACCESS_TOKEN": "token-nobody-may-see",
    "META_APP_ID": "1",
    "META_APP_SECRET": "app-secret-nobody-may-see",
    "MAX_DAILY_BUDGET_PER_ADSET": "500 USD",
    "MAX_TOTAL_DAILY_SPEND": "5000 USD",
    "ALERT_EMAIL": "team@example.com",
    "SECRET_KEY": "0123456789-the-key",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith(
            ("META_", "TIKTOK_", "LINKEDIN_", "MAX_", "DATABASE", "REDIS", "STAKAZO", "ALERT", "SECRET")
        ):
            monkeypatch.delenv(name)


def _set(monkeypatch, **values):
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def _problems(monkeypatch, **values):
    _set(monkeypatch, **values)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    return caught.value.problems


def test_an_empty_environment_means_the_sandbox_on_embedded_servers():
    settings = read_settings()

    assert settings.of("meta").api_mode is Mode.STUB
    assert settings.database_url is None
    assert settings.redis_url is None
    assert settings.max_daily_budget_per_adset == Money(50_000, "USD")
    assert settings.max_total_daily_spend == Money(500_000, "USD")
    assert settings.home.is_absolute()


def test_every_problem_is_listed_at_once(monkeypatch):
    problems = _problems(
        monkeypatch,
        META_API_MODE="sometimes",
        MAX_TOTAL_DAILY_SPEND="5000",
        META_CYCLE_INTERVAL_MINUTES="7",
        DATABASE_URL="mysql://somewhere/db",
        META_ADS_MODE="live",
    )

    named = [problem.split()[0] for problem in problems]
    assert sorted(named) == [
        "DATABASE_URL",
        "MAX_TOTAL_DAILY_SPEND",
        "META_ADS_MODE",
        "META_API_MODE",
        "META_CYCLE_INTERVAL_MINUTES",
    ]
    assert any('such as "5000 USD"' in problem for problem in problems)


def test_the_old_name_of_the_mode_is_refused_with_the_right_one(monkeypatch):
    problems = _problems(monkeypatch, META_ADS_MODE="live")

    assert problems == ("META_ADS_MODE is not a setting; its name is META_API_MODE",)


def test_an_interval_must_fit_the_clock(monkeypatch):
    (problem,) = _problems(monkeypatch, META_CYCLE_INTERVAL_MINUTES="7")

    assert problem.startswith('META_CYCLE_INTERVAL_MINUTES is "7"')


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg"])
def test_the_usual_spellings_of_a_postgres_address_are_understood(monkeypatch, scheme):
    _set(monkeypatch, DATABASE_URL=f"{scheme}://u:p@h/db")

    assert read_settings().database_url == f"{scheme}://u:p@h/db"


def test_live_is_refused_naming_everything_that_is_missing(monkeypatch):
    problems = _problems(monkeypatch, META_API_MODE="live", META_APP_ID="1")

    assert {problem.split()[0] for problem in problems} == {
        "META_ACCESS_TOKEN",
        "META_APP_SECRET",
        "SECRET_KEY",
        "MAX_DAILY_BUDGET_PER_ADSET",
        "MAX_TOTAL_DAILY_SPEND",
        "ALERT_EMAIL",
    }


def test_live_with_everything_is_accepted(monkeypatch):
    _set(monkeypatch, **_LIVE)

    assert read_settings().of("meta").api_mode is Mode.LIVE


def test_a_platform_without_a_client_cannot_be_live(monkeypatch):
    problems = _problems(monkeypatch, **(_LIVE | {"TIKTOK_API_MODE": "live", "TIKTOK_ACCESS_TOKEN": "t"}))

    assert problems == ('TIKTOK_API_MODE is "live", but TikTok is planned and not built; write stub',)


def test_no_secret_shows_in_settings_or_in_problems(monkeypatch):
    _set(monkeypatch, **_LIVE, DATABASE_URL="postgresql://u:hidden-password@h/db")
    shown = repr(read_settings())
    problems = _problems(monkeypatch, SECRET_KEY="tiny-key", DATABASE_URL="mysql://u:hidden-password@h/db")

    text = shown + "\n".join(problems)
    for secret in ("nobody-may-see", "hidden-password", "tiny-key", "the-key"):
        assert secret not in text


@pytest.mark.parametrize("name", ["META_API_BASE_URL", "LOG_LEVEL", "MAX_TOTAL_DAILY_SPEND"])
def test_a_token_pasted_into_the_wrong_setting_is_not_quoted(monkeypatch, name):
    token = "EAA" + "Canary0123456789abcdef"
    problems = _problems(monkeypatch, **{name: f"https://x/?access_token={token}"})
    assert any(problem.startswith(name) for problem in problems)
    assert token not in "".join(problems)
