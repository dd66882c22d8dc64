"""Webhooks: who is told, verified first, signed, tried again, kept over a kill, and only on this machine."""

import asyncio
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.hooks import Hooks, Told, is_near
from sandbox.platform import Platform
from sandbox.process import SandboxProcess
from tests.sandbox.receiver import Receiver
from tests.sandbox.stranger import Stranger, open_shop, scenario

SECRET = "s3cret-of-the-app"
APP = "5550000000000001"


def shop_file(folder: Path) -> Path:
    file = folder / "shop.json"
    file.write_text(json.dumps(scenario()), encoding="utf-8")
    return file


def with_secret(folder: Path) -> SandboxProcess:
    """A shop whose app has a secret."""
    (folder / "data").mkdir(parents=True)
    kept = {"access_token": "EAAtoken", "account_ids": ["710000000007000"], "app_secret": SECRET}
    (folder / "data" / "credentials.json").write_text(json.dumps(kept), encoding="utf-8")
    return open_shop(folder)


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with with_secret(tmp_path_factory.mktemp("hooks")) as process:
        yield process


@pytest.fixture
def caller(signing: SandboxProcess) -> Iterator[Stranger]:
    stranger = Stranger(signing)
    yield stranger
    stranger.delete(f"{APP}/subscriptions")
    stranger.delete(f"{stranger.account}/subscribed_apps")


def subscribe(stranger: Stranger, receiver: Receiver, of: str = "ad_account", **more: Any) -> None:
    fields = {
        "ad_account": "with_issues_ad_objects,in_process_ad_objects",
        "application": '["async_requests","ad_account"]',
    }
    form = {"object": of, "callback_url": receiver.url, "fields": fields[of], "verify_token": "word"}
    assert stranger.post(f"{APP}/subscriptions", **{**form, **more}) == {"success": True}


def test_an_account_s_apps_are_added_listed_and_removed(caller: Stranger) -> None:
    edge = f"{caller.account}/subscribed_apps"
    assert caller.rows(edge) == []
    assert caller.post(edge, app_id=APP) == {"success": "true"}
    assert [row["id"] for row in caller.rows(edge)] == [APP]
    assert caller.refused("POST", edge, app_id="17") == (100, None)
    assert caller.delete(edge) == {"success": "true"}
    assert caller.rows(edge) == []


def test_a_new_ad_is_told_signed_and_after_a_refusal_again(caller: Stranger) -> None:
    with Receiver(fails=2) as receiver:
        subscribe(caller, receiver)
        caller.post(f"{caller.account}/subscribed_apps", app_id=APP)
        ad = caller.new_ad(caller.named("adsets", "Cooks"), status="PAUSED")
        told = receiver.changes(2, secret=SECRET)
        assert receiver.refused == 2
    assert {(of, field) for of, field, _ in told} == {("ad_account", "in_process_ad_objects")}
    assert ad in [value["id"] for _, _, value in told]
    assert {value["level"] for _, _, value in told} == {"AD", "CREATIVE"}


def test_an_ad_set_in_trouble_is_told(caller: Stranger) -> None:
    issue = {"error_code": 1815869, "error_summary": "Off track", "error_message": "The pixel does not fire."}
    ad_set = caller.new_ad_set(caller.named("campaigns", "Own budgets"), name="Troubled", status="ACTIVE")
    with Receiver() as receiver:
        subscribe(caller, receiver, fields="with_issues_ad_objects")
        caller.post(f"{caller.account}/subscribed_apps", app_id=APP)
        edit = {"object_id": ad_set, "changes": {"sandbox_issues": [issue]}}
        caller.process.ask("POST", "/human_edit", edit)
        told = receiver.changes(1, secret=SECRET)
    assert told == [("ad_account", "with_issues_ad_objects", {"id": ad_set, "level": "AD_SET", **issue})]


