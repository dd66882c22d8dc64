"""Figures of the day under way in one call each, however many ads there are: the account's hours, the top spenders."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from types import MappingProxyType
from typing import Final

import msgspec

from domain.actions import ObjectKind
from domain.errors import BadInputError, TransientError
from domain.ids import PlatformAccountId
from domain.live import HOURS_A_DAY, HourTotal, ObjectTotal
from domain.money import exponent
from meta_client import decode, wire
from meta_client.accounts import node_of
from meta_client.money import minor_of
from meta_client.pages import Pager

_HOURS: Final = "hourly_stats_aggregated_by_advertiser_time_zone"
_FIGURES: Final = ("impressions", "inline_link_clicks", "spend", "actions", "action_values")
_LEVELS: Final = MappingProxyType({ObjectKind.CAMPAIGN: "campaign", ObjectKind.AD_SET: "adset"})
_IDS: Final = MappingProxyType({ObjectKind.CAMPAIGN: ("campaign_id",), ObjectKind.AD_SET: ("adset_id", "campaign_id")})
_PAGE: Final = 500


class TotalReader:
    """Sums by account, campaign and ad set; `currency` tells an account's."""

    def __init__(self, pager: Pager, currency: Callable[[PlatformAccountId], str]) -> None:
        self._pager = pager
        self._currency = currency

    def account_hours(self, account: PlatformAccountId, since: date, until: date) -> tuple[HourTotal, ...]:
        """One row per hour with impressions, both days included; 20 days fit into a call."""
        about = f"hours of account {account} from {since} to {until}"
        params = _params("account", since, until, fields=_FIGURES) | {"breakdowns": _HOURS}
        places, found = exponent(self._currency(account)), dict[tuple[date, int], HourTotal]()
        for row in self._rows(account, params, about):
            total = HourTotal(row.date_start, _hour(row, about), *_figures(row, places, about))
            held = found.get(total[:2])
            found[total[:2]] = total if held is None else _sum(held, total)
        return tuple(found.values())

    def top_spenders(
        self, account: PlatformAccountId, kind: ObjectKind, on: date, *, most: int = _PAGE
    ) -> tuple[ObjectTotal, ...]:
        """What spent most on a day, the largest first; fewer than `most` are all that had impressions.

        Raises:
            BadInputError: neither campaigns nor ad sets.
        """
        if kind not in _LEVELS:
            raise BadInputError(f"top spenders are campaigns or ad sets, not objects of kind {kind}")
        about = f"top spenders of account {account} on {on} by {kind}"
        params = _params(_LEVELS[kind], on, on, fields=(*_IDS[kind], *_FIGURES)) | {"sort": '["spend_descending"]'}
        places, found = exponent(self._currency(account)), list[ObjectTotal]()
        for row in self._rows(account, params, about, limit=min(most, _PAGE)):
            own = (row.campaign_id, "") if kind is ObjectKind.CAMPAIGN else (row.adset_id, row.campaign_id)
            found.append(ObjectTotal(*own, *_figures(row, places, about)))
            if len(found) >= most:
                break
        return tuple(found)

    def _rows(
        self, account: PlatformAccountId, params: dict[str, str], about: str, *, limit: int = _PAGE
    ) -> Iterator[wire.TotalLine]:
        path = f"{node_of(account)}/insights"
        for page in self._pager.edge(wire.TotalLine, path, params, about=about, limit=limit):
            yield from page


def _params(level: str, since: date, until: date, *, fields: Sequence[str]) -> dict[str, str]:
    days = msgspec.json.encode({"since": since.isoformat(), "until": until.isoformat()}).decode()
    return {"level": level, "fields": ",".join(fields), "time_increment": "1", "time_range": days}


def _hour(row: wire.TotalLine, about: str) -> int:
    label = row.hourly_stats_aggregated_by_advertiser_time_zone[:2]
    if not label.isdigit() or int(label) >= HOURS_A_DAY:
        raise TransientError(f"{about}: a row without its hour")
    return int(label)


def _figures(row: wire.TotalLine, places: int, about: str) -> tuple[int, int, int, int, int]:
    try:
        spend = minor_of(row.spend, places)
        purchases = minor_of(decode.purchase(row.actions), 0) if row.actions else 0
        revenue = minor_of(decode.purchase(row.action_values), places) if row.action_values else 0
    except ValueError:
        raise TransientError(f"{about}: a row holds an amount that is not a number") from None
    return row.impressions, row.inline_link_clicks, spend, purchases, revenue


def _sum(one: HourTotal, other: HourTotal) -> HourTotal:
    """The two hours of one label, when clocks are put back."""
    return HourTotal(one.on, one.hour, *(a + b for a, b in zip(one[2:], other[2:], strict=True)))
