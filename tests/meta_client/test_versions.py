"""The pinned version and its calendar."""

from meta_client.versions import API_VERSION, CALENDAR, pinned
from tests.meta_client.scripted import ACCOUNT, Kit, Scripted, pausing


def test_the_version_we_speak_is_the_newest_of_the_calendar() -> None:
    released = [row for row in CALENDAR if row.released_on is not None]
    assert pinned() == max(released, key=lambda row: str(row.released_on))


def test_every_call_names_the_version(server: Scripted, kit: Kit) -> None:
    server.answer({"id": "1"})
    server.answer({"success": True})
    kit.transport.get("1", {}, about="a read")
    kit.writer.write(ACCOUNT, pausing(), deadline_s=5)
    assert all(request.target.startswith(f"/{API_VERSION}/") for request in server.requests)