def test_without_the_account_s_word_nothing_of_it_is_told(caller: Stranger) -> None:
    """The account's letter would have come before the app's, which waits behind it."""
    with Receiver() as receiver:
        subscribe(caller, receiver)
        subscribe(caller, receiver, "application")
        caller.new_campaign()
        caller.post(caller.account, spend_cap="900")
        told = receiver.changes(1, secret=SECRET)
    assert [(of, field) for of, field, _ in told] == [("application", "ad_account")]
    assert told[0][2]["id"] == caller.account.removeprefix("act_")


def test_a_report_that_has_ended_is_told_without_a_poll(caller: Stranger) -> None:
    with Receiver() as receiver:
        subscribe(caller, receiver, "application")
        run = caller.post(f"{caller.account}/insights", level="ad", date_preset="last_3d")["report_run_id"]
        caller.advance(hours=2)
        told = receiver.changes(1, secret=SECRET)
    value = {"category": "ads_insights", "verb": "complete", "report_id": run}
    assert told == [("application", "async_requests", value)]


def test_an_address_that_does_not_give_the_challenge_back_does_not_count(caller: Stranger) -> None:
    with Receiver(verify_token="another word") as receiver:
        form = {"object": "ad_account", "callback_url": receiver.url, "fields": "in_process_ad_objects"}
        assert caller.refused("POST", f"{APP}/subscriptions", **form, verify_token="word") == (2200, None)
        assert caller.rows(f"{APP}/subscriptions") == []
        caller.post(f"{caller.account}/subscribed_apps", app_id=APP)
        caller.new_campaign()
        receiver.verify_token = "word"
        subscribe(caller, receiver)
        later = caller.new_campaign()
        told = receiver.changes(1, secret=SECRET)
    assert [value["id"] for _, _, value in told] == [later]


def test_subscriptions_are_listed_and_taken_back(caller: Stranger) -> None:
    with Receiver() as receiver:
        subscribe(caller, receiver)
        subscribe(caller, receiver, "application")
        rows = {row["object"]: row for row in caller.rows(f"{APP}/subscriptions")}
        assert rows["ad_account"]["callback_url"] == receiver.url
        names = [field["name"] for field in rows["ad_account"]["fields"]]
        assert names == ["in_process_ad_objects", "with_issues_ad_objects"]
        caller.call("DELETE", f"{APP}/subscriptions", params={"object": "ad_account", "fields": names[0]})
        rows = {row["object"]: row for row in caller.rows(f"{APP}/subscriptions")}
        assert [field["name"] for field in rows["ad_account"]["fields"]] == names[1:]
        caller.delete(f"{APP}/subscriptions")
        assert caller.rows(f"{APP}/subscriptions") == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"callback_url": "http://192.0.2.1/hook"}, 2200),
        ({"callback_url": "https://example.com/hook"}, 2200),
        ({"callback_url": "http://127.0.0.1.example.com/"}, 2200),
        ({"callback_url": "http://name@127.0.0.1/"}, 2200),
        ({"callback_url": "file:///etc/hosts"}, 2200),
        ({"callback_url": "http://[::1"}, 2200),
        ({"callback_url": ""}, 2200),
        ({"object": "page"}, 100),
        ({"fields": ""}, 100),
        ({"fields": "leadgen"}, 100),
        ({"verify_token": ""}, 100),
        ({"colour": "red"}, 100),
    ],
)
def test_a_subscription_that_breaks_a_rule_is_refused(caller: Stranger, more: dict[str, str], code: int) -> None:
    form = {"object": "ad_account", "callback_url": "http://127.0.0.1:9/", "fields": "creative_fatigue",
            "verify_token": "word", **more}  # fmt: skip
    before = caller.effects()
    assert caller.refused("POST", f"{APP}/subscriptions", **form) == (code, None)
    assert caller.effects() == before


def test_without_an_app_secret_nobody_subscribes(stranger: Stranger) -> None:
    form = {"object": "ad_account", "callback_url": "http://127.0.0.1:9/", "fields": "creative_fatigue"}
    assert stranger.refused("POST", f"{APP}/subscriptions", verify_token="word", **form) == (100, None)


