"""`stakazo undo` and `why` as they are typed: what is wrong is said with the way out; nothing is written."""

import pytest

from domain.actions import Level, Mode
from models import accounts
from tests.cli.conftest import account_info

REFUSED = [
    (("undo", "action", "999"), "stakazo actions list"),
    (("undo", "run", "999"), "stakazo cycle history"),
    (("undo", "cycle"), "has run yet"),
    (("undo", "window"), "--hours"),
    (("undo", "window", "--hours", "1", "--since", "2026-11-20T08:00:00"), "--hours"),
    (("undo", "action", "1", "--apply"), "--reason"),
    (("undo", "object", "501", "--apply", "--reason", " "), "--reason"),
    (("undo", "action", "1", "--account"), "No such option"),
]


@pytest.mark.parametrize(("words", "way_out"), REFUSED, ids=lambda value: " ".join(value) if value else None)
def test_what_cannot_be_done_is_refused_with_the_way_out(on_database, engine, words, way_out):
    with engine.begin() as conn:
        accounts.open_account(conn, platform="meta", info=account_info("act_1"), mode=Mode.STUB, level=Level.AUTO)
    done = on_database(*words)
    assert done.code == 2
    assert way_out in done.err


def test_without_its_platform_nothing_is_planned_and_it_says_what_to_start(on_database, filled):
    done = on_database("undo", "object", "501", "--json")
    assert done.code == 1
    assert "stakazo up" in done.err
    assert done.document["error"]["kind"] == "NotReadyError"


def test_why_of_an_unknown_object_says_where_objects_are_listed(on_database, filled):
    done = on_database("why", "nowhere")
    assert done.code == 2
    assert "stakazo campaign list" in done.err
