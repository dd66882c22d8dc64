"""Policies: the newest is in force, the older ones stay readable."""

from sqlalchemy import Connection

from domain.actions import Level, Mode
from domain.ids import AccountId, PlatformAccountId
from domain.objects import AccountInfo
from models import accounts, policies


def opened(conn: Connection, platform_id: str = "act_1") -> AccountId:
    info = AccountInfo(id=PlatformAccountId(platform_id), name="A", currency="USD", zone="UTC", is_active=True,
                       status_text="", minimum_daily_budget_minor=100)  # fmt: skip
    return accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)


def test_an_account_without_a_policy_has_none(conn: Connection) -> None:
    assert policies.current(conn, opened(conn)) is None


def test_the_last_policy_that_was_set_is_in_force_for_its_account_alone(conn: Connection) -> None:
    mine, other = opened(conn), opened(conn, "act_2")
    policies.save(conn, mine, "classic", {"roas_low": 1.0}, "ann")
    policies.save(conn, other, "classic", {"roas_low": 9.0}, "bob")
    policies.save(conn, mine, "classic", {"roas_low": 1.5, "note": "a\x00b", "steps": [1, "é\n"]}, "ann\x00")
    assert policies.current(conn, mine) == ("classic", {"roas_low": 1.5, "note": "ab", "steps": [1, "é\n"]})
    versions = policies.history(conn, mine, 10)
    assert [(version.body.get("roas_low"), version.set_by) for version in versions] == [(1.5, "ann"), (1.0, "ann")]
    assert policies.history(conn, mine, 1) == versions[:1]


def test_setting_the_same_policy_again_adds_no_version(conn: Connection) -> None:
    mine = opened(conn)
    first = policies.save(conn, mine, "classic", {"roas_low": 1.0}, "ann")
    assert policies.save(conn, mine, "classic", {"roas_low": 1.0}, "bob") == first
    assert len(policies.history(conn, mine, 10)) == 1
