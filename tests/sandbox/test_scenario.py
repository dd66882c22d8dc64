"""Scenario files: what ships is sound and sourced, what is wrong is named with its place, from any folder."""

import json

import pytest
from typer.testing import CliRunner

from cli.tree import build
from sandbox.scenario import load_scenario, scenario_names
from sandbox.scenario_check import check_scenario
from sandbox.world import World
from tests.sandbox.shops import START

SOUND = """
name = "mine"
[sources]
ctr = "assumed"
cvr = "assumed"
order_value_minor = "assumed"
daily_budget_minor = "assumed"
[[accounts]]
name = "Shop"
[[accounts.campaigns]]
name = "Spring"
[[accounts.campaigns.ad_sets]]
name = "Women"
daily_budget_minor = 2000
[[accounts.campaigns.ad_sets.ads]]
name = "Film"
ctr = 0.01
cvr = 0.02
order_value_minor = 4000
"""
ACCOUNT = 'accounts[0 "Shop"]'
AD_SET = f'{ACCOUNT}.campaigns[0 "Spring"].ad_sets[0 "Women"]'
LORD_HOWE = "time zone Australia/Lord_Howe shifts by a part of an hour; the market's grid cannot follow it"
INCIDENT = '[[accounts.incidents]]\nscope = "Autumn"\nstarts_hours_ago = 1\nhours = 1'
PERSON = """
[[accounts.people]]
name = "Ana"
edits = [{ hours_after_start = 1, object = "Men", status = "PAUSED" }]"""


def with_account(text):
    """What is replaced to say more about the account."""
    return 'name = "Shop"', f'name = "Shop"\n{text}'


@pytest.fixture
def checked(tmp_path):
    def check(text, name="mine.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return check_scenario(str(path))

    return check


@pytest.mark.parametrize("name", scenario_names())
def test_what_ships_is_sound_and_every_number_names_its_source(name):
    found = check_scenario(name)
    assert found.problems == ()
    assert found.unsourced == ()


def test_the_shops_have_the_sizes_they_are_named_for():
    large, agency = check_scenario("large_shop").contents, check_scenario("agency").contents
    assert (large.campaigns, large.ads) == (10_000, 200_000)
    assert agency.accounts == 50
    assert {"JPY", "KWD"} <= set(agency.currencies)
    assert len(agency.timezones) == 25


def test_an_agency_comes_to_life_in_every_zone_and_currency():
    world = World(
        load_scenario("agency").model_copy(update={"history_days": 1}), start_us=int(START.timestamp()) * 10**6
    )
    world.catch_up(START.timestamp())
    spent = {
        account.spec.currency: account.market.grid.sums(0, 10**9, ads=account.market.ads)[3].sum()
        for account in world.accounts.values()
    }
    assert len(world.accounts) == 50
    assert min(spent.values()) > 0


def test_a_file_from_anywhere_is_checked_and_served(checked, tmp_path):
    found = checked(SOUND)
    assert (found.contents.ads, found.problems, found.unsourced) == (1, (), ())
    assert load_scenario(str(tmp_path / "mine.toml")).accounts[0].campaigns[0].name == "Spring"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("ctr = 0.01", "ctr = 0.01\ncolour = 3"), f'{AD_SET}.ads[0 "Film"].colour: unknown key'),
        (("ctr = 0.01", "ctr = 1.5"), f'{AD_SET}.ads[0 "Film"].ctr: Input should be less than 0.5, not 1.5'),
        (("ctr = 0.01", "" ), f'{AD_SET}.ads[0 "Film"].ctr: Field required'),
        (with_account('timezone = "Mars/Base"'), f"{ACCOUNT}.timezone: unknown time zone 'Mars/Base'"),
        (with_account('timezone = "Australia/Lord_Howe"'), f"{ACCOUNT}.timezone: {LORD_HOWE}"),
        (with_account(INCIDENT), f'{ACCOUNT}.incidents[0].scope: nothing is named "Autumn"'),
        (with_account(PERSON), f'{ACCOUNT}.people[0 "Ana"].edits[0].object: nothing is named "Men"'),
    ],
)  # fmt: skip
def test_a_problem_is_named_with_its_place(checked, change, problem):
    found = checked(SOUND.replace(*change))
    assert found.contents is None
    assert found.problems == (problem,)


def test_every_problem_is_named_at_once(checked):
    found = checked(SOUND.replace("ctr = 0.01", "ctr = 7").replace("cvr = 0.02", "cvr = -1").replace('"mine"', "3"))
    assert len(found.problems) == 3


def test_a_file_that_is_no_toml_says_where(checked):
    assert "line 2" in checked("name = 'x'\nname ==\n").problems[0]


def test_numbers_without_a_source_are_named_and_do_no_harm(checked):
    found = checked(SOUND.replace('cvr = "assumed"\n', ""))
    assert found.unsourced == ("cvr (1)",)
    assert found.problems == ()


def test_the_command_exits_with_2_and_names_the_place(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SOUND.replace("cvr = 0.02", "cvr = 2"), encoding="utf-8")
    done = CliRunner().invoke(build(), ["sandbox", "scenario", "check", str(path), "--json"])
    document = json.loads(done.stdout)
    assert done.exit_code == 2
    assert document["problems"] == [f'{AD_SET}.ads[0 "Film"].cvr: Input should be less than 0.9, not 2']


def test_the_command_says_what_is_in_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SOUND, encoding="utf-8")
    done = CliRunner().invoke(build(), ["sandbox", "scenario", "check", str(path), "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["contents"] | {"title": ""} == {
        "name": "mine", "title": "", "accounts": 1, "campaigns": 1, "ad_sets": 1, "ads": 1, "currencies": ["EUR"],
        "timezones": ["Europe/Madrid"], "history_days": 60, "people": 0, "incidents": 0, "history_rows": 0,
        "has_season": False,
    }  # fmt: skip


def test_the_command_lists_what_ships():
    done = CliRunner().invoke(build(), ["sandbox", "scenario", "list", "--json"])
    assert [row["name"] for row in json.loads(done.stdout)["scenarios"]] == list(scenario_names())
