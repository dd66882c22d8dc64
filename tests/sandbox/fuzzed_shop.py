"""A shop in this process behind the face that serves HTTP, for fuzzing: its things, calls and state. No facts."""

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

from sandbox.journal import LogLine
from sandbox.meta.app import GraphApp
from sandbox.meta.graph import Graph
from sandbox.nodes import Node
from sandbox.platform import Platform
from sandbox.records import RecordKind
from tests.sandbox.fuzzed_forms import FORMS, Form
from tests.sandbox.pictures import png
from tests.sandbox.stranger import PAGE, PIXEL, scenario

APP, BUSINESS = "5550000000000001", "2220000000000001"
_STEP_US = 61_000_000  # the platform's clock between two calls: no score lasts as long
_MOST_CPU_S = 10.0
_MOST_CHILDREN = 40  # of what others are made in
_PLACE = re.compile(r"\$([a-z_]+)")
_GONE = {"DELETED", "ARCHIVED", "CANCELED"}


@dataclass(frozen=True, kw_only=True)
class Said:
    """An answer, and what it left in the log."""

    status: int
    document: Any
    lines: list[LogLine]


class Shop:
    def __init__(self, folder: Path) -> None:
        file = folder / "shop.json"
        file.write_text(json.dumps(scenario()), encoding="utf-8")
        self.folder = folder / "data"
        start = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
        self.platform = Platform(self.folder, scenario=str(file), start=start, speed=0)
        self.platform.let_in(app_secret="s3cret")
        self.app = GraphApp(Graph(self.platform))
        self.account = next(iter(self.platform.world.accounts))
        self._things: dict[str, str] = {}

    def send(self, method: str, target: str, *, body: bytes = b"", kind: str = "") -> Said:
        """One request, the clock a minute later; the answer is JSON, in Meta's envelope, and did not take for ever."""
        self.platform.clock.advance_to(self.platform.clock.now_us() + _STEP_US)
        before, began_s = self.platform.last_seq, time.process_time()
        status, content = _served(self.app, _scope(method, target, self.platform.token, kind), body)
        spent_s = time.process_time() - began_s
        assert spent_s < _MOST_CPU_S, f"{method} {target[:200]}: {spent_s:.1f} s of CPU"
        document = json.loads(content)
        _require_envelope(status, document)
        return Said(status=status, document=document, lines=list(self.platform.journal.lines(after=before)))

    def ask(self, method: str, path: str, form: Form) -> Said:
        """A call with a form as it is."""
        return self.send(method, f"/v26.0/{path}?{urlencode(self.texts(form))}")

    def path(self, of: str, edge: str, *, fresh: bool = False) -> str:
        """The path of an edge, of a thing that is really there; one that has no schedule yet, where one is made."""
        fresh, of = fresh or edge == "budget_schedules", _BUDGETED.get((of, edge), of)
        return edge if of == "root" else f"{quote(self.thing(of, fresh=fresh))}/{edge}".rstrip("/")

    def texts(self, form: Form) -> dict[str, str]:
        """A form's values as texts, with real ids and instants in their places."""
        return {name: self.filled(value if isinstance(value, str) else json.dumps(value))
                for name, value in form.items()}  # fmt: skip

    def filled(self, text: str) -> str:
        """A text with real ids and instants in their places."""
        if "$" not in text:
            return text
        now_s = int(self.platform.clock.now_s())
        for word, second in (("$soon", now_s + 900), ("$later", now_s + 90_000), ("$past", now_s - 900)):
            text = text.replace(f'"{word}"', str(second)).replace(word, str(second))
        return _PLACE.sub(lambda found: self._named(found[1]), text)

    def _named(self, word: str) -> str:
        if word == "token":
            return self.platform.token
        if word == "png":
            return base64.b64encode(png(shade=3)).decode()
        if word == "hash":
            return self.thing("adimage").partition(":")[2]
        return self.thing(word) if word in _MAKERS or word == "app" else word

    def thing(self, of: str, *, fresh: bool = False) -> str:
        """The id of a living thing of a kind."""
        fixed = {"account": f"act_{self.account}", "user": "me", "app": APP, "business": BUSINESS, "page": PAGE,
                 "adspixel": PIXEL}  # fmt: skip
        if of in fixed:
            return fixed[of]
        held = self._things.get(of)
        if held is None or fresh or not self._lives(held):
            held = self._things[of] = _MAKERS[of](self)
        return held

    def make(self, edge: str, *, of: str = "account", **more: Any) -> Any:
        """Make a thing by the edge's right form."""
        form = {name: value for name, value in (FORMS["POST", of, edge] | more).items() if value is not None}
        said = self.ask("POST", self.path(of, edge), form)
        assert said.status == 200, (edge, said.document)
        return said.document

    def _lives(self, thing: str) -> bool:
        world = self.platform.world
        node, record = world.nodes.get(thing), world.records.get(thing)
        if node is not None:
            above = (node, node.parent, node.parent.parent if node.parent else None)
            has_room = len(node.children) < _MOST_CHILDREN
            return has_room and not any(one is not None and one.status in _GONE for one in above)
        return record is not None and record.values.get("status") not in _GONE and not record.values.get("deleted")

    def state(self) -> dict[str, Any]:
        """All that the platform knows but its clock: accounts, tree and records."""
        return _state(self.platform)

    @contextmanager
    def restarted(self) -> Iterator[dict[str, Any]]:
        """The state of another platform that starts on the same folder, while this one stands."""
        self.platform.clock.stand()
        again = Platform(self.folder, speed=0)
        yield _state(again)
        again.journal.close()


