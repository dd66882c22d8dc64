"""Every code of the facts lands on the branch of the tree that tells the caller's next move."""

import json

import pytest

from domain.errors import (
    GoneError,
    NeedsPersonError,
    PlatformError,
    RefusedError,
    ThrottledError,
    TransientError,
    UnknownOutcomeError,
)
from meta_client.error_table import CODES, PAIRS, RANGES, SPECIFIC, Class
from meta_client.errors import TooMuchDataError, to_error
from tests.meta_client.scripted import graph_error

_Codes = list[tuple[int, int | None]]
_THROTTLES: _Codes = [
    (4, None), (4, 1504022), (4, 1504039), (17, None), (17, 1885172), (17, 2446079), (32, None), (341, None),
    (613, None), (613, 1487225), (613, 1487632), (613, 1487742), (613, 1996), (613, 5044001),
    (80000, None), (80001, None), (80003, 2446079), (80004, None), (80008, None), (80014, 2446079),
]  # fmt: skip
_PERSONS: _Codes = [
    (3, None), (10, None), (102, None), (104, None), (190, None), (190, 458), (190, 459), (190, 460), (190, 463),
    (190, 464), (190, 467), (190, 492), (200, None), (200, 1870034), (200, 1870090), (272, None), (294, None),
    (299, None), (368, None), (2635, None), (2654, 1713092), (100, 1815694), (100, 3191001), (100, 1404078),
]  # fmt: skip
_REFUSALS: _Codes = [
    (100, None), (100, 1487901), (1487901, None), (100, 1885621), (1885621, None), (100, 1885272), (100, 2446307),
    (100, 4834002), (100, 4834005), (100, 4834011), (100, 1487033), (100, 1487056), (105, None), (194, None),
    (300, None), (506, None), (2500, None), (2606, None), (3018, None), (100, 3858152), (424242, None),
]  # fmt: skip
_DOUBTS: _Codes = [
    (1, None),
    (1, 99),
    (2, None),
    (960, None),
    (5000, None),
    (-1, None),
    (-2, 2490547),
]
_TOO_MUCH: _Codes = [(100, 1487534), (-3, 1504045), (100, 1504018), (2, 1504038)]
_GONE: _Codes = [(100, 33), (803, None)]


def _error(
    code: int, subcode: int | None = None, *, is_write: bool, status: int = 400, **more: object
) -> PlatformError:
    body = json.dumps(graph_error(code, subcode, **more)).encode()
    return to_error(status, {}, body, is_write=is_write, about="pause of ad_set 123")


@pytest.mark.parametrize(("code", "subcode"), _THROTTLES)
def test_a_limit_asks_for_patience_whether_reading_or_writing(code: int, subcode: int | None) -> None:
    for is_write in (True, False):
        error = _error(code, subcode, is_write=is_write, is_transient=True)
        assert isinstance(error, ThrottledError)
        assert error.retry_after_s > 0


@pytest.mark.parametrize(("code", "subcode"), _PERSONS)
def test_a_token_or_a_permission_needs_a_person(code: int, subcode: int | None) -> None:
    for is_write in (True, False):
        assert type(_error(code, subcode, is_write=is_write)) is NeedsPersonError


@pytest.mark.parametrize(("code", "subcode"), _REFUSALS)
def test_a_well_formed_refusal_had_no_effect(code: int, subcode: int | None) -> None:
    for is_write in (True, False):
        assert type(_error(code, subcode, is_write=is_write)) is RefusedError


@pytest.mark.parametrize(("code", "subcode"), _GONE)
def test_a_missing_object_is_gone(code: int, subcode: int | None) -> None:
    for is_write in (True, False):
        assert type(_error(code, subcode, is_write=is_write)) is GoneError


@pytest.mark.parametrize(("code", "subcode"), _DOUBTS + _TOO_MUCH)
def test_metas_own_trouble_leaves_a_write_unknown_and_a_read_repeatable(code: int, subcode: int | None) -> None:
    assert type(_error(code, subcode, is_write=True)) is UnknownOutcomeError
    assert isinstance(_error(code, subcode, is_write=False), TransientError)


@pytest.mark.parametrize(("code", "subcode"), _TOO_MUCH)
def test_a_question_that_was_too_heavy_says_so(code: int, subcode: int | None) -> None:
    assert type(_error(code, subcode, is_write=False)) is TooMuchDataError


def test_the_text_about_too_much_data_counts_where_the_code_says_nothing() -> None:
    text = "Please reduce the amount of data you're asking for, then retry your request"
    assert type(_error(1, is_write=False, status=500, message=text)) is TooMuchDataError


