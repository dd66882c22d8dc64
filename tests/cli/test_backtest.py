"""`stakazo backtest` and `stakazo autonomy` as a person uses them."""

from datetime import UTC, datetime

import pytest

from decisions.promotion import Advice, Move
from domain.actions import Level
from models import accounts, promotions

WORDS = (
    "backtest",
    "--scenario",
    "small_shop",
    "--days",
    "3",
    "--seeds",
    "2",
    "--policy",
    "hold",
    "--policy",
    "classic",
)


def test_policies_are_compared_and_the_page_is_written(stakazo, tmp_path):
    done = stakazo(*WORDS, "--out", str(tmp_path / "page"), "--json")
    assert done.code == 0, done.err
    hold, classic = done.document["policies"]
    assert (hold["policy"], hold["edits"], hold["gain_minor"]) == ("hold", 0, None)
    assert classic["gain_low_minor"] < classic["gain_minor"] < classic["gain_high_minor"]
    assert (tmp_path / "page" / "profit.png").exists()
    assert "| classic |" in (tmp_path / "page" / "backtest.md").read_text()
    assert "seed 1: hold" in done.err


def test_the_table_names_what_it_compares_with(stakazo):
    done = stakazo(*WORDS[:-2])
    assert done.code == 0, done.err
    assert "gain over hold" in done.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("backtest",), "--scenario NAME"),
        (("backtest", "--scenario", "demo", "--account", "1"), "--scenario NAME"),
        (("backtest", "--scenario", "demo", "--policy", "best"), "there are hold, classic, matured, oracle"),
        (("backtest", "--scenario", "nowhere"), "known are"),
    ],
)
def test_what_cannot_be_is_refused_with_the_way_out(stakazo, words, told):
    done = stakazo(*words)
    assert done.code == 2
    assert told in done.err


def test_autonomy_shows_what_the_next_level_takes(on_database, engine, filled):
    with engine.begin() as conn:
        (account, *_) = accounts.listing(conn)
        advice = Advice(
            module="optimization", move=Move.KEEP, level=Level.PROPOSE, to=Level.PROPOSE, reasons=(),
            missing=("9 more runs (of 14)",), earned=False, evidence={},
        )  # fmt: skip
        promotions.keep(conn, account.id, advice, streak=0, now=datetime(2026, 11, 20, tzinfo=UTC))
    done = on_database("autonomy")
    assert done.code == 0, done.err
    assert "9 more runs (of 14)" in done.out
    (row,) = on_database("autonomy", "--json").document["autonomy"]
    assert (row["module"], row["move"], row["missing"]) == ("optimization", "keep", ["9 more runs (of 14)"])
