"""What single cells of an export mean."""

from datetime import date

import pytest

from sandbox.account import Account
from sandbox.report_cells import (
    WHOLE_CURRENCIES,
    minor_digits,
    parse_count,
    parse_day,
    parse_id,
    parse_money,
    parse_ratio,
)
from sandbox.report_problems import CellError
from sandbox.scenario import AccountSpec


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0), (" ", 0), ("-", 0), ("—", 0), ("0", 0), ("1234", 1234), ("1,234", 1234), ("1,234,567", 1234567),
     ("1 234", 1234), ("12.00", 12)],
)  # fmt: skip
def test_a_count_may_have_thousands_separators_and_blank_is_zero(text, expected):
    assert parse_count(text) == expected


@pytest.mark.parametrize("text", ["1.5", "x", "-3", "1,23", "12,3456", "9999999999", "NaN", "1e3"])
def test_what_is_no_whole_number_is_refused(text):
    with pytest.raises(CellError):
        parse_count(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12.34", (1234, False)), ("1,012.3", (101230, False)), ("$5", (500, False)), ("0.005", (1, True)),
     ("159.510000", (15951, False)), ("", (0, False)), ("4.994", (499, True)), ("-0.00", (0, False))],
)  # fmt: skip
def test_an_amount_becomes_minor_units_exactly_and_tells_when_it_was_rounded(text, expected):
    assert parse_money(text, 2) == expected


def test_yen_have_no_minor_unit():
    assert parse_money("1,500", minor_digits("JPY")) == (1500, False)


def test_a_decimal_comma_is_named_as_the_fault():
    with pytest.raises(CellError, match="decimal comma"):
        parse_money("12,50", 2)


def test_a_ratio_may_carry_a_percent_sign():
    assert parse_ratio("1.709402%") == pytest.approx(1.709402)


@pytest.mark.parametrize(
    "text", ["2026-10-01", "2026-10-01T02:13:30-0600", "2026/10/01", "Oct 1, 2026", "1 October 2026"]
)
def test_dates_are_read_in_forms_that_mean_one_day(text):
    assert parse_day(text) == date(2026, 10, 1)


@pytest.mark.parametrize(
    ("text", "reason"), [("01/10/2026", "ambiguous"), ("2026-13-01", "not a date"), ("", "missing"), ("soon", "not a")]
)
def test_other_dates_are_refused_with_the_reason(text, reason):
    with pytest.raises(CellError, match=reason):
        parse_day(text)


def test_an_id_rounded_by_a_spreadsheet_is_refused():
    assert parse_id("120210000000000301") == "120210000000000301"
    assert parse_id("") is None
    with pytest.raises(CellError, match="spreadsheet"):
        parse_id("1.2021E+17")


@pytest.mark.parametrize("code", [*sorted(WHOLE_CURRENCIES), "EUR", "USD", "KWD"])
def test_minor_units_are_those_of_the_sandbox_itself(code):
    account = Account(AccountSpec(name="x", currency=code), account_id="1", seed=1, start_s=0, history_s=0)
    assert account.offset == 10 ** minor_digits(code)
