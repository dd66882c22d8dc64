"""Custom audiences: their kinds, counts by the platform's clock, customer lists, and who may target them."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.meta.people.people_keys import digest_of, member_of
from tests.sandbox.stranger import PIXEL, Stranger, ad_set_form, open_shop

CUSTOM = {"name": "Buyers", "subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY"}
COUNTS = "approximate_count_lower_bound,approximate_count_upper_bound,operation_status"
RULE = {
    "inclusions": {
        "operator": "or",
        "rules": [{"event_sources": [{"id": PIXEL, "type": "pixel"}], "retention_seconds": 86_400}],
    }
}


def make(stranger: Stranger, **more: Any) -> str:
    return str(stranger.post(f"{stranger.account}/customaudiences", **{**CUSTOM, **more})["id"])


def payload(schema: Any, data: list[Any]) -> str:
    return json.dumps({"schema": schema, "data": data})


def upload(stranger: Stranger, audience: str, schema: Any, data: list[Any], **more: Any) -> dict[str, Any]:
    return stranger.post(f"{audience}/users", payload=payload(schema, data), **more)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_an_audience_is_made_read_changed_listed_and_deleted(stranger: Stranger) -> None:
    made = make(stranger, description="Of the shop")
    shown = stranger.get(made, fields="name,subtype,description,account_id,operation_status,time_created")
    assert (shown["name"], shown["subtype"], shown["account_id"]) == ("Buyers", "CUSTOM", stranger.account[4:])
    assert shown["operation_status"]["code"] == 410
    assert isinstance(shown["time_created"], int)
    assert stranger.post(made, name="Old buyers") == {"success": True}
    assert stranger.get(made, fields="name")["name"] == "Old buyers"
    assert made in [row["id"] for row in stranger.rows(f"{stranger.account}/customaudiences", limit=3)]
    assert stranger.delete(made) == {"success": True}
    assert made not in [row["id"] for row in stranger.rows(f"{stranger.account}/customaudiences", limit=100)]
    assert stranger.refused("GET", made) == (100, 33)
    assert stranger.get(make(stranger)).keys() == {"id"}


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"customer_file_source": None}, (100, None)),
        ({"customer_file_source": "MY_CRM"}, (100, None)),
        ({"name": ""}, (100, None)),
        ({"subtype": "FOX"}, (100, None)),
        ({"colour": "red"}, (100, None)),
        ({"subtype": "WEBSITE"}, (100, None)),
        ({"subtype": "WEBSITE", "rule": "no rule"}, (2654, 1_713_098)),
        ({"subtype": "WEBSITE", "rule": json.dumps(RULE).replace(PIXEL, "17")}, (2654, 1_713_098)),
        ({"subtype": "WEBSITE", "rule": json.dumps(RULE), "retention_days": "181"}, (100, None)),
        ({"subtype": "LOOKALIKE"}, (100, None)),
        ({"subtype": "LOOKALIKE", "origin_audience_id": "17", "lookalike_spec": '{"country":"ES"}'}, (100, 33)),
    ],
)
def test_an_audience_that_breaks_a_rule_is_refused(
    stranger: Stranger, form: dict[str, Any], code: tuple[int, int | None]
) -> None:
    before = stranger.effects()
    wanted = {name: value for name, value in {**CUSTOM, **form}.items() if value is not None}
    assert stranger.refused("POST", f"{stranger.account}/customaudiences", **wanted) == code
    assert stranger.effects() == before


def test_only_checking_makes_no_audience_and_keeps_nobody(stranger: Stranger) -> None:
    audience, before = make(stranger), stranger.effects()
    options = {"execution_options": '["validate_only"]'}
    assert stranger.post(f"{stranger.account}/customaudiences", **CUSTOM, **options) == {"success": True}
    assert upload(stranger, audience, "EMAIL", ["a@b.example"], **options) == {"success": True}
    assert stranger.effects() == before


def test_an_unknown_field_is_refused(stranger: Stranger) -> None:
    assert stranger.refused("GET", make(stranger), fields="name,size") == (100, None)


def test_a_website_audience_has_people_after_a_while(stranger: Stranger) -> None:
    made = stranger.post(f"{stranger.account}/customaudiences", name="Visitors", rule=json.dumps(RULE))["id"]
    shown = stranger.get(made, fields=f"{COUNTS},rule,retention_days,subtype")
    assert (shown["subtype"], shown["retention_days"], json.loads(shown["rule"])) == ("WEBSITE", 30, RULE)
    assert (shown["approximate_count_lower_bound"], shown["operation_status"]["code"]) == (-1, 441)
    stranger.advance(hours=2)
    shown = stranger.get(made, fields=COUNTS)
    assert shown["operation_status"]["code"] == 200
    assert 1_000 < shown["approximate_count_lower_bound"] < shown["approximate_count_upper_bound"]


def test_uploaded_people_are_counted_once_and_found_by_the_clock(stranger: Stranger) -> None:
    audience = make(stranger)
    rows = [f"buyer{n}@shop.example" for n in range(3_000)]
    answer = upload(stranger, audience, "EMAIL", rows)
    assert (answer["audience_id"], answer["num_received"], answer["num_invalid_entries"]) == (audience, 3_000, 0)
    upload(stranger, audience, "EMAIL_SHA256", [[sha(row)] for row in rows[:2_000]])
    assert stranger.get(audience, fields=COUNTS)["approximate_count_lower_bound"] == -1
    stranger.advance(hours=1)
    shown = stranger.get(audience, fields=COUNTS)
    assert (shown["approximate_count_lower_bound"], shown["operation_status"]["code"]) == (2_100, 200)
    stranger.call("DELETE", f"{audience}/users", data={"payload": payload("EMAIL", rows[:1_500])})
    stranger.advance(hours=1)
    assert stranger.get(audience, fields=COUNTS)["approximate_count_lower_bound"] == 1_000


def test_a_removal_that_leaves_too_few_is_refused(stranger: Stranger) -> None:
    audience = make(stranger)
    rows = [f"one{n}@shop.example" for n in range(120)]
    upload(stranger, audience, "EMAIL", rows)
    assert stranger.refused("DELETE", f"{audience}/users", payload=payload("EMAIL", rows[:30])) == (200, 1_870_047)


@pytest.mark.parametrize(
    ("schema", "row", "is_valid"),
    [
        ("EMAIL", " Ana@Shop.Example. ", True), ("EMAIL", "ana at shop", False), ("EMAIL", sha("a@b.example"), True),
        ("EMAIL_SHA256", "ana@shop.example", False), ("EMAIL_SHA256", sha("x").upper(), True),
        ("PHONE", "+34 600-11-22-33", True), ("PHONE", "12", False), ("PHONE", "call me", False),
        ("PHONE_SHA256", "34600112233", False), ("EXTERN_ID", "crm-17", True), ("EMAIL", {"a": 1}, False),
        ("MOBILE_ADVERTISER_ID", "6d92078a-8246-4ba4-ae5b-76104861e7dc", True), ("MADID", "none", False),
        (["EMAIL", "FN", "LN"], ["ana@shop.example", "Ana", "Gil"], True),
        (["EMAIL", "FN", "LN"], ["ana@shop.example", "", ""], True),
        (["EMAIL", "FN", "LN"], ["", "Ana", "Gil"], False), (["EMAIL", "FN"], ["ana@shop.example"], False),
        (["EMAIL", "COUNTRY"], ["ana@shop.example", "Spain"], False),
        (["PHONE", "GEN", "DOBY"], ["34600112233", "F", "1980"], True),
        (["PHONE", "DOBM"], ["34600112233", "13"], False),
    ],
)  # fmt: skip
def test_what_is_neither_valid_nor_hashed_is_declared_invalid(
    stranger: Stranger, schema: Any, row: Any, is_valid: bool
) -> None:
    answer = upload(stranger, make(stranger), schema, [row])
    assert (answer["num_received"], answer["num_invalid_entries"]) == (1, 0 if is_valid else 1)
    assert list(answer["invalid_entry_samples"]) == ([] if is_valid else ["0"])


@pytest.mark.parametrize(
    "given",
    [
        {"schema": "SHOE_SIZE", "data": ["42"]},
        {"schema": ["FN", "LN"], "data": [["Ana", "Gil"]]},
        {"schema": ["EMAIL", "EMAIL"], "data": [["a@b.example", "a@b.example"]]},
        {"schema": "EMAIL", "data": []},
        {"schema": "EMAIL", "data": "a@b.example"},
        {"schema": "EMAIL", "data": ["a@b.example"] * 10_001},
        {"data": ["a@b.example"]},
        ["a@b.example"],
    ],
)
def test_an_upload_that_cannot_be_read_is_refused(stranger: Stranger, given: Any) -> None:
    assert stranger.refused("POST", f"{make(stranger)}/users", payload=json.dumps(given)) == (100, None)


def test_a_session_is_answered_and_its_shape_checked(stranger: Stranger) -> None:
    audience = make(stranger)
    session = {"session_id": 9_778_993, "batch_seq": 1, "last_batch_flag": True, "estimated_num_total": 1}
    answer = upload(stranger, audience, "EMAIL", ["a@b.example"], session=json.dumps(session))
    assert answer["session_id"] == "9778993"
    for wrong in ('{"batch_seq":1}', '{"session_id":"x"}', '{"session_id":1,"batch_seq":0}', '{"session_id":1,"a":1}'):
        form = {"payload": payload("EMAIL", ["a@b.example"]), "session": wrong}
        assert stranger.refused("POST", f"{audience}/users", **form) == (100, None)


def test_the_same_person_has_one_digest_however_it_is_written() -> None:
    raw, hashed = digest_of("EMAIL", " ANA@shop.example"), digest_of("EMAIL_SHA256", sha("ana@shop.example"))
    assert raw == hashed == sha("ana@shop.example")
    assert digest_of("PHONE", "0034 600 112 233") == sha("34600112233")
    assert member_of(("EMAIL",), (str(raw),)) == member_of(("EMAIL_SHA256",), (str(hashed),))
    assert len(member_of(("EMAIL",), (str(raw),))) == 16


def test_a_lookalike_needs_an_origin_with_people(stranger: Stranger) -> None:
    origin = make(stranger)
    form = {"name": "Alike", "subtype": "LOOKALIKE", "origin_audience_id": origin}
    form["lookalike_spec"] = '{"type":"similarity","ratio":0.02,"country":"ES"}'
    edge = f"{stranger.account}/customaudiences"
    assert stranger.refused("POST", edge, **form) == (2654, None)
    upload(stranger, origin, "EMAIL", [f"seed{n}@shop.example" for n in range(100)])
    narrow = stranger.post(edge, **form)["id"]
    wide = stranger.post(edge, **form | {"lookalike_spec": '{"ratio":0.1,"country":"ES"}'})["id"]
    assert stranger.get(narrow, fields="operation_status")["operation_status"]["code"] == 431
    stranger.advance(hours=1)
    low, high = (stranger.get(one, fields=COUNTS)["approximate_count_lower_bound"] for one in (narrow, wide))
    assert 0 < low < high
    assert set(stranger.get(origin, fields="lookalike_audience_ids")["lookalike_audience_ids"]) == {narrow, wide}
    assert stranger.refused("POST", f"{narrow}/users", payload=payload("EMAIL", ["a@b.example"])) == (100, None)


def test_a_flagged_audience_takes_nobody_and_is_not_targeted(stranger: Stranger) -> None:
    flagged = make(stranger, name="Diabetes patients")
    assert stranger.get(flagged, fields="operation_status")["operation_status"]["code"] == 471
    assert stranger.refused("POST", f"{flagged}/users", payload=payload("EMAIL", ["a@b.example"])) == (100, 246_004)
    assert stranger.refused("POST", f"{stranger.account}/adsets", **targeting(stranger, flagged)) == (100, 246_003)


def targeting(stranger: Stranger, audience: str, *, name: str = "custom_audiences") -> dict[str, str]:
    spec = {"geo_locations": {"countries": ["ES"]}, name: [{"id": audience}]}
    spec["targeting_automation"] = {"advantage_audience": 0}
    campaign = stranger.named("campaigns", "Own budgets")
    return {**ad_set_form(campaign), "status": "PAUSED", "targeting": json.dumps(spec)}


@pytest.mark.parametrize("name", ["custom_audiences", "excluded_custom_audiences"])
def test_an_ad_set_targets_the_account_s_own_audiences_only(stranger: Stranger, name: str) -> None:
    own = make(stranger)
    edge = f"{stranger.account}/adsets"
    made = stranger.post(edge, **targeting(stranger, own, name=name))["id"]
    assert stranger.refused("POST", edge, **targeting(stranger, "23842", name=name)) == (100, 1_870_065)
    wanted = targeting(stranger, "23842", name=name)["targeting"]
    assert stranger.refused("POST", made, targeting=wanted) == (100, 1_870_065)
    stranger.delete(own)
    assert stranger.refused("POST", edge, **targeting(stranger, own, name=name)) == (100, 1_870_065)


def test_people_survive_a_kill_and_nothing_on_disk_names_them(tmp_path: Path) -> None:
    """The whole data folder is searched, the log's file included, for every form in which a value was sent."""
    secrets = ["maria.soto@private.example", "Maria.Soto@Private.Example", "34611223344", "611 223 344"]
    with open_shop(tmp_path) as process:
        stranger = Stranger(process)
        audience = make(stranger)
        upload(stranger, audience, ["EMAIL", "PHONE", "LN"], [[secrets[1], "+34 611 223 344", "Sotomayor-Quiroga"]])
        upload(stranger, audience, "EMAIL", ["not-an-address-of-quiroga", *[f"q{n}@r.example" for n in range(150)]])
        stranger.call("DELETE", f"{audience}/users", data={"payload": payload("EMAIL", ["q1@r.example"])})
        process.kill()
        process.restart()
        stranger = Stranger(process)
        stranger.call("DELETE", f"{audience}/users", data={"payload": payload("EMAIL", ["q2@r.example"])})
        lines = [line["change"]["people"][1] for line in stranger.oracle() if "people" in line["change"]]
        assert lines == [0, 1, 151, 150, 149]
    held = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()).lower()
    for secret in [*secrets, "quiroga", "q1@r.example", sha("q1@r.example")]:
        assert secret.lower().encode() not in held


