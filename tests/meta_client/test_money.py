"""Meta's units and decimals against ISO minor units: exact both ways, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import RefusedError
from domain.money import exponent
from meta_client.money import from_meta, minor_of, offset, step_minor, to_meta

_TABLE = [
    # Meta's units, currency → ISO minor units        # why
    (1234, "USD", 1234),  # cents both
    (1234, "JPY", 1234),  # offset 1, ISO has no minor unit
    (1234, "HUF", 123_400),  # offset 1, ISO counts fillér
    (1234, "COP", 123_400),
    (1234, "CRC", 123_400),
    (1234, "IDR", 123_400),
    (1234, "TWD", 123_400),
    (1234, "KRW", 1234),
    (1234, "VND", 1234),
    (1234, "KWD", 12_340),  # offset 100, ISO counts a thousandth
    (1200, "UGX", 12),  # offset 100, ISO has no minor unit
]


@pytest.mark.parametrize(("units", "currency", "minor"), _TABLE)
def test_units_and_minor_units_are_the_same_money(units: int, currency: str, minor: int) -> None:
    assert from_meta(units, currency) == minor
    assert to_meta(minor, currency) == units


@given(st.integers(0, 10**12), st.sampled_from(["USD", "JPY", "HUF", "TWD", "KWD", "CLP", "EUR"]))
def test_what_meta_holds_survives_the_way_there_and_back(units: int, currency: str) -> None:
    assert to_meta(from_meta(units, currency), currency) == units


def test_an_amount_finer_than_meta_counts_is_refused_before_it_is_sent() -> None:
    with pytest.raises(RefusedError, match=r"1,000\.50 HUF cannot be told .* steps of 1\.00 HUF"):
        to_meta(100_050, "HUF")


def test_a_reading_that_the_house_cannot_hold_is_refused() -> None:
    with pytest.raises(RefusedError, match="UGX"):
        from_meta(1250, "UGX")


@pytest.mark.parametrize("currency", ["USD", "JPY", "HUF", "KWD", "UGX"])
def test_a_step_is_the_smallest_change_that_meta_can_hold(currency: str) -> None:
    step = step_minor(currency)
    assert to_meta(step, currency) >= 1
    assert from_meta(offset(currency), currency) == 10 ** exponent(currency)


_DECIMALS = [
    ("12.34", 2, 1234),
    ("0.01", 2, 1),
    ("0", 2, 0),
    ("7", 2, 700),
    ("12.3", 2, 1230),
    ("-0.50", 2, -50),
    ("12.345", 2, 1234),  # half to even
    ("12.355", 2, 1236),
    ("59.98000000001", 2, 5998),
    ("1234567890123.45", 2, 123_456_789_012_345),
    ("1234", 0, 1234),
    ("1234.00", 0, 1234),
    ("1.234", 3, 1234),
    ("1e2", 2, 10_000),
]


@pytest.mark.parametrize(("decimal", "places", "minor"), _DECIMALS)
def test_a_decimal_of_major_units_becomes_minor_units(decimal: str, places: int, minor: int) -> None:
    assert minor_of(decimal, places) == minor


@pytest.mark.parametrize("decimal", ["", "x", "1,5", "NaN", "Infinity", "1.x5", "ab.cd"])
def test_what_is_not_a_number_is_not_an_amount(decimal: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller adds what it was
        minor_of(decimal, 2)
