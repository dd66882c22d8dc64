"""Every kind of fault, as the caller feels it and as the oracle log tells it."""

import time
from typing import Any

import pytest
import requests

from tests.sandbox.stranger import Stranger


@pytest.fixture
def ad_set(stranger: Stranger) -> str:
    return stranger.new_ad_set(stranger.named("campaigns", "Own budgets"), status="PAUSED")


def script(stranger: Stranger, *lines: dict[str, Any]) -> None:
    stranger.process.ask("POST", "/faults", {"script": list(lines)})


def rename(stranger: Stranger, ad_set: str, name: str = "Renamed") -> requests.Response:
    return stranger.call("POST", ad_set, data={"name": name})


def outcomes(stranger: Stranger, before: int) -> list[str]:
    return [line["outcome"] for line in stranger.oracle()[before:]]


def test_slow_takes_effect_at_once_and_answers_late(stranger: Stranger, ad_set: str) -> None:
    before = stranger.effects()
    script(stranger, {"do": "slow", "seconds": 5, "match": {"method": "POST"}})
    with pytest.raises(requests.ReadTimeout):
        stranger.session.post(f"{stranger.process.graph}/v26.0/{ad_set}", data={"name": "Slow"}, timeout=0.3)
    deadline = time.monotonic() + 20
    while stranger.effects() == before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert outcomes(stranger, before) == ["late answer"]
    assert stranger.get(ad_set, fields="name")["name"] == "Slow"


def test_slow_answers_in_the_end(stranger: Stranger, ad_set: str) -> None:
    script(stranger, {"do": "slow", "seconds": 0.2})
    began = time.monotonic()
    assert rename(stranger, ad_set).json() == {"success": True}
    assert time.monotonic() - began >= 0.2  # a lower bound: a slow machine cannot break it


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ({"do": "refuse"}, 400, (100, None)),
        ({"do": "refuse", "code": 200, "subcode": 1870034}, 403, (200, 1870034)),
        ({"do": "refuse", "code": 190, "subcode": 463}, 401, (190, 463)),
        ({"do": "refuse", "code": 368}, 403, (368, None)),
        ({"do": "throttle"}, 400, (17, None)),
        ({"do": "throttle", "code": 4, "subcode": 1504022}, 400, (4, 1504022)),
        ({"do": "throttle", "code": 613, "subcode": 5044001}, 400, (613, 5044001)),
        ({"do": "throttle", "code": 80004}, 400, (80004, None)),
        ({"do": "error_5xx"}, 500, (2, None)),
        ({"do": "error_5xx", "status": 503, "code": 1}, 503, (1, None)),
    ],
)
def test_an_error_without_effect_has_its_code_and_leaves_no_line(
    stranger: Stranger, ad_set: str, line: dict[str, Any], status: int, code: tuple[int, int | None]
) -> None:
    before = stranger.effects()
    script(stranger, line)
    answer = rename(stranger, ad_set)
    error = answer.json()["error"]
    assert (answer.status_code, (error["code"], error.get("error_subcode"))) == (status, code)
    assert stranger.effects() == before
    assert stranger.get(ad_set, fields="name")["name"] == "Set"


@pytest.mark.parametrize("kind", ["error_5xx", "html_502"])
def test_a_server_error_may_hide_an_effect(stranger: Stranger, ad_set: str, kind: str) -> None:
    before = stranger.effects()
    script(stranger, {"do": kind, "effect": True})
    assert rename(stranger, ad_set).status_code in (500, 502)
    assert outcomes(stranger, before) == [kind]
    assert stranger.get(ad_set, fields="name")["name"] == "Renamed"


def test_a_bad_gateway_is_html_and_has_no_effect_unless_said(stranger: Stranger, ad_set: str) -> None:
    before = stranger.effects()
    script(stranger, {"do": "html_502"})
    answer = rename(stranger, ad_set)
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html")
    assert answer.text.startswith("<html>")
    assert stranger.effects() == before


def test_dropped_before_the_commit_there_is_neither_answer_nor_effect(stranger: Stranger, ad_set: str) -> None:
    before = stranger.effects()
    script(stranger, {"do": "drop_before_commit"})
    with pytest.raises(requests.ConnectionError):
        rename(stranger, ad_set)
    assert stranger.effects() == before
    assert rename(stranger, ad_set).ok
    assert outcomes(stranger, before) == ["answered"]


def test_dropped_after_the_commit_the_effect_is_there_and_the_answer_is_not(stranger: Stranger, ad_set: str) -> None:
    before = stranger.effects()
    script(stranger, {"do": "commit_then_drop"})
    with pytest.raises(requests.ConnectionError):
        rename(stranger, ad_set)
    assert outcomes(stranger, before) == ["dropped"]
    assert stranger.get(ad_set, fields="name")["name"] == "Renamed"


