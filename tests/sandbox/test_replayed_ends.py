"""Ends and limits after a kill: the world that comes back from the log spends what the running one did."""

import json
from datetime import UTC, datetime
from pathlib import Path

from sandbox.nodes import Kind
from sandbox.platform import Call, Platform
from tests.sandbox.stranger import scenario

SECOND_US = 1_000_000
BEGIN = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def test_an_end_before_a_spending_limit_takes_effect_before_it_after_a_kill_too(tmp_path: Path) -> None:
    """Ad sets end at 15:20, the limit comes at 15:50: replayed the other way round they went on spending till 15:50."""
    file = tmp_path / "shop.json"
    file.write_text(json.dumps(scenario()), encoding="utf-8")
    running = Platform(tmp_path / "data", scenario=str(file), start=BEGIN, speed=0)
    (account,) = running.world.accounts.values()
    begun_us = running.clock.now_us()
    call = Call(method="POST", path="/any")
    for ad_set in account.nodes[Kind.AD_SET]:
        change = {"end_time": [None, begun_us // SECOND_US + 20 * 60]}
        running.commit(call=call, kind=Kind.AD_SET, account_id=account.id, object_id=ad_set.id, change=change)
    running.clock.advance_to(begun_us + 50 * 60 * SECOND_US)
    running.catch_up()
    running.limit_spend(call=call, account_id=account.id, before_minor=0, after_minor=10**9)
    running.clock.advance_to(begun_us + 7_200 * SECOND_US)
    running.catch_up()
    spent_minor = account.market.spent_minor
    running.journal.close()  # a kill: nothing is put in order

    again = Platform(tmp_path / "data", speed=0)
    again.catch_up()
    assert again.world.accounts[account.id].market.spent_minor == spent_minor
    again.close()
