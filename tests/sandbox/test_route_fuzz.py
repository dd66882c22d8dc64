"""Every row of the route table takes its right form, and whatever else is sent answers as Meta does: whole or not."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.meta.insights.tables import InsightTables
from sandbox.meta.route import Route
from sandbox.meta.routes import all_routes
from tests.fuzzing import examples
from tests.sandbox.fuzzed_forms import FORMS, NAMES, ODD, WORDS, Form, form_of
from tests.sandbox.fuzzed_shop import Said, Shop
from tests.sandbox.pictures import gif, mp4, png

MASS = {"campaigns", "adsets", "ads"}
# Last those that delete many: what they leave, nothing else has to live with.
ROUTES = sorted(all_routes(InsightTables()), key=lambda route: route.method == "DELETE" and route.edge in MASS)
NEVER = {
    "POST account/adspixels": "an account has its one pixel",
    "POST account/adrules_library": "no rules here",
    "POST app/subscriptions": "nobody answers the challenge",
}
MOVED_ON_BY_READS = {"async_batch", "async_request", "report_run", "asyncadrequestsets"}

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.sampled_from((10**18, 2**63, -(2**64), 10**400)),
    st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(WORDS), st.sampled_from(ODD), st.text(max_size=8),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
PNG, FILM = png(), mp4()
MEDIA = (PNG, FILM, gif(1, 1), b"", PNG[:30], FILM[:40], PNG + FILM)
CONTENTS = st.one_of(st.sampled_from(MEDIA), st.binary(max_size=50))
FILES = st.dictionaries(
    st.sampled_from(("filename", "source0", "video_file_chunk", "source", "a")),
    st.tuples(st.sampled_from(("a.png", "../x", "", "ñ.mp4", "a\0")), CONTENTS), min_size=1, max_size=3,
)  # fmt: skip


def spoilt(draw: st.DrawFn, held: Any) -> Any:
    """A value of which one part, at any depth, is another thing, or away."""
    keys = list(held) if isinstance(held, dict) else list(range(len(held))) if isinstance(held, list) else []
    if not keys or draw(st.integers(0, 3)) == 0:
        return draw(VALUES)
    key = draw(st.sampled_from(keys))
    copied = dict(held) if isinstance(held, dict) else list(held)
    if draw(st.integers(0, 4)) == 0:
        del copied[key]
    else:
        copied[key] = spoilt(draw, held[key])
    return copied


@st.composite
def forms(draw: st.DrawFn, form: Form) -> Form:
    """A right form, spoilt in a place or two, with some strange parameters, or only seemingly done."""
    made = spoilt(draw, form) if form and draw(st.booleans()) else dict(form)
    made = made if isinstance(made, dict) else dict(form)
    if draw(st.integers(0, 2)) == 0:
        made = made | draw(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3))
    if draw(st.integers(0, 9)) == 0:
        made = made | {"execution_options": ["validate_only"]}
    return made


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    opened = Shop(tmp_path_factory.mktemp("fuzzed"))
    yield opened
    opened.platform.close()


def encoded(pairs: dict[str, str]) -> str:
    return urlencode(pairs, errors="surrogatepass")


def multipart(texts: dict[str, str], files: dict[str, tuple[str, bytes]]) -> bytes:
    head = 'Content-Disposition: form-data; name="{}"'
    parts = [head.format(name).encode(errors="replace") + b"\r\n\r\n" + value.encode(errors="surrogatepass")
             for name, value in texts.items()]  # fmt: skip
    parts += [f'{head.format(name)}; filename="{file}"\r\n\r\n'.encode() + content
              for name, (file, content) in files.items()]  # fmt: skip
    return b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + b"--x--\r\n"


def send(draw: st.DrawFn, shop: Shop, method: str, path: str, texts: dict[str, str]) -> Said:
    """The call in one of the ways in which a form can come."""
    way = "query" if method == "GET" else draw(st.sampled_from(("query", "form", "json", "multipart")))
    if way == "query":
        return shop.send(method, f"/v26.0/{path}?{encoded(texts)}")
    if way == "form":
        body = encoded(texts).encode()
        return shop.send(method, f"/v26.0/{path}", body=body, kind="application/x-www-form-urlencoded")
    if way == "json":
        return shop.send(method, f"/v26.0/{path}", body=json.dumps(texts).encode(), kind="application/json")
    body = multipart(texts, draw(FILES) if draw(st.booleans()) else {})
    return shop.send(method, f"/v26.0/{path}", body=body, kind="multipart/form-data; boundary=x")


def require_whole(route: Route, texts: dict[str, str], said: Said) -> None:
    """No half of an effect: nothing in the log of what was refused, of a reading, or of what was only to be checked."""
    if not {route.of, route.edge} & MOVED_ON_BY_READS and "method" not in texts:
        is_quiet = route.method == "GET" or texts.get("execution_options") == '["validate_only"]'
        assert not (is_quiet and said.lines), (route.key, texts, said.lines)
        assert said.status == 200 or not said.lines, (route.key, texts, said.document, said.lines)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.key)
def test_every_row_takes_its_right_form(shop: Shop, route: Route) -> None:
    said = shop.ask(route.method, shop.path(route.of, route.edge), form_of(route))
    assert (said.status == 200) == (route.key not in NEVER), said.document
    require_whole(route, {}, said)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.key)
@given(data=st.data())
@examples(10)
def test_whatever_is_sent_is_answered_and_a_refusal_leaves_nothing(
    shop: Shop, route: Route, data: st.DataObject
) -> None:
    path = shop.path(route.of, route.edge, fresh=route.method == "DELETE" and not route.edge)
    if data.draw(st.integers(0, 19)) == 0:
        path = quote(data.draw(st.sampled_from((*ODD, "act_1", "1", "2" * 400))), errors="replace") + f"/{route.edge}"
    texts = shop.texts(data.draw(forms(form_of(route))))
    require_whole(route, texts, send(data.draw, shop, route.method, path.rstrip("/"), texts))


CALLS = [
    route
    for route in ROUTES
    if not (route.method == "DELETE" and route.edge in MASS) and not {route.of, route.edge} & MOVED_ON_BY_READS
]


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    """An item of a batch: a route's form, mostly spoilt, or anything."""
    if draw(st.integers(0, 5)) == 0:
        return {"method": "GET", "relative_url": "me"} | draw(
            st.dictionaries(
                st.sampled_from(("method", "relative_url", "body", "name", "depends_on", "attached_files", "headers",
                                 "access_token", "omit_response_on_success")), VALUES, max_size=4)
        )  # fmt: skip
    route = draw(st.sampled_from(CALLS))
    form = draw(forms(form_of(route)))
    more = {} if draw(st.booleans()) else {"name": draw(st.sampled_from("ab")), "omit_response_on_success": False}
    return {"method": route.method, "route": route, "form": form} | more


