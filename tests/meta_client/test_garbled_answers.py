"""Whatever comes back, the client says it in an error of the house: never a crash, a wrong amount, or a token."""

import itertools
import json
import re
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from math import inf
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.actions import ObjectKind
from domain.errors import PlatformError
from domain.ids import PlatformAccountId
from domain.objects import InsightRow, ObjectState
from domain.ports import ClientOptions
from meta_client.accounts import AccountBook
from meta_client.insights import InsightReader
from meta_client.pages import Pager, Patience
from meta_client.reads import MetaReader
from meta_client.slices import Pace
from meta_client.transport import Transport
from meta_client.writes import MetaWriter
from tests.fuzzing import examples
from tests.meta_client.garbling import BODIES, RAW, USAGE, Echo, Key, Told, spoilt, with_value, written
from tests.meta_client.living import LONG_AGO, pause
from tests.meta_client.scripted import TOKEN
from tests.sandbox.stranger import open_shop

SINCE, UNTIL = date(2026, 11, 17), date(2026, 11, 20)
BY_REPORTS = Pace(degree=2, page=10, least_pages=1, heavy_pages=1, report_days=2, report_rows=1, report_part_rows=20)
ONE_WAY = Pace(degree=1, page=40)
SIDE_BY_SIDE = Pace(degree=2, page=10, least_pages=1, heavy_pages=2, report_rows=10**9)


class Shop:
    """An account behind the echo, and what stands in it; no dataclass, since hypothesis shows all fields of those."""

    def __init__(self, *, echo: Echo, account: PlatformAccountId, ids: dict[ObjectKind, str]) -> None:
        self.echo, self.account, self.ids = echo, account, ids

    def __repr__(self) -> str:
        """Short: hypothesis shows what a test was given."""
        return f"Shop({self.account})"

    def options(self) -> ClientOptions:
        return ClientOptions(base_url=self.echo.url, token=lambda: TOKEN, app_secret=lambda: None, read_timeout_s=20)

    def reader(self, pace: Pace = ONE_WAY) -> MetaReader:
        transport, waits = Transport(self.options()), list[float]()
        pager = Pager(transport, patience=Patience(repeats=1), sleep=waits.append)
        return MetaReader(
            transport, pager, AccountBook(pager), figures=InsightReader(pager, pace=pace, sleep=waits.append)
        )

    def writer(self) -> MetaWriter:
        transport = Transport(self.options())
        return MetaWriter(transport, AccountBook(Pager(transport, patience=Patience(repeats=0))))


def _paused(shop: Shop) -> str:
    return shop.writer().write(shop.account, pause(shop.ids[ObjectKind.AD_SET]), deadline_s=20, not_after_s=inf)


def _all_paused(shop: Shop) -> list[Any]:
    requests = [pause(shop.ids[ObjectKind.AD_SET])] * 2
    return list(shop.writer().write_many(shop.account, requests, deadline_s=20))


Read = Callable[[Shop], Any]
READS: dict[str, Read] = {
    "account": lambda shop: shop.reader().account(shop.account),
    "accounts": lambda shop: shop.reader().accounts(),
    "campaigns": lambda shop: [*shop.reader().campaigns(shop.account)],
    "ad_sets": lambda shop: [*shop.reader().ad_sets(shop.account)],
    "ads": lambda shop: [*shop.reader().ads(shop.account, changed_since=LONG_AGO)],
    "creatives": lambda shop: [*shop.reader().creatives(shop.account)],
    "days": lambda shop: _rows(shop.reader().daily_insights(shop.account, SINCE, UNTIL)),
    "days side by side": lambda shop: _rows(shop.reader(SIDE_BY_SIDE).daily_insights(shop.account, SINCE, UNTIL)),
    "days by a report": lambda shop: _rows(shop.reader(BY_REPORTS).daily_insights(shop.account, SINCE, UNTIL)),
    "hours": lambda shop: _rows(shop.reader().hourly_insights(shop.account, UNTIL, UNTIL)),
    "hours by a report": lambda shop: _rows(shop.reader(BY_REPORTS).hourly_insights(shop.account, SINCE, UNTIL)),
    "state of an ad set": lambda shop: _state(shop, ObjectKind.AD_SET),
    "state of an ad": lambda shop: _state(shop, ObjectKind.AD),
    "state of the account": lambda shop: shop.reader().state(shop.account, ObjectKind.ACCOUNT, shop.account),
    "states": lambda shop: shop.reader().states(
        shop.account, ObjectKind.CAMPAIGN, [shop.ids[ObjectKind.CAMPAIGN], "120999999999999999"]
    ),
    "find_by_token": lambda shop: shop.reader().find_by_token(shop.account, ObjectKind.AD_SET, "Cooks", LONG_AGO),
    "activities": lambda shop: [*shop.reader().activities(shop.account, LONG_AGO)],
    "created_since": lambda shop: [*shop.reader().created_since(shop.account, ObjectKind.AD, LONG_AGO)],
    "created creatives": lambda shop: [*shop.reader().created_since(shop.account, ObjectKind.CREATIVE, LONG_AGO)],
    "token": lambda shop: shop.reader().token(),
    "a write": _paused,
    "writes in a batch": _all_paused,
}


