"""From a Graph call to its answer: authentication, routing, quota, errors. Synchronous and without sockets."""

from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec

from sandbox.clock import from_us
from sandbox.faults import Asked
from sandbox.meta.accounts.activities import BUSINESS_ID, USER_ID
from sandbox.meta.context import Context, Json
from sandbox.meta.insights.tables import InsightTables
from sandbox.meta.limits.table import Size
from sandbox.meta.limits.throttles import replaced, throttle_headers
from sandbox.meta.limits.usage import Headers, Throttled, Usage
from sandbox.meta.objects.render_fields import APP_ID
from sandbox.meta.people.tokens import authenticate, is_of_app
from sandbox.meta.protocol import quirks
from sandbox.meta.protocol.errors import GraphError, missing, trace_id
from sandbox.meta.protocol.request import LATEST, GraphCall, require_version
from sandbox.meta.route import INSIGHTS, MANAGEMENT, Route
from sandbox.meta.routes import all_routes, by_place
from sandbox.platform import Platform
from sandbox.records import RecordKind

TIER_SETTING: Final = "tier"
_FULL_SETTING: Final = "limits_full"
_PERSONS: Final = {"me": "user", USER_ID: "user", "app": "app", APP_ID: "app", BUSINESS_ID: "business"}
_NOT_THE_CALLERS: Final = frozenset({1, 2})  # what goes wrong with the platform itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back: a status, headers and JSON bytes."""

    status: int
    body: bytes
    headers: Headers = field(default_factory=list)
    drip_s: float = 0.0  # seconds between two bytes of the body


