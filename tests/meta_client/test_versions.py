"""The pinned version and its calendar."""

from datetime import date

import pytest

from meta_client.versions import API_VERSION, CALENDAR, ends_on, pinned
from tests.meta_client.scripted import ACCOUNT, ACCOUNT_NODE, Kit, Scripted, pausing


def test_the_version_we_speak_is_the_newest_of_the_calendar() -> None:
    released = [row for row in CALENDAR if row.released_on is not None]
    assert pinned() == max(released, key=lambda row: str(row.released_on))


def test_every_call_names_the_version(server: Scripted, kit: Kit) -> None:
    server.answer({"id": "1"})
    server.answer({"success": True})
    kit.transport.get("1", {}, about="a read")
    kit.writer.write(ACCOUNT, pausing(), deadline_s=5)
    assert all(request.target.startswith(f"/{API_VERSION}/") for request in server.requests)


def test_a_version_ends_when_meta_says_or_ninety_days_after_its_successor_came() -> None:
    assert ends_on("v24.0") == date(2026, 10, 6)
    assert ends_on("v25.0") == date(2026, 10, 27)  # v26.0 came on 2026-07-29
    assert ends_on(CALENDAR[0].name) == CALENDAR[0].marketing_ends_on
    with pytest.raises(KeyError):
        ends_on("v1.0")


@pytest.mark.parametrize(
    ("headers", "warning"),
    [
        ({}, ""),
        ({"facebook-api-version": API_VERSION}, ""),
        ({"facebook-api-version": "v99.0"}, f"asked for {API_VERSION}, answered by v99.0"),
        ({"x-ad-api-version-warning": "The call has been auto-upgraded to v99.0"}, "The call has been auto-upgraded"),
    ],
)
def test_what_answers_say_of_our_version_is_told_with_its_life(
    server: Scripted, kit: Kit, headers: dict[str, str], warning: str
) -> None:
    server.answer(ACCOUNT_NODE, headers=headers)
    server.answer({"id": "1"})
    assert kit.reader.version().warning == ""
    kit.reader.account(ACCOUNT)
    kit.transport.get("1", {}, about="an answer that says nothing of it")
    told = kit.reader.version().warning
    assert told.startswith(warning)
    assert bool(told) == bool(warning)
