"""The checker of histories finds an order where there is one, and names what cannot come next where there is none."""

import random
from itertools import permutations
from math import inf

import pytest

from tests.faults.linearizability import Model, Operation, counterexample


def _step(state, row):
    if row.name == "look":
        return state if row.told == state else None
    return row.name


REGISTER = Model(first="running", step=_step)


def _op(name, called_s, answered_s=inf, told=""):
    return Operation(client="c", name=name, called_s=called_s, answered_s=answered_s, told=told)


@pytest.mark.parametrize(
    ("history", "is_fine"),
    [
        ([], True),
        ([_op("stopped", 0, 1), _op("look", 2, 3, "stopped")], True),
        ([_op("stopped", 0, 1), _op("look", 2, 3, "running")], False),  # a look after the answer does not see it
        ([_op("stopped", 0, 4), _op("look", 1, 2, "running"), _op("look", 2.5, 3, "stopped")], True),
        ([_op("stopped", 0, 4), _op("look", 1, 2, "stopped"), _op("look", 2.5, 3, "running")], False),  # it went back
        ([_op("stopped", 0, 1), _op("running", 2, 3), _op("look", 4, 5, "stopped")], False),  # it was done again
        ([_op("stopped", 0), _op("look", 5, 6, "running"), _op("look", 7, 8, "stopped")], True),  # it happened late
        ([_op("stopped", 0), _op("look", 5, 6, "running")], True),  # it never happened
        ([_op("look", 0, 1, "stopped"), _op("stopped", 2, 3)], False),  # seen before it was ordered
    ],
)
def test_a_history_is_judged_by_whether_one_order_explains_it(history, is_fine):
    assert (counterexample(history, REGISTER) is None) is is_fine


def test_it_judges_random_histories_as_trying_every_order_does():
    dice = random.Random(7)
    judged = set()
    for _ in range(300):
        history = []
        for _ in range(5):
            called_s = dice.random()
            name = dice.choice(("look", "look", "running", "stopped"))
            told = dice.choice(("running", "stopped")) if name == "look" else ""
            history.append(_op(name, called_s, called_s + dice.random() / 2, told))
        wanted = any(_is_legal(order) for order in permutations(history))
        assert (counterexample(history, REGISTER) is None) is wanted
        judged.add(wanted)
    assert judged == {True, False}


def _is_legal(order):
    state = REGISTER.first
    for place, row in enumerate(order):
        if any(later.answered_s < row.called_s for later in order[place + 1 :]):
            return False
        state = _step(state, row)
        if state is None:
            return False
    return True
