"""A large account's figures: read in parts side by side, each row once, nothing left behind when that ends early."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain

import pytest

from domain.calls import calling, current_class
from domain.errors import RefusedError, ThrottledError, TransientError
from domain.objects import InsightRow
from domain.ports import CallClass, CallKind
from meta_client.reads import MetaReader
from meta_client.side_by_side import NAME
from tests.meta_client.scripted import ACCOUNT, Received, Reply, answering, graph_error, silent
from tests.meta_client.scripted_insights import SMALL, TOO_MUCH, Shop, ShopServer, reader_of
from tests.meta_client.test_gate import NotedGate

SINCE, UNTIL = date(2026, 11, 1), date(2026, 11, 6)
LARGE = replace(SMALL, report_days=5, report_rows=100, report_part_rows=100)


@pytest.fixture
def shop() -> Shop:
    return Shop(ads=30)


@pytest.fixture
def shop_server(shop: Shop) -> Iterator[ShopServer]:
    server = ShopServer(shop)
    yield server
    server.close()


def _rows(reader: MetaReader, since: date = SINCE, until: date = UNTIL) -> list[InsightRow]:
    return list(chain.from_iterable(reader.daily_insights(ACCOUNT, since, until)))


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(NAME)]


def _expected(ads: int, since: date = SINCE, until: date = UNTIL) -> set[tuple[str, date]]:
    days = [since + timedelta(days=n) for n in range((until - since).days + 1)]
    return {(str(1000 + n), day) for n in range(ads) for day in days}


def _assert_complete(rows: list[InsightRow], ads: int, since: date = SINCE, until: date = UNTIL) -> None:
    assert len(rows) == len(_expected(ads, since, until))
    assert {(row.ad_id, row.on) for row in rows} == _expected(ads, since, until)


def _spans(asked: list[Received]) -> set[tuple[str, str]]:
    params = [one.form if one.method == "POST" else one.query for one in asked]
    spans = [json.loads(one["time_range"]) for one in params if "time_range" in one]
    return {(span["since"], span["until"]) for span in spans}


def test_a_large_account_is_read_by_days_side_by_side_and_each_row_comes_once(
    shop: Shop, shop_server: ShopServer
) -> None:
    _assert_complete(_rows(reader_of(shop_server.url, SMALL)), 30)
    whole, *days = sorted(_spans(shop.asked("act_7/insights")), key=lambda span: span[0] == span[1])
    assert whole == ("2026-11-01", "2026-11-06")
    assert len(days) == 6
    assert len({one.port for one in shop.asked("act_7/insights")}) > 1  # connections of their own


def test_a_small_account_costs_one_call(shop: Shop, shop_server: ShopServer) -> None:
    shop.ads = 1
    _assert_complete(_rows(reader_of(shop_server.url, SMALL)), 1)
    assert [one.path for one in shop.seen] == ["/v26.0/act_7", "/v26.0/act_7/insights"]


def test_one_day_of_a_heavy_account_is_cut_by_the_campaigns_that_delivered(shop: Shop, shop_server: ShopServer) -> None:
    shop.ads = 100
    rows = _rows(reader_of(shop_server.url, SMALL), SINCE, SINCE)
    _assert_complete(rows, 100, SINCE, SINCE)
    groups = {one.query["filtering"] for one in shop.asked("act_7/insights") if "filtering" in one.query}
    assert len(groups) == SMALL.degree


def test_a_tier_with_few_points_is_read_one_way(shop: Shop, shop_server: ShopServer) -> None:
    shop.refuse = lambda shop, received: answering(  # the same answer, with the header of a limited tier
        shop._answer(received), headers={"X-Ad-Account-Usage": '{"ads_api_access_tier":"development_access"}'}
    )
    reader = reader_of(shop_server.url, SMALL)
    told = reader._transport
    reader._figures._score_limit = lambda account: told.usage(account).score_limit
    _assert_complete(_rows(reader), 30)
    assert _spans(shop.asked("act_7/insights")) == {("2026-11-01", "2026-11-06")}


def test_a_throttle_of_one_part_ends_all_of_them(shop: Shop, shop_server: ShopServer) -> None:
    calls: list[Received] = []

    def throttle(_: Shop, received: Received) -> Reply | None:
        if received.path.endswith("/insights"):
            calls.append(received)
        return answering(graph_error(17, 2446079), status=400) if len(calls) > 6 else None

    shop.refuse = throttle
    with pytest.raises(ThrottledError):
        _rows(reader_of(shop_server.url, SMALL))
    assert _threads() == []


def test_a_reader_that_stops_hangs_up_calls_that_are_waiting(shop: Shop, shop_server: ShopServer) -> None:
    def hang(_: Shop, received: Received) -> Reply | None:
        return silent if _spans([received]) == {("2026-11-06", "2026-11-06")} else None

    shop.refuse = hang
    pages = reader_of(shop_server.url, SMALL).daily_insights(ACCOUNT, SINCE, UNTIL)
    for _ in pages:
        if ("2026-11-06", "2026-11-06") in _spans(shop.asked("act_7/insights")):
            break
    pages.close()
    assert shop_server.client_left.wait(10)
    assert _threads() == []


def test_a_call_that_was_hung_up_on_proves_nothing_to_the_gate(shop: Shop, shop_server: ShopServer) -> None:
    proven: list[tuple[CallKind, ...]] = []

    class ProbingGate(NotedGate):
        def enter(self, account, kind, *, calls=1):
            return replace(super().enter(account, kind, calls=calls), probes=(CallKind.WRITE,))

        def leave(self, held, usage, error):
            super().leave(held, usage, error)
            if usage is None and error is None:
                proven.append(held.probes)

    def hang(_: Shop, received: Received) -> Reply | None:
        return silent if _spans([received]) == {("2026-11-06", "2026-11-06")} else None

    shop.refuse, gate = hang, ProbingGate()
    pages = reader_of(shop_server.url, SMALL, gate=gate).daily_insights(ACCOUNT, SINCE, UNTIL)
    for _ in pages:
        if ("2026-11-06", "2026-11-06") in _spans(shop.asked("act_7/insights")):
            break
    pages.close()
    assert set(proven) == {()}
    assert len(gate.left) == len(gate.entered)


def test_the_gate_counts_every_call_of_every_thread_as_insights_of_the_collector(
    shop: Shop, shop_server: ShopServer
) -> None:
    classes: list[CallClass] = []

    class ClassGate(NotedGate):
        def enter(self, account, kind, *, calls=1):
            classes.append(current_class())
            return super().enter(account, kind, calls=calls)

    gate = ClassGate()
    with calling(CallClass.COLLECT):
        _assert_complete(_rows(reader_of(shop_server.url, SMALL, gate=gate)), 30)
    assert set(classes) == {CallClass.COLLECT}
    kinds = [kind for _, kind, _ in gate.entered]
    assert kinds.count(CallKind.INSIGHTS) == len(shop.asked("act_7/insights"))
    assert len(gate.left) == len(gate.entered)


def test_a_long_span_of_a_large_account_is_read_by_reports(shop: Shop, shop_server: ShopServer) -> None:
    sleeps: list[float] = []
    gate = NotedGate()
    _assert_complete(_rows(reader_of(shop_server.url, LARGE, gate=gate, sleeps=sleeps)), 30)
    ordered = [one for one in shop.asked("act_7/insights") if one.method == "POST"]
    assert len(ordered) == 2
    assert "appsecret_proof" in ordered[0].form
    assert json.loads(ordered[0].form["fields"])[0] == "ad_id"
    assert all(looks == 2 for looks in shop.looks.values())
    assert len(sleeps) == 2
    assert CallKind.WRITE not in {kind for _, kind, _ in gate.entered}
    assert {account for account, _, _ in gate.entered} == {"act_7"}


def test_while_a_report_is_made_the_loader_hears_of_it(shop: Shop, shop_server: ShopServer) -> None:
    shop.looks_needed = 4
    pages = list(reader_of(shop_server.url, LARGE).daily_insights(ACCOUNT, SINCE, UNTIL))
    assert sum(1 for page in pages if not page) >= 6


@pytest.mark.parametrize("status", ["Job Failed", "Job Skipped"])
def test_a_report_that_failed_is_ordered_again_in_halves(status: str, shop: Shop, shop_server: ShopServer) -> None:
    def fail(shop: Shop, received: Received) -> Reply | None:
        run = received.path.rsplit("/", 1)[-1]
        if (
            run in shop.runs
            and json.loads(shop.runs[run]["time_range"])["since"] != json.loads(shop.runs[run]["time_range"])["until"]
        ):
            return answering({"id": run, "async_status": status, "async_percent_completion": 0})
        return None

    shop.refuse = fail
    _assert_complete(_rows(reader_of(shop_server.url, LARGE)), 30)
    assert ("2026-11-01", "2026-11-01") in _spans([one for one in shop.asked("act_7/insights") if one.method == "POST"])


def test_a_report_of_one_day_that_failed_is_ordered_again_by_campaigns(shop: Shop, shop_server: ShopServer) -> None:
    def fail(shop: Shop, received: Received) -> Reply | None:
        run = received.path.rsplit("/", 1)[-1]
        if run in shop.runs and "filtering" not in shop.runs[run]:
            return answering({"id": run, "async_status": "Job Failed", "async_percent_completion": 3})
        return (
            answering(TOO_MUCH, status=400)
            if received.path.endswith("act_7/insights") and _is_plain(received)
            else None
        )

    def _is_plain(received: Received) -> bool:
        return received.method == "GET" and received.query["level"] == "ad"

    shop.refuse = fail
    _assert_complete(_rows(reader_of(shop_server.url, SMALL), SINCE, SINCE), 30, SINCE, SINCE)


def test_reports_that_fail_at_any_size_end_in_an_error_after_a_bounded_number(
    shop: Shop, shop_server: ShopServer
) -> None:
    def fail(shop: Shop, received: Received) -> Reply | None:
        run = received.path.rsplit("/", 1)[-1]
        answer = {"id": run, "async_status": "Job Failed", "error_message": "an unknown trouble", "error_code": 2}
        return answering(answer) if run in shop.runs else None

    shop.refuse = fail
    with pytest.raises(TransientError, match=r"report \d+.*an unknown trouble"):
        _rows(reader_of(shop_server.url, LARGE))
    assert len(shop.runs) < 30


def test_what_meta_refuses_is_not_asked_again_in_parts(shop: Shop, shop_server: ShopServer) -> None:
    shop.refuse = lambda _, received: (
        answering(graph_error(3018), status=400) if received.path.endswith("/insights") else None
    )
    with pytest.raises(RefusedError):
        _rows(reader_of(shop_server.url, SMALL))
    assert len(shop.asked("act_7/insights")) == 1


def test_days_that_are_too_heavy_together_are_read_in_halves(shop: Shop, shop_server: ShopServer) -> None:
    def heavy(_: Shop, received: Received) -> Reply | None:
        span = json.loads(received.query.get("time_range", '{"since":1,"until":1}'))
        return None if span["since"] == span["until"] else answering(TOO_MUCH, status=400)

    shop.refuse, shop.ads = heavy, 3
    _assert_complete(_rows(reader_of(shop_server.url, replace(SMALL, degree=1))), 3)
