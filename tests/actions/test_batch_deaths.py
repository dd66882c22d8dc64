"""A batch whose executor dies at any named step, under every fate of its items: nothing twice, and a true ledger."""

import itertools

import pytest

from actions.executor import STEPS
from domain.actions import TERMINAL, ActionState
from domain.errors import RefusedError, ThrottledError, UnknownOutcomeError
from tests.actions.fake_platform import fail, take_effect, take_effect_then_fail
from tests.actions.stage import QUICK
from tests.actions.test_batches import raises, set_shop

_FATES = (
    take_effect_then_fail,
    fail(UnknownOutcomeError("no answer within the batch")),
    fail(RefusedError("too low", code=100)),
    fail(ThrottledError("slow down", retry_after_s=0.0)),
)


class Death(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


@pytest.mark.parametrize("step", STEPS)
def test_whichever_step_a_batch_dies_at_no_item_takes_effect_twice_and_the_ledger_is_true(engine, step):
    """Each case has three items: one that works, so that every step is reached, and two of the other fates."""
    for number, fates in enumerate(itertools.combinations(_FATES, 2)):
        shop = set_shop(engine, 3, platform_account_id=f"act_{number}")
        rows = raises(shop, 3)
        shop.platform.writes = [fates[0], take_effect, fates[1]]
        assert dies(shop, rows[0], step)
        shop.platform.writes = []
        finish(shop, rows)
        for row in rows:
            effects = sum(token == row.op_token for token, _ in shop.platform.oracle)
            assert effects <= 1
            assert (shop.get(row).state is ActionState.APPLIED) == (effects == 1)
            assert shop.machinery(row).cap_reserved_minor == 0


def dies(shop, row, step: str) -> bool:
    def die(passed: str) -> None:
        if passed == step:
            raise Death

    try:
        shop.executor(checkpoint=die).execute(row.id)
    except Death:
        return True
    return False


def finish(shop, rows) -> None:
    for _ in range(8):
        shop.end_waits()
        states = {shop.executor(QUICK).execute(row.id) for row in rows}
        if states <= TERMINAL:
            return
    raise AssertionError("not terminal after 8 undisturbed rounds")
