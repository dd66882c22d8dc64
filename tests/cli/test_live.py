"""Looking at a real platform, played by the sandbox over its real HTTP dialect: read-only, explained in words."""

import json

import pytest

import sandbox.process
from models import accounts
from workers import oracle


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    with sandbox.process.start(tmp_path_factory.mktemp("live"), speed=0) as process:
        yield process


@pytest.fixture
def live(on_database, platform):
    """`stakazo` with everything that LIVE wants, its base address being the sandbox's."""
    env = {
        "META_API_MODE": "live",
        "META_API_BASE_URL": platform.graph,
        "META_ACCESS_TOKEN": platform.token,
        "META_APP_ID": "1",
        "META_APP_SECRET": "nobody checks this one",
        "SECRET_KEY": "a key that nobody can guess",
        "MAX_DAILY_BUDGET_PER_ADSET": "100 EUR",
        "MAX_TOTAL_DAILY_SPEND": "900 EUR",
        "ALERT_EMAIL": "ana@shop.example",
    }
    return lambda *words, **more: on_database(*words, env={**env, **more})


def _lines(platform):
    return oracle.lines(platform.admin)


def test_what_the_token_sees_is_listed_and_opened_at_level_observe(live, engine):
    (seen,) = live("account", "open", "--json").document["accounts"]
    done = live("account", "open", seen["id"], "--json").document

    assert (done["account"]["mode"], done["account"]["level"], done["is_new"]) == ("live", "observe", True)
    assert live("account", "open", seen["id"], "--json").document["is_new"] is False
    with engine.begin() as conn:
        assert [row.platform_account_id for row in accounts.listing(conn)] == [seen["id"]]


def test_an_account_that_the_token_does_not_see_is_not_opened(live):
    done = live("account", "open", "act_1")
    assert done.code == 2
    assert "sees no account" in done.err


def test_the_doctor_explains_a_live_account_and_writes_nothing_anywhere(live, platform, engine):
    (seen,) = live("account", "open", "--json").document["accounts"]
    live("account", "open", seen["id"])
    before = _lines(platform)
    done = live("doctor", "--live", "--json")
    said = {row["check"]: (row["grade"], row["says"]) for row in done.document["findings"]}

    assert done.code == 0
    assert said["version"][1].startswith("we speak v")
    assert "ads_management" in said["scopes"][1]
    assert said["token"][0] == "ok"
    assert "is active; EUR, days of Europe/Madrid" in said["live account"][1]
    assert said["level"][1].endswith("observes: it records what it would do and sends nothing")
    assert said["caps"][0] == "warn"
    assert "no spending limit" in said["spend cap"][1]
    assert _lines(platform) == before
    with engine.begin() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM actions").scalar_one() == 0
    assert platform.token not in json.dumps(done.document) + done.err


def test_a_token_that_does_not_work_is_a_finding_and_no_crash(live):
    done = live("doctor", "--live", META_ACCESS_TOKEN="not-a-token-of-anybody")
    assert done.code == 1
    assert "is not valid" in done.out
    assert "not-a-token-of-anybody" not in done.out + done.err


@pytest.mark.parametrize("address", ["http://proxy.example", "ftp://127.0.0.1", "https://user:pw@proxy.example", "x"])
def test_an_address_to_which_the_token_would_go_in_the_clear_is_refused(live, address):
    done = live("doctor", "--live", META_API_BASE_URL=address)
    assert done.code == 2
    assert "META_API_BASE_URL" in done.out
