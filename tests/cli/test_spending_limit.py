"""`stakazo change account`: what is refused as it is typed. What is sent is shown in tests/actions, tests/journeys."""

import pytest

from domain.actions import Level, Mode
from models import accounts
from tests.cli.conftest import Run, account_info

_WHY = ("--reason", "closed until Monday")


@pytest.fixture
def change(on_database: Run, engine):
    with engine.begin() as conn:
        accounts.open_account(conn, platform="meta", info=account_info("act_7"), mode=Mode.LIVE, level=Level.AUTO)
    return lambda *words: on_database("change", "account", *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*_WHY,), "say one thing"),
        (("--spending-limit", "120 EUR", "--no-spending-limit", *_WHY), "say one thing"),
        (("--spending-limit", "120 EUR", "--margin", "5 EUR", *_WHY), "--spending-limit-at-spent"),
        (("--spending-limit", "120 USD", *_WHY), "billed in EUR"),
        (("--spending-limit", "0 EUR", *_WHY), "--no-spending-limit takes the limit away"),
        (("--no-spending-limit", "--reason", " "), "wants a reason"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_read(change, words: tuple[str, ...], said: str) -> None:
    done = change("act_7", *words)
    assert (done.code, said in done.err) == (2, True), done.err


def test_an_account_that_nobody_opened_is_named_with_those_that_there_are(change) -> None:
    done = change("act_8", "--no-spending-limit", *_WHY)
    assert (done.code, "act_7" in done.err) == (2, True), done.err
