"""What policies would have wanted on recorded days, figures as they were known then; gains are a model's word.

No loop is closed: the figures are those of the budgets that really stood. A policy's own steps move virtual budgets,
under the house's step, cooldown and limit of actions. Hours are not replayed, so that spike rules stay silent.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np

from actions.arbiter import arbitrate
from decisions.policy import AccountLimits, ClassicPolicy, MaturedPolicy, Policy
from decisions.registry import decide
from decisions.roas_posterior import roll_up
from domain.actions import ActionKind, ObjectKind, Proposal
from domain.evidence import Evidence
from domain.panel import MaturityCurve, Panel
from domain.snapshot import Floats, Ints, Snapshot
from twin.matured import assess

_STEP, _ACTIONS, _LEARNING_DAYS = 0.20, 20, 3
_Z80: Final = 1.2816
_FRESH: Final = timedelta(hours=1)
_FIGURES: Final = ("impressions", "clicks", "spend_minor", "purchases", "revenue_minor")
_POLICIES: Final[Mapping[str, type[ClassicPolicy] | type[MaturedPolicy]]] = {
    "classic": ClassicPolicy, "matured": MaturedPolicy,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What an account has on record. `base` has the objects as they stand now; panels hold figures as known now.

    `late` (5, k) is what readings after a day's end added to row `late_row`, column `late_day` of `ads`, by the ordinal
    of the day of that reading. `ad_sets` and `campaigns` are the rolled up panels; their ids order those of `ads`.
    """

    base: Snapshot
    ads: Panel
    ad_sets: Panel
    campaigns: Panel
    late: Ints
    late_row: Ints
    late_day: Ints
    late_read_on: Ints
    curve: MaturityCurve
    wishes: AccountLimits

    @staticmethod
    def late_of(columns: Mapping[str, Any], position: Mapping[str, int], first_on: int) -> dict[str, Any]:
        """Lay increments out as fields of records; those of ads that `position` does not know are left out."""
        rows = np.fromiter((position.get(key, -1) for key in columns["ad_id"]), np.int64, len(columns["ad_id"]))
        known = rows >= 0
        return {
            "late": np.stack([np.asarray(columns[name])[known] for name in _FIGURES]).reshape(len(_FIGURES), -1),
            "late_row": rows[known],
            "late_day": np.asarray(columns["on_day"])[known] - first_on,
            "late_read_on": np.asarray(columns["read_on"])[known],
        }

    @property
    def first_on(self) -> int:
        """The ordinal of the first day."""
        return self.ads.first_day.toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a policy came to. Gains over the budgets that stood, from the response curves; None where none is known."""

    policy: str
    wanted: int
    edits: int
    learning_resets: int
    by_day: tuple[tuple[date, int, int], ...]  # day, proposals, edits
    gain_minor: float | None
    gain_sd_minor: float | None

    @property
    def interval_minor(self) -> tuple[float | None, float | None]:
        """80 %."""
        if self.gain_minor is None or self.gain_sd_minor is None:
            return None, None
        return self.gain_minor - _Z80 * self.gain_sd_minor, self.gain_minor + _Z80 * self.gain_sd_minor


@dataclass(slots=True, kw_only=True)
class _Virtual:
    """A policy's own world of budgets: factors on those that stood, switches, and when each was last changed."""

    factor: dict[str, float] = field(default_factory=dict)
    off: set[str] = field(default_factory=set)
    changed_on: dict[str, int] = field(default_factory=dict)
    resets: int = 0


def replay(records: Records, policy_name: str, *, days: int, margin: float) -> Replay:
    """Go through the last recorded days, morning by morning."""
    policy, virtual = _POLICIES[policy_name](), _Virtual()
    total = len(records.ads.age_days)
    by_day, gained = [], np.zeros((days, len(records.ad_sets)))
    response = _final(records)
    for number, column in enumerate(range(total - days, total)):
        wanted = _morning(records, policy, virtual, column)
        edits = _take(records, wanted, virtual, records.first_on + column)
        by_day.append((date.fromordinal(records.first_on + column), len(wanted), edits))
        gained[number] = _gain(records, virtual, response, column, margin)
    known = response.is_known
    sd = math.sqrt(float(((gained.sum(axis=0) * response.relative_sd)[known] ** 2).sum()))
    return Replay(
        policy=policy_name, wanted=sum(row[1] for row in by_day), edits=sum(row[2] for row in by_day),
        learning_resets=virtual.resets, by_day=tuple(by_day),
        gain_minor=float(gained[:, known].sum()) if known.any() else None, gain_sd_minor=sd if known.any() else None,
    )  # fmt: skip


