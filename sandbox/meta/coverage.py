"""The reference page of this dialect: every row it answers, who was seen to use it, limits, insights.

Drawn from the rows themselves. Who used what was counted by the sandbox while other people's clients ran on it
(tests/conformance/); without that file nobody is named.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from sandbox.meta.batches import parts as batch
from sandbox.meta.insights.support import DIFFERENCES, SUPPORT, Support
from sandbox.meta.insights.tables import InsightTables
from sandbox.meta.limits.table import HOURLY, MUTATIONS_PER_SECOND, SCORES, TIERS, HourlyLimit
from sandbox.meta.protocol import multi_ids
from sandbox.meta.route import Route
from sandbox.meta.routes import all_routes
from sandbox.nodes import Kind
from sandbox.records import RecordKind

Table = Callable[[Sequence[str], Iterable[Sequence[object]]], str]
TITLE: Final = "Meta's API in the sandbox"
_PERSONS: Final = {
    "root": ("The root", "/"), "user": ("The user", "/me"), "app": ("The app", "/app"),
    "business": ("The business", "/{business}"), "account": ("The ad account", "/act_{account}"),
}  # fmt: skip
_TITLES: Final = {
    Kind.CAMPAIGN: "Campaigns", Kind.AD_SET: "Ad sets", Kind.AD: "Ads", Kind.CREATIVE: "Creatives",
    RecordKind.IMAGE: "Images", RecordKind.VIDEO: "Videos", RecordKind.LABEL: "Labels", RecordKind.PAGE: "Pages",
    RecordKind.PIXEL: "Pixels", RecordKind.AUDIENCE: "Custom audiences", RecordKind.STUDY: "Studies",
    RecordKind.REPORT_RUN: "Report runs",
}  # fmt: skip
_ABOUT: Final = (
    "Every call that the Graph API of the sandbox answers, what of it is supported, and which client, unmodified but "
    "for its host, was seen to use it in `tests/conformance/`. Where no note stands it answers as Meta documents it, "
    "with what the market knows. What is not in these tables is "
    "refused as Meta refuses what it does not know: 2500 for an edge, 100 for a field or a parameter. How to run it "
    "alone: [docs/sandbox.md](../sandbox.md)."
)
_LIMITS: Final = (
    "## Limits\n\nBy the platform's clock. A call counts when it is taken, whatever comes of it; one that a limit "
    "refuses costs nothing. A header says 100 exactly where the next call is refused. The score: a read is 1, a write "
    "3, and a full score wears off evenly in 300 s; when it is reached the account is blocked."
)
_HOURS: Final = (
    "Calls of any rolling hour, by use case. How many users an app has no source tells: 1,000 of full access and 10 of "
    "limited access are ours."
)
_OTHERS: Final = (
    f"{MUTATIONS_PER_SECOND} writes a second for an account (613/5044001; not while the clock stands), 4 changes an "
    "hour of an ad set's budget (613/1487632), 10 changes a day of an account's spending limit (17/1885172). The load "
    "of all of insights (4/1504022, 4/1504039), ad creation by daily spend (613/1487225) and every other code come "
    "when a fault asks for them."
)


def page(table: Table, seen_file: Path) -> tuple[str, list[str]]:
    """Return the page's title, and its paragraphs and tables as `table` writes them."""
    return TITLE, _parts(table, seen(seen_file))


def _parts(table: Table, used: dict[str, frozenset[str]]) -> list[str]:
    things = list(_by_thing(all_routes(InsightTables())))
    found = [_ABOUT, _contents(things, used), *_together(table)]
    for of, routes in things:
        title, path = _named(of)
        rows = [(f"`{route.method} {_path(route, path)}`", _plain(route.note), _users(route, used)) for route in routes]
        found += [f"## {title}", table(("call", "what of it", "seen in use by"), rows)]
    return [*found, *_limits(table), *_insights(table)]


