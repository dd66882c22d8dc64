"""What the ROAS engine says of single objects in words: above or below what they must reach, or not decidable yet.

Only of those with most spend; everything else is in the store of estimates. Pure.
"""

import math
from typing import Final

import numpy as np

from decisions.break_even import Aim
from decisions.roas_posterior import chance_above, quantile
from domain.actions import Json, ObjectKind
from domain.evidence import Finding, RoasFrame
from domain.snapshot import Floats

CERTAIN: Final = 0.9  # from this chance on an object is told to be above or below
_Z: Final = 1.2816  # its standard deviation from the middle
_MOST_PURCHASES: Final = 5_000  # needing more is as good as being equal
_MOST: Final = {ObjectKind.ACCOUNT: 1, ObjectKind.CAMPAIGN: 500, ObjectKind.AD_SET: 2_000, ObjectKind.AD: 1_000}


def tell(
    frame: RoasFrame, aim: Aim, *, purchases_a_day: Floats, order_cv2: float, data_age_s: int | None
) -> tuple[Finding, ...]:
    """Return a finding for each object among those with most spend; ads only where they are decidable.

    `purchases_a_day` (n,) is what each may expect; how many more it needs assumes that what is seen stays as it is.
    """
    if not len(frame):
        return ()
    above = chance_above(frame, aim.roas)
    low, middle, high = (quantile(frame, p) for p in (0.1, 0.5, 0.9))
    needs = more_purchases(frame, aim.roas, order_cv2)
    order = np.argsort(-frame.spend_minor, kind="stable")[: _MOST[frame.kind]]
    found = []
    for row in order:
        chance = float(above[row])
        verdict = "above" if chance >= CERTAIN else "below" if chance <= 1 - CERTAIN else "not_decidable"
        if not frame.spend_minor[row] > 0 or (frame.kind is ObjectKind.AD and verdict == "not_decidable"):
            continue
        said = f"ROAS {middle[row]:.2f} once matured ({low[row]:.2f} to {high[row]:.2f} in 8 of 10 cases);"
        words = f"{said} {_judged(verdict, chance, aim)}"
        evidence: dict[str, Json] = {
            "counts": {"purchases": round(float(frame.purchases[row]), 1), "roas_now": _rounded(frame.now[row])},
            "posterior": {
                "mean": _rounded(np.exp(frame.log_median[row] + frame.log_sd[row] ** 2 / 2)),
                "low": _rounded(low[row]), "high": _rounded(high[row]), "certainty": round(chance, 3),
            },
            "threshold": _rounded(aim.roas), "maturity": _rounded(frame.maturity[row]), "data_age_s": data_age_s,
        }  # fmt: skip
        if verdict == "not_decidable":
            more, days = _needed(float(needs[row]), float(purchases_a_day[row]))
            words += more_words(more, days)
            evidence["needs"] = {"purchases": more, "days": days}
        found.append(
            Finding(object_kind=frame.kind, object_id=str(frame.object_id[row]), verdict=verdict, words=words,
                    evidence=evidence)
        )  # fmt: skip
    return tuple(found)


def more_purchases(frame: RoasFrame, roas: float, order_cv2: float) -> Floats:
    """Return how many more purchases would decide it, if the middle stays where it is; inf where it lies on the bar."""
    distance = np.abs(frame.log_median - math.log(max(roas, 1e-9)))
    wanted = (distance / _Z) ** 2
    present = frame.log_sd**2
    with np.errstate(divide="ignore"):
        needed = (1 + order_cv2) * (1 / wanted - 1 / present)
    told: Floats = np.maximum(needed, 0.0)
    return told


def more_words(purchases: int | None, days: int | None) -> str:
    """Say what is missing."""
    if purchases is None:
        return ", and it lies too close to that for any sensible number of purchases to tell"
    if days is None:
        return f": about {purchases} more purchases are needed"
    return f": about {purchases} more purchases or {days} {'day' if days == 1 else 'days'}"


def _needed(purchases: float, a_day: float) -> tuple[int | None, int | None]:
    if not purchases < _MOST_PURCHASES:
        return None, None
    whole = max(1, math.ceil(purchases))
    return whole, max(1, math.ceil(whole / a_day)) if a_day > 0 else None


def _judged(verdict: str, chance: float, aim: Aim) -> str:
    if verdict == "not_decidable":
        return f"{chance * 100:.0f} % likely to reach the {aim.words}, not decidable yet"
    share = chance if verdict == "above" else 1 - chance
    return f"{min(share * 100, 99.9):.3g} % likely {verdict} the {aim.words}"


def _rounded(value: float) -> float:
    return round(float(value), 4)
