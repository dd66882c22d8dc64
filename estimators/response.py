"""What more or less spend would bring, a concave curve of each object: R(s) = top * s / (1 + s / kappa) ** bend.

The first money buys at full return; the further spend goes past kappa, the dearer it gets. The level is the ROAS
posterior's, at the spends it was earned at; `saturation.py` learns kappa and bend from objects' own changes of spend.
"""

from dataclasses import dataclass
from itertools import repeat
from typing import Final

import numpy as np

from domain.actions import ObjectKind
from domain.errors import BadInputError
from domain.evidence import RoasFrame
from domain.panel import MaturityCurve, Panel
from domain.snapshot import Bools, Floats, Ints, Texts
from estimators.maturity import shares
from estimators.saturation import Saturation, blocks, learn

_RECENT_DAYS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """Curves of n objects of one kind, in the panel's order. Rows that are not known have a top of 0."""

    kind: ObjectKind
    object_id: Texts
    top: Floats  # return of the first unit of money
    kappa_minor: Floats
    bend: Floats  # the same for all objects of an account
    log_median: Floats  # of the ROAS, as the posterior says
    log_sd: Floats
    relative_sd: Floats  # of the revenue that a change of spend is expected to bring
    recent_minor: Floats  # mean daily spend of the last days
    purchases: Floats  # that the level rests on, days weighted by their age
    purchases_per_day: Floats
    maturity: Floats
    is_known: Bools

    def __len__(self) -> int:
        return len(self.object_id)

    def revenue(self, spend: Floats) -> Floats:
        """Return the matured daily revenue at these daily spends."""
        return revenue_at(spend, self.top, self.kappa_minor, self.bend)

    def marginal(self, spend: Floats) -> Floats:
        """Return what the next unit of money would bring at these daily spends."""
        ratio = np.maximum(spend, 0.0) / self.kappa_minor
        found: Floats = self.top * (1 + ratio) ** (-self.bend - 1) * (1 + (1 - self.bend) * ratio)
        return found


def revenue_at(spend: Floats, top: Floats, kappa: Floats, bend: Floats) -> Floats:
    """Return R(s)."""
    safe = np.maximum(spend, 0.0)
    found: Floats = top * safe * (1 + safe / kappa) ** -bend
    return found


def fit(panel: Panel, curve: MaturityCurve, frame: RoasFrame, *, half_life_days: float) -> Response:
    """Learn the curves from daily figures and the ROAS posterior; objects that the frame lacks are not known.

    Negative figures count as none, as in the posterior: one day restated must not stop a whole account for weeks.
    Clicks may be more than a day's impressions, which are not looked at: who sees an ad before midnight clicks later.

    Raises:
        BadInputError: a frame of another kind.
    """
    if panel.kind is not frame.kind:
        raise BadInputError(f"the panel is of {panel.kind}s, the ROAS posterior of {frame.kind}s; ask for one kind")
    spend, clicks, purchases = (
        np.maximum(figures, 0.0) for figures in (panel.spend_minor, panel.clicks, panel.purchases)
    )
    weight = np.exp2(-panel.age_days / half_life_days)
    arrived = shares(curve, panel.age_days, panel.day_share)
    found = learn(spend, clicks, purchases, weight=weight, arrived=arrived)
    mature = weight * arrived
    row, is_there = find(panel.object_id, frame.object_id)
    bend = np.full(len(panel), found.bend)
    base = _worth(spend, found, mature)
    median, sd = (_taken(column, row, is_there) for column in (frame.log_median, frame.log_sd))
    is_known = is_there & (base > 0)
    mean = np.exp(np.minimum(median + sd**2 / 2, 40.0))
    top = mean * np.divide(spend @ mature, base, out=np.zeros(len(panel)), where=base > 0)
    bought = purchases @ weight
    return Response(
        kind=panel.kind, object_id=panel.object_id, top=np.where(is_known, top, 0.0), kappa_minor=found.kappa,
        bend=bend, log_median=median, log_sd=sd, relative_sd=np.sqrt(sd**2 + found.elasticity_sd**2),
        recent_minor=_recent(spend), purchases=bought, purchases_per_day=bought / max(float(weight.sum()), 1e-9),
        maturity=_taken(frame.maturity, row, is_there), is_known=is_known,
    )  # fmt: skip


def _worth(spend: Floats, found: Saturation, mature: Floats) -> Floats:
    """Return what the days' spends would have brought, had the first unit of money brought one."""
    brought = np.empty(len(spend))
    one, bend = np.ones((1, 1)), np.full((1, 1), found.bend)
    for rows in blocks(len(spend)):
        brought[rows] = revenue_at(spend[rows], one, found.kappa[rows, None], bend) @ mature
    return brought


def find(wanted: Texts, known: Texts) -> tuple[Ints, Bools]:
    """Return for each wanted id its place among the known ones, and whether it is there (place 0 where not).

    By a dictionary: numpy's `searchsorted` misplaces texts of more than 15 bytes, as ids of a platform are (2.4).
    """
    if len(wanted) == len(known) and bool(np.all(wanted == known)):  # as a snapshot's rows and a frame's mostly are
        return np.arange(len(known), dtype=np.int64), np.ones(len(known), np.bool_)
    places = dict(zip(known.tolist(), range(len(known)), strict=True))
    row = np.fromiter(map(places.get, wanted.tolist(), repeat(-1)), np.int64, len(wanted))
    is_there: Bools = row >= 0
    return np.maximum(row, 0), is_there


def _recent(spend: Floats) -> Floats:
    last = spend[:, -_RECENT_DAYS:]
    found: Floats = last.mean(axis=1) if last.shape[1] else np.zeros(len(spend))
    return found


def _taken(column: Floats, row: Ints, is_there: Bools) -> Floats:
    if not len(column):
        return np.zeros(len(row))
    found: Floats = np.where(is_there, column[row], 0.0)
    return found