def _contents(things: Sequence[tuple[str, list[Route]]], used: dict[str, frozenset[str]]) -> str:
    """Return where to look: a link to every table, with how many calls it holds, and how many somebody used."""
    everything = [route for _, routes in things for route in routes]
    links = [f"{_link(_named(of)[0])} {len(routes)}" for of, routes in things]
    links = [_link("Several calls in one"), *links, _link("Limits"), _link("Insights")]
    seen_in_use = sum(bool(_users(route, used)) for route in everything)
    return f"{len(everything)} calls, {seen_in_use} of them seen in use: {' · '.join(links)}"


def _link(title: str) -> str:
    return f"[{title}](#{title.lower().replace(' ', '-')})"


def _together(table: Table) -> list[str]:
    """Return the calls that hold other calls: no rows answer them, but what takes them apart."""
    rows = [
        ("`POST /` with `batch`", _plain(batch.NOTE)),
        ("`GET /?ids=`, `GET /{edge}?ids=`", _plain(multi_ids.NOTE)),
    ]
    return ["## Several calls in one", table(("call", "what of it"), rows)]


def seen(file: Path) -> dict[str, frozenset[str]]:
    """Return the keys of the rows that each client was seen to use; none where there is no such file."""
    if not file.exists():
        return {}
    kept = json.loads(file.read_text(encoding="utf-8"))
    return {client: frozenset(keys) for client, keys in sorted(kept.items())}


def _by_thing(routes: Iterable[Route]) -> Iterable[tuple[str, list[Route]]]:
    order = [*_PERSONS, *Kind, *RecordKind]
    rows = sorted(routes, key=lambda route: (order.index(route.of), route.edge, route.method))
    return ((of, list(group)) for of, group in groupby(rows, key=lambda route: route.of))


def _named(of: str) -> tuple[str, str]:
    return _PERSONS.get(of) or (_TITLES.get(of, of.replace("_", " ").capitalize()), f"/{{{of}}}")  # type: ignore[call-overload]


def _plain(note: str) -> str:
    return note.replace("|", "/")  # a bar would end the cell


def _path(route: Route, path: str) -> str:
    return f"{path.rstrip('/')}/{route.edge}" if route.edge else path


def _users(route: Route, used: dict[str, frozenset[str]]) -> str:
    return ", ".join(client for client, keys in used.items() if route.key in keys)


def _limits(table: Table) -> list[str]:
    scores = [(row.tier, f"{row.most:g}", f"{row.block_s:g} s", "17/2446079") for row in SCORES.values()]
    hours = [
        (use_case, *(_calls(HOURLY[use_case, tier]) for tier in TIERS), HOURLY[use_case, TIERS[0]].code)
        for use_case in dict.fromkeys(use_case for use_case, _ in HOURLY)
    ]
    return [
        _LIMITS, table(("tier", "score", "blocked for", "refused by"), scores),
        _HOURS, table(("use case", *TIERS, "refused by"), hours), _OTHERS,
    ]  # fmt: skip


def _calls(limit: HourlyLimit) -> str:
    thing = "audience" if limit.cap else "ad that delivers"
    more = f" + {limit.per_active} for each {thing}" if limit.per_active else ""
    less = f" - {limit.per_error:g} for each error of the caller's" if limit.per_error else ""
    most = f", at most {limit.cap:,}" if limit.cap else ""
    return f"{limit.base:,}{more}{less}{most}"


def _insights(table: Table) -> list[str]:
    def key(row: Support) -> tuple[str, str, str]:
        return row.param, row.answered, row.note

    grouped = [(*heads, ", ".join(f"`{row.name}`" for row in rows)) for heads, rows in groupby(SUPPORT, key=key)]
    rows = [(f"`{param}`", answered, names, note) for param, answered, note, names in grouped]
    about = "## Insights\n\nWhat a parameter may hold, and how it is answered. Fields that are not named are modelled."
    known = "### Where insights knowingly differ\n\n" + "\n".join(f"- {text}" for text in DIFFERENCES)
    return [about, table(("parameter", "answered", "values", "note"), rows), known]