def test_a_refusal_that_calls_itself_transient_leaves_a_write_unknown() -> None:
    """A create failed with `is_transient` and had happened."""
    assert type(_error(100, is_write=True, is_transient=True)) is UnknownOutcomeError
    assert type(_error(100, is_write=False, is_transient=True)) is TransientError


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("code", [4, 100, 190])
def test_a_server_error_leaves_a_write_unknown_whatever_its_code(status: int, code: int) -> None:
    assert type(_error(code, is_write=True, status=status)) is UnknownOutcomeError


def test_a_refusal_without_metas_trace_is_not_trusted_for_a_write() -> None:
    assert type(_error(100, is_write=True, fbtrace_id=None)) is UnknownOutcomeError
    assert type(_error(100, is_write=False, fbtrace_id=None)) is RefusedError


def test_an_error_within_a_200_is_an_error() -> None:
    assert type(_error(100, is_write=True, status=200)) is RefusedError


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b'{"id":"12',
        b"[]",
        b'{"error":"no"}',
        b'{"error":{}}',
        b"null",
        b"\xff\xfe",
    ],
)
@pytest.mark.parametrize("status", [200, 302, 400, 404, 502])
def test_an_answer_that_is_not_metas_leaves_a_write_unknown(body: bytes, status: int) -> None:
    assert type(to_error(status, {}, body, is_write=True)) is UnknownOutcomeError
    assert type(to_error(status, {}, body, is_write=False)) is TransientError


def test_the_seven_digits_mean_the_same_in_either_place() -> None:
    for number, rule in SPECIFIC.items():
        if rule.error is Class.REFUSED:
            assert type(_error(number, is_write=True)) is type(_error(100, number, is_write=True)) is RefusedError


def test_the_headers_say_how_long_to_wait_if_they_say_anything() -> None:
    case = [{"type": "ads_management", "call_count": 100, "estimated_time_to_regain_access": 7}]
    headers = {"X-Business-Use-Case-Usage": json.dumps({"7": case})}
    body = json.dumps(graph_error(80004)).encode()
    told = to_error(400, headers, body, is_write=True)
    untold = to_error(400, {}, body, is_write=True)
    assert isinstance(told, ThrottledError)
    assert told.retry_after_s == 7 * 60
    assert isinstance(untold, ThrottledError)
    assert untold.retry_after_s == 600


def test_a_score_block_is_shorter_for_an_app_with_full_access() -> None:
    headers = {"X-Ad-Account-Usage": '{"acc_id_util_pct": 50, "ads_api_access_tier": "standard_access"}'}
    full = to_error(400, headers, json.dumps(graph_error(17, 2446079)).encode(), is_write=True)
    limited = _error(17, 2446079, is_write=True)
    assert isinstance(full, ThrottledError)
    assert isinstance(limited, ThrottledError)
    assert (full.retry_after_s, limited.retry_after_s) == (60, 300)


def test_an_ad_set_whose_budget_was_changed_too_often_waits_an_hour_whatever_the_headers_say() -> None:
    headers = {"X-Ad-Account-Usage": '{"acc_id_util_pct": 100, "reset_time_duration": 5}'}
    error = to_error(400, headers, json.dumps(graph_error(613, 1487632)).encode(), is_write=True)
    assert isinstance(error, ThrottledError)
    assert error.retry_after_s == 3600


def test_a_message_names_the_thing_the_field_the_trace_and_what_to_do() -> None:
    error = _error(
        100,
        1487901,
        is_write=True,
        error_user_msg="Your budget is too low.",
        error_data='{"blame_field_specs": [["daily_budget"]]}',
    )
    assert str(error) == (
        "pause of ad_set 123: the budget is under the minimum per day (daily_budget) (code 100/1487901, trace Tr4ce);"
        ' Meta says "Your budget is too low."; raise the budget or pause the object'
    )
    assert (error.code, error.subcode, error.trace_id, error.http_status) == (100, 1487901, "Tr4ce", 400)


def test_platform_text_cannot_steer_a_terminal_or_forge_a_log_line() -> None:
    error = _error(100, is_write=True, error_user_msg="\x1b[2Jgone\r\n2026 INFO all is well\u202e\x07")
    assert "\x1b" not in str(error)
    assert "\n" not in str(error)
    assert "\u202e" not in str(error)


def test_long_platform_text_is_cut() -> None:
    assert len(str(_error(100, is_write=True, error_user_msg="x" * 5000))) < 600


def test_a_wrong_proof_of_the_app_secret_needs_a_person() -> None:
    error = _error(100, is_write=True, message="Invalid appsecret_proof provided in the API argument")
    assert type(error) is NeedsPersonError


def test_every_row_of_a_throttle_has_a_wait_and_every_person_an_advice() -> None:
    rules = [*PAIRS.values(), *SPECIFIC.values(), *CODES.values(), *(rule for _, _, rule in RANGES)]
    assert all(rule.wait_s > 0 for rule in rules if rule.error is Class.THROTTLED)
    assert all(rule.advice for rule in rules if rule.error is Class.PERSON)