class Graph:
    """Meta's dialect over a platform."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        journal = platform.journal
        self.usage = Usage(
            journal.setting(TIER_SETTING) or platform.scenario.tier, size_of=self._size,
            kept=journal.setting(_FULL_SETTING), keep=lambda text: journal.set(_FULL_SETTING, text),
        )  # fmt: skip
        self._routes = by_place(all_routes(InsightTables()))

    def answer(
        self, call: GraphCall, *, outcome: str = "answered", actor: str = "api", lag_s: float = 0.0
    ) -> Answer:  # fmt: skip
        """Answer a call; a refusal is an answer too."""
        account_id = self.account_id_of(call)
        self.platform.act_people()
        of, thing = self._place(call)
        route = self._route(call, of, thing)
        try:
            self._authenticate(call, route)
            self._charge(account_id, call, route)
            if route is None:
                raise _unknown(call, of, thing)
            if route.needs_version:
                require_version(call)
            self.platform.calls[route.key] += 1
            context = Context(
                platform=self.platform, call=call, outcome=outcome, actor=actor, lag_s=lag_s, ask=self.answer
            )
            document = self._run(route, context, thing, account_id)
        except GraphError as error:
            return self.refusal(error, call, account_id)
        return Answer(status=200, body=msgspec.json.encode(document), headers=self._headers(call, account_id))

    def refusal(self, error: GraphError, call: GraphCall | None = None, account_id: str | None = None) -> Answer:
        """Render a Graph error."""
        headers = self._headers(call, account_id)
        if isinstance(error, Throttled) and account_id is not None:
            told = throttle_headers(error.code, error.subcode, account_id, wait_s=error.wait_s, tier=self.usage.tier)
            headers = replaced(headers, told)
        headers.append(("WWW-Authenticate", f'OAuth "Facebook Platform" "invalid_request" "{error.code}"'))
        return Answer(status=error.status, body=msgspec.json.encode(error.envelope()), headers=headers)

    def asked(self, call: GraphCall) -> Asked:
        """Return a call as the faults script looks at it."""
        is_object = len(call.path) == 1 and call.path[0] in self.platform.world.nodes
        return Asked(
            method=call.method, path=call.text_path, kind=self.kind_of(call), at_us=self.platform.clock.now_us(),
            in_batch=call.in_batch, is_list=len(call.path) > 1, is_object=is_object,
        )  # fmt: skip

    def kind_of(self, call: GraphCall) -> str:
        """Name what a call is about, for faults: campaign, adset, ad, adcreative, insights, account, batch."""
        if not call.path:
            return "batch"
        if len(call.path) > 1:
            return call.edge_kind
        node = self.platform.world.nodes.get(call.path[0])
        held = node or self.platform.world.records.get(call.path[0])
        if held is not None:
            return str(held.kind)
        return "account" if call.path[0].startswith("act_") else call.path[0]

    def _authenticate(self, call: GraphCall, route: Route | None) -> None:
        if route is not None and (not route.needs_token or (route.of == "app" and is_of_app(self.platform, call))):
            return
        authenticate(self.platform, call)

    def account_id_of(self, call: GraphCall) -> str | None:
        """Return the account that a call is about, as far as its path tells."""
        first, world = call.path[0] if call.path else "", self.platform.world
        held = world.nodes.get(first) or world.records.get(first)
        account_id = held.account_id if held is not None else first.removeprefix("act_")
        return account_id if account_id in world.accounts else None

    def _headers(self, call: GraphCall | None, account_id: str | None) -> Headers:
        asked = call.version if call is not None else None
        clock = self.platform.clock
        today = from_us(clock.now_us()).date()
        headers = [("facebook-api-version", quirks.served(asked, today)), ("x-fb-trace-id", trace_id())]
        told = quirks.warning(asked, today)
        if told is not None:
            headers.append(("X-Ad-Api-Version-Warning", told))
        return headers + self.usage.headers(account_id, now_s=clock.now_s())

    def _charge(self, account_id: str | None, call: GraphCall, route: Route | None) -> None:
        """Count a call for the account that it is about, or else for the app."""
        clock = self.platform.clock
        if account_id is None:
            self.usage.charge_app(now_s=clock.now_s())
            return
        self.usage.charge(
            account_id, is_write=call.method != "GET", now_s=clock.now_s(), has_seconds=clock.speed > 0,
            use_case=route.use_case if route is not None else MANAGEMENT,
        )  # fmt: skip

    def _run(self, route: Route, context: Context, thing: Any, account_id: str | None) -> Json:
        """Let a row answer; what a caller gets wrong of insights lowers their hour."""
        try:
            return route.answer(context, thing)
        except GraphError as error:
            if account_id and route.use_case == INSIGHTS and error.code not in _NOT_THE_CALLERS:
                self.usage.note_error(account_id, now_s=self.platform.clock.now_s())
            raise

    def _size(self, account_id: str) -> Size:
        account = self.platform.world.accounts[account_id]
        audiences = self.platform.world.records.of(account_id, RecordKind.AUDIENCE)
        return Size(active_ads=account.live_ads, audiences=len(audiences))

    def _place(self, call: GraphCall) -> tuple[str, Any]:
        """Return what kind of thing a call's path begins with, and the thing."""
        first = call.path[0] if call.path else ""
        world = self.platform.world
        if first in _PERSONS:
            return _PERSONS[first], None
        if first.startswith("act_"):
            return "account", world.accounts.get(first.removeprefix("act_"))
        node = world.nodes.get(first)
        if node is not None:
            return str(node.kind), node
        record = world.records.get(first)
        return ("root", None) if record is None else (str(record.kind), record)

    def _route(self, call: GraphCall, of: str, thing: Any) -> Route | None:
        """Return who answers a call; PUT is understood as POST."""
        if not call.path or (of == "account" and thing is None):
            return None
        edge = "/".join(call.path if of == "root" else call.path[1:])
        return self._routes.get((of, edge, "POST" if call.method == "PUT" else call.method))


def batch_call(call: GraphCall) -> GraphCall:
    """Return a call whose version is the latest where its path names none (inside a batch)."""
    return call if call.version else replace(call, version=LATEST)


def _unknown(call: GraphCall, of: str, thing: Any) -> GraphError:
    """Return the refusal of a call that nothing answers: an id that nobody knows, or an edge that there is none of."""
    is_nobody = thing is None and (of == "account" or (of == "root" and call.path and call.path[0].isdigit()))
    if len(call.path) == 1 or is_nobody:
        return missing(call.path[0], call.method)
    parts = "/".join(call.path[1:]) if call.path else call.method
    return GraphError(2500, f"(#2500) Unknown path components: /{parts}")
