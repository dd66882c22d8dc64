"""The true rates behind an exported period, to judge what an import fits: the market's laws, without its chance.

An ad's true click rate over some days is the mean of its click probability over the impressions that were delivered:

    sum over hours of impressions x (ctr x the ad set's factor x fatigue in that hour x the hour's rhythm) / impressions

Fatigue is taken as the mean of the day's start and end. The true conversion rate is, likewise over delivered link
clicks, cvr x the ad set's factor x learning's efficiency x the rhythm of hour and weekday. The kernel's 6 % of chance
from day to day is noise.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from sandbox.account import Account
from sandbox.market.grid import IMPRESSIONS, LINK_CLICKS

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueRates:
    """Per ad, by the market's index; a rate without anything delivered is not a number."""

    click_rate: Floats
    conversion_rate: Floats
    order_value_minor: Floats


def deliver_and_watch(account: Account, *, first: date, last: date) -> TrueRates:
    """Advance the market to the end of the last day, and return the rates that were true from the first day on.

    Raises:
        ValueError: the market is already past the first day's start.
    """
    market, calendar = account.market, account.calendar
    begin = calendar.hours_of_day(first.toordinal())[0]
    if market.next_hour > begin:
        message = f"the market is already past {first}: its fatigue then is not known any more"
        raise ValueError(message)
    market.advance_to(calendar.start_of(begin))
    ads = range(market.ads)
    shown, clicked = np.zeros((2, market.ads)), np.zeros((2, market.ads))
    ad_set = market.ad_sets_of_ads()
    for day in range(first.toordinal(), last.toordinal() + 1):
        before = np.array([market.truth(ad)["ctr_now"] for ad in ads])
        seen = []
        for hour in range(*calendar.hours_of_day(day)):
            market.advance_to(calendar.start_of(hour + 1))
            seen.append((hour, market.learning.efficiency()[ad_set]))
        tired = (before + np.array([market.truth(ad)["ctr_now"] for ad in ads])) / 2
        for hour, skill in seen:
            sums, cell = market.grid.sums(hour, hour + 1, ads=market.ads), calendar.cell(hour)
            shown += np.stack([sums[IMPRESSIONS] * tired * cell.ctr, sums[IMPRESSIONS]])
            clicked += np.stack([sums[LINK_CLICKS] * skill * cell.cvr, sums[LINK_CLICKS]])
    laws = [market.truth(ad) for ad in ads]
    with np.errstate(invalid="ignore"):
        return TrueRates(
            click_rate=shown[0] / shown[1],
            conversion_rate=clicked[0] / clicked[1] * np.array([law["cvr"] for law in laws]),
            order_value_minor=np.array([law["order_value_minor"] for law in laws]),
        )
