"""Reading back: what is believed of a create whose list lags."""

from dataclasses import replace
from datetime import timedelta

from actions.readback import NotSeen, Seen, read_back
from domain.actions import ActionState
from tests.actions.fake_platform import NOW
from tests.actions.stage import QUICK, Stage, create


class Lagging:
    """Lists show nothing yet; readings by id do."""

    def __init__(self, platform) -> None:
        self.state = platform.state

    def find_by_token(self, *_):
        return ()


def test_while_the_list_lags_only_an_object_that_carries_the_token_is_believed(stage: Stage):
    """A wrong id in the answer would otherwise make somebody else's campaign ours."""
    action = stage.approve(create())
    assert stage.executor(QUICK).execute(action.id) is ActionState.APPLIED
    made = stage.get(action)
    stage.platform.objects["1"] = {"status": "active", "name": "somebody else's"}
    common = {"created_after": NOW - timedelta(hours=1), "timing": QUICK}
    reader = Lagging(stage.platform)
    assert read_back(reader, "act_1", [made], **common) == {made.id: Seen(object_id=made.result_object_id)}
    wrong = replace(made, result_object_id="1")
    assert isinstance(read_back(reader, "act_1", [wrong], **common)[made.id], NotSeen)
