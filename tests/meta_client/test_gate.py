"""Every exchange asks the gate first and tells it afterwards: whose call it was, of which kind, and what came back."""

from dataclasses import dataclass, field

import pytest

from domain.actions import ObjectKind
from domain.errors import PlatformError, ThrottledError, TransientError, UnknownOutcomeError
from domain.ids import PlatformAccountId
from domain.ports import CallKind, CallPass, ClientOptions, Usage
from meta_client import open_client
from tests.meta_client.scripted import ACCOUNT, ACCOUNT_NODE, Scripted, graph_error, hanging_up, pausing

_HEADERS = {"X-Ad-Account-Usage": '{"acc_id_util_pct":40,"ads_api_access_tier":"development_access"}'}
_AD_SET = {"id": "123", "name": "A", "account_id": "7", "status": "ACTIVE"}


@dataclass
class NotedGate:
    entered: list[tuple[PlatformAccountId | None, CallKind, int]] = field(default_factory=list)
    left: list[tuple[Usage | None, PlatformError | None]] = field(default_factory=list)
    repeats: list[PlatformAccountId | None] = field(default_factory=list)
    is_shut: bool = False
    tokens: int = 0

    def enter(self, account, kind, *, calls=1):
        if self.is_shut:
            raise ThrottledError("shut", retry_after_s=9)
        self.entered.append((account, kind, calls))
        return CallPass(account=account, kind=kind, points=1.0)

    def leave(self, _held, usage, error):
        self.left.append((usage, error))

    def may_repeat(self, account):
        self.repeats.append(account)
        self.tokens -= 1
        return self.tokens >= 0


@pytest.fixture
def gate() -> NotedGate:
    return NotedGate()


@pytest.fixture
def client(server: Scripted, gate: NotedGate):
    return open_client(ClientOptions(base_url=server.url, token=lambda: "EAAToken", app_secret=lambda: None, gate=gate))


def test_a_read_of_an_account_counts_among_its_calls(server, client, gate) -> None:
    server.answer(ACCOUNT_NODE, headers=_HEADERS)
    client.reader.account(ACCOUNT)
    assert gate.entered == [("act_7", CallKind.READ, 1)]
    assert gate.left == [
        (Usage(account=0.4, business=None, insights=None, regain_at_s=0.0, score_limit=60.0), None)
    ]  # fmt: skip


def test_an_object_by_its_id_counts_among_its_account_s(server, client, gate) -> None:
    server.answer(_AD_SET)
    client.reader.state(PlatformAccountId("7"), ObjectKind.AD_SET, "123")
    server.answer({"success": True})
    client.writer.write(ACCOUNT, pausing(), deadline_s=5)
    assert gate.entered == [("act_7", CallKind.READ, 1), ("act_7", CallKind.WRITE, 1)]


def test_a_batch_counts_as_many_calls_as_it_has_items(server, client, gate) -> None:
    done = {"code": 200, "body": '{"success":true}', "headers": []}
    server.answer([done, done])
    client.writer.write_many(ACCOUNT, [pausing("1"), pausing("2")], deadline_s=5)
    assert gate.entered == [("act_7", CallKind.WRITE, 2)]


def test_the_items_of_a_batch_tell_the_usage_and_a_throttle(server, client, gate) -> None:
    pairs = [{"name": name, "value": value} for name, value in _HEADERS.items()]
    done = {"code": 200, "body": '{"success":true}', "headers": pairs}
    body = (
        '{"error":{"message":"no","code":613,"error_subcode":1487742,"fbtrace_id":"t"}}'
    )  # fmt: skip
    server.answer([done, {"code": 400, "body": body, "headers": pairs}, done])
    client.writer.write_many(ACCOUNT, [pausing("1"), pausing("2"), pausing("3")], deadline_s=5)
    ((usage, error),) = gate.left
    assert usage is not None
    assert usage.account == 0.4
    assert isinstance(error, ThrottledError)


def test_nothing_is_sent_where_the_gate_says_no(server, client, gate) -> None:
    gate.is_shut = True
    with pytest.raises(ThrottledError):
        client.reader.account(ACCOUNT)
    with pytest.raises(ThrottledError):
        client.writer.write(ACCOUNT, pausing(), deadline_s=5)
    assert server.requests == []


def test_the_gate_hears_of_an_error_in_a_200_and_of_a_broken_write(server, client, gate) -> None:
    server.answer(graph_error(17, 2446079))
    with pytest.raises(ThrottledError):
        client.reader.account(ACCOUNT)
    server.replies.append(hanging_up)
    with pytest.raises(UnknownOutcomeError):
        client.writer.write(ACCOUNT, pausing(), deadline_s=5)
    assert [type(error) for _, error in gate.left] == [ThrottledError, UnknownOutcomeError]


def test_a_read_is_repeated_only_as_far_as_the_gate_has_tokens(server, client, gate) -> None:
    server.replies += [hanging_up, hanging_up]
    with pytest.raises(TransientError):
        client.reader.account(ACCOUNT)
    assert gate.repeats == ["act_7"]
    assert len(gate.entered) == 1


def test_the_limit_of_one_ad_set_is_none_of_the_account(server, client, gate) -> None:
    server.answer(graph_error(613, 1487632), status=400)
    with pytest.raises(ThrottledError):
        client.writer.write(ACCOUNT, pausing(), deadline_s=5)
    ((_, error),) = gate.left
    assert isinstance(error, ThrottledError)
    assert not error.is_of_account


def test_usage_is_known_per_account(server, client) -> None:
    server.answer(ACCOUNT_NODE, headers=_HEADERS)
    client.reader.account(ACCOUNT)
    assert client.reader.usage(ACCOUNT).account == 0.4
    assert client.reader.usage(PlatformAccountId("act_8")).account is None
