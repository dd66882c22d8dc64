"""What the contract's tests share: requests in the house's words, faults, and the oracle log of the sandbox."""

from datetime import UTC, date, datetime
from itertools import chain
from typing import Any

from domain.actions import ActionKind, JsonMap, ObjectKind
from domain.ids import PlatformAccountId
from domain.objects import AdSet
from domain.ports import Client, ClientOptions, WriteRequest
from meta_client import open_client
from sandbox.process import SandboxProcess
from tests.meta_client.scripted import Kit

START = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
TODAY = date(2026, 11, 20)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def open_client_of(platform: SandboxProcess, token: str | None = None) -> Client:
    known = token or platform.token
    return open_client(
        ClientOptions(base_url=platform.graph, token=lambda: known, app_secret=lambda: "s3cret", read_timeout_s=30)
    )


def break_calls(platform: SandboxProcess, do: str, **more: object) -> None:
    platform.ask("POST", "/faults", {"script": [{"do": do, **more}]})


def oracle(platform: SandboxProcess) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = platform.ask("GET", "/oracle")["lines"]
    return lines


def ask_for(
    kind: ActionKind, object_kind: ObjectKind, fields: JsonMap, *, op_token: str = "TOKENOFNOBODY",
    object_id: str | None = None, parent_id: str | None = None,
) -> WriteRequest:  # fmt: skip
    return WriteRequest(
        kind=kind,
        object_kind=object_kind,
        object_id=object_id,
        parent_id=parent_id,
        fields=fields,
        op_token=op_token,
        request_id=f"action-{op_token}",
    )


def campaign(op_token: str) -> WriteRequest:
    fields = {"name": "New", "objective": "OUTCOME_SALES"}
    return ask_for(ActionKind.CREATE_CAMPAIGN, ObjectKind.CAMPAIGN, fields, op_token=op_token)


def budget(ad_set: AdSet, minor: int) -> WriteRequest:
    fields = {"daily_budget_minor": minor}
    return ask_for(ActionKind.SET_DAILY_BUDGET, ObjectKind.AD_SET, fields, object_id=ad_set.id)


def pause(object_id: str) -> WriteRequest:
    return ask_for(ActionKind.PAUSE, ObjectKind.AD_SET, {"status": "paused"}, object_id=object_id)


def all_ad_sets(client: Client | Kit, account: PlatformAccountId) -> list[AdSet]:
    return list(chain.from_iterable(client.reader.ad_sets(account)))


def ad_set_at(client: Client | Kit, account: PlatformAccountId, place: int) -> AdSet:
    """An active ad set with a budget of its own; each test takes another one."""
    found = [row for row in all_ad_sets(client, account) if row.daily_budget_minor and row.status == "active"]
    return sorted(found, key=lambda row: row.id)[place]
