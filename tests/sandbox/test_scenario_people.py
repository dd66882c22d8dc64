"""People who edit by hand: at their own instants, whoever reads the clock when, as ordinary effects with their name."""

from datetime import timedelta

import pytest

from sandbox.clock import to_us
from sandbox.nodes import Kind
from sandbox.platform import Platform
from tests.sandbox.shops import START, account_of, ad, ad_set, market_of, shop

SCRIPT = [
    {"hours_after_start": 5.5, "object": "Set", "budget_factor": 1.5},
    {"hours_after_start": 9, "object": "First", "status": "PAUSED"},
    {"hours_after_start": 30, "object": "First", "status": "ACTIVE"},
    {"hours_after_start": 31, "object": "First", "status": "ACTIVE"},
]
MARTA = {"name": "Marta", "edits": SCRIPT}
BUSY = {"name": "Iker", "edits_per_day": 6.0}


def a_shop(*people):
    sets = [ad_set(f"Set {n}" if n else "Set", ads=[ad("First"), ad("Second"), ad("Third")]) for n in range(3)]
    return shop(*sets, account={"people": list(people)})


@pytest.fixture
def opened():
    """The platforms that run; the test's end closes them."""
    platforms: list[Platform] = []
    yield platforms
    for platform in platforms:
        platform.close()


@pytest.fixture
def platform_in(tmp_path, opened):
    def start(*people, folder="data"):
        path = tmp_path / f"{folder}.json"
        path.write_text(a_shop(*people).model_dump_json(), encoding="utf-8")
        platform = Platform(tmp_path / folder, scenario=str(path), start=START)
        platform.clock.set_speed(0)
        opened.append(platform)
        return platform

    return start


def log_of(platform):
    return [(line.platform_at_us, line.actor, line.object_id, line.change) for line in platform.journal.lines()]


def move(platform, by):
    platform.clock.advance_to(platform.clock.now_us() + int(by.total_seconds() * 1e6))
    platform.catch_up()


def test_a_script_takes_place_at_its_instants_under_its_persons_name(platform_in):
    platform = platform_in(MARTA)
    move(platform, timedelta(days=3))
    (account,) = platform.world.accounts.values()
    first = account.nodes[Kind.AD][0].id
    at = [to_us(START + timedelta(hours=hours)) for hours in (5.5, 9, 30)]
    assert log_of(platform) == [
        (at[0], "Marta", account.nodes[Kind.AD_SET][0].id, {"daily_budget": [10_000, 15_000]}),
        (at[1], "Marta", first, {"status": ["ACTIVE", "PAUSED"]}),
        (at[2], "Marta", first, {"status": ["PAUSED", "ACTIVE"]}),
    ]


def test_what_people_do_does_not_depend_on_when_the_clock_is_read(platform_in):
    at_once, in_steps = platform_in(MARTA, BUSY, folder="a"), platform_in(MARTA, BUSY, folder="b")
    move(at_once, timedelta(days=8))
    for hours in [7] * 27 + [3]:
        move(in_steps, timedelta(hours=hours))
    assert log_of(at_once) == log_of(in_steps)
    assert len(log_of(at_once)) > 20


def test_people_do_the_same_in_process_and_on_the_platform(platform_in):
    platform, market = platform_in(MARTA, BUSY), market_of(a_shop(MARTA, BUSY))
    move(platform, timedelta(days=8))
    market.advance(timedelta(days=8))
    (there,) = platform.world.accounts.values()
    here = account_of(market)
    for kind in (Kind.AD_SET, Kind.AD):
        assert [(n.status, n.daily_budget) for n in here.nodes[kind]] == [
            (n.status, n.daily_budget) for n in there.nodes[kind]
        ]


def test_a_restart_repeats_no_edit_and_misses_none(platform_in, opened, tmp_path):
    straight, restarted = platform_in(BUSY, folder="a"), platform_in(BUSY, folder="b")
    move(straight, timedelta(days=6))
    move(restarted, timedelta(days=2))
    opened.pop().close()
    again = Platform(tmp_path / "b")
    move(again, timedelta(days=4))
    assert log_of(again) == log_of(straight)
    again.close()


def test_a_kill_between_an_edit_and_its_note_repeats_nothing(platform_in, opened, tmp_path):
    """The journal holds the edit, the note of how far people have acted is older: the edit is not made twice."""
    platform = platform_in({"name": "Marta", "edits": SCRIPT[:1]})
    move(platform, timedelta(hours=8))
    platform.journal.set("people_upto_us", str(to_us(START)))
    opened.pop().close()
    again = Platform(tmp_path / "data")
    assert len(log_of(again)) == 1
    assert again.world.nodes[log_of(again)[0][2]].daily_budget == 15_000
    again.close()


def test_people_at_will_work_on_weekdays_in_their_hours(platform_in):
    platform = platform_in({**BUSY, "from_hour": 10, "to_hour": 12})
    move(platform, timedelta(days=21))
    moments = [START + timedelta(microseconds=at - to_us(START)) for at, *_ in log_of(platform)]
    assert len(moments) > 40
    assert {moment.weekday() for moment in moments} <= {0, 1, 2, 3, 4}
    assert {moment.hour for moment in moments} <= {10, 11}


def test_a_persons_edit_reaches_delivery():
    market = market_of(
        a_shop({"name": "Marta", "edits": [{"hours_after_start": 24, "object": "Campaign", "status": "PAUSED"}]})
    )
    market.advance(timedelta(days=3))
    spend = market.daily(market.accounts[0]).spend_minor.sum(axis=1)
    assert spend[0] > 0
    assert spend[1:].sum() == 0
