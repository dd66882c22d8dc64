"""Life-cycles stepped day by day: what stands is what following all days at once leaves."""

from dataclasses import fields

import numpy as np
import pytest

from decisions.life_cycle import stages, study, tell
from decisions.life_memory import admit, advance, was_restated
from decisions.policy import MaturedPolicy
from domain.panel import Panel
from tests.decisions.test_life_cycle import drawn, panel

POLICY = MaturedPolicy()


def of_days(whole: Panel, days: int) -> Panel:
    return panel(
        whole.clicks[:, :days], whole.impressions[:, :days], spend=whole.spend_minor[:, :days], parent=whole.parent
    )


def stepped(whole: Panel, known: int):
    memory = study(of_days(whole, known), POLICY)
    for day in range(known, whole.clicks.shape[1]):
        advance(memory, whole.clicks[:, day], whole.impressions[:, day], whole.spend_minor[:, day])
    return memory


def assert_same(one, other):
    for field in fields(one):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if field.name == "outlook":
            assert_same(mine, theirs)
        elif isinstance(mine, np.ndarray) and mine.dtype.kind == "f":
            assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-5), field.name
        else:
            assert np.array_equal(mine, theirs), field.name


@pytest.mark.parametrize("known", [0, 5, 12, 29])
def test_stepping_day_by_day_tells_what_following_all_days_tells(known):
    clicks, shown, _ = drawn(21, 2_000, ads=150, share=0.5)
    whole = panel(clicks, shown)
    at_once = stages(whole, POLICY)
    assert (at_once.fatigued_on > 0).sum() > 20
    assert_same(tell(stepped(whole, known), parent=whole.parent), at_once)


def test_pools_of_mates_are_stepped_too():
    """Ads too small to be told alone, four an ad set; pools are those chosen when all days were followed."""
    clicks, shown, _ = drawn(22, 200, ads=80, share=0.8)
    whole = panel(clicks, shown, parent=np.repeat(np.arange(20), 4))
    memory, at_once = stepped(whole, 24), study(whole, POLICY)
    assert (memory.pool == at_once.pool).all()
    assert (memory.pool_probability > 0.5).any()
    assert memory.pool_probability == pytest.approx(at_once.pool_probability, rel=1e-4, abs=1e-5)
    assert_same(tell(memory), tell(at_once))


def test_an_ad_that_comes_later_is_told_as_if_it_had_been_there():
    clicks, shown, _ = drawn(23, 3_000, ads=40, share=0.5)
    shown[-5:, :10] = clicks[-5:, :10] = 0
    whole = panel(clicks, shown)
    early = panel(clicks[:-5, :10], shown[:-5, :10])
    memory = admit(study(early, POLICY), whole.object_id[-5:])
    for day in range(10, 30):
        advance(memory, whole.clicks[:, day], whole.impressions[:, day], whole.spend_minor[:, day])
    assert_same(tell(memory), stages(whole, POLICY))


def test_days_that_were_restated_by_more_than_a_fiftieth_are_noticed():
    clicks, shown, _ = drawn(24, 3_000, ads=40, share=0.2)
    memory = study(panel(clicks, shown), POLICY)
    assert not was_restated(memory, clicks, shown)
    late = clicks.copy()
    late[:, -1] += 1
    assert not was_restated(memory, late, shown + 10)
    assert was_restated(memory, np.where(np.arange(30) == 25, clicks // 2, clicks), shown)
    assert was_restated(memory, clicks, np.where(np.arange(30) == 25, shown * 2, shown))


def test_a_panel_of_no_ads_can_be_stepped():
    none = np.zeros((0, 3), np.int64)
    memory = study(panel(none, none), POLICY)
    advance(memory, none[:, 0], none[:, 0], none[:, 0])
    assert len(tell(memory)) == 0
