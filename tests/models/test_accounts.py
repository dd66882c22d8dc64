"""The store of accounts: what the platform says and what people set do not overwrite each other."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Connection

from domain.actions import Level, Mode
from domain.errors import BadInputError, NotReadyError
from domain.ids import AccountId, PlatformAccountId
from domain.objects import AccountInfo
from models import accounts

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def info(name: str = "Bakery", zone: str = "Europe/Berlin") -> AccountInfo:
    return AccountInfo(
        id=PlatformAccountId("act_77"),
        name=name,
        currency="EUR",
        zone=zone,
        is_active=True,
        status_text="active",
        minimum_daily_budget_minor=100,
    )


def opened(conn: Connection, mode: Mode = Mode.STUB, level: Level = Level.OBSERVE, **rest: object) -> AccountId:
    return accounts.open_account(conn, platform="meta", info=rest.pop("info", info()), mode=mode, level=level, **rest)


def test_an_opened_account_reads_back_as_it_was_given(conn: Connection) -> None:
    account = accounts.get(conn, opened(conn, page_id="p1", pixel_id="x1", countries=("DE", "AT")))
    assert (account.name, account.currency, account.zone) == ("Bakery", "EUR", "Europe/Berlin")
    assert (account.page_id, account.pixel_id, account.countries) == ("p1", "x1", ("DE", "AT"))
    assert (account.mode, account.level) == (Mode.STUB, Level.OBSERVE)
    assert (account.is_paused, account.fence_closed, account.tree_read_at) == (False, False, None)


def test_opening_again_learns_the_name_and_keeps_what_people_and_machinery_set(conn: Connection) -> None:
    first = opened(conn, countries=("DE",))
    accounts.change(conn, first, level=Level.AUTO, max_total_daily_spend_minor=9_000, tree_read_at=NOON, is_paused=True)
    again = opened(conn, level=Level.OBSERVE, info=info(name="Bäckerei\x00"))
    assert again == first
    account = accounts.get(conn, first)
    assert account.name == "Bäckerei"
    assert (account.level, account.max_total_daily_spend_minor, account.countries) == (Level.AUTO, 9_000, ("DE",))
    assert (account.tree_read_at, account.is_paused) == (NOON, True)


def test_the_same_account_in_stub_and_live_are_two(conn: Connection) -> None:
    assert opened(conn, mode=Mode.STUB) != opened(conn, mode=Mode.LIVE)
    assert len(accounts.listing(conn)) == 2
    assert accounts.listing(conn, "tiktok") == ()


def test_an_account_is_found_by_the_platforms_id(conn: Connection) -> None:
    mine = opened(conn)
    found = accounts.find(conn, "meta", PlatformAccountId("act_77"), Mode.STUB)
    assert found is not None
    assert found.id == mine
    assert accounts.find(conn, "meta", PlatformAccountId("act_77"), Mode.LIVE) is None


def test_change_sets_columns_and_returns_the_row(conn: Connection) -> None:
    mine = opened(conn)
    changed = accounts.change(conn, mine, countries=("FR",), insights_loaded_from=date(2026, 1, 1))
    assert (changed.countries, changed.insights_loaded_from) == (("FR",), date(2026, 1, 1))
    assert accounts.change(conn, mine) == accounts.get(conn, mine) == changed


@pytest.mark.parametrize("field", ["id", "platform", "mode", "no_such_field"])
def test_fixed_and_unknown_fields_cannot_be_set(conn: Connection, field: str) -> None:
    with pytest.raises(BadInputError, match=field):
        accounts.change(conn, opened(conn), **{field: "x"})


def test_an_account_that_is_not_there_is_said_so(conn: Connection) -> None:
    with pytest.raises(NotReadyError, match="no account 404"):
        accounts.get(conn, AccountId(404))
    with pytest.raises(NotReadyError, match="no account 404"):
        accounts.change(conn, AccountId(404), is_paused=True)
