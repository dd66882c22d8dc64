"""`stakazo allocations` as people run it: what was expected of budget changes, and what came."""

from datetime import timedelta

import pytest

from decisions.allocation_record import Planned
from domain.actions import Level, Mode, ObjectKind
from estimators.maturity import PRIOR
from models import accounts, allocations
from tests.cli.conftest import NOW, account_info


@pytest.fixture
def planned(engine):
    """One change that waits, and one of a month ago that never came into force."""
    with engine.begin() as conn:
        account_id = accounts.open_account(
            conn, platform="meta", info=account_info("act_1001"), mode=Mode.STUB, level=Level.AUTO
        )
        for back in (1, 30):
            row = Planned(
                object_kind=ObjectKind.AD_SET, object_id=f"s{back}", budget_minor=4_000, target_minor=4_800,
                revenue_minor=9_000.0, target_revenue_minor=10_200.0, worth=0.5, price=1.0, gain_minor=123.0,
                noise_minor=45.0,
            )  # fmt: skip
            at = NOW - timedelta(days=back)
            allocations.record(
                conn, account_id, planned_on=at.date(), planned_at=at, planned=[row], action_ids={}
            )  # fmt: skip
        allocations.settle(
            conn, account_id, until=NOW.date() - timedelta(days=1), now=NOW, curve=PRIOR
        )  # fmt: skip
    return account_id


def test_a_change_shows_its_budgets_and_what_was_expected_of_it(on_database, planned):
    shown = on_database("allocations")
    assert shown.code == 0, shown.err
    for words in ("s1", "40.00", "48.00", "1.23", "0.45", "not matured yet", "not in force", "1 wait"):
        assert words in shown.out


def test_as_json_it_is_one_document_with_totals(on_database, planned):
    shown = on_database("allocations", "--json")
    document = shown.document
    assert [row["gain_minor"] for row in document["allocations"]] == [123, 123]
    assert document["totals"][str(planned)] == {
        "changes": 0, "waiting": 1, "predicted_minor": 0, "realised_minor": 0
    }  # fmt: skip


def test_without_any_it_says_when_there_will_be_some(on_database):
    assert "once a day" in on_database("allocations").out
