"""The states of an action: one table, no way round in it but the one that is proven not sent."""

from domain.actions import (
    BY_PERSON,
    CREATES,
    IN_FLIGHT,
    MAY_HAVE_EFFECT,
    PROTECTIVE,
    RECORDED_ONLY,
    TERMINAL,
    TRANSITIONS,
    ActionKind,
    ActionState,
    is_legal,
)

S = ActionState
PROVEN_NOT_SENT = (S.SENT, S.APPROVED)  # no byte left, or the platform refused to listen: it may be tried again


def reachable(start, steps):
    found, front = set(), [start]
    while front:
        state = front.pop()
        after = {b for a, b in steps if a is state} - found
        found |= after
        front.extend(after)
    return found


def test_the_only_way_back_is_what_was_proven_not_sent():
    forward = TRANSITIONS - {PROVEN_NOT_SENT} - BY_PERSON
    assert PROVEN_NOT_SENT in TRANSITIONS
    assert [state for state in S if state in reachable(state, forward)] == []


def test_the_ends_are_these_and_have_no_way_out():
    assert {S.BLOCKED, S.OBSERVED, S.APPLIED, S.REFUSED, S.NOT_APPLIED, S.CONFLICT, S.CANCELLED, S.DEAD} == TERMINAL
    assert not any(before in TERMINAL for before, _ in TRANSITIONS - BY_PERSON)


def test_every_state_is_reached_from_a_proposal():
    assert reachable(S.PROPOSED, TRANSITIONS) == set(S) - {S.PROPOSED}


def test_nothing_is_sent_that_was_not_approved():
    assert {before for before, after in TRANSITIONS if after is S.SENT} == {S.APPROVED}


def test_an_unknown_outcome_is_never_sent_again():
    """Only reading back closes it: it was applied, or it was not."""
    assert {after for before, after in TRANSITIONS if before is S.UNKNOWN} == {S.APPLIED, S.NOT_APPLIED, S.DEAD}
    assert not is_legal(S.UNKNOWN, S.APPROVED)


def test_what_may_have_reached_the_platform_counts_against_caps():
    assert {S.SENT, S.UNKNOWN, S.APPLIED} == MAY_HAVE_EFFECT
    assert not IN_FLIGHT & TERMINAL


def test_kinds_are_creates_recorded_protective_or_changes():
    groups = (CREATES, RECORDED_ONLY, PROTECTIVE)
    assert sum(len(group) for group in groups) == len(frozenset().union(*groups))
    assert set(ActionKind) - frozenset().union(*groups) == {
        ActionKind.SET_DAILY_BUDGET, ActionKind.ACTIVATE, ActionKind.ARCHIVE,
        ActionKind.SET_SPENDING_LIMIT,
    }  # fmt: skip
