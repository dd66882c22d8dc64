"""Money: whole minor units of one currency."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInputError
from domain.money import Money, exponent


@pytest.mark.parametrize(
    ("text", "minor", "currency"),
    [
        ("5000 USD", 500_000, "USD"),
        ("12.50 EUR", 1250, "EUR"),
        ("12.5 EUR", 1250, "EUR"),
        ("  7 JPY ", 7, "JPY"),  # yen have no minor unit
        ("1.234 KWD", 1234, "KWD"),  # dinars have a thousand fils
        ("12.500 EUR", 1250, "EUR"),  # a zero more is the same amount
    ],
)
def test_an_amount_is_read_as_people_write_it(text, minor, currency):
    assert Money.parse(text) == Money(minor, currency)


UNCLEAR = [
    "5000",
    "5000 usd",
    "$5000",
    "-5 USD",
    "5,000 USD",
    "1.2.3 EUR",
    "",
    "USD 5",
    "1.5 JPY",
    "0.001 EUR",
    "nan EUR",
]


@pytest.mark.parametrize("text", UNCLEAR)
def test_an_amount_without_a_clear_meaning_is_refused(text):
    with pytest.raises(BadInputError):
        Money.parse(text)


def test_two_currencies_are_never_combined_or_compared():
    one, other = Money(1, "EUR"), Money(1, "USD")
    for combine in (lambda: one + other, lambda: one - other, lambda: one < other, lambda: one >= other):
        with pytest.raises(ValueError, match="cannot combine EUR with USD"):
            combine()
    assert one != other


@pytest.mark.parametrize("minor", [1.0, True, "1", None])
def test_a_part_of_a_minor_unit_is_no_money(minor):
    with pytest.raises(TypeError, match="whole number of minor units"):
        Money(minor, "EUR")


def test_halves_are_rounded_to_even():
    assert [Money(minor, "EUR").scaled(0.5).minor for minor in (1, 3, 5, 7)] == [0, 2, 2, 4]
    assert Money(100, "EUR").scaled(1.15) == Money(115, "EUR")  # not 114.999…


@pytest.mark.parametrize(
    ("money", "text"),
    [(Money(123_456, "EUR"), "1,234.56 EUR"), (Money(-5, "USD"), "-0.05 USD"), (Money(1234, "JPY"), "1,234 JPY")],
)
def test_money_is_written_with_its_decimals_and_currency(money, text):
    assert str(money) == text


@given(st.integers(-(10**15), 10**15), st.integers(-(10**15), 10**15))
def test_sums_are_exact(one, other):
    assert (Money(one, "EUR") + Money(other, "EUR") - Money(other, "EUR")).minor == one


@given(st.integers(0, 10**15), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_what_is_written_is_read_back(minor, currency):
    money = Money(minor, currency)
    assert Money.parse(str(money).replace(",", "")) == money
    assert exponent(currency) in (0, 2, 3)
