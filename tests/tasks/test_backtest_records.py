"""A backtest over the days that a collector really recorded."""

import pytest

from cli.backtest_recorded import over_recorded
from cli.session import system_user
from domain.errors import NotAllowedError
from domain.permissions import Role
from models import principals, promotions
from tasks import collector
from workers.settings import read_settings

COMPARED = {
    "over": "classic", "cases": [{}, {}], "days": 7,
    "policies": [
        {"policy": "matured", "gain_minor": 5.0, "gain_low_minor": 1.0, "gain_high_minor": 9.0, "edits": 1.0,
         "learning_resets": 0.0}
    ],
}  # fmt: skip


def test_recorded_days_are_replayed_and_the_comparison_is_kept_as_evidence(do, house, account):
    do(collector.run, "meta.collector")
    found = over_recorded(read_settings(), str(account.id), ["hold", "classic", "matured"], days=7)
    assert found is not None
    assert [row["policy"] for row in found.document["policies"]] == ["classic", "matured"]
    assert found.document["days"] == 7
    assert all(row["edits"] <= row["wanted"] for row in found.document["policies"])
    assert "not observed" in found.document["words"]
    found.keep(COMPARED)
    with house.engine.begin() as conn:
        assert promotions.latest_backtest(conn, account.id, "matured").gain_minor == 5.0


def test_who_only_looks_leaves_no_evidence_and_a_stranger_sees_no_records(house, account):
    with house.engine.begin() as conn:
        principals.add(conn, name="admin", role=Role.ADMIN, token_hash=principals.hash_of("a"), created_by="test")
        me = principals.add(
            conn, name=f"os:{system_user()}", role=Role.VIEWER, token_hash=None, created_by="admin"
        )  # fmt: skip
    over_recorded(read_settings(), str(account.id), ["matured"], days=7).keep(COMPARED)
    with house.engine.begin() as conn:
        assert promotions.latest_backtest(conn, account.id, "matured") is None
        principals.disable(conn, me.id, disabled_by="admin")
    with pytest.raises(NotAllowedError):
        over_recorded(read_settings(), str(account.id), ["matured"], days=7)
