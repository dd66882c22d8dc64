"""Whatever spelling a client has for a call, the call is the same: encodings, quotes, lists, tokens, methods."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from sandbox.meta.protocol.loose import flag_of, loose
from sandbox.meta.protocol.request import read_call
from tests.sandbox.stranger import Stranger, open_shop

GEO = {"geo_locations": {"countries": ["ES", "PT"]}, "age_min": 21}
MULTIPART = "multipart/form-data; boundary=b"


def params(query: str = "", body: bytes = b"", **headers: str) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_call(method="POST", path="/v26.0/1/", query=query, headers=named, body=body).params


@pytest.mark.parametrize(
    "text",
    [
        '{"geo_locations":{"countries":["ES","PT"]},"age_min":21}',
        "{'geo_locations': {'countries': ['ES', 'PT']}, 'age_min': 21}",
        "{geo_locations:{countries:[ES,PT]},age_min:21}",
        "{ geo_locations : { countries : [ \"ES\" , 'PT' , ] , } , age_min : 21 , }",
    ],
)
def test_an_object_may_be_spelt_as_any_sample_does(text: str) -> None:
    assert loose(text) == GEO


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[a,b]", ["a", "b"]), ("['a', 'b']", ["a", "b"]), ("('a', 'b')", ["a", "b"]), ("[a b, 2026-01-01T00:00:00]",
        ["a b", "2026-01-01T00:00:00"]), ("[]", []), ("[1, 2.5, -3,]", [1, 2.5, -3]), ("[True, false, None]",
        [True, False, None]), (r"['it\'s', 'caf\u00e9', '\ud83e\uded2']", ["it's", "café", "🫒"]), ("[[1],{a:[]}]",
        [[1], {"a": []}]), ('"x"', "x"), ("'x'", "x"), ("5", 5), ("x", "x"), ("[SALE] now", "[SALE] now"), ("{a", "{a"),
        ("[a,,b]", "[a,,b]"), ("{1:2}", {"1": 2}), ("", ""), (r"['\ud800']", ["\ufffd"]),
    ],
)  # fmt: skip
def test_lists_words_and_texts_are_read_leniently_or_left_alone(text: str, value: Any) -> None:
    assert loose(text) == value


@pytest.mark.parametrize(
    ("spelt", "flag"),
    [("true", True), ("True", True), ("1", True), ('"true"', True), (1, True), (False, False), ("0", False),
     ("FALSE", False), ("maybe", None), (None, None), ("", None)],
)  # fmt: skip
def test_a_yes_or_no_has_many_spellings(spelt: Any, flag: bool | None) -> None:
    assert flag_of(spelt) is flag


@pytest.mark.parametrize(
    ("query", "body", "kind"),
    [
        ("", b"name=Caf%C3%A9&fields=%5B%22a%22%2C%22b%22%5D", "application/x-www-form-urlencoded"),
        ("name=Caf%C3%A9&fields=a,b", b"", ""),
        ("fields=a,b", b"name=Caf%C3%A9", "application/x-www-form-urlencoded; charset=utf-8"),
        ("", '{"name":"Café","fields":["a","b"]}'.encode(), "application/json; charset=utf-8"),
        ("", b'name="Caf\\u00e9"&fields=[a,b]', "application/x-www-form-urlencoded"),
        ("fields[]=a&fields[]=b", "name=Café".encode(), "application/x-www-form-urlencoded"),
        ("fields[0]=a&fields[1]=b&name=other", "name=Café".encode(), "text/plain"),
        ("", '--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nCafé\r\n--b\r\nContent-Disposition: form-data; '
         'name="fields"\r\n\r\n[\'a\', \'b\']\r\n--b--\r\n'.encode(), MULTIPART),
    ],
)  # fmt: skip
def test_parameters_are_the_same_wherever_they_stand(query: str, body: bytes, kind: str) -> None:
    call = read_call(method="POST", path="/v26.0/1", query=query, headers={"content-type": kind}, body=body)
    assert (call.params["name"], call.items("fields")) == ("Café", ["a", "b"])


def test_nested_names_become_an_object() -> None:
    query = "targeting[geo_locations][countries][]=ES&targeting[geo_locations][countries][]=PT&targeting[age_min]=21"
    assert json.loads(params(query)["targeting"]) == {**GEO, "age_min": "21"}


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes), ("GZIP", gzip.compress)],
)
def test_a_packed_body_is_unpacked(encoding: str, pack: Any) -> None:
    assert params(body=pack(b"name=x"), content_encoding=encoding) == {"name": "x"}


def test_files_come_byte_by_byte_and_texts_beside_them() -> None:
    image = bytes(range(256)) * 3 + b"\r\n--no boundary\r\n\r\n"
    parts = [
        b'Content-Disposition: form-data; name="name"\r\n\r\nx',
        b'Content-Disposition: form-data; name="filename"; filename="a b.png"\r\nContent-Type: image/png\r\n\r\n'
        + image,
        b'Content-Disposition: form-data; name="source0"; filename="a b.png"\r\n\r\n' + image,
    ]
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"
    call = read_call(method="POST", path="/v26.0/1", query="", headers={"content-type": MULTIPART}, body=body)
    assert call.params == {"name": "x"}
    assert {name: (file.name, file.content) for name, file in call.files.items()} == {
        "filename": ("a b.png", image), "source0": ("a b.png", image)
    }  # fmt: skip


def test_the_token_may_stand_anywhere(stranger: Stranger) -> None:
    token, url = stranger.process.token, f"{stranger.process.graph}/v26.0/me"
    stranger.session.headers.pop("Authorization")
    for scheme in ("Bearer", "OAuth", "bearer"):
        assert stranger.session.get(url, headers={"Authorization": f"{scheme} {token}"}, timeout=30).ok
    assert stranger.session.get(url, params={"access_token": token}, timeout=30).ok
    assert stranger.session.get(f"{url}?access_token={token}&access_token={token}", timeout=30).ok
    assert not stranger.session.get(url, headers={"Authorization": f"Basic {token}"}, timeout=30).ok
    campaign = f"{stranger.process.graph}/v26.0/{stranger.account}/campaigns"
    form = {"name": "T", "objective": "OUTCOME_SALES", "special_ad_categories": "[]", "status": "PAUSED",
            "is_adset_budget_sharing_enabled": "false", "access_token": token}  # fmt: skip
    assert stranger.session.post(campaign, data=form, timeout=30).ok
    assert stranger.session.post(campaign, params=form, timeout=30).ok


def test_the_method_may_be_said_in_a_parameter_and_put_is_a_post(stranger: Stranger) -> None:
    campaign = stranger.new_campaign("first")
    assert stranger.call("PUT", f"{campaign}/", params={"name": "second"}).json()["success"] is True
    assert stranger.get(f"{campaign}/", fields="name")["name"] == "second"
    assert stranger.call("POST", campaign, params={"method": "get", "fields": "name"}).json()["name"] == "second"
    assert stranger.call("POST", campaign, params={"method": "delete"}).json() == {"success": True}
    assert stranger.get(campaign, fields="effective_status")["effective_status"] == "DELETED"


@pytest.mark.parametrize("fields", ["id,name", '["id","name"]', "['id', 'name']", "[id,name]", "id, name,"])
def test_fields_may_be_spelt_in_every_way(stranger: Stranger, fields: str) -> None:
    campaign = stranger.new_campaign("F")
    assert stranger.get(campaign, fields=fields) == {"id": campaign, "name": "F"}


@pytest.mark.parametrize("fields", ['["name","adsets.limit(1){name}"]', "name,adsets.limit(1){name}"])
def test_a_list_of_fields_may_hold_expansions(stranger: Stranger, fields: str) -> None:
    found = stranger.get(stranger.named("campaigns", "Own budgets"), fields=fields)
    assert [row.keys() for row in found["adsets"]["data"]] == [{"id", "name"}]


def test_several_objects_are_read_by_ids_until_v26_took_that_away(tmp_path: Path) -> None:
    with open_shop(tmp_path, start_at="2026-09-01T12:00:00") as process:
        stranger = Stranger(process)
        ids = [row["id"] for row in stranger.rows(f"{stranger.account}/campaigns")]
        asked = {"ids": ",".join(ids), "fields": "name"}
        found = stranger.call("GET", "/", version="/v25.0", params=asked).json()
        assert {name: row["id"] for name, row in found.items()} == {name: name for name in ids}
        sets = stranger.call("GET", "adsets", version="/v25.0", params=asked).json()
        assert list(sets) == ids
        assert all(page["data"] for page in sets.values())
        error = stranger.call("GET", "/", version="/v25.0", params={"ids": f"{ids[0]},999"}).json()["error"]
        assert (error["code"], error["error_subcode"]) == (100, 33)
        assert stranger.call("GET", "/", version="/v26.0", params=asked).json()["error"]["code"] == 100
        item = {"method": "GET", "relative_url": f"?ids={ids[0]}&fields=name"}
        (row,) = stranger.call("POST", "", version="/v25.0", data={"batch": json.dumps([item])}).json()
        assert list(json.loads(row["body"])) == ids[:1]
        stranger.advance(days=57)
        assert stranger.call("GET", "/", version="/v25.0", params=asked).json()["error"]["code"] == 100


def test_dates_debug_and_pretty_print_are_as_they_were_until_v26_took_them_away(tmp_path: Path) -> None:
    with open_shop(tmp_path, start_at="2026-09-01T12:00:00") as process:
        stranger = Stranger(process)
        path = stranger.new_campaign("D")
        iso = stranger.get(path, fields="created_time")["created_time"]

        def told(version: str, **params: str) -> Any:
            return stranger.call("GET", path, version=version, params={"fields": "created_time", **params})

        unix = told("/v25.0", date_format="U").json()["created_time"]
        assert isinstance(unix, int)
        assert told("/v25.0", date_format=r"Y-m-d\TH:i:sO").json()["created_time"] == iso
        assert told("/v25.0", date_format="Y-m-d").json()["created_time"] == iso[:10]
        assert told("/v25.0", debug="all").json()["__debug__"] == {}
        assert "\n" in told("/v25.0", pretty="1").text
        plain = told("/v26.0", date_format="U", debug="all", pretty="1")
        assert plain.json() == {"id": path, "created_time": iso}
        assert "\n" not in plain.text