def _rows(pages: Iterator[Any]) -> list[InsightRow]:
    return sorted(itertools.chain.from_iterable(pages))


def _state(shop: Shop, kind: ObjectKind) -> Any:
    return shop.reader().state(shop.account, kind, shop.ids[kind])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Every answer that the reads and writes get of a living sandbox; then it is gone, and the echo stays."""
    echo = Echo()
    with open_shop(tmp_path_factory.mktemp("echoed")) as process:
        echo.platform = process
        account = PlatformAccountId(f"act_{process.account_ids[0]}")
        reader = Shop(echo=echo, account=account, ids={}).reader()
        (campaigns,), (sets,), (ads,) = reader.campaigns(account), reader.ad_sets(account), reader.ads(account)
        cooks = next(row for row in sets if row.name == "Cooks")
        ids = {
            ObjectKind.AD_SET: str(cooks.id),
            ObjectKind.AD: str(ads[0].id),
            ObjectKind.CAMPAIGN: str(campaigns[0].id),
        }
        known = Shop(echo=echo, account=account, ids=ids)
        for read in (*READS.values(), *READS.values()):
            read(known)  # the second time the reports are done, and the writes among the activities
        echo.platform = None
    yield known
    echo.close()


def asked_by(shop: Shop, name: str) -> list[Key]:
    """The calls of one read, without those that it repeats."""
    shop.echo.spoil = lambda _, told: told
    shop.echo.asked.clear()
    READS[name](shop)
    return sorted(set(shop.echo.asked))


def said(shop: Shop, name: str, key: Key, told: Told) -> Any:
    """What a read gives where one call is answered so; None where it is an error of the house that tells no token."""
    shop.echo.spoil = lambda asked, right: told if asked == key else right
    try:
        return READS[name](shop)
    except PlatformError as error:
        shown = "".join(traceback.format_exception(error)) + repr(vars(error))
    assert TOKEN not in shown
    return None


@pytest.mark.parametrize("name", READS)
def test_right_answers_are_read_again_as_they_were(shop: Shop, name: str) -> None:
    assert all(shop.echo.known[key].status == 200 for key in asked_by(shop, name))
    assert READS[name](shop) == READS[name](shop) or name == "writes in a batch"


@pytest.mark.parametrize("name", READS)
@given(data=st.data())
@examples(6)
def test_no_answer_breaks_the_client(shop: Shop, name: str, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(asked_by(shop, name)))
    result = said(shop, name, key, data.draw(spoilt(shop.echo.known[key])))
    for one in result if isinstance(result, list) else ():
        assert not isinstance(one, PlatformError) or TOKEN not in str(one)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:24]))
def test_no_body_breaks_the_client(shop: Shop, body: bytes) -> None:
    for name in ("campaigns", "days", "states", "a write", "writes in a batch"):
        key = asked_by(shop, name)[-1]
        for status in (200, 400, 500):
            said(shop, name, key, Told(status=status, headers={}, body=body))


@pytest.mark.parametrize("header", USAGE, ids=lambda text: text[:24])
def test_no_usage_header_breaks_the_client(shop: Shop, header: str) -> None:
    key = asked_by(shop, "campaigns")[-1]
    for name in ("X-Ad-Account-Usage", "X-Business-Use-Case-Usage", "X-App-Usage", "X-FB-Ads-Insights-Throttle"):
        assert said(shop, "campaigns", key, replace(shop.echo.known[key], headers={name: header}))


AMOUNT = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")


def exactly(raw: str) -> Decimal | None:
    """The number that some letters of JSON are, as a number or as a text; None where they are none."""
    try:
        value = json.loads(raw, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, str) or not AMOUNT.fullmatch(value) or not value.isascii():
        return None
    if len(value) > 40:
        return None
    return Decimal(value) if Decimal(value).adjusted() > -300 else Decimal(0)


AMOUNTS = st.one_of(
    st.sampled_from(RAW), st.integers(-(10**6), 2**70).map(str), st.integers(0, 10**9).map(lambda n: f'"{n}"'),
    st.decimals(0, 10**7, places=3).map(lambda amount: f'"{amount}"'), st.decimals(0, 10**7, places=2).map(str),
    st.text("0123456789._ eE+-,\u0661\uff11\u00b2", max_size=8).map(json.dumps),
)  # fmt: skip


@given(field=st.sampled_from(("spend", "action_values", "actions", "impressions", "inline_link_clicks")), raw=AMOUNTS)
@examples(40)
@example(field="spend", raw='"1_0.00"')
@example(field="impressions", raw="2147483648")
def test_a_figure_is_the_one_that_was_said_or_is_refused(shop: Shop, field: str, raw: str) -> None:
    (key,) = [key for key in asked_by(shop, "days") if "insights" in key[1] and "after" not in key[1]]
    document = json.loads(shop.echo.known[key].body)
    row = document["data"][0]
    if field in ("actions", "action_values"):
        row[field] = [{"action_type": "omni_purchase", "value": "0"}]
        with_value(raw)(row[field][0], "value")
    else:
        with_value(raw)(row, field)
    rows = said(shop, "days", key, replace(shop.echo.known[key], body=written(document)))
    if rows is None:
        return
    (found,) = [one for one in rows if (one.ad_id, str(one.on)) == (row["ad_id"], row["date_start"])]
    told = {"spend": found.spend_minor, "action_values": found.revenue_minor, "actions": found.purchases,
            "impressions": found.impressions, "inline_link_clicks": found.clicks}[field]  # fmt: skip
    amount = exactly(raw)
    assert amount is not None, raw
    places = 2 if field in ("spend", "action_values") else 0
    assert told == int(amount.scaleb(places).to_integral_value(rounding=ROUND_HALF_EVEN))
    assert abs(told) < (2**63 if places else 2**31)


BUDGETS = (
    ("account", "?fields=", "min_daily_budget", "minimum_daily_budget_minor"),
    ("account", "?fields=", "spend_cap", "spend_cap_minor"),
    ("account", "?fields=", "amount_spent", "spent_minor"),
    ("campaigns", "/campaigns?", "daily_budget", "daily_budget_minor"),
    ("campaigns", "/campaigns?", "spend_cap", "spend_cap_minor"),
    ("ad_sets", "/adsets?", "daily_budget", "daily_budget_minor"),
    ("ad_sets", "/adsets?", "lifetime_budget", "lifetime_budget_minor"),
    ("state of an ad set", "%2Cdaily_budget", "daily_budget", "daily_budget_minor"),
)


@pytest.mark.parametrize("place", BUDGETS, ids=lambda place: f"{place[0]} {place[2]}")
def test_a_budget_is_the_one_that_was_said_or_is_refused(shop: Shop, place: tuple[str, ...]) -> None:
    for raw in RAW:
        require_budget(shop, place, raw)


@given(place=st.sampled_from(BUDGETS), raw=AMOUNTS)
@examples(40)
def test_whatever_stands_for_a_budget_is_it_or_is_refused(shop: Shop, place: tuple[str, ...], raw: str) -> None:
    require_budget(shop, place, raw)


def require_budget(shop: Shop, place: tuple[str, ...], raw: str) -> None:
    name, target, field, ours = place
    (key,) = [key for key in asked_by(shop, name) if target in key[1]]
    document = json.loads(shop.echo.known[key].body)
    with_value(raw)(document["data"][0] if "data" in document else document, field)
    found = said(shop, name, key, replace(shop.echo.known[key], body=written(document)))
    if found is None:
        return
    one = found[0][0] if isinstance(found, list) else found
    told = one.values.get(ours) if isinstance(one, ObjectState) else getattr(one, ours)
    amount = exactly(raw)
    assert amount is not None or raw == "null", raw
    assert (told or 0) == (amount or 0), raw
    assert abs(told or 0) < 2**63


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+1400", "9999-12-31T23:59:59-1400", "2026-11-20T10:00:00"])
@pytest.mark.parametrize("name", ["campaigns", "ad_sets", "ads", "activities", "created_since", "state of an ad set"])
def test_an_instant_that_is_none_is_refused(shop: Shop, name: str, instant: str) -> None:
    key = next(key for key in reversed(asked_by(shop, name)) if b"_time" in shop.echo.known[key].body)
    body = re.sub(rb'"(updated_time|created_time|event_time)":"[^"]*"', rb'"\1":"' + instant.encode() + b'"',
                  shop.echo.known[key].body)  # fmt: skip
    assert datetime.fromisoformat(instant)
    assert said(shop, name, key, replace(shop.echo.known[key], body=body)) is None
