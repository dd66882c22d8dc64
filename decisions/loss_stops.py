"""Stops what very likely loses money: ad sets and ads whose matured ROAS is under break-even, with stated certainty."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from decisions.break_even import Aim, Form, aim_of, order_value_of
from decisions.freshness import age_s
from decisions.policy import AccountLimits, MaturedPolicy
from decisions.wording import amounts, percent
from domain.actions import ActionKind, Json, ObjectKind, Priority, Proposal
from domain.evidence import Evidence, RoasFrame
from domain.snapshot import AdFrame, AdSetFrame, Bools, Floats, Hold, Ints, Snapshot
from estimators.response import find

RULE = "loss_stop"
_Z80 = 1.2815515655446004
_MIN_FLOORS = 5.0  # of spend, in the account's least daily budgets: less is no loss worth a stop


def decide(
    snapshot: Snapshot, policy: MaturedPolicy, limits: AccountLimits, evidence: Evidence
) -> tuple[Proposal, ...]:
    """Pause where P(ROAS < what must be reached) >= `pause_certainty` on figures that are mature enough.

    An ad stops only where another active ad of its ad set stays: the best of them is kept. Ad sets under an A/B label,
    and objects that people steer by bid or spend limits, are left alone; so are ads of an ad set that is stopped.
    What alone is more than a day may pause without a person's approval is left to the optimizer's cuts where it may cut
    the total; the others come as the days have room (`waiting_room`), the largest expected loss first.
    """
    if evidence.roas is None:
        return ()
    aim = aim_of(policy, limits, order_value_minor=order_value_of(evidence.roas.frames))
    sets, ads = snapshot.ad_sets, snapshot.ads
    judged_sets = _judge(sets, evidence.roas.frames.get(ObjectKind.AD_SET), policy, limits, aim)
    judged_ads = _judge(ads, evidence.roas.frames.get(ObjectKind.AD), policy, limits, aim)
    stop_sets = judged_sets.is_loss & sets.is_active & _may_stop(sets) & ~sets.is_ab_test
    stop_ads = _ads_to_stop(snapshot, judged_ads, stop_sets)
    stops = evidence.leeway.stops
    if stops is not None and aim.form is Form.FREE:
        most = stops.alone * max(float(sets.spend_window.sum()), 1.0)
        stop_sets, stop_ads = stop_sets & (sets.spend_window <= most), stop_ads & (ads.spend_window <= most)
    age = age_s(snapshot.insights_read_at, snapshot.now)
    return (
        *_proposals(snapshot, sets, judged_sets, stop_sets, aim, age),
        *_proposals(snapshot, ads, judged_ads, stop_ads, aim, age),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """What is known of each row of a frame."""

    is_loss: Bools
    certainty: Floats
    log_median: Floats
    log_sd: Floats
    spend: Floats
    purchases: Floats
    maturity: Floats

    def loss(self, aim: Aim) -> Floats:
        """Return what each is expected to have lost of what was spent on it."""
        mean = np.exp(self.log_median + self.log_sd**2 / 2)
        lost: Floats = self.spend * np.maximum(0.0, 1 - mean / aim.roas)
        return lost


def _judge(
    rows: AdSetFrame | AdFrame, frame: RoasFrame | None, policy: MaturedPolicy, limits: AccountLimits, aim: Aim
) -> _Judged:
    place, known = (
        (np.zeros(len(rows), np.int64), np.zeros(len(rows), np.bool_))
        if frame is None
        else find(rows.id, frame.object_id)
    )
    columns = {
        name: np.zeros(len(rows))
        if frame is None or not len(frame)
        else np.where(known, getattr(frame, name)[place], 0.0)
        for name in ("log_median", "log_sd", "spend_minor", "purchases", "maturity")
    }
    sd = np.maximum(columns["log_sd"], 1e-9)
    certainty = np.where(known, ndtr((np.log(aim.roas) - columns["log_median"]) / sd), 0.0)
    enough = columns["spend_minor"] >= _MIN_FLOORS * limits.floor_minor
    is_loss = known & enough & (certainty >= policy.pause_certainty)
    is_loss &= columns["maturity"] >= policy.pause_min_maturity
    return _Judged(
        is_loss=is_loss, certainty=certainty, log_median=columns["log_median"], log_sd=columns["log_sd"],
        spend=columns["spend_minor"], purchases=columns["purchases"], maturity=columns["maturity"],
    )  # fmt: skip


def _may_stop(frame: AdSetFrame) -> Bools:
    free: Bools = (frame.hold == Hold.FREE) | (frame.hold == Hold.CAMPAIGN_BUDGET)
    return free


def _ads_to_stop(snapshot: Snapshot, judged: _Judged, stop_sets: Bools) -> Bools:
    """Losing ads, but for the best of each ad set that would be left without one."""
    ads, sets = snapshot.ads, snapshot.ad_sets
    if not len(ads) or not len(sets):
        return np.zeros(len(ads), np.bool_)
    inside: Ints = ads.ad_set_index
    fit = (inside >= 0) & (sets.is_active & ~stop_sets & _may_stop(sets) & ~sets.is_ab_test)[inside]
    stop = judged.is_loss & ads.is_active & fit
    alive = np.bincount(inside[fit & ads.is_active & ~stop], minlength=len(sets)) > 0
    best = np.full(len(sets), -np.inf)
    np.maximum.at(best, inside[stop], judged.log_median[stop])
    is_best = stop & (judged.log_median >= best[inside])
    first = np.full(len(sets), len(ads), np.int64)  # of several that are equally good, the first stays
    np.minimum.at(first, inside[is_best], np.flatnonzero(is_best))
    keep = ~alive[inside] & (np.arange(len(ads)) == first[inside])
    found: Bools = stop & ~keep
    return found


def _proposals(  # noqa: PLR0917 - a frame and what was judged of it
    snapshot: Snapshot, rows: AdSetFrame | AdFrame, judged: _Judged, stop: Bools, aim: Aim, age: int | None
) -> Iterator[Proposal]:
    kind = ObjectKind.AD_SET if isinstance(rows, AdSetFrame) else ObjectKind.AD
    write, losses = amounts(snapshot.currency), judged.loss(aim)
    for n in np.flatnonzero(stop).tolist():
        median, sd = judged.log_median.item(n), judged.log_sd.item(n)
        low, high = float(np.exp(median - _Z80 * sd)), float(np.exp(median + _Z80 * sd))
        spend, certainty = judged.spend.item(n), judged.certainty.item(n)
        loss = losses.item(n)
        evidence: dict[str, Json] = {
            "counts": {"purchases": round(judged.purchases.item(n), 1), "spend_minor": round(spend)},
            "posterior": {
                "mean": round(float(np.exp(median + sd**2 / 2)), 4), "low": round(low, 4), "high": round(high, 4),
                "certainty": round(certainty, 4),
            },
            "threshold": round(aim.roas, 4), "expected_gain_minor": round(loss, 2), "data_age_s": age,
            "maturity": round(judged.maturity.item(n), 4),
        }  # fmt: skip
        yield Proposal(
            kind=ActionKind.PAUSE, object_kind=kind, object_id=str(rows.id[n]), object_name=str(rows.name[n]),
            expected_before={"status": "active"}, target={"status": "paused"}, rule=RULE, priority=Priority.ROAS,
            reason=(
                f"matured ROAS {np.exp(median):.2f} ({low:.2f} to {high:.2f}) is under the {aim.words} with a certainty"
                f" of {percent(round(certainty, 3))} (spend {write(round(spend))} {snapshot.currency},"
                f" {percent(judged.maturity.item(n), 0)} of its purchases have arrived): pause"
            ),
            evidence=evidence,
        )  # fmt: skip
