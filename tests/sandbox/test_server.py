"""The process itself: one per folder, loopback, what it leaves on disk, its admin address, and requests cut short."""

import hashlib
import hmac
import json
import socket
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from sandbox.process import SandboxFailedToStart, SandboxProcess, start
from tests.sandbox.stranger import START, Stranger, open_shop, scenario


def send_raw(process: SandboxProcess, data: bytes) -> bytes:
    """Send bytes, close our half and read what comes until the end."""
    place = urlsplit(process.graph)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=10) as line:
        line.sendall(data)
        line.shutdown(socket.SHUT_WR)
        parts = []
        while part := line.recv(65_536):
            parts.append(part)
    return b"".join(parts)


def test_it_serves_loopback_only_and_says_what_it_holds(stranger: Stranger) -> None:
    assert urlsplit(stranger.process.graph).hostname == urlsplit(stranger.process.admin).hostname == "127.0.0.1"
    health = stranger.process.ask("GET", "/health")
    assert (health["status"], health["scenario"]) == ("ok", "shop")
    assert health["accounts"][stranger.account.removeprefix("act_")]["adset"] >= 5
    assert health["effects"] == len(stranger.oracle())


def test_the_admin_address_tells_what_it_has_and_what_is_missing(stranger: Stranger) -> None:
    admin = stranger.process.admin
    for method, path, status in (("GET", "/", 404), ("GET", "/advance", 405)):
        answer = requests.request(method, f"{admin}{path}", timeout=10)
        assert answer.status_code == status
        assert "POST /advance" in answer.json()["error"]
        assert "GET /oracle" in answer.json()["error"]
    answer = requests.post(f"{admin}/speed", data="{}", timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (400, "'speed' is missing or unknown")


def test_a_second_process_on_the_folder_is_refused_and_the_secrets_are_its_owner_s(tmp_path: Path) -> None:
    with open_shop(tmp_path) as process:
        with pytest.raises(SandboxFailedToStart, match="already running"):
            open_shop(tmp_path)
        kept = tmp_path / "data" / "credentials.json"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "data" / "sandbox.sqlite3").stat().st_mode) & 0o077 == 0
        address = json.loads((tmp_path / "data" / "address.json").read_text(encoding="utf-8"))
        assert (address["graph"], address["admin"]) == (process.graph, process.admin)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nowhere.json", None),
        ("broken.json", "{"),
        ("empty.json", '{"name":"x","accounts":[]}'),
        ("misspelt.json", json.dumps(scenario() | {"sead": 1})),
        ("zone.json", json.dumps({"name": "x", "accounts": [{"name": "a", "timezone": "Moon/Base"}]})),
    ],
)
def test_a_scenario_that_cannot_be_read_starts_nothing_and_leaves_no_world(
    tmp_path: Path, name: str, text: str | None
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(SandboxFailedToStart):
        start(tmp_path / "data", scenario=str(tmp_path / name))
    assert not (tmp_path / "data" / "credentials.json").exists()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--port", "{taken}"], "give another port, or 0"),
        (["--host", "203.0.113.7"], "cannot answer at 203.0.113.7"),
        (["--port", "70000"], "less than or equal to 65535"),
        (["--speed", "-1"], "greater than or equal to 0"),
        (["--scenario", "generated:many"], "generated:ADS[:SEED]"),
        (["--data", "{file}"], "is no folder"),
        (["--dialect", "toy"], "NAME=module:function"),
    ],
)
def test_what_cannot_be_served_is_refused_in_a_line_and_founds_no_world(
    tmp_path: Path, given: list[str], says: str
) -> None:
    file = tmp_path / "file"
    file.touch()
    with socket.create_server(("127.0.0.1", 0)) as other:
        words = [word.format(taken=other.getsockname()[1], file=file) for word in given]
        command = [sys.executable, "-m", "sandbox", "serve", "--data", str(tmp_path / "data"), *words]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert says in " ".join(ended.stderr.split())
    assert not (tmp_path / "data" / "credentials.json").exists()


def test_a_folder_keeps_its_scenario_token_and_ports(tmp_path: Path) -> None:
    with open_shop(tmp_path) as process:
        before = (process.token, process.account_ids, process.graph, process.admin)
        process.restart()
        assert (process.token, process.account_ids, process.graph, process.admin) == before
    with pytest.raises(SandboxFailedToStart, match="already holds"):
        start(tmp_path / "data", scenario="demo")


def test_the_ports_of_a_killed_sandbox_are_given_to_nobody_else_until_it_is_back(tmp_path: Path) -> None:
    with open_shop(tmp_path) as process:
        address = (process.graph, process.admin)
        process.kill()
        for url in address:
            port = urlsplit(url).port or 0
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", port))
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=5)
        process.restart()
        assert (process.graph, process.admin) == address
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", urlsplit(address[0]).port or 0))
        other.listen()  # once the manager is left, they are anybody's


