"""A page of insights as Meta sends it → lines that go straight into a bulk load; the hot loop of every load. Pure.

Most lists of actions are not decoded: in a valid document the bytes `{"action_type":"omni_purchase","value":"` can only
be the begin of that entry, since a quote within a text would be escaped. Whatever is not of the usual shape is read the
long way, by `decode.py`; both give the same figures (a test compares them).
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec

from domain.insight_pages import InsightPage
from domain.money import exponent
from domain.objects import InsightRow
from meta_client import decode, wire
from meta_client.money import minor_of

_CENTS: Final = 2
_DIGITS: Final = b"0123456789"
_COUNT_DIGITS, _MONEY_DIGITS = 9, 18  # as many as a column holds in any case; more are looked at the long way
_LAST_HOUR: Final = "23"
_COUNT: Final = re.compile(rb'\{"action_type": ?"omni_purchase", ?"value": ?"([0-9]+)"').search
_VALUE: Final = re.compile(rb'\{"action_type": ?"omni_purchase", ?"value": ?"([0-9]+)\.([0-9]{2})"').search
_ACTIONS: Final = msgspec.json.Decoder(list[wire.Action] | None, strict=False)


class _OddError(Exception):
    """A cell holds something else than digits."""


def page_of(rows: Sequence[wire.InsightLine], currency: str, *, hourly: bool) -> Sequence[InsightRow]:
    """The rows of a page, as an `InsightPage` where they are of the usual shape.

    Raises:
        ValueError: an amount, a count or a day is none.
    """
    places = exponent(currency)
    try:
        return _lines(rows, places, hourly=hourly)
    except _OddError:
        return decode.insight_rows([_whole(row) for row in rows], currency)


def _lines(rows: Sequence[wire.InsightLine], places: int, *, hourly: bool) -> InsightPage:
    spends = [_minor(row.spend, places) for row in rows]
    purchases = [_count(row.actions) for row in rows]
    revenues = [_value(row.action_values, places) for row in rows]
    _require_small([row.impressions for row in rows], _COUNT_DIGITS)
    _require_small([row.inline_link_clicks for row in rows], _COUNT_DIGITS)
    _require_small(purchases, _COUNT_DIGITS)
    _require_small(spends, _MONEY_DIGITS)
    _require_small(revenues, _MONEY_DIGITS)
    cells = zip(rows, spends, purchases, revenues, strict=True)
    if hourly:
        _require_hours(rows)
        lines = [
            f"{row.ad_id}\t{row.adset_id}\t{row.campaign_id}\t{row.date_start}\t"
            f"{row.hourly_stats_aggregated_by_advertiser_time_zone[:2]}\t"
            f"{row.impressions}\t{row.inline_link_clicks}\t{spend}\t{bought}\t{revenue}\n"
            for row, spend, bought, revenue in cells
        ]
    else:
        lines = [
            f"{row.ad_id}\t{row.adset_id}\t{row.campaign_id}\t{row.date_start}\t"
            f"{row.impressions}\t{row.inline_link_clicks}\t{spend}\t{bought}\t{revenue}\n"
            for row, spend, bought, revenue in cells
        ]
    text = "".join(lines)
    _require_plain(text, len(rows), cells=10 if hourly else 9)
    for day in {row.date_start for row in rows}:
        date.fromisoformat(day)
    return InsightPage(lines=text, rows=len(rows), has_hours=hourly)


def _minor(amount: str, places: int) -> str:
    if places == _CENTS and amount[-3:-2] == ".":
        return amount[:-3] + amount[-2:]
    return str(minor_of(amount, places))


def _count(actions: msgspec.Raw) -> str:
    found = _COUNT(actions)
    return found[1].decode() if found else _otherwise(actions, 0)


def _value(values: msgspec.Raw, places: int) -> str:
    found = _VALUE(values) if places == _CENTS else None
    return (found[1] + found[2]).decode() if found else _otherwise(values, places)


def _otherwise(actions: msgspec.Raw, places: int) -> str:
    """No purchase is told, or one under another name or in another spelling."""
    raw = bytes(actions)
    if b"purchase" not in raw and b"\\" not in raw:
        return "0"
    return str(minor_of(decode.purchase(_decoded(actions)), places))


def _decoded(actions: msgspec.Raw) -> list[wire.Action]:
    try:
        return (_ACTIONS.decode(actions) if bytes(actions) else None) or []
    except wire.UNREADABLE as error:
        raise ValueError(str(error)) from None


def _require_hours(rows: Sequence[wire.InsightLine]) -> None:
    for hour in {row.hourly_stats_aggregated_by_advertiser_time_zone for row in rows}:
        if not (hour[:2].isdigit() and hour[2:3] == ":" and hour[:2] <= _LAST_HOUR):
            raise _OddError


def _require_small(cells: Sequence[str] | Sequence[str | int], digits: int) -> None:
    try:
        longest = max(map(len, cells), default=0)  # type: ignore[arg-type]  # a number has no length
    except TypeError:
        raise _OddError from None
    if longest > digits:
        raise _OddError


def _require_plain(text: str, rows: int, *, cells: int) -> None:
    """A look at the whole page instead of one at each cell: digits where they belong, and in every cell."""
    try:
        raw = text.encode("ascii")
    except UnicodeEncodeError:
        raise _OddError from None
    if raw.translate(None, _DIGITS) != (b"\t\t\t--" + b"\t" * (cells - 4) + b"\n") * rows:
        raise _OddError
    if b"\t\t" in raw or b"\n\t" in raw or b"\t\n" in raw or raw.startswith(b"\t"):
        raise _OddError


def _whole(row: wire.InsightLine) -> wire.Insight:
    told = {name: getattr(row, name) for name in row.__struct_fields__}
    told |= {"actions": _decoded(row.actions), "action_values": _decoded(row.action_values)}
    try:
        return msgspec.convert(told, wire.Insight, strict=False)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
