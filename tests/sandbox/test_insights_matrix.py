"""Every supported cell of level x increment x breakdown x window x filter tells the same totals, to the unit."""

import itertools
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl

import pytest

from sandbox.meta.insights.breakdowns import HOURLY
from sandbox.meta.insights.support import COMBINATIONS, REFUSALS, SUPPORT, Answered, Refusal, names_of
from sandbox.meta.protocol.errors import GraphError
from sandbox.nodes import Kind
from tests.sandbox.matrix_shop import Desk, desk

LEVELS: Final = ("account", "campaign", "adset", "ad")
INCREMENTS: Final = ("all_days", "2", "monthly")
BREAKDOWNS: Final = ((), ("age",), ("country",), ("region",), ("publisher_platform",), (HOURLY,), *COMBINATIONS)
WINDOWS: Final = ("1d_click", "7d_click", "28d_click", "1d_view", "1d_ev", "incrementality", "default")
RANGE: Final = {"since": "2026-03-02", "until": "2026-03-06"}
COUNTS: Final = ("impressions", "clicks", "inline_link_clicks", "spend")
FIELDS: Final = f"account_id,campaign_id,adset_id,ad_id,{','.join(COUNTS)},actions,action_values"


@pytest.fixture(scope="module")
def asked() -> Desk:
    return desk()


def filters(asked: Desk) -> list[Any]:
    film, *_ = asked.nodes(Kind.AD)
    return [
        [],
        [{"field": "ad.id", "operator": "IN", "value": [film.id]}],
        [
            {"field": "adset.name", "operator": "CONTAIN", "value": "wom"},
            {"field": "campaign.effective_status", "operator": "IN", "value": ["ACTIVE"]},
        ],
    ]


def totals(rows: Iterable[dict[str, Any]]) -> dict[str, Decimal]:
    """What rows sum up to: counts and money, and every action by type and window."""
    found: Counter[str] = Counter()
    for row in rows:
        for name in COUNTS:
            found[name] += Decimal(row[name])
        for name in ("actions", "action_values"):
            for entry in row.get(name, ()):
                for key in entry.keys() - {"action_type"}:
                    found[f"{name}:{entry['action_type']}:{key}"] += Decimal(entry[key])
    return {name: value for name, value in found.items() if value}


def told_of(whole: dict[str, Decimal], names: tuple[str, ...]) -> dict[str, Decimal]:
    """Return what a breakdown tells of the whole: hours know no engagement, regions no purchases."""
    if names == (HOURLY,):
        return {name: value for name, value in whole.items() if ":" not in name or "purchase" in name or "link" in name}
    return {name: value for name, value in whole.items() if names != ("region",) or "purchase" not in name}


@pytest.mark.parametrize("names", BREAKDOWNS, ids=lambda names: "+".join(names)[:40] or "whole")
def test_every_supported_cell_sums_to_the_same_totals(asked: Desk, names: tuple[str, ...]) -> None:
    apart, cells = [], 0
    for chosen, windows in itertools.product(filters(asked), ((), WINDOWS)):
        common = {"time_range": RANGE, "fields": FIELDS, "filtering": chosen, "action_attribution_windows": windows}
        common = {name: value for name, value in common.items() if value}
        whole = told_of(totals(asked.rows(level="ad", **common)), names)
        for level, increment in itertools.product(LEVELS, INCREMENTS):
            rows = asked.rows(level=level, time_increment=increment, breakdowns=list(names), **common)
            cells += 1
            if totals(rows) != whole or not rows:
                apart.append((level, increment, names, windows, chosen))
    assert not apart, f"{len(apart)} of {cells} cells differ, the first is {apart[0]}"


def test_windows_lie_in_one_another_and_the_default_is_clicks_of_a_week_and_views_of_a_day(asked: Desk) -> None:
    for names in ((), ("age", "gender"), (HOURLY,)):
        rows = asked.rows(
            level="ad", time_range=RANGE, time_increment="1", fields="actions,action_values",
            breakdowns=list(names), action_attribution_windows=list(WINDOWS),
        )  # fmt: skip
        found = [e for row in rows for name in ("actions", "action_values") for e in row.get(name, ())]
        bought = [
            {key: Decimal(e[key]) for key in (*WINDOWS, "value")} for e in found if "purchase" in e["action_type"]
        ]
        assert bought
        assert all(0 <= e["1d_click"] <= e["7d_click"] <= e["28d_click"] for e in bought)
        assert all(e["value"] == e["default"] == e["7d_click"] + e["1d_view"] for e in bought)
        assert all(0 <= e[key] <= e["value"] for e in bought for key in ("1d_view", "1d_ev", "incrementality"))


def _action(row: dict[str, Any], kind: str) -> int:
    return next((int(entry["value"]) for entry in row.get("actions", ()) if entry["action_type"] == kind), 0)


@pytest.mark.parametrize(
    ("field", "figure"),
    [
        ("impressions", lambda row: Decimal(row["impressions"])), ("ad.clicks", lambda row: Decimal(row["clicks"])),
        ("spend", lambda row: Decimal(row["spend"])), ("actions:purchase", lambda row: _action(row, "purchase")),
        ("actions:link_click", lambda row: _action(row, "link_click")), ("ctr", lambda row: float(row["ctr"])),
        ("actions:landing_page_view", lambda row: _action(row, "landing_page_view")),
    ],
)  # fmt: skip
def test_a_figure_s_filter_keeps_exactly_the_rows_that_pass(asked: Desk, field: str, figure: Any) -> None:
    for names, bound in itertools.product(((), ("age",), (HOURLY,)), (1, 30)):
        asks = {"level": "ad", "time_range": RANGE, "time_increment": "1", "breakdowns": list(names)}
        asks["fields"] = f"{FIELDS},ctr"
        filtering = [{"field": field, "operator": "GREATER_THAN", "value": bound}]
        assert asked.rows(**asks, filtering=filtering) == [row for row in asked.rows(**asks) if figure(row) > bound]