def as_sent(shop: Shop, item: dict[str, Any]) -> dict[str, Any]:
    if "route" not in item:
        return item
    route, texts = item["route"], encoded(shop.texts(item["form"]))
    rest = {name: value for name, value in item.items() if name not in ("route", "form")}
    path = shop.path(route.of, route.edge)
    if route.method == "POST":
        return rest | {"relative_url": path, "body": texts}
    return rest | {"relative_url": f"{path}?{texts}"}


@given(batch=st.lists(items(), min_size=1, max_size=5))
@examples(100)
def test_items_of_a_batch_are_whole_or_not_one_by_one(shop: Shop, batch: list[dict[str, Any]]) -> None:
    rows = [as_sent(shop, item) for item in batch]
    said = shop.send("POST", "/v26.0/", body=encoded({"batch": json.dumps(rows)}).encode(), kind="")
    assert said.status == 200, said.document
    assert len(said.document) == len(rows)
    refused, done = set(), set()
    for row, answer in zip(rows, said.document, strict=True):
        path = str(row["relative_url"]).partition("?")[0]
        if answer is not None and answer["code"] != 200:
            assert 400 <= answer["code"] < 500, (row, answer)
            assert json.loads(answer["body"])["error"]["code"], (row, answer)
            refused.add(f"/{unquote(path)}")
        else:
            done.add(f"/{unquote(path)}")
    assert not (refused - done) & {line.path for line in said.lines}


@given(queue=st.lists(items(), min_size=1, max_size=4))
@examples(40)
def test_queued_writes_are_whole_or_not_one_by_one(shop: Shop, queue: list[dict[str, Any]]) -> None:
    rows = [as_sent(shop, item) for item in queue]
    said = shop.ask("POST", shop.path("account", "async_batch_requests"), {"name": "q", "adbatch": rows})
    if said.status != 200:
        assert not said.lines
        return
    for _ in range(4):
        assert shop.ask("GET", said.document["id"], {"fields": "is_completed"}).status == 200
    told = shop.ask("GET", f"{said.document['id']}/requests", {"fields": "status,result", "limit": "50"}).document
    assert len(told["data"]) == len(rows)
    assert {one["status"] for one in told["data"]} <= {"SUCCESS", "ERROR", "ERROR_DEPENDENCY"}


def test_a_restart_after_all_that_changes_nothing(shop: Shop) -> None:
    for route in ROUTES:
        shop.ask(route.method, shop.path(route.of, route.edge), form_of(route))
    with shop.restarted() as again:
        now = shop.state()
        assert now["nodes"] == again["nodes"]
        assert now == again


def test_every_form_is_of_a_row() -> None:
    assert not FORMS.keys() - {(route.method, route.of, route.edge) for route in ROUTES}
