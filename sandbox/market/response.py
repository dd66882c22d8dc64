"""What a day's money buys of an audience: the law that the kernel steps by and estimates are told from. Pure."""

import math
from dataclasses import dataclass
from typing import Final

from sandbox.market.truth import Audience

CONCAVITY: Final = 0.35
FATIGUE_EXPONENT: Final = 0.43
MAX_DAILY_FREQUENCY: Final = 3.0
_MILLE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlay:
    """What is bought on a day."""

    impressions: float
    reach: float


def outlay(audience: Audience, *, spend_minor: float, people: float) -> Outlay:
    """Return what a day's spend buys of so many people who are priced as an audience is.

    Dearer the more is spent, later the larger the audience; never more than three impressions for each person.
    """
    if spend_minor <= 0 or people <= 0:
        return Outlay(impressions=0.0, reach=0.0)
    saturation = audience.saturation_daily_minor * people / max(1, audience.size)
    pressure = math.exp(CONCAVITY * math.log1p(spend_minor / saturation))
    impressions = min(spend_minor / (audience.cpm_minor * pressure) * _MILLE, MAX_DAILY_FREQUENCY * people)
    return Outlay(impressions=impressions, reach=people * -math.expm1(-impressions / people))
