"""How people are made unreadable: one person is one digest however they are written, and no raw value gets out."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audiences import Person
from meta_client.supply.people import TELLING, digest, digests

FIELDS = sorted(Person.__dataclass_fields__)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = st.text(LETTERS, min_size=1, max_size=12)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("field", "written", "normal"),
    [
        ("email", "  John_Smith@Gmail.com\n", "john_smith@gmail.com"),
        ("phone", "+1 (650) 555-1212", "16505551212"),
        ("phone", "0034 600 11 22 33", "34600112233"),
        ("external_id", " C-17 ", "C-17"),
        ("first_name", " Mary-Ann ", "maryann"),
        ("last_name", "O'Ñíguez", "oñíguez"),
        ("last_name", "Nin\u0303o", "niño"),
        ("born_on", "1997-02-16", "19970216"),
        ("gender", "Female", "f"),
        ("city", "New York", "newyork"),
        ("state", "CA", "ca"),
        ("zip", "94035-1234", "94035"),
        ("zip", "M1 1AE", "m11ae"),
        ("zip", "28013", "28013"),
        ("country", " ES ", "es"),
    ],
)
def test_values_are_normalised_as_meta_documents_and_hashed(field: str, written: str, normal: str) -> None:
    assert digest(field, written) == sha256(normal)


@pytest.mark.parametrize(
    ("field", "written"),
    [
        ("email", "nobody"), ("email", "a b@c.de"), ("email", "a@b"), ("phone", "12345"), ("phone", "1" * 16),
        ("born_on", "1997"), ("born_on", "19971301"), ("gender", "x"), ("country", "Spain"), ("first_name", "..."),
        ("external_id", " "),
    ],
)  # fmt: skip
def test_what_a_field_cannot_be_is_unknown_and_not_hashed(field: str, written: str) -> None:
    assert digest(field, written) == ""


@given(field=st.sampled_from(FIELDS), text=st.text(max_size=80))
def test_any_text_gives_a_digest_or_nothing_and_a_digest_stays_what_it_is(field: str, text: str) -> None:
    found = digest(field, text)
    assert found == "" or (len(found) == 64 and set(found) <= set("0123456789abcdef"))
    assert found == "" or digest(field, found) == digest(field, found.upper()) == found


@given(local=WORDS, host=WORDS, around=st.text(" \t\n", max_size=3), upper=st.booleans())
def test_an_address_is_one_however_it_is_written(local: str, host: str, around: str, upper: bool) -> None:
    address = f"{local}@{host}.com"
    written = around + (address.upper() if upper else address) + around
    assert digest("email", written) == sha256(address)


@given(digits=st.text("123456789", min_size=7, max_size=15), noise=st.text("+ ()-./", max_size=6))
def test_a_phone_is_one_however_it_is_written(digits: str, noise: str) -> None:
    assert digest("phone", noise + noise.join(digits) + noise) == sha256(digits)


@given(values=st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=40)))
def test_no_repr_of_a_person_holds_a_value(values: dict[str, str]) -> None:
    assert repr(Person(**values)) == "Person()"


@given(values=st.fixed_dictionaries({field: WORDS.map(lambda word: f"canary{word}") for field in FIELDS}))
def test_nothing_of_what_leaves_is_raw(values: dict[str, str]) -> None:
    assert "canary" not in str(digests(Person(**values)))


def test_only_keys_that_tell_one_from_another_make_a_person_usable() -> None:
    assert digests(Person(city="Madrid", gender="f")).keys().isdisjoint(TELLING)
    assert digests(Person(email="a@b.com")).keys() == {"email"}