def test_pages_together_are_the_whole_and_lead_back(asked: Desk) -> None:
    asks = {"level": "ad", "time_range": RANGE, "time_increment": "1", "fields": FIELDS, "breakdowns": ["gender"]}
    whole = asked.rows(**asks)
    for limit in ("1", "7", "50"):
        pages, cursors = [asked.page(**asks, limit=limit)], []
        while "next" in pages[-1]["paging"] and len(pages) < 500:
            cursors.append(pages[-1]["paging"]["cursors"]["after"])
            pages.append(asked.page(**asks, limit=limit, after=cursors[-1]))
        assert [row for page in pages for row in page["data"]] == whole
        assert "previous" not in pages[0]["paging"]
        for before, page in itertools.pairwise(pages):
            back = asked.page(**asks, limit=limit, before=page["paging"]["cursors"]["before"])
            assert back["data"] == before["data"]
            assert "previous" in page["paging"]


def test_the_same_query_gives_the_same_bytes_whoever_has_asked_before(asked: Desk) -> None:
    fresh = desk()
    for level, names, increment in itertools.product(LEVELS, BREAKDOWNS, ("1", "all_days")):
        asks = {"level": level, "breakdowns": list(names), "time_increment": increment, "time_range": RANGE}
        asks |= {"fields": FIELDS, "action_attribution_windows": list(WINDOWS)}
        assert asked.raw(**asks) == asked.raw(**asks) == fresh.raw(**asks)


def test_sorting_moves_rows_and_changes_none(asked: Desk) -> None:
    asks = {"level": "ad", "time_range": RANGE, "time_increment": "1", "fields": f"{FIELDS},ad_name"}
    every = asked.rows(**asks)
    spent = [Decimal(row["spend"]) for row in asked.rows(**asks, sort=["spend_descending"])]
    assert spent == sorted(spent, reverse=True)
    clicks = [int(row["inline_link_clicks"]) for row in asked.rows(**asks, sort=["actions:link_click_ascending"])]
    assert clicks == sorted(clicks)
    names = [row["ad_name"] for row in asked.rows(**asks, sort="ad_name_descending")]
    assert names == sorted(names, reverse=True)
    days = asked.rows(**asks, sort=["date_start_ascending"])
    assert [row["date_start"] for row in days] == sorted(row["date_start"] for row in every)
    assert sorted(map(str, days)) == sorted(map(str, every))


def test_the_summary_is_of_all_rows_and_not_of_the_page(asked: Desk) -> None:
    asks = {"level": "ad", "time_range": RANGE, "time_increment": "1", "fields": FIELDS}
    whole = totals(asked.rows(**asks))
    for more in ({"summary": list(COUNTS)}, {"summary": "true"}, {"default_summary": "true"}):
        summary = asked.page(**asks, **more, limit="2")["summary"]
        assert {name: Decimal(summary[name]) for name in COUNTS} == {name: whole[name] for name in COUNTS}
        assert (summary["date_start"], summary["date_stop"]) == (RANGE["since"], RANGE["until"])
    assert "summary" not in asked.page(**asks)


def test_ranges_may_overlap_and_each_has_rows_of_its_own(asked: Desk) -> None:
    ranges = [{"since": "2026-03-02", "until": "2026-03-05"}, {"since": "2026-03-04", "until": "2026-03-06"}]
    both = asked.rows(level="ad", time_ranges=ranges, fields=FIELDS)
    apart = [asked.rows(level="ad", time_range=one, fields=FIELDS) for one in ranges]
    assert sorted(map(str, both)) == sorted(map(str, apart[0] + apart[1]))


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.asked[:40])
def test_what_is_not_supported_is_refused_as_listed_also_before_a_report_is_made(asked: Desk, refusal: Refusal) -> None:
    context = asked.context(**dict(parse_qsl(refusal.asked)))
    for answer in (asked.tables.page, asked.tables.check):
        with pytest.raises(GraphError) as told:
            answer(context, asked.account, None)
        assert (told.value.code, told.value.subcode) == (refusal.code, refusal.subcode)


@pytest.mark.parametrize("name", sorted(names_of("breakdowns", Answered.REFUSED, Answered.GONE)))
def test_a_breakdown_that_is_listed_as_refused_is_refused_by_its_name(asked: Desk, name: str) -> None:
    with pytest.raises(GraphError, match=r"breakdowns\[0\]") as told:
        asked.page(breakdowns=[name])
    assert told.value.code == 100


def test_what_is_accepted_and_not_modelled_leaves_rows_as_they_are(asked: Desk) -> None:
    plain = asked.rows(level="ad", time_range=RANGE, fields=FIELDS)
    for param in ("action_breakdowns", "action_attribution_windows", "fields"):
        for row in [row for row in SUPPORT if (row.param, row.answered) == (param, Answered.ABSENT)]:
            more = {"fields": f"{FIELDS},{row.name}"} if param == "fields" else {"fields": FIELDS, param: [row.name]}
            assert asked.rows(level="ad", time_range=RANGE, **more) == plain, row.name


def test_a_check_foresees_at_least_the_rows_that_come(asked: Desk) -> None:
    for level, names, increment in itertools.product(LEVELS, BREAKDOWNS, INCREMENTS):
        asks = {"level": level, "breakdowns": list(names), "time_increment": increment, "time_range": RANGE}
        foreseen = asked.tables.check(asked.context(**asks), asked.account, None)
        assert foreseen >= len(asked.rows(**asks)) > 0
