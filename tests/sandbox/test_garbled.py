"""Faults in what the platform says, and when: garbled answers, limits with headers, lists behind, people between."""

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.process import SandboxProcess, start
from tests.sandbox.stranger import START, Stranger, open_shop, scenario


@pytest.fixture
def ad_set(stranger: Stranger) -> str:
    return stranger.new_ad_set(stranger.named("campaigns", "Own budgets"), status="PAUSED")


def script(stranger: Stranger, *lines: dict[str, Any]) -> None:
    stranger.process.ask("POST", "/faults", {"script": list(lines)})


def rename(stranger: Stranger, ad_set: str, name: str = "Renamed") -> requests.Response:
    return stranger.call("POST", ad_set, data={"name": name})


def name_of(stranger: Stranger, ad_set: str) -> str:
    return str(stranger.get(ad_set, fields="name")["name"])


def test_a_dripping_answer_comes_byte_by_byte(stranger: Stranger, ad_set: str) -> None:
    script(stranger, {"do": "drip", "seconds": 0.02, "match": {"method": "POST"}})
    began = time.monotonic()
    assert rename(stranger, ad_set).json() == {"success": True}
    assert time.monotonic() - began >= 0.02 * (len('{"success":true}') - 1)  # a lower bound


def test_who_leaves_a_dripping_answer_stops_it_and_the_effect_is_there(stranger: Stranger, ad_set: str) -> None:
    script(stranger, {"do": "drip", "seconds": 60, "match": {"method": "POST"}})
    host, port = stranger.process.graph.removeprefix("http://").split(":")
    body = "name=Dripped"
    head = (
        f"POST /v26.0/{ad_set} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {stranger.process.token}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall((head + body).encode())
        assert line.recv(15) == b"HTTP/1.1 200 OK"
    assert name_of(stranger, ad_set) == "Dripped"


@pytest.mark.parametrize("kind", ["error_in_200", "truncated_json"])
@pytest.mark.parametrize("effect", [False, True])
def test_a_garbled_answer_says_nothing_of_the_effect(stranger: Stranger, ad_set: str, kind: str, effect: bool) -> None:
    script(stranger, {"do": kind, "effect": effect, "match": {"method": "POST"}})
    answer = rename(stranger, ad_set)
    assert answer.status_code == 200
    assert name_of(stranger, ad_set) == ("Renamed" if effect else "Set")
    if kind == "truncated_json":
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            answer.json()
    else:
        assert answer.json()["error"]["code"] == 1


def test_a_read_can_be_cut_too(stranger: Stranger, ad_set: str) -> None:
    script(stranger, {"do": "truncated_json"})
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        stranger.call("GET", ad_set, params={"fields": "name"}).json()


def test_a_wrong_id_is_another_object_of_the_same_kind_and_the_effect_is_as_asked(
    stranger: Stranger, ad_set: str
) -> None:
    script(stranger, {"do": "wrong_id", "times": None})
    read = stranger.get(ad_set, fields="id,name")
    made = stranger.post(f"{stranger.account}/campaigns", name="Made", objective="OUTCOME_SALES", status="PAUSED",
                         special_ad_categories="[]", is_adset_budget_sharing_enabled="false")["id"]  # fmt: skip
    renamed = rename(stranger, ad_set).json()
    script(stranger)
    assert read["id"] != ad_set
    assert stranger.get(read["id"], fields="name")["name"] == read["name"]
    assert stranger.get(made, fields="name")["name"] != "Made"
    assert stranger.named("campaigns", "Made") != made
    assert renamed["id"] not in (None, ad_set)
    assert name_of(stranger, ad_set) == "Renamed"


@pytest.mark.parametrize("subcode", [463, 467])
def test_an_expired_token_is_refused_with_its_subcode(stranger: Stranger, ad_set: str, subcode: int) -> None:
    script(stranger, {"do": "expired_token", "subcode": subcode})
    assert stranger.refused("GET", ad_set) == (190, subcode)
    script(stranger, {"do": "expired_token"})
    assert stranger.refused("POST", ad_set, name="x") == (190, 463)
    assert name_of(stranger, ad_set) == "Set"


CASES = {80000: "ads_insights", 80001: "pages", 80002: "instagram", 80003: "custom_audience", 80004: "ads_management",
         80005: "leadgen", 80006: "messenger", 80008: "whatsapp", 80009: "catalog_management",
         80014: "catalog_batch", 32: "pages"}  # fmt: skip


@pytest.mark.parametrize("code", sorted(CASES))
def test_a_limit_of_a_business_use_case_names_it_and_when_to_come_back(
    stranger: Stranger, ad_set: str, code: int
) -> None:
    script(stranger, {"do": "throttle", "code": code, "seconds": 130})
    answer = rename(stranger, ad_set)
    assert answer.json()["error"]["code"] == code
    ((entry,),) = json.loads(answer.headers["X-Business-Use-Case-Usage"]).values()
    assert (entry["type"], entry["call_count"], entry["estimated_time_to_regain_access"]) == (CASES[code], 100, 3)


@pytest.mark.parametrize("code", [17, 613])
def test_a_limit_of_the_accounts_score_tells_its_seconds(stranger: Stranger, ad_set: str, code: int) -> None:
    script(stranger, {"do": "throttle", "code": code, "seconds": 45})
    told = json.loads(rename(stranger, ad_set).headers["X-Ad-Account-Usage"])
    assert (told["acc_id_util_pct"], told["reset_time_duration"]) == (100, 45)


def test_the_limit_of_the_app_says_that_it_is_full_and_not_for_how_long(stranger: Stranger, ad_set: str) -> None:
    script(stranger, {"do": "throttle", "code": 4}, {"do": "throttle", "code": 4, "subcode": 1504022})
    assert json.loads(rename(stranger, ad_set).headers["X-App-Usage"])["call_count"] == 100
    assert json.loads(rename(stranger, ad_set).headers["X-FB-Ads-Insights-Throttle"])["app_id_util_pct"] == 100


@pytest.mark.parametrize("effect", [False, True])
def test_a_batch_may_come_back_as_nulls_whether_it_was_done_or_not(
    stranger: Stranger, ad_set: str, effect: bool
) -> None:
    batch = {"batch": str([{"method": "POST", "relative_url": ad_set, "body": f"name=n{n}"} for n in range(3)])}
    script(stranger, {"do": "batch_null", "effect": effect})
    before = stranger.effects()
    assert stranger.call("POST", "", data=batch).json() == [None, None, None]
    assert stranger.effects() - before == (3 if effect else 0)
    script(stranger, {"do": "batch_null", "effect": effect, "match": {"path": ad_set}, "after": 1})
    before = stranger.effects()
    rows = stranger.call("POST", "", data=batch).json()
    assert [row is None for row in rows] == [False, True, False]
    assert stranger.effects() - before == (3 if effect else 2)
    script(stranger, {"do": "batch_null", "times": None})
    assert rename(stranger, ad_set).ok  # a single call is no batch


def test_lists_lag_behind_and_reads_by_id_do_not(stranger: Stranger, ad_set: str) -> None:
    stranger.post(ad_set, name="Newer", daily_budget="7700")
    edge = f"{stranger.account}/adsets"
    by_name = {"filtering": json.dumps([{"field": "adset.name", "operator": "CONTAIN", "value": "Newer"}])}
    script(stranger, {"do": "list_lag", "seconds": 600, "times": None})
    assert ad_set not in [row["id"] for row in stranger.rows(edge)]
    assert stranger.rows(edge, **by_name) == []
    assert name_of(stranger, ad_set) == "Newer"
    script(stranger)
    assert [row["id"] for row in stranger.rows(edge, **by_name)] == [ad_set]


def test_lists_that_lag_show_what_was_changed_as_it_was(tmp_path: Path) -> None:
    with open_shop(tmp_path) as process:
        stranger = Stranger(process)
        old = stranger.named("adsets", "Cooks")
        stranger.post(old, name="Chefs", status="PAUSED", daily_budget="7700")
        script(stranger, {"do": "list_lag", "seconds": 600, "times": None})
        rows = {
            row["id"]: row for row in stranger.rows(f"{stranger.account}/adsets", fields="name,status,daily_budget")
        }
        assert rows[old] == {"id": old, "name": "Cooks", "status": "ACTIVE", "daily_budget": "9000"}
        assert stranger.rows(f"{stranger.account}/activities") == []
        assert stranger.get(old, fields="name,status") == {"id": old, "name": "Chefs", "status": "PAUSED"}


def test_a_person_edits_what_was_just_read_between_the_reading_and_the_write(stranger: Stranger, ad_set: str) -> None:
    script(stranger, {"do": "human_edit", "edit": {"daily_budget_minor": 6600, "actor": "Marta"}})
    assert stranger.get(ad_set, fields="daily_budget")["daily_budget"] == "5000"
    assert stranger.get(ad_set, fields="daily_budget")["daily_budget"] == "6600"
    line = stranger.oracle()[-1]
    assert (line["actor"], line["change"]) == ("Marta", {"daily_budget": [5000, 6600]})


def test_a_persons_edit_may_come_a_while_after_the_reading(stranger: Stranger, ad_set: str) -> None:
    script(stranger, {"do": "human_edit", "seconds": 0.4})
    assert stranger.get(ad_set, fields="daily_budget")["daily_budget"] == "5000"
    deadline = time.monotonic() + 20
    while stranger.oracle()[-1]["actor"] == "api" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert stranger.oracle()[-1]["change"] == {"daily_budget": [5000, 5500]}  # a tenth, where nothing else is said


def test_a_share_of_the_calls_is_the_same_share_every_time(stranger: Stranger, ad_set: str) -> None:
    def struck() -> list[bool]:
        script(stranger, {"do": "refuse", "share": 0.3, "times": None, "match": {"path": ad_set}})
        return [not stranger.call("GET", ad_set).ok for _ in range(40)]

    first = struck()
    assert first == struck()
    assert 3 <= sum(first) <= 22
    with pytest.raises(ValueError, match="share"):
        script(stranger, {"do": "refuse", "share": 0})


@pytest.fixture
def troubled(tmp_path: Path) -> SandboxProcess:
    faults = [
        {"do": "throttle", "code": 80004, "match": {"kind": "adset"}, "hours_after_start": 1, "hours": 2},
        {"do": "refuse", "match": {"kind": "campaign"}, "times": 1},
    ]
    file = tmp_path / "troubled.json"
    file.write_text(json.dumps({**scenario(), "faults": faults}), encoding="utf-8")
    return start(tmp_path / "data", scenario=str(file), speed=0, start_at=START)


def test_a_scenario_brings_its_faults_at_its_hours_and_a_script_takes_their_place(troubled: SandboxProcess) -> None:
    with troubled as process:
        stranger = Stranger(process)
        reads = f"{stranger.account}/adsets"
        assert not stranger.call("GET", f"{stranger.account}/campaigns").ok
        assert stranger.call("GET", f"{stranger.account}/campaigns").ok
        told = [stranger.call("GET", reads).ok]
        for hours in (1, 1, 1):
            stranger.advance(hours=hours)
            told.append(stranger.call("GET", reads).ok)
        assert told == [True, False, False, True]
        process.kill()
        process.restart()
        assert len(process.ask("GET", "/faults")["script"]) == 2
        process.ask("DELETE", "/faults")
        assert process.ask("GET", "/faults")["script"] == []
