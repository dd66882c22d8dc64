"""From a Graph call to its answer: authentication, routing, quota, errors. Synchronous and without sockets."""

from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from sandbox.account import Account
from sandbox.faults import Asked
from sandbox.meta import account_reads, activities, reads
from sandbox.meta.account_updates import update_account
from sandbox.meta.context import Context, Json
from sandbox.meta.creates import create
from sandbox.meta.errors import GraphError, bad_token, missing, parameter, trace_id
from sandbox.meta.insights import InsightTables
from sandbox.meta.proof import is_proof
from sandbox.meta.request import LATEST, GraphCall, require_version
from sandbox.meta.updates import delete, update
from sandbox.meta.usage import Headers, Usage
from sandbox.nodes import Node
from sandbox.platform import Platform

_ACCOUNT_LISTS: Final = {
    "minimum_budgets": account_reads.read_minimum_budgets, "adspixels": account_reads.read_pixels,
    "promote_pages": account_reads.read_pages, "activities": activities.read_activities,
    "adlabels": account_reads.read_labels,
}  # fmt: skip
_ME: Final = {
    (): account_reads.read_me, ("adaccounts",): account_reads.read_my_accounts,
    ("permissions",): account_reads.read_permissions, ("accounts",): account_reads.read_my_pages,
}  # fmt: skip


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
        self.usage = Usage(platform.scenario.tier)
        self._tables = InsightTables()

    def answer(
        self, call: GraphCall, *, outcome: str = "answered", actor: str = "api", lag_s: float = 0.0
    ) -> Answer:  # fmt: skip
        """Answer a call; a refusal is an answer too."""
        self.platform.calls[f"{call.method} {call.edge_kind if len(call.path) > 1 else 'node'}"] += 1
        account_id = self.account_id_of(call)
        self.platform.act_people()
        try:
            self._authenticate(call)
            now_s = self.platform.clock.now_s()
            if account_id:
                self.usage.charge(account_id, is_write=call.method != "GET", now_s=now_s)
            document = self._route(
                Context(platform=self.platform, call=call, outcome=outcome, actor=actor, lag_s=lag_s)
            )
        except GraphError as error:
            return self.refusal(error, call, account_id)
        return Answer(status=200, body=msgspec.json.encode(document), headers=self._headers(call, account_id))

    def refusal(self, error: GraphError, call: GraphCall | None = None, account_id: str | None = None) -> Answer:
        """Render a Graph error."""
        headers = self._headers(call, account_id)
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
        if node is not None:
            return str(node.kind)
        return "account" if call.path[0].startswith("act_") else call.path[0]

    def _authenticate(self, call: GraphCall) -> None:
        if call.token != self.platform.token:
            raise bad_token()
        secret = self.platform.app_secret
        if secret and call.proof is not None and not is_proof(call.proof, secret=secret, token=self.platform.token):
            raise GraphError(100, "Invalid appsecret_proof provided in the API argument")

    def account_id_of(self, call: GraphCall) -> str | None:
        """Return the account that a call is about, as far as its path tells."""
        first = call.path[0] if call.path else ""
        node = self.platform.world.nodes.get(first)
        account_id = node.account_id if node is not None else first.removeprefix("act_")
        return account_id if account_id in self.platform.world.accounts else None

    def _headers(self, call: GraphCall | None, account_id: str | None) -> Headers:
        version = call.version if call is not None and call.version else LATEST
        headers = [("facebook-api-version", version), ("x-fb-trace-id", trace_id())]
        if account_id:
            headers.extend(self.usage.headers(account_id, now_s=self.platform.clock.now_s()))
        return headers

    def _route(self, context: Context) -> Json:
        call = context.call
        if not call.path:
            raise GraphError(2500, f"(#2500) Unknown path components: /{call.method}")
        first, rest = call.path[0], call.path[1:]
        if first == "me" and rest in _ME and call.method == "GET":
            return _ME[rest](context)
        if first == "debug_token" and call.method == "GET":
            return account_reads.read_token(context)
        if call.path == ("app",) and call.method == "GET":
            return account_reads.read_app(context)
        require_version(call)
        if len(rest) > 1:
            raise GraphError(2500, f"(#2500) Unknown path components: /{'/'.join(rest[1:])}")
        if first.startswith("act_"):
            return self._route_account(context, context.account(first), rest)
        return self._route_node(context, context.node(first), rest)

    def _route_account(self, context: Context, account: Account, rest: tuple[str, ...]) -> Json:
        method, edge = context.call.method, rest[0] if rest else None
        if edge is None and method == "GET":
            return account_reads.read_account(context, account)
        if edge is None and method in ("POST", "PUT"):
            return update_account(context, account)
        if edge == "insights":
            return self._insights(context, account, None)
        if edge in reads.ACCOUNT_EDGES and method == "GET":
            return reads.read_account_edge(context, account, reads.ACCOUNT_EDGES[edge])
        if edge in reads.ACCOUNT_EDGES and method == "POST":
            return create(context, account, reads.ACCOUNT_EDGES[edge])
        if edge in _ACCOUNT_LISTS and method == "GET":
            return _ACCOUNT_LISTS[edge](context, account)
        raise _unknown(edge, f"act_{account.id}", method)

    def _route_node(self, context: Context, node: Node, rest: tuple[str, ...]) -> Json:
        method, edge = context.call.method, rest[0] if rest else None
        if edge == "insights":
            return self._insights(context, context.account_of(node), node)
        if edge is not None and method == "GET":
            page = reads.read_node_edge(context, node, edge)
            if page is not None:
                return page
        if edge is None and method == "GET":
            return reads.read_node(context, node)
        if edge is None and method in ("POST", "PUT"):
            return update(context, node)
        if edge is None and method == "DELETE":
            return delete(context, node)
        raise _unknown(edge, node.id, method)

    def _insights(self, context: Context, account: Account, node: Node | None) -> Json:
        if context.call.method != "GET":
            raise parameter("The sandbox does not run asynchronous insights reports; read them with GET")
        return self._tables.page(context, account, node)


def batch_call(call: GraphCall) -> GraphCall:
    """Return a call whose version is the latest where its path names none (inside a batch)."""
    return call if call.version else replace(call, version=LATEST)


def _unknown(edge: str | None, object_id: str, method: str) -> GraphError:
    if edge is None:
        return missing(object_id, method)
    return GraphError(2500, f"(#2500) Unknown path components: /{edge}")