def test_a_call_whose_effect_comes_late_is_kept_without_its_people(tmp_path: Path) -> None:
    """A fault that commits late writes the call to disk; the person is counted in the end and named nowhere."""
    batch = {"method": "POST", "relative_url": "", "body": ""}
    with open_shop(tmp_path) as process:
        stranger = Stranger(process)
        audience = make(stranger)
        process.ask(
            "POST", "/faults", {"script": [{"do": "late_commit", "seconds": 1}, {"do": "late_commit", "seconds": 1}]}
        )
        batch["relative_url"] = f"{audience}/users"
        batch["body"] = "payload=" + payload("EMAIL", ["olga.vela@private.example"]).replace(" ", "")
        for path, form in (
            (f"{audience}/users", {"payload": payload("EMAIL", ["luis.vela@private.example", "no address vela"])}),
            ("", {"batch": json.dumps([batch])}),
        ):
            with pytest.raises(requests.ConnectionError):
                stranger.call("POST", path, data=form)
        queued = {**batch, "name": "one", "body": f"payload={payload('EMAIL', ['eva.vela@private.example'])}"}
        stranger.post(f"{stranger.account}/async_batch_requests", name="Late", adbatch=json.dumps([queued]))
        held = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
        assert b"vela" not in held
        process.kill()
        process.restart()
        stranger = Stranger(process)
        for _ in range(200):
            lines = [line["change"]["people"][1] for line in stranger.oracle() if "people" in line["change"]]
            if lines == [0, 1, 2]:
                break
            time.sleep(0.05)
        assert lines == [0, 1, 2]
    assert b"vela" not in b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
