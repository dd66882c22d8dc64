"""The contract suite: kept by the sandbox, replayed from recordings, and broken by every change that matters.

A recording of a real account (`stakazo contract record --live`) that is put beside the sandbox's own in `recorded/` is
picked up by these tests as it is.
"""

import copy
import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.contract import Bounds, Standing
from domain.ports import PlatformReader
from meta_client.contract import bench, recording, shapes
from meta_client.contract.replay import Replay
from meta_client.contract.suite import replayed
from sandbox.process import SandboxProcess
from tests.meta_client.contract_world import NOW, OF_THE_SANDBOX, RECORDED, SECRET, contract_of, world
from tests.meta_client.living import open_client_of, oracle

RECORDINGS = sorted(path.parent for path in RECORDED.glob(f"*/{recording.ABOUT}"))


@pytest.fixture(scope="module")
def small() -> Iterator[SandboxProcess]:
    with world() as process:
        yield process


@pytest.fixture(scope="module")
def recorded() -> recording.Recording:
    return recording.read(OF_THE_SANDBOX)


def test_the_client_keeps_every_clause_on_the_sandbox_and_writes_nothing(small: SandboxProcess) -> None:
    before = oracle(small)
    contract = contract_of(small)
    verdicts = list(contract.check(small.account_ids[0], NOW, Bounds()))
    assert [(row.clause, row.differs) for row in verdicts if row.standing is not Standing.KEPT] == []
    assert [row.clause for row in verdicts] == [clause.name for clause in contract.clauses()]
    assert sum(row.calls for row in verdicts) <= sum(clause.calls for clause in contract.clauses()) + 2
    later = oracle(small)[len(before) :]
    assert {line["kind"] for line in later} == {"report_run"}  # the order of a report, and its end


def test_every_read_of_the_port_is_asked() -> None:
    source = inspect.getsource(bench)
    reads = [name for name, _ in inspect.getmembers(PlatformReader, inspect.isfunction) if not name.startswith("_")]
    assert len(reads) > 15
    assert [name for name in reads if f"._reader.{name}(" not in source] == []


def test_the_sandbox_s_recording_is_there_and_says_what_it_is(recorded: recording.Recording) -> None:
    assert OF_THE_SANDBOX in RECORDINGS
    assert recorded.recorded_from == "sandbox"
    files = [path for path in OF_THE_SANDBOX.glob("*.json") if path.name != recording.ABOUT]
    assert {json.loads(path.read_text())["recorded_from"] for path in files} == {"sandbox"}


@pytest.mark.parametrize("folder", RECORDINGS, ids=lambda path: path.name)
def test_the_client_reads_a_recording_as_it_did_when_it_was_made(folder: Path) -> None:
    made = recording.read(folder)
    verdicts, values = replayed(made)
    assert values == made.values
    if made.recorded_from == recording.SANDBOX:
        assert [(row.clause, row.differs) for row in verdicts if row.standing is not Standing.KEPT] == []


@pytest.mark.parametrize("folder", RECORDINGS, ids=lambda path: path.name)
def test_the_sandbox_answers_in_the_shapes_of_a_recording(small: SandboxProcess, folder: Path) -> None:
    """Its own to the letter; a real account's without a contradiction, as it may have what this world has not."""
    contract = contract_of(small)
    assert list(contract.check(small.account_ids[0], NOW, Bounds()))
    found = contract.differences(folder)
    is_own = recording.read(folder).recorded_from == recording.SANDBOX
    assert [row for row in found if is_own or shapes.contradicts(row)] == []


def test_nothing_of_the_account_is_left_in_a_recording(small: SandboxProcess, tmp_path: Path) -> None:
    contract = contract_of(small)
    assert list(contract.check(small.account_ids[0], NOW, Bounds()))
    contract.write(tmp_path / "made", recorded_from="sandbox")
    text = "".join(path.read_text() for path in sorted((tmp_path / "made").iterdir()))
    ids, cursors = _traces(small, contract.exchanges)
    assert len(ids) > 15
    assert cursors
    secrets = {"canary", small.token.lower(), SECRET, "appsecret_proof", "access_token", "127.0.0.1", "7f3k9q2m4xtba"}
    assert [trace for trace in {*secrets, *ids} if trace.lower() in text.lower()] == []
    assert [cursor for cursor in cursors if f'"{cursor}"' in text] == []


