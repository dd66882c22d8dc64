"""Edits by hand are written down once, hold their object for a while, and let go when a person says so."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.actions import Level, Mode, ObjectKind
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from models import accounts, hand_edits
from models.engine import make_engine
from models.hand_edits import FoundBy, HandEdit

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
REST = timedelta(hours=24)
AD_SET = (ObjectKind.AD_SET, "11")


@pytest.fixture
def conn(database_url):
    engine = make_engine(database_url)
    with engine.begin() as conn:
        yield conn
    engine.dispose()


@pytest.fixture
def account_id(conn):
    info = AccountInfo(
        id=PlatformAccountId("act_1"), name="Shop", currency="EUR", zone="UTC", is_active=True, status_text="",
        minimum_daily_budget_minor=100,
    )  # fmt: skip
    return accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)


def edit(**more):
    values = {
        "object_kind": ObjectKind.AD_SET, "object_id": "11", "event": "update_ad_set_budget", "edited_at": NOON,
        "found_by": FoundBy.ACTIVITIES, "actor_id": "77", "actor_name": "Marta",
        "before": {"daily_budget_minor": 100}, "after": {"daily_budget_minor": 130},
    }  # fmt: skip
    return HandEdit(**{**values, **more})


def test_an_edit_read_twice_is_one_edit_and_news_only_once(conn, account_id):
    (noted,) = hand_edits.record(conn, account_id, [edit(), edit()], rest=REST)
    assert noted.edit == edit()
    assert noted.hands_off_until == NOON + REST
    assert hand_edits.record(conn, account_id, [edit()], rest=REST) == ()
    assert len(hand_edits.listing(conn, account_id)) == 1


def test_two_edits_of_one_second_to_two_values_are_two(conn, account_id):
    pair = [edit(), edit(before={"daily_budget_minor": 130}, after={"daily_budget_minor": 140})]
    assert len(hand_edits.record(conn, account_id, pair, rest=REST)) == 2


def test_an_edit_that_turns_out_to_be_overwritten_is_news_again_and_never_the_other_way(conn, account_id):
    hand_edits.record(conn, account_id, [edit()], rest=REST)
    (news,) = hand_edits.record(conn, account_id, [edit(found_by=FoundBy.OVERWRITTEN)], rest=REST)
    assert news.edit.found_by is FoundBy.OVERWRITTEN
    assert hand_edits.record(conn, account_id, [edit()], rest=REST) == ()
    (kept,) = hand_edits.listing(conn, account_id)
    assert kept.edit.found_by is FoundBy.OVERWRITTEN


def test_an_object_is_left_alone_until_its_last_edit_has_rested(conn, account_id):
    late = edit(edited_at=NOON + timedelta(hours=2), actor_name="Iker")
    hand_edits.record(conn, account_id, [edit(), late, edit(object_id="12")], rest=REST)
    held = hand_edits.hands_off(conn, account_id, [AD_SET], NOON + timedelta(hours=3))
    assert {key: (row.until, row.by) for key, row in held.items()} == {AD_SET: (NOON + timedelta(hours=26), "Iker")}
    assert len(hand_edits.hands_off(conn, account_id, None, NOON + timedelta(hours=3))) == 2
    assert hand_edits.hands_off(conn, account_id, [AD_SET], NOON + timedelta(hours=26)) == {}


def test_a_release_lets_go_of_the_object_for_good(conn, account_id):
    hand_edits.record(conn, account_id, [edit(), edit(object_id="12")], rest=REST)
    (released,) = hand_edits.release(conn, account_id, "11", by="os:ana", reason="agreed with Marta")
    assert (released.released_by, released.release_reason) == ("os:ana", "agreed with Marta")
    hand_edits.record(conn, account_id, [edit()], rest=REST)
    assert list(hand_edits.hands_off(conn, account_id, None, NOON)) == [(ObjectKind.AD_SET, "12")]
    assert hand_edits.release(conn, account_id, "11", by="os:ana", reason="again") == ()


def test_what_we_went_over_is_listed_first(conn, account_id):
    newer = edit(object_id="12", edited_at=NOON + timedelta(hours=5))
    hand_edits.record(conn, account_id, [newer, edit(found_by=FoundBy.OVERWRITTEN)], rest=REST)
    assert [row.edit.object_id for row in hand_edits.listing(conn, account_id)] == ["11", "12"]


def test_a_name_of_any_length_and_with_a_zero_byte_can_be_written_down(conn, account_id):
    (noted,) = hand_edits.record(conn, account_id, [edit(after={"name": "\x00" + "ü" * 5_000})], rest=REST)
    assert len(noted.edit.after["name"]) <= 400


def test_without_a_write_there_is_no_window_to_tell(conn, account_id):
    window = hand_edits.read_to_write(conn, account_id)
    assert (window.writes, window.p50_ms, window.max_ms, window.overwritten) == (0, None, None, 0)