def test_the_app_secret_s_proof_is_checked_once_a_secret_is_configured(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    token = "EAAtoken"
    kept = {"access_token": token, "account_ids": ["710000000007000"], "app_secret": "s3cret"}
    (folder / "credentials.json").write_text(json.dumps(kept), encoding="utf-8")
    right = hmac.new(b"s3cret", token.encode(), hashlib.sha256).hexdigest()
    with open_shop(tmp_path) as process:
        me = f"{process.graph}/v26.0/me"
        known = {"access_token": token}
        assert requests.get(me, params=known, timeout=30).ok
        assert requests.get(me, params=known | {"appsecret_proof": right}, timeout=30).ok
        wrong = requests.get(me, params=known | {"appsecret_proof": "0" * 64}, timeout=30)
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, 100)
        assert "appsecret_proof" in wrong.json()["error"]["message"]
        batch = known | {"batch": '[{"method":"GET","relative_url":"me"}]'}
        for proof, code in ((right, 200), ("0" * 64, 400)):
            (row,) = requests.post(process.graph, data=batch | {"appsecret_proof": proof}, timeout=30).json()
            assert row["code"] == code


def test_a_request_that_is_cut_off_in_its_body_has_no_effect(stranger: Stranger) -> None:
    """A budget of 12345 must not become one of 1234 because the line broke after four digits."""
    ad_set = stranger.new_ad_set(stranger.named("campaigns", "Own budgets"), status="PAUSED")
    before = stranger.effects()
    head = (
        f"POST /v26.0/{ad_set} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {stranger.process.token}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
    )
    whole = "daily_budget=12345"
    for part in (whole[:-1], "daily_budget=1234&name=", ""):
        assert send_raw(stranger.process, f"{head}Content-Length: {len(whole) + 9}\r\n\r\n{part}".encode()) == b""
    chunk = f"{len(whole) - 1:x}\r\n{whole[:-1]}\r\n"
    assert send_raw(stranger.process, f"{head}Transfer-Encoding: chunked\r\n\r\n{chunk}".encode()) == b""
    assert stranger.effects() == before
    assert stranger.get(ad_set, fields="daily_budget")["daily_budget"] == "5000"


@pytest.mark.parametrize(
    "data", [b"\x00\xff\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
)
def test_what_is_no_http_harms_nobody(stranger: Stranger, data: bytes) -> None:
    send_raw(stranger.process, data)
    assert stranger.get("me")["id"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/faults", {"script": [{"do": "explode"}]}), ("POST", "/faults", {"script": [{"do": "slow", "x": 1}]}),
        ("POST", "/faults", {"script": [{"do": "slow", "match": {"path": "("}}]}), ("POST", "/faults", {}),
        ("POST", "/speed", {"speed": -1}), ("POST", "/speed", {}), ("POST", "/speed", [1]),
        ("POST", "/tier", {"tier": "gold"}), ("POST", "/human_edit", {"object_id": "1", "changes": {}}),
        ("POST", "/human_edit", {"object_id": "1", "changes": "x"}), ("POST", "/advance", {"days": 1e300}),
        ("POST", "/advance", {"to": 5}), ("POST", "/advance", {"to": "9999-01-01"}),
        ("GET", "/oracle?after=x", None),
    ],
)  # fmt: skip
def test_the_admin_address_refuses_nonsense_in_words(stranger: Stranger, method: str, path: str, body: object) -> None:
    answer = requests.request(method, stranger.process.admin + path, json=body, timeout=30)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert stranger.process.ask("GET", "/faults") == {"script": []}


def test_text_that_is_no_json_is_refused_by_the_admin_address(stranger: Stranger) -> None:
    for text in (b"{", b"\xff", b'"' + b"x" * 10):
        assert requests.post(stranger.process.admin + "/advance", data=text, timeout=30).status_code == 400


def test_the_oracle_log_is_read_from_any_line_on(stranger: Stranger) -> None:
    stranger.new_campaign()
    lines = stranger.oracle()
    assert stranger.process.ask("GET", f"/oracle?after={len(lines) - 1}")["lines"] == lines[-1:]
    assert START[:10] <= lines[-1]["platform_at"]


def test_the_hidden_truth_is_told_at_the_admin_address_only(stranger: Stranger) -> None:
    truth = {row["ad_name"]: row for row in stranger.process.ask("GET", "/truth")["ads"]}
    assert (truth["Box"]["cvr"], truth["Box"]["is_live"], truth["Worn"]["is_live"]) == (0.09, True, False)
    assert stranger.refused("GET", "truth") == (100, 33)
