"""The arbiter: one change per object, whoever came first."""

from hypothesis import given, settings
from hypothesis import strategies as st

from actions.arbiter import arbitrate
from domain.actions import RECORDED_ONLY, ActionKind, ObjectKind, Priority
from tests.actions.judging import activate, budget, create, pause, proposal


def test_the_order_of_priorities_is_the_houses():
    """safety > person > negative spike > A/B winner > ROAS > positive spike > fatigue"""
    wanted = [budget(100, 110 + place, priority=priority) for place, priority in enumerate(Priority)]
    for count in range(len(wanted), 0, -1):
        (winner,), losers = arbitrate(wanted[:count])
        assert winner is wanted[count - 1]
        assert len(losers) == count - 1
    names = [priority.name for priority in sorted(Priority, reverse=True)]
    assert names == ["SAFETY", "PERSON", "NEGATIVE_SPIKE", "AB_WINNER", "ROAS", "POSITIVE_SPIKE", "FATIGUE"]


def test_of_equal_priority_the_one_that_protects_wins():
    raise_, stop = budget(4000, 5200, rule="a"), pause(rule="z")
    winners, losers = arbitrate([raise_, stop])
    assert winners == (stop,)
    assert losers[0].reason == "a gives way to z (pause) of the same priority, since that protects"


def test_a_loser_is_told_who_went_before_and_why():
    low = budget(4000, 5200, rule="roas_high")
    high = budget(4000, 3600, rule="spike_negative", priority=Priority.NEGATIVE_SPIKE)
    _, ((loser, reason),) = arbitrate([low, high])
    assert loser is low
    assert reason == (
        "roas_high gives way to spike_negative (set daily budget) on the same ad set: negative spike goes before roas"
    )


def test_of_two_alike_the_first_rule_by_name_wins():
    one, other = budget(4000, 4400, rule="alpha"), budget(4000, 4800, rule="beta")
    assert arbitrate([other, one]).winners == (one,)
    assert arbitrate([one, other]).losers[0].reason == (
        "beta gives way to alpha (set daily budget) of the same priority: one change per object and cycle"
    )


def test_an_ad_set_and_its_ad_are_different_objects():
    wanted = [pause(object_id="1"), pause(object_id="1", object_kind=ObjectKind.AD)]
    winners, losers = arbitrate(wanted)
    assert len(winners) == 2
    assert losers == ()


def test_creates_under_one_parent_compete_only_when_they_are_the_same():
    one, other, again = create(name="One"), create(name="Other"), create(name="One")
    winners, losers = arbitrate([one, other, again])
    assert len(winners) == 2
    assert len(losers) == 1


def test_what_is_only_recorded_does_not_compete():
    mark = proposal(ActionKind.MARK_FATIGUED, {"is_marked_fatigued": True}, {}, priority=Priority.FATIGUE)
    winners, losers = arbitrate([mark, pause()])
    assert [winner.kind for winner in winners] == [ActionKind.PAUSE, ActionKind.MARK_FATIGUED]
    assert losers == ()


def test_winners_come_by_falling_priority_so_that_a_limit_cuts_the_least():
    wanted = [pause(object_id=str(place), priority=priority) for place, priority in enumerate(Priority)]
    assert [winner.priority for winner in arbitrate(wanted).winners] == sorted(Priority, reverse=True)


def test_nothing_wanted_is_nothing_won():
    assert arbitrate([]) == ((), ())


IDS = st.sampled_from(["1", "2"])
PRIORITIES = st.sampled_from(Priority)
RULES = st.sampled_from(["a", "b"])
CHANGES = {"object_id": IDS, "priority": PRIORITIES, "rule": RULES}
PROPOSALS = st.lists(
    st.one_of(
        st.builds(budget, st.just(100), st.integers(80, 120), **CHANGES),
        st.builds(pause, **CHANGES),
        st.builds(activate, **CHANGES),
        st.builds(create, name=IDS),
        st.builds(
            proposal, st.just(ActionKind.MARK_FATIGUED), st.just({"is_marked_fatigued": True}), st.just({}), **CHANGES
        ),
    ),
    max_size=7,
)


@given(PROPOSALS, st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_the_order_of_the_input_never_matters_and_nothing_is_lost(wanted, random):
    found = arbitrate(wanted)
    assert arbitrate(random.sample(wanted, len(wanted))) == found
    assert len(found.winners) + len(found.losers) == len(wanted)


@given(PROPOSALS)
@settings(max_examples=200, deadline=None)
def test_no_object_is_changed_twice_and_no_loser_was_the_weightier(wanted):
    winners, losers = arbitrate(wanted)
    changes = [row for row in winners if row.kind not in RECORDED_ONLY and row.kind is not ActionKind.CREATE_AD_SET]
    held = {(row.object_kind, row.object_id): row for row in changes}
    assert len(held) == len(changes)
    for loser, _ in losers:
        if loser.kind is not ActionKind.CREATE_AD_SET:
            assert held[loser.object_kind, loser.object_id].priority >= loser.priority
