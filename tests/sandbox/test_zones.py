"""Instants that name no zone: what they mean does not hang on the machine that the sandbox runs on."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.meta.protocol.params import instant_s
from tests.sandbox.stranger import Stranger, open_shop

MIDNIGHT_S = 1_795_132_800  # of 2026-11-20, in UTC


@pytest.fixture
def far_west() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "America/Los_Angeles"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.usefixtures("far_west")
@pytest.mark.parametrize("text", ["2026-11-20", "2026-11-20T00:00:00", "2026-11-20T01:00:00+0100"])
def test_an_instant_is_the_same_wherever_the_sandbox_runs(text: str) -> None:
    assert instant_s(text) == MIDNIGHT_S


@pytest.mark.usefixtures("far_west")
def test_filters_and_histories_read_it_so(tmp_path: Path) -> None:
    with open_shop(tmp_path) as process:
        stranger = Stranger(process)
        stranger.new_campaign("Late")  # made at 15:30 UTC
        asked = '[{"field":"campaign.created_time","operator":"GREATER_THAN","value":"2026-11-20T10:00:00"}]'
        found = stranger.rows(f"{stranger.account}/campaigns", filtering=asked, fields="name")
        assert [row["name"] for row in found] == ["Late"]
        assert stranger.rows(f"{stranger.account}/activities", since="2026-11-20T10:00:00")