def _new_study(shop: Shop) -> str:
    cells = [{"name": name, "treatment_percentage": 50, "adsets": [shop.make("adsets")["id"]]} for name in "AB"]
    return str(shop.make("ad_studies", of="business", cells=cells)["id"])


def _first(shop: Shop, path: str) -> str:
    return str(shop.ask("GET", path, {"fields": "id"}).document["data"][0]["id"])


_BUDGETED = {("campaign", "budget_schedules"): "budgeted"}


def _new_schedule(shop: Shop) -> str:
    return str(shop.make("budget_schedules", of="adset")["id"])


def _new_image(shop: Shop) -> str:
    content = png(shade=shop.platform.last_seq % 251, width=5 + shop.platform.last_seq // 251)
    shop.make("adimages", bytes=base64.b64encode(content).decode())
    return f"{shop.account}:{hashlib.md5(content, usedforsecurity=False).hexdigest()}"


_MAKERS: dict[str, Callable[[Shop], str]] = {
    "adcreative": lambda shop: shop.make("adcreatives")["id"],
    "campaign": lambda shop: shop.make("campaigns", name="campaign")["id"],
    "budgeted": lambda shop: shop.ask(
        "POST",
        shop.path("account", "campaigns"),
        {"name": "b", "objective": "OUTCOME_SALES", "special_ad_categories": [], "daily_budget": 5000},
    ).document["id"],
    "other": lambda shop: shop.make("adsets")["id"],
    "adset": lambda shop: shop.make("adsets")["id"],
    "ad": lambda shop: shop.make("ads")["id"],
    "customaudience": lambda shop: shop.make(
        "customaudiences", subtype="CUSTOM", rule=None, retention_days=None, customer_file_source="USER_PROVIDED_ONLY"
    )["id"],
    "adlabel": lambda shop: shop.make("adlabels", name=f"l{shop.platform.last_seq}")["id"],
    "ad_study": _new_study,
    "ad_study_cell": lambda shop: _first(shop, f"{shop.thing('ad_study')}/cells"),
    "budget_schedule": _new_schedule,
    "adimage": _new_image,
    "advideo": lambda shop: shop.make("advideos")["video_id"],
    "async_batch": lambda shop: shop.make("async_batch_requests")["id"],
    "async_request": lambda shop: _first(shop, f"{shop.thing('async_batch')}/requests"),
    "report_run": lambda shop: shop.make("insights", of="account")["report_run_id"],
}


def _scope(method: str, target: str, token: str, kind: str) -> dict[str, Any]:
    path, _, query = target.partition("?")
    headers = [(b"host", b"127.0.0.1:1"), (b"authorization", f"Bearer {token}".encode())]
    headers += [(b"content-type", kind.encode("latin-1", "replace"))] if kind else []
    return {"type": "http", "method": method, "path": unquote(path), "query_string": query.encode(), "headers": headers}


def _served(app: GraphApp, scope: dict[str, Any], body: bytes) -> tuple[int, bytes]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    _run(app(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def _run(work: Coroutine[Any, Any, None]) -> None:
    """To its end: nothing in an answer that no fault delays waits for anything."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("an answer that waits")


def _require_envelope(status: int, document: Any) -> None:
    if status == 200:
        error = document.get("error") if isinstance(document, dict) else None
        assert not (isinstance(error, dict) and "code" in error), document
        return
    error = document["error"]
    assert {"message", "type", "code", "fbtrace_id"} <= error.keys(), document
    assert isinstance(error["code"], int)
    assert isinstance(error["message"], str)
    assert 400 <= status < 500, document


def _state(platform: Platform) -> dict[str, Any]:
    world = platform.world
    nodes = {node.id: _told(node) for node in world.nodes.values()}
    records = {
        record.id: (record.kind, record.account_id, record.created_s, record.updated_s, record.values)
        for account_id in (*world.accounts, APP, BUSINESS)
        for kind in RecordKind
        for record in world.records.of(account_id, kind)
    }  # fmt: skip
    accounts = {one.id: (one.spend_limit_minor, one.live_ads) for one in world.accounts.values()}
    return {"nodes": nodes, "records": records, "accounts": accounts, "seq": platform.last_seq}


def _told(node: Node) -> dict[str, Any]:
    told = {name: getattr(node, name) for name in node.__slots__ if name != "children"}
    budgets = list(node.budget_edits_us or ())
    return {name: getattr(value, "id", value) for name, value in told.items()} | {
        "children": [child.id for child in node.children], "budget_edits_us": budgets
    }  # fmt: skip
