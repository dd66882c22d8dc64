"""A branch is the same world, standing still, and the original does not notice."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from sandbox.branching import branch, look
from sandbox.founding import found
from sandbox.process import start
from sandbox.scenario import load_scenario

START = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def original(tmp_path):
    file = tmp_path / "small.json"
    small = load_scenario("generated:6:3").model_copy(update={"start": START, "history_days": 3})
    file.write_text(small.model_dump_json())
    found(tmp_path / "original", file, replace=False)
    return tmp_path / "original"


def _kept(folder):
    with closing(sqlite3.connect(folder / "sandbox.sqlite3")) as db:
        return dict(db.execute("SELECT name, value FROM setting")), db.execute("SELECT * FROM oracle").fetchall()


def _told(folder, *, days=0):
    """What the world tells of itself so many days on."""
    with start(folder) as sandbox:
        if days:
            sandbox.ask("POST", "/advance", {"to": START.replace(day=2 + days).isoformat()})
        clock = sandbox.ask("GET", "/clock")
        return clock["platform_at"], clock["speed"], sandbox.ask("GET", "/truth")


def test_a_branch_from_the_start_stands_at_its_very_instant(original, tmp_path):
    branched = branch(original, tmp_path / "copy", from_start=True)

    assert branched.now == START
    assert _told(tmp_path / "copy")[:2] == (START.isoformat(), 0.0)


def test_two_branches_live_on_alike(original, tmp_path):
    branch(original, tmp_path / "one", from_start=True)
    branch(original, tmp_path / "two", from_start=True)

    assert _told(tmp_path / "one", days=2) == _told(tmp_path / "two", days=2)


def test_a_branch_carries_what_was_done_and_the_original_does_not_notice(original, tmp_path):
    with start(original, speed=0.0) as sandbox:
        ad_set = sandbox.ask("GET", "/truth")["ads"][0]["adset_id"]
        sandbox.ask("POST", "/human_edit", {"object_id": ad_set, "changes": {"status": "PAUSED"}})
        before = _kept(original)
        branched = branch(original, tmp_path / "copy")
        assert _kept(original) == before

    assert branched.effects == 1
    assert _kept(tmp_path / "copy")[1] == before[1]
    assert look(original) == branched


def test_with_another_seed_the_objects_stay_and_the_dice_fall_otherwise(original, tmp_path):
    same = branch(original, tmp_path / "same", from_start=True)
    other = branch(original, tmp_path / "other", seed=99, from_start=True)
    assert other.account_ids == same.account_ids

    here, there = (_told(tmp_path / name, days=2)[2]["ads"] for name in ("same", "other"))
    assert [ad["ad_id"] for ad in here] == [ad["ad_id"] for ad in there]
    assert here != there


def test_nothing_is_branched_from_nowhere_nor_over_a_world(original, tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no ad platform"):
        branch(tmp_path / "nowhere", tmp_path / "copy")
    with pytest.raises(FileExistsError, match="already holds"):
        branch(original, original)


def test_an_id_that_a_twin_names_is_given_to_nothing_else(tmp_path):
    """A twin of a sandbox's own export names ids of the series from which the others are given."""
    scenario = load_scenario("demo")
    (account,) = scenario.accounts
    *others, last = account.campaigns
    named = account.model_copy(update={"campaigns": (*others, last.model_copy(update={"id": "120200000000000001"}))})
    file = tmp_path / "twin.json"
    file.write_text(scenario.model_copy(update={"accounts": (named,), "history_days": 1}).model_dump_json())

    found(tmp_path / "twin", file, replace=False)  # it used to say that the id is used twice
    assert look(tmp_path / "twin").account_ids