def test_a_late_commit_resets_the_line_first_and_takes_effect_afterwards(stranger: Stranger, ad_set: str) -> None:
    before = stranger.effects()
    script(stranger, {"do": "late_commit", "seconds": 3})
    with pytest.raises(requests.ConnectionError):
        rename(stranger, ad_set)
    assert stranger.get(ad_set, fields="name")["name"] == "Set"
    deadline = time.monotonic() + 20
    while stranger.effects() == before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert outcomes(stranger, before) == ["late commit"]
    assert stranger.get(ad_set, fields="name")["name"] == "Renamed"


def test_a_late_commit_outlives_a_kill_and_takes_place_once(stranger: Stranger, ad_set: str) -> None:
    before = stranger.effects()
    script(stranger, {"do": "late_commit", "seconds": 1.5})
    with pytest.raises(requests.ConnectionError):
        rename(stranger, ad_set)
    stranger.process.kill()
    stranger.process.restart()
    deadline = time.monotonic() + 30
    while stranger.effects() == before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert outcomes(stranger, before) == ["late commit"]
    stranger.process.kill()
    stranger.process.restart()
    assert outcomes(stranger, before) == ["late commit"]


def test_times_after_and_match_choose_which_calls_go_wrong(stranger: Stranger, ad_set: str) -> None:
    script(
        stranger,
        {"do": "refuse", "code": 1, "match": {"method": "post", "path": f"^/{ad_set}$"}, "after": 2, "times": 2},
    )
    assert stranger.get(ad_set, fields="name")  # another method
    stranger.new_campaign()  # another path
    assert [rename(stranger, ad_set, str(n)).ok for n in range(6)] == [True, True, False, False, True, True]
    (line,) = stranger.process.ask("GET", "/faults")["script"]
    assert (line["seen"], line["fired"]) == (4, 2)


def test_the_kind_of_object_tells_calls_apart(stranger: Stranger, ad_set: str) -> None:
    script(stranger, {"do": "refuse", "match": {"kind": "adset"}, "times": None})
    assert not stranger.call("GET", ad_set).ok
    assert not stranger.call("GET", f"{stranger.account}/adsets").ok
    assert stranger.call("GET", f"{stranger.account}/campaigns").ok
    assert stranger.call("GET", f"{ad_set}/insights").ok
    script(stranger, {"do": "refuse", "match": {"kind": "insights"}, "times": None})
    assert stranger.call("GET", ad_set).ok
    assert not stranger.call("GET", f"{ad_set}/insights").ok


def test_lines_are_tried_in_order_and_null_times_means_for_ever(stranger: Stranger, ad_set: str) -> None:
    script(stranger, {"do": "throttle", "code": 4}, {"do": "refuse", "times": None})
    assert [rename(stranger, ad_set).json()["error"]["code"] for _ in range(4)] == [4, 100, 100, 100]
    stranger.process.ask("DELETE", "/faults")
    assert rename(stranger, ad_set).ok


def test_the_script_and_its_counts_outlive_a_kill(stranger: Stranger, ad_set: str) -> None:
    script(stranger, {"do": "refuse", "times": 2, "match": {"method": "POST"}})
    assert not rename(stranger, ad_set).ok
    stranger.process.kill()
    stranger.process.restart()
    assert [rename(stranger, ad_set).ok for _ in range(2)] == [False, True]


def test_a_fault_inside_a_batch_hits_its_item_only(stranger: Stranger, ad_set: str) -> None:
    before = stranger.effects()
    script(
        stranger,
        {"do": "commit_then_drop", "match": {"path": ad_set}},
        {"do": "throttle", "code": 17, "match": {"path": ad_set}},
    )
    rows = stranger.call(
        "POST",
        "",
        data={"batch": str([{"method": "POST", "relative_url": ad_set, "body": f"name=n{n}"} for n in range(3)])},
    ).json()
    assert [row and row["code"] for row in rows] == [None, 400, 200]
    assert outcomes(stranger, before) == ["dropped", "answered"]


def test_a_fault_on_the_batch_takes_all_of_it(stranger: Stranger, ad_set: str) -> None:
    batch = {"batch": str([{"method": "POST", "relative_url": ad_set, "body": f"name=n{n}"} for n in range(3)])}
    before = stranger.effects()
    script(
        stranger,
        {"do": "drop_before_commit", "match": {"kind": "batch"}},
        {"do": "commit_then_drop", "match": {"kind": "batch"}},
    )
    for effects in (0, 3):
        with pytest.raises(requests.ConnectionError):
            stranger.call("POST", "", data=batch)
        assert outcomes(stranger, before) == ["dropped"] * effects