def test_open_letters_survive_a_kill_and_hold_no_secret(tmp_path: Path) -> None:
    with Receiver(fails=10**6) as receiver, with_secret(tmp_path) as process:
        stranger = Stranger(process)
        subscribe(stranger, receiver)
        stranger.post(f"{stranger.account}/subscribed_apps", app_id=APP)
        made = stranger.new_campaign()
        receiver.wait(lambda: receiver.refused > 0)
        process.kill()
        receiver.fails = 0
        process.restart()
        told = receiver.changes(1, secret=SECRET)
        assert told[0][2] == {"id": made, "level": "CAMPAIGN", "status_name": "Paused"}
        process.stop()
    held = b"".join(file.read_bytes() for file in (tmp_path / "data").glob("sandbox.sqlite3*"))
    assert SECRET.encode() not in held
    assert b"verify_token" not in held


class _Once:
    """Tells one letter, once."""

    def news(self, state: dict[str, object]) -> Told:
        letters = () if state else (("http://127.0.0.1:9/", "{}"),)
        return Told(letters=letters, state={"told": True})


class _Stumbling(_Once):
    """Fails at the first look."""

    def __init__(self) -> None:
        self.looks = 0

    def news(self, state: dict[str, object]) -> Told:
        self.looks += 1
        if self.looks == 1:
            raise RuntimeError("a teller that stumbles")
        return super().news(state)


def test_a_failure_of_our_own_is_told_and_does_not_end_the_sending(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    platform = Platform(tmp_path / "data", scenario=str(shop_file(tmp_path)), speed=0)
    platform.let_in(app_secret=SECRET)

    async def run() -> str:
        arrived: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def receive(url: str, *_: Any) -> int:
            if not arrived.done():
                arrived.set_result(url)
            return 200

        Hooks(platform, _Stumbling(), send=receive).start()
        return await asyncio.wait_for(arrived, 30)

    assert asyncio.run(run()) == "http://127.0.0.1:9/"
    told = capsys.readouterr().err
    assert "a teller that stumbles" in told
    assert SECRET not in told
    platform.close()


def test_tries_are_bounded_and_further_and_further_apart(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "data", scenario=str(shop_file(tmp_path)), speed=0)
    platform.let_in(app_secret=SECRET)
    sent: list[int] = []

    async def refuse(*_: Any) -> int:
        sent.append(now_us)
        return 500

    hooks = Hooks(platform, _Once(), send=refuse)
    hooks.look()
    now_us = 0
    while hooks.open and len(sent) < 100:
        now_us = max(now_us, hooks.open[0].due_us)
        asyncio.run(hooks.send_due(now_us=now_us))
    waits = [after - before for before, after in itertools.pairwise(sent)]
    assert len(sent) == 8
    assert waits == sorted(waits)
    assert waits[0] == 250_000
    hooks.look()
    assert hooks.open == ()
    platform.close()


@pytest.mark.parametrize(
    ("url", "is_so"),
    [("http://localhost:80/a", True), ("https://127.8.8.8/", True), ("http://[::1]:9/", True),
     ("http://10.0.0.1/", False), ("http://localhost.example/", False), ("//127.0.0.1/", False), ("x", False)],
)  # fmt: skip
def test_only_this_machine_is_near(url: str, is_so: bool) -> None:
    assert is_near(url) is is_so


def test_the_app_s_own_token_speaks_for_the_app_and_for_nothing_else(caller: Stranger) -> None:
    told = {"access_token": f"{APP}|{SECRET}"}
    graph = f"{caller.process.graph}/v26.0"
    assert requests.get(f"{graph}/{APP}/subscriptions", params=told, timeout=10).json() == {"data": []}
    with Receiver() as receiver:
        form = {
            "object": "ad_account",
            "callback_url": receiver.url,
            "fields": "with_issues_ad_objects",
            "verify_token": "word",
        }
        assert requests.post(f"{graph}/{APP}/subscriptions", data={**form, **told}, timeout=10).json()["success"]
    wrong = {"access_token": f"{APP}|another"}
    assert requests.get(f"{graph}/{APP}/subscriptions", params=wrong, timeout=10).json()["error"]["code"] == 190
    assert requests.get(f"{graph}/{caller.account}/ads", params=told, timeout=10).json()["error"]["code"] == 190