def _traces(small: SandboxProcess, exchanges: Any) -> tuple[set[str], set[str]]:
    account = small.account_ids[0]
    reader = open_client_of(small).reader
    ids = {account.removeprefix("act_")}
    for pages in (reader.campaigns, reader.ad_sets, reader.ads, reader.creatives):
        ids |= {row.id for page in pages(account) for row in page}
    ids |= {one.body["report_run_id"] for one in exchanges if "report_run_id" in one.body}
    paging = [one.body.get("paging", {}) for one in exchanges if isinstance(one.body, dict)]
    return ids, {row["cursors"]["after"] for row in paging if row.get("cursors")}


def test_sums_of_money_can_be_scaled_and_the_recording_is_read_all_the_same(
    small: SandboxProcess, tmp_path: Path, recorded: recording.Recording
) -> None:
    contract = contract_of(small)
    assert list(contract.check(small.account_ids[0], NOW, Bounds()))
    contract.write(tmp_path / "scaled", recorded_from="sandbox", amounts=0.5)
    scaled = recording.read(tmp_path / "scaled")
    before, after = (
        [row["daily_budget_minor"] for row in made.values["ad_sets"] if row["daily_budget_minor"]]
        for made in (recorded, scaled)
    )
    assert after == [minor // 2 for minor in before]


def test_a_question_that_was_not_recorded_is_refused_and_noted() -> None:
    with Replay(()) as server:
        assert server.answer("GET", "me/permissions", {}) is None
        assert server.unknown == ["GET /me/permissions {}"]


def _first(clause: str, change: Callable[[Any], Any]) -> Callable[[recording.Recording], recording.Recording]:
    """Change the body of the last answer of a clause that holds rows, or is an object."""

    def spoil(made: recording.Recording) -> recording.Recording:
        places = [place for place, one in enumerate(made.exchanges) if one.clause == clause]
        exchanges, place = list(made.exchanges), places[-1]
        body = copy.deepcopy(exchanges[place].body)
        rows = body["data"] if isinstance(body, dict) and "data" in body else [body]
        change(rows[0])
        exchanges[place] = replace(exchanges[place], body=body)
        return replace(made, exchanges=tuple(exchanges))

    return spoil


def _drop(*keys: str) -> Callable[[Any], Any]:
    return lambda row: [row.pop(key) for key in keys]


def _put(**values: Any) -> Callable[[Any], Any]:
    return lambda row: row.update(values)


SPOILT = {
    "a permission without its status": _first("token", _drop("status")),
    "an account without its currency": _first("accounts", _drop("currency")),
    "a minimum budget that is a fraction": _first("account", _put(min_daily_budget="100.5")),
    "an unknown zone": _first("account", _put(timezone_name="Mars/Olympus")),
    "a status that we do not know": _first("campaigns", _put(status="RESTING")),
    "a budget that is an object": _first("ad sets", _put(daily_budget={"amount": "9000"})),
    "a budget in major units": _first("ad sets", _put(daily_budget="95.00")),
    "an ad set of another campaign": _first("ad sets", _put(campaign_id="999999999999")),
    "learning that is text": _first("ad sets", _put(learning_stage_info="LEARNING")),
    "labels without a list": _first("ad sets", _put(adlabels="ab_test")),
    "an ad without its ad set": _first("ads", _drop("adset_id")),
    "an ad of another ad set": _first("ads", _put(adset_id="999999999999")),
    "an ad whose creative is flat": _first("ads", _put(creative="123456")),
    "an instant without a zone that is none": _first("ads", _put(created_time="yesterday")),
    "an ad that is listed twice": _first("ads", _put(id="12ab")),
    "a creative that lost its id": _first("creatives", _drop("id")),
    "a row without its day": _first("daily insights", _drop("date_start")),
    "a row of another day": _first("daily insights", _put(date_start="2026-01-01")),
    "a spend in words": _first("daily insights", _put(spend="a lot")),
    "impressions below zero": _first("daily insights", _put(impressions="-5")),
    "actions that are no list": _first("daily insights", _put(actions={"omni_purchase": "3"})),
    "an hour spelt otherwise": _first("hourly insights", _put(hourly_stats_aggregated_by_advertiser_time_zone="24:00")),
    "hours that do not add up": _first("hourly insights", _put(impressions="9999999")),
    "a report that differs": _first("report", _put(spend="12345.67")),
    "a state of another object": _first("state", _put(id="999999999999")),
    "a name that changed": _first("state", _put(name="another")),
    "a batch that says otherwise": lambda made: _spoil_batch(made, '"status":"ACTIVE"', '"status":"PAUSED"'),
    "a batch about another object": lambda made: _spoil_batch(made, '"id":"1', '"id":"2'),
    "a batch item without a body": lambda made: _body(made, "states", lambda items: items[0].pop("body")),
    "a thing that is not gone": lambda made: _status(made, "gone", 200, {"id": bench.GONE, "name": "x"}),
    "a name that carries nobody's token": _first("made since", _drop("created_time")),
    "a change without its instant": _first("activities", _drop("event_time")),
    "a page without an id": lambda made: _body(made, "pages and pixels", lambda body: body["data"][0].pop("id")),
    "a label that is no longer listed": lambda made: _body(made, "labels", lambda body: body["data"].clear()),
    "an image of nothing": lambda made: _body(
        made, "images", lambda body: body["data"].append({"hash": "0" * 31 + "f", "name": "x"})
    ),
    "an audience whose bounds cross": lambda made: _body(
        made, "audiences", lambda body: body["data"].append(
            {"id": "10000001", "name": "x", "approximate_count_lower_bound": 9, "approximate_count_upper_bound": 5}
        ),
    ),
    "a study that ends before it begins": lambda made: _body(
        made, "studies", lambda body: body["data"].append(
            {"id": "10000001", "name": "x", "type": "SPLIT_TEST", "start_time": 1_790_000_000, "end_time": 1}
        ),
    ),
    "an interest that nothing is found of": lambda made: _body(made, "interests", lambda body: body["data"].clear()),
    "an interest whose id is a word": _first("interests", _put(id="coffee")),
    "a place of no country": _first("places", _put(country_code="Spain")),
    "a reach whose bounds cross": lambda made: _body(
        made, "reach", lambda body: body["data"].update(users_lower_bound=10**9)
    ),
    "a narrow targeting that reaches more": lambda made: _body(
        made, "reach", lambda body: body["data"].update(users_upper_bound=10**9)
    ),
    "a curve that falls": lambda made: _body(
        made, "delivery", lambda body: body["data"][0]["daily_outcomes_curve"][-1].update(actions=-1)
    ),
    "a minimum budget of nothing": lambda made: _body(
        made, "minimum budgets", lambda body: body["data"][0].update(min_daily_budget_imp=0)
    ),
    "a change of the future's past": _first("activities", _put(event_time="2020-01-01T00:00:00+0000")),
    "no usage headers": lambda made: replace(
        made, exchanges=tuple(replace(one, headers={}) for one in made.exchanges if one.clause != "states")
    ),
    "an answer of another version": lambda made: replace(
        made,
        exchanges=tuple(
            replace(one, headers={**one.headers, "facebook-api-version": "v99.0"}) for one in made.exchanges
        ),
    ),
    "an error with status 200": lambda made: _status(made, "creatives", 200, {"error": {"message": "no", "code": 1}}),
    "a page that leads nowhere": lambda made: _body(
        made, "pages", lambda body: body.update(paging={"next": "https://example.invalid/x"})
    ),
}  # fmt: skip


def _spoil_batch(made: recording.Recording, text: str, other: str) -> recording.Recording:
    return _body(made, "states", lambda items: items[1].update(body=items[1]["body"].replace(text, other)))


def _status(made: recording.Recording, clause: str, status: int, body: Any) -> recording.Recording:
    return replace(
        made,
        exchanges=tuple(
            replace(one, status=status, body=body) if one.clause == clause else one for one in made.exchanges
        ),
    )


def _body(made: recording.Recording, clause: str, change: Callable[[Any], Any]) -> recording.Recording:
    exchanges = list(made.exchanges)
    place = max(place for place, one in enumerate(exchanges) if one.clause == clause)
    body = copy.deepcopy(exchanges[place].body)
    change(body)
    exchanges[place] = replace(exchanges[place], body=body)
    return replace(made, exchanges=tuple(exchanges))


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_recording_in_which_something_changed_breaks_the_contract(
    recorded: recording.Recording, spoil: Callable[[recording.Recording], recording.Recording]
) -> None:
    verdicts, _ = replayed(spoil(recorded))
    broken = [row for row in verdicts if row.standing is Standing.BROKEN]
    assert broken
    assert all(row.differs for row in broken)
