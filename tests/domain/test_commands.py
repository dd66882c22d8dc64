"""The wire values of commands, and the other spellings that are understood."""

import pytest

from domain.errors import BadInputError
from domain.health import CommandType

WIRE = ["start_all", "stop_all", "restart_module", "emergency_stop", "resume", "sync_data", "optimize", "health_check"]


def test_the_wire_values_are_those_of_the_requirements():
    assert [command.value for command in CommandType] == WIRE


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("START_ALL", "start_all"),
        (" Emergency_Stop ", "emergency_stop"),
        ("optimize_all", "optimize"),
        ("OPTIMIZE_ALL", "optimize"),
        ("RESUME_OPERATIONS", "resume"),
        ("SYNC_ALL_DATA", "sync_data"),
        ("RUN_HEALTH_CHECK", "health_check"),
    ],
)
def test_other_spellings_are_understood(text, value):
    assert CommandType.parse(text) == value


def test_an_unknown_command_is_refused_with_those_there_are():
    with pytest.raises(BadInputError, match='no command "explode"; there are start_all, stop_all'):
        CommandType.parse("explode")
