"""The operation's token in a name: put in whole, found again, hidden from people."""

from hypothesis import given
from hypothesis import strategies as st

from meta_client.names import LONGEST_NAME, has_token, token_of, with_token, without_token

TOKEN = "7F3K9Q2M4XTBA"


@given(st.text(max_size=600))
def test_a_name_with_a_token_fits_carries_it_and_reads_as_before(name: str) -> None:
    written = with_token(name, TOKEN)
    assert len(written) <= LONGEST_NAME
    assert has_token(written, TOKEN)
    assert without_token(written) == name[: LONGEST_NAME - len(TOKEN) - 5]


def test_only_our_suffix_is_taken_from_a_name() -> None:
    for name in ("plain", "two\nlines", "a |op: b", "sale |op:", f"|op:{TOKEN} first", "=cmd()", "  spaces  "):
        assert without_token(name) == name


def test_a_token_is_found_after_a_person_renamed_around_it_and_never_as_a_part_of_another() -> None:
    assert has_token(f"Summer |op:{TOKEN} - Copy", TOKEN)
    assert not has_token(f"Summer |op:{TOKEN}X", TOKEN)
    assert not has_token(f"Summer {TOKEN}", TOKEN)


def test_the_token_in_a_name_can_be_read_out() -> None:
    assert token_of(with_token("Summer", TOKEN)) == TOKEN
    assert token_of(f"Summer |op:OLDER0001 - Copy |op:{TOKEN}") == TOKEN
    assert token_of("Summer |op:") is None
