"""Recorded days are replayed on figures as they were known then, with pacing, and a gain that says it is a model's."""

from dataclasses import replace

import numpy as np
import pytest

from domain.actions import ObjectKind
from estimators.maturity import PRIOR
from sandbox.scenario import load_scenario
from twin.compare import found
from twin.readings import Readings
from twin.recorded import Records, as_of, replay

DAYS, TOTAL = 10, 38


@pytest.fixture(scope="module")
def records():
    case = found(load_scenario("demo"), seed=4)
    readings = Readings(case.founded.fork(), case.founded.account_id)
    ads, sets, campaigns = (
        readings.panel(kind, TOTAL) for kind in (ObjectKind.AD, ObjectKind.AD_SET, ObjectKind.CAMPAIGN)
    )
    none = np.zeros(0, np.int64)
    return Records(
        base=readings.snapshot(window_days=7, spike_hours=3), ads=ads, ad_sets=sets, campaigns=campaigns,
        late=np.zeros((5, 0), np.int64), late_row=none, late_day=none, late_read_on=none, curve=PRIOR,
        wishes=case.setting.wishes,
    )  # fmt: skip


def test_what_was_read_later_is_not_known_yet(records):
    """Two of the purchases of day 30 were read on day 33: on day 32 they are not known, on day 34 they are."""
    late = np.array([[0], [0], [0], [2], [9_000]])
    day, row = 30, int(np.argmax(records.ads.purchases[:, 30]))
    with_late = replace(
        records, late=late, late_row=np.array([row]), late_day=np.array([day]),
        late_read_on=np.array([records.first_on + 33]),
    )  # fmt: skip
    known = records.ads.purchases[row, day]
    assert as_of(with_late, 32, 10).purchases[row, day - 22] == max(known - 2, 0)
    assert as_of(with_late, 34, 10).purchases[row, day - 24] == known


@pytest.mark.parametrize("policy", ["classic", "matured"])
def test_policies_want_and_are_paced(records, policy):
    found_rows = replay(records, policy, days=DAYS, margin=0.5)
    assert len(found_rows.by_day) == DAYS
    assert 0 < found_rows.edits <= found_rows.wanted
    assert all(edits <= 20 for _, _, edits in found_rows.by_day)
    low, high = found_rows.interval_minor
    assert low <= found_rows.gain_minor <= high


def test_the_replay_is_the_same_twice(records):
    assert replay(records, "matured", days=4, margin=0.5) == replay(records, "matured", days=4, margin=0.5)