def as_of(records: Records, column: int, days: int) -> Panel:
    """The ads' last `days` complete days before a day, as they were known when it began."""
    first, today = max(0, column - days), records.first_on + column
    figures = np.stack([getattr(records.ads, name)[:, first:column] for name in _FIGURES]).copy()
    later = (records.late_read_on >= today) & (records.late_day >= first) & (records.late_day < column)
    for plane, added in zip(figures, records.late[:, later], strict=True):
        np.subtract.at(plane, (records.late_row[later], records.late_day[later] - first), added)
    return replace(
        records.ads, first_day=date.fromordinal(records.first_on + first), day_share=1 / 6,
        age_days=np.arange(column - first, 0, -1, dtype=np.int64),
        **{name: np.maximum(plane, 0) for name, plane in zip(_FIGURES, figures, strict=True)},
    )  # fmt: skip


def _morning(records: Records, policy: Policy, virtual: _Virtual, column: int) -> tuple[Proposal, ...]:
    now = _instant(records, column)
    if isinstance(policy, ClassicPolicy):
        ads = as_of(records, column, max(policy.window_days, 8))
        return decide(_snapshot(records, ads, virtual, policy, now), policy, records.wishes, _FRESH).proposals
    ads = as_of(records, column, policy.history_days)
    ad_sets = replace(roll_up(ads, records.ad_sets.object_id, ObjectKind.AD_SET), parent=records.ad_sets.parent)
    campaigns = roll_up(ad_sets, records.campaigns.object_id, ObjectKind.CAMPAIGN)
    found = assess((ads, ad_sets, campaigns), records.curve, policy, account_id="recorded", now=now)
    snapshot = _snapshot(records, ads, virtual, policy, now)
    evidence = Evidence(roas=found.roas, stages=found.stages)
    wanted = decide(snapshot, policy, records.wishes, _FRESH, evidence).proposals
    return (*wanted, *found.steps(snapshot, policy, records.wishes, None).proposals)


def _take(records: Records, wanted: tuple[Proposal, ...], virtual: _Virtual, today: int) -> int:
    """Do what the pacing allows, on the virtual budgets; return how many changes that is."""
    made, learning = 0, set(records.base.ad_sets.id[records.base.ad_sets.is_learning].tolist())
    for proposal in arbitrate(wanted).winners:
        if made >= _ACTIONS:
            break
        key = proposal.object_id
        if proposal.kind is ActionKind.PAUSE:
            virtual.off.add(key)
        elif proposal.kind is ActionKind.ACTIVATE:
            virtual.off.discard(key)
        elif proposal.kind is ActionKind.SET_DAILY_BUDGET:
            wait = _LEARNING_DAYS if key in learning else 1
            before, target = (
                values.get("daily_budget_minor") for values in (proposal.expected_before, proposal.target)
            )
            if today - virtual.changed_on.get(key, -wait) < wait or not isinstance(before, int):
                continue
            ratio = min(max(float(str(target)) / before, 1 - _STEP), 1 + _STEP)
            virtual.factor[key] = virtual.factor.get(key, 1.0) * ratio
            virtual.changed_on[key] = today
        else:
            continue
        made += 1
        virtual.resets += int(proposal.kind is ActionKind.ACTIVATE)
    return made


def _snapshot(records: Records, ads: Panel, virtual: _Virtual, policy: Policy, now: datetime) -> Snapshot:
    base, window = records.base, policy.window_days
    sums = {name: _spread(ads.object_id, getattr(ads, name)[:, -window:].sum(axis=1), base.ads.id) for name in _FIGURES}
    last = {name: _spread(ads.object_id, getattr(ads, name)[:, -1], base.ads.id) for name in _FIGURES}
    week = {name: _spread(ads.object_id, getattr(ads, name)[:, -8:-1].sum(axis=1), base.ads.id) for name in _FIGURES}
    total = {name: _spread(ads.object_id, getattr(ads, name).sum(axis=1), base.ads.id) for name in _FIGURES}
    age = base.ads.age_hours - (base.now - now) / timedelta(hours=1)
    frame = replace(
        base.ads, is_active=(last["spend_minor"] > 0) & ~_is_off(base.ads.id, virtual), age_hours=age,
        impressions_total=total["impressions"], clicks_total=total["clicks"], impressions_last=last["impressions"],
        clicks_last=last["clicks"], impressions_week=week["impressions"], clicks_week=week["clicks"],
        spend_window=sums["spend_minor"], revenue_window=sums["revenue_minor"],
    )  # fmt: skip
    sets = _set_frame(base, sums, virtual)
    return replace(
        base, now=now, tree_read_at=now, insights_read_at=now, window_days=window, spike_hours=policy.spike_hours,
        ads=frame, ad_sets=sets, campaigns=_campaign_frame(base, sets, virtual),
    )  # fmt: skip


