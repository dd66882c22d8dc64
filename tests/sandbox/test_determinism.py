"""The world is a function of scenario, seed and log: however time is cut, whoever else is there, whatever is killed."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.process import SandboxProcess
from tests.sandbox.stranger import HOURLY, Stranger, open_shop, seen_by

DAYS = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("worlds")


@pytest.fixture(scope="module")
def by_days(folder: Path) -> Iterator[Stranger]:
    """A world that is advanced a day at a time."""
    with open_shop(folder / "by_days") as process:
        yield Stranger(process)


@pytest.fixture(scope="module")
def at_once(folder: Path) -> Iterator[Stranger]:
    """Its twin in another folder, advanced in one go."""
    with open_shop(folder / "at_once") as process:
        yield Stranger(process)


def live_a_little(stranger: Stranger) -> None:
    """The same writes, at the same instants."""
    gifts, film = stranger.named("adsets", "Gifts"), stranger.named("ads", "Film")
    stranger.post(gifts, daily_budget="8400")
    stranger.advance(minutes=40)
    stranger.post(film, status="PAUSED")
    ad_set = stranger.new_ad_set(stranger.named("campaigns", "Own budgets"))
    stranger.new_ad(ad_set)
    stranger.advance(hours=30)
    stranger.post(film, status="ACTIVE", name="Film again")


def rows(stranger: Stranger) -> list[dict[str, Any]]:
    return stranger.insights(level="ad", date_preset="maximum", time_increment=1)


def test_thirty_days_one_by_one_are_thirty_days_at_once(by_days: Stranger, at_once: Stranger) -> None:
    """Two folders, two tokens, one log: every object, id, row, hour and effect is the same."""
    for stranger in (by_days, at_once):
        live_a_little(stranger)
    for _ in range(DAYS):
        last = by_days.advance(days=1)
    assert at_once.advance(days=DAYS) == last
    assert by_days.process.token != at_once.process.token
    seen = list(seen_by(by_days))
    assert seen == list(seen_by(at_once))
    assert len(seen[4]) > 200
    assert sum(int(row["impressions"]) for row in seen[4]) > 100_000


def test_reading_changes_nothing(by_days: Stranger) -> None:
    assert list(seen_by(by_days)) == list(seen_by(by_days))


def test_a_kill_at_any_moment_leaves_the_same_world(by_days: Stranger, at_once: Stranger) -> None:
    """Right after an answered write, after an advance, and in the midst of one: as the twin that was never killed."""
    process, cooks = by_days.process, by_days.named("adsets", "Cooks")
    for stranger in (by_days, at_once):
        stranger.post(cooks, daily_budget="9900")
        if stranger is by_days:
            relive(process)
        stranger.advance(hours=7)
    relive(process)
    assert list(seen_by(by_days)) == list(seen_by(at_once))

    target = at_once.advance(days=20)
    asking = threading.Thread(target=ask_in_vain, args=(process, {"to": target}))
    asking.start()
    asking.join(0.05)
    process.kill()
    asking.join(10)
    process.restart()
    assert process.ask("GET", "/clock")["platform_at"] <= target
    assert by_days.advance(to=target) == target
    assert list(seen_by(by_days)) == list(seen_by(at_once))


def test_no_answered_write_is_lost_by_a_kill_and_no_line_lacks_its_object(by_days: Stranger) -> None:
    """Writes stream in while the process is killed: the log holds every answered one, and at most one more."""
    before, answered = by_days.effects(), list[str]()
    writing = threading.Thread(target=create_until_it_dies, args=(by_days, answered))
    writing.start()
    while len(answered) < 12 and writing.is_alive():
        writing.join(0.005)
    by_days.process.kill()
    writing.join(30)
    by_days.process.restart()
    made = [line["object_id"] for line in by_days.oracle()[before:]]
    assert made[: len(answered)] == answered
    assert len(answered) <= len(made) <= len(answered) + 1
    listed = {row["id"] for row in by_days.rows(f"{by_days.account}/campaigns", limit=200)}
    assert set(made) <= listed


def test_an_unrelated_campaign_changes_no_row_of_the_others(folder: Path) -> None:
    """Neither those that were there before nor those to come, by days and by hours."""
    with open_shop(folder / "alone") as first, open_shop(folder / "together") as second:
        alone, together = Stranger(first), Stranger(second)
        for stranger in (alone, together):
            live_a_little(stranger)
        old = {row["ad_id"] for row in rows(alone)} | {row["id"] for row in alone.rows(f"{alone.account}/ads")}
        past = rows(together)
        newcomer = together.new_ad_set(together.new_campaign("Newcomer", status="ACTIVE"), daily_budget="50000")
        together.new_ad(newcomer)
        assert rows(together) == past
        for stranger in (alone, together):
            stranger.advance(days=4)
        assert [row for row in rows(together) if row["ad_id"] in old] == rows(alone)
        assert {row["adset_id"] for row in rows(together)} - {row["adset_id"] for row in rows(alone)} == {newcomer}
        hours = together.insights(level="ad", date_preset="yesterday", breakdowns=HOURLY)
        alone_hours = alone.insights(level="ad", date_preset="yesterday", breakdowns=HOURLY)
        assert [row for row in hours if row["ad_id"] in old] == alone_hours


def test_reports_uploads_and_audiences_change_no_figure_of_what_is_made_after_them(folder: Path) -> None:
    """Ids are what the market draws by: records beside the tree take none of those of objects."""
    told = []
    for name in ("quiet", "busy"):
        with open_shop(folder / name) as process:
            stranger = Stranger(process)
            if name == "busy":
                stranger.post(f"{stranger.account}/insights", level="ad")
                stranger.post(f"{stranger.account}/adlabels", name="beside")
                audience = {"name": "Beside", "subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY"}
                stranger.post(f"{stranger.account}/customaudiences", **audience)
            stranger.new_ad(stranger.new_ad_set(stranger.named("campaigns", "Own budgets"), status="ACTIVE"))
            stranger.advance(days=2)
            told.append(rows(stranger))
    assert told[0] == told[1]


def test_another_seed_is_another_world(folder: Path, by_days: Stranger) -> None:
    with open_shop(folder / "other", seed=8) as process:
        other = Stranger(process)
        ours = by_days.insights(level="account", time_range='{"since":"2026-11-09","until":"2026-11-19"}')
        theirs = other.insights(level="account", time_range='{"since":"2026-11-09","until":"2026-11-19"}')
        assert (ours[0]["impressions"], ours[0]["spend"]) != (theirs[0]["impressions"], theirs[0]["spend"])


def relive(process: SandboxProcess) -> None:
    process.kill()
    process.restart()


def ask_in_vain(process: SandboxProcess, body: dict[str, str]) -> None:
    try:
        requests.post(process.admin + "/advance", json=body, timeout=30)
    except requests.ConnectionError:
        return


def create_until_it_dies(stranger: Stranger, answered: list[str]) -> None:
    for n in range(5_000):
        try:
            answered.append(stranger.new_campaign(f"Burst {n}"))
        except requests.RequestException:
            return
