"""What the doctor says of a live platform, from values: version life, account status, caps. It is given no writer."""

from dataclasses import fields, replace
from datetime import date

import pytest

from domain import catalogue
from domain.actions import Level, Mode
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from domain.ports import VersionLife
from models.accounts import Account
from workers.doctor.living import explain_account, version_life

META = catalogue.platform("meta")
TODAY = date(2026, 9, 6)
INFO = AccountInfo(
    id=PlatformAccountId("act_1"), name="Shop", currency="EUR", zone="Europe/Madrid", is_active=True,
    status_text="active", minimum_daily_budget_minor=100,
)  # fmt: skip
OPEN = {"id": 1, "platform": "meta", "platform_account_id": "act_1", "currency": "EUR", "mode": Mode.LIVE}

LIVES = [
    # ends on → grade, words
    (None, "ok", "no end of it is announced"),
    (date(2026, 12, 1), "ok", "in 86 days"),
    (date(2026, 11, 6), "ok", "in 61 days"),
    (date(2026, 11, 5), "warn", "in 60 days"),
    (date(2026, 9, 5), "fail", "which ended on 2026-09-05"),
]


@pytest.mark.parametrize(("ends_on", "grade", "words"), LIVES)
def test_the_life_of_the_version_is_said_in_days(ends_on, grade, words):
    finding = version_life(META, VersionLife(name="v24.0", ends_on=ends_on, newest="v26.0"), TODAY)
    assert finding.grade == grade
    assert words in finding.says


def test_what_the_platform_says_of_the_version_is_passed_on():
    life = VersionLife(name="v24.0", ends_on=None, newest="v24.0", warning="auto-upgraded to v25.0")
    finding = version_life(META, life, TODAY)
    assert (finding.grade, "auto-upgraded to v25.0" in finding.says) == ("warn", True)


def test_a_version_that_ended_is_a_failure_though_the_platform_only_warns():
    life = VersionLife(name="v24.0", ends_on=date(2026, 9, 5), newest="v26.0", warning="auto-upgraded to v25.0")
    assert version_life(META, life, TODAY).grade == "fail"


def said(level="observe", **changes):
    """What is said of an account of that level, by check."""
    row = Account(**{**dict.fromkeys(field.name for field in fields(Account)), **OPEN, "level": Level(level)})
    return {finding.check: finding for finding in explain_account(row, replace(INFO, **changes))}


def test_a_disabled_account_is_told_with_its_reason():
    finding = said(is_active=False, status_text="disabled", disable_reason="a payment looked risky")["live account"]
    assert finding.grade == "fail"
    assert "is disabled: a payment looked risky; EUR, days of Europe/Madrid" in finding.says


def test_a_spending_limit_is_told_with_what_is_spent_of_it():
    finding = said(spend_cap_minor=100_000, spent_minor=25_000)["spend cap"]
    assert finding.says.endswith("may spend 1,000.00 EUR in its life, 250.00 EUR of it spent")


def test_missing_caps_only_matter_once_the_account_acts():
    assert said()["caps"].grade == "warn"
    acting = said(level="auto")["caps"]
    assert acting.grade == "fail"
    assert '--max-total-daily-spend "... EUR"' in acting.advice
