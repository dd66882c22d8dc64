"""What the page of guarantees tells of a run."""

from datetime import UTC, datetime

from tests.faults.document import Form, draw
from tests.faults.guarantee import Guarantee, Outcome
from tests.faults.running import Result, Run

FORM = Form(at=datetime(2026, 3, 1, tzinfo=UTC), commit="abc", full=False, seed=1)


def _result(outcome, caught):
    held = Guarantee(
        id="I-99", statement="It holds.", enforced_at="here", refuted_by="this", short=1, full=1,
        experiment=lambda _place, _trials: outcome, weaker={"none of it": lambda _place, _trials: caught},
    )  # fmt: skip
    weaker = {"none of it": Run(outcome=caught, seconds=1.0)}
    return Result(guarantee=held, run=Run(outcome=outcome, seconds=1.0), weaker=weaker)


def test_a_missed_aim_of_speed_is_told_beside_its_figure_and_breaks_no_promise():
    slow = Outcome(trials=9, violations=(), figures={"ratio": 1.31}, missed_aims=("1.31 times as long, aim 1.2",))
    result = _result(slow, Outcome(trials=9, violations=("it did not hold",)))

    assert result.faults == ()
    page = draw([result], FORM, {})
    assert "- Figures: ratio 1.31\n" in page
    assert "- **Missed aim:** 1.31 times as long, aim 1.2\n" in page
    assert "**Fault:**" not in page


def test_a_violation_is_a_fault_whatever_the_aims_say():
    broken = _result(Outcome(trials=9, violations=("twice",)), Outcome(trials=9, violations=("it did not hold",)))

    assert broken.faults == ("violated: twice",)
    assert "- **Fault:** violated: twice\n" in draw([broken], FORM, {})