def _set_frame(base: Snapshot, sums: dict[str, Ints], virtual: _Virtual) -> Any:
    sets, inside = base.ad_sets, base.ads.ad_set_index >= 0
    rows = base.ads.ad_set_index[inside]
    of_set = {
        name: np.bincount(rows, weights=column[inside], minlength=len(sets)).astype(np.int64)
        for name, column in sums.items()
    }
    none, real = np.zeros(len(sets), np.int64), np.zeros(len(sets))
    return replace(
        sets, is_active=(of_set["spend_minor"] > 0) & ~_is_off(sets.id, virtual), spend_today=none,
        daily_budget_minor=_moved(sets.id, sets.daily_budget_minor, virtual), spend_window=of_set["spend_minor"],
        revenue_window=of_set["revenue_minor"], purchases_window=of_set["purchases"],
        impressions_window=of_set["impressions"], clicks_window=of_set["clicks"], recent_spend=none,
        recent_clicks=none, recent_revenue=none, usual_spend=real, usual_clicks=real, usual_revenue=real,
    )  # fmt: skip


def _campaign_frame(base: Snapshot, sets: Any, virtual: _Virtual) -> Any:
    frame, inside = base.campaigns, sets.campaign_index >= 0
    sums: dict[str, Any] = {}
    for name in ("spend", "revenue", "purchases", "impressions", "clicks"):
        column = getattr(sets, f"{name}_window")[inside]
        found = np.bincount(sets.campaign_index[inside], weights=column, minlength=len(frame))
        sums[f"{name}_window"] = found.astype(np.int64)
    none, real = np.zeros(len(frame), np.int64), np.zeros(len(frame))
    return replace(
        frame, is_active=(sums["spend_window"] > 0) & ~_is_off(frame.id, virtual),
        daily_budget_minor=_moved(frame.id, frame.daily_budget_minor, virtual), recent_spend=none, recent_clicks=none,
        recent_revenue=none, usual_spend=real, usual_clicks=real, usual_revenue=real, **sums,
    )  # fmt: skip


def _final(records: Records) -> Any:
    """The response curves of ad sets, from everything that is known by now."""
    ads = as_of(records, len(records.ads.age_days), 28)
    ad_sets = replace(roll_up(ads, records.ad_sets.object_id, ObjectKind.AD_SET), parent=records.ad_sets.parent)
    campaigns = roll_up(ad_sets, records.campaigns.object_id, ObjectKind.CAMPAIGN)
    found = assess(
        (ads, ad_sets, campaigns), records.curve, MaturedPolicy(), account_id="recorded", now=records.base.now
    )
    return found.responses[ObjectKind.AD_SET]


def _gain(records: Records, virtual: _Virtual, response: Any, column: int, margin: float) -> Floats:
    """What a day would have brought more, by ad set: margin x (R(other spend) - R(real spend)) - what it costs more."""
    spent = records.ad_sets.spend_minor[:, column].astype(np.float64)
    owner = np.append(records.campaigns.object_id, "")[records.ad_sets.parent]
    factor = np.array(
        [
            0.0 if {key, above} & virtual.off else virtual.factor.get(key, virtual.factor.get(above, 1.0))
            for key, above in zip(records.ad_sets.object_id, owner, strict=True)
        ]
    )
    other = spent * factor
    gained: Floats = margin * (response.revenue(other) - response.revenue(spent)) - (other - spent)
    return gained


def _instant(records: Records, column: int) -> datetime:
    """Four in the morning of a recorded day, near enough: UTC's."""
    on = date.fromordinal(records.first_on + column)
    return datetime(on.year, on.month, on.day, 4, tzinfo=records.base.now.tzinfo)


def _spread(ids: Any, values: Ints, wanted: Any) -> Ints:
    position = {key: row for row, key in enumerate(ids.tolist())}
    rows = np.fromiter((position.get(key, -1) for key in wanted.tolist()), np.int64, len(wanted))
    return np.append(values, 0)[rows]


def _is_off(ids: Any, virtual: _Virtual) -> Any:
    return np.fromiter((key in virtual.off for key in ids.tolist()), np.bool_, len(ids))


def _moved(ids: Any, budgets: Ints, virtual: _Virtual) -> Ints:
    factor = np.array([virtual.factor.get(key, 1.0) for key in ids.tolist()]).reshape(len(ids))
    return np.where(budgets > 0, np.maximum((budgets * factor).astype(np.int64), 1), budgets)
