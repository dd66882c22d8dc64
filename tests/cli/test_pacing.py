"""`stakazo pacing` and `stakazo live` as people use them."""

from datetime import timedelta

import pytest

from cli.pacing import bar
from domain.actions import Level, Mode, ObjectKind
from domain.ids import PlatformAccountId
from domain.live import LiveSnapshot, ObjectTotal, Source
from domain.objects import AccountInfo
from models import accounts, live, pacing
from models.pacing import PacingState
from tests.cli.conftest import NOW

SPAN = {
    "span": "day", "begins_on": "2026-11-20", "ends_on": "2026-11-20", "target_minor": 10_000, "spent_minor": 5_000,
    "expected_minor": 5_200, "projected_minor": 9_900, "low_minor": 9_000, "high_minor": 11_000, "pace": "on",
    "words": "50.00 spent today",
}  # fmt: skip


@pytest.fixture
def shop(engine):
    info = AccountInfo(
        id=PlatformAccountId("act_5"), name="Shop", currency="USD", zone="Europe/Madrid", is_active=True,
        status_text="active", minimum_daily_budget_minor=100,
    )  # fmt: skip
    with engine.begin() as conn:
        return accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)


def stand(engine, shop, *warnings):
    state = PacingState(
        account_id=shop, made_at=NOW, spans=[SPAN], objects=[], warnings=list(warnings), day_targets={},
        top_budgets={}, budgets_since=NOW,
    )  # fmt: skip
    with engine.begin() as conn:
        pacing.note(conn, state)


def read_live(engine, shop, spend, ago):
    row = ObjectTotal("11", "1", 1_000, 20, spend, 1, 900)
    frame = live.frame_of([row], is_whole=True)
    at = NOW - ago
    snapshot = LiveSnapshot(
        day=NOW.date(), read_at=at, as_of=at, source=Source.PLATFORM, frames={ObjectKind.AD_SET: frame}
    )
    with engine.begin() as conn:
        live.note(conn, shop, snapshot)


def test_before_anybody_looked_it_says_so(on_database, shop) -> None:
    done = on_database("pacing")
    assert done.code == 0
    assert "nobody looked yet" in done.out


def test_it_shows_target_spent_due_and_likely(on_database, engine, shop) -> None:
    stand(engine, shop)
    done = on_database("pacing")
    assert done.code == 0
    for figure in ("100.00", "50.00", "52.00", "99.00 (90.00 to 110.00)", "#" * 12):
        assert figure in done.out
    (row,) = on_database("pacing", "--account", "act_5", "--json").document["accounts"]
    assert row["spans"] == [SPAN]


def test_while_something_runs_away_it_ends_with_1(on_database, engine, shop) -> None:
    stand(engine, shop, {"kind": "runaway_spend", "scope": "11", "words": "185.00 spent today"})
    done = on_database("pacing")
    assert done.code == 1
    assert "! 185.00 spent today" in done.out


def test_what_spends_now_is_shown_with_its_speed(on_database, engine, shop) -> None:
    read_live(engine, shop, 4_000, timedelta(minutes=60))
    read_live(engine, shop, 6_500, timedelta(0))
    (row,) = on_database("live", "--json").document["objects"]
    assert (row["spend_minor"], row["spend_minor_an_hour"]) == (6_500, 2_500)
    assert "25.00" in on_database("live").out


def test_a_kind_that_does_not_spend_is_refused(on_database, shop) -> None:
    done = on_database("live", "--kind", "creative")
    assert done.code == 2
    assert "campaign, ad_set" in done.err


def test_live_without_a_reading_says_when_there_will_be_one(on_database, shop) -> None:
    done = on_database("live")
    assert done.code == 1
    assert "never read live" in done.err


@pytest.mark.parametrize(
    ("spent", "projected", "target", "drawn"),
    [
        (50, 100, 100, "#" * 12 + "-" * 11 + "|"),
        (100, 200, 100, "#" * 12 + "|" + "-" * 11),
        (0, 0, None, "." * 24),
        (30, 40, 80, "#" * 9 + "-" * 3 + "." * 11 + "|"),
    ],
)
def test_the_bar_shows_all_three_on_one_scale(spent, projected, target, drawn) -> None:
    assert bar(spent, projected, target) == drawn
