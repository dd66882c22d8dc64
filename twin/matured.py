"""The policy `matured` at work: its evidence modules at their cadences, budget steps once a day, rules on the evidence.

As in production, with these differences: the rules of the full cycle are asked when the evidence is new, and else once
an hour instead of every half hour while something they want is still to be done; what is renewed, once a day.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from decisions import experiments
from decisions.allocation import AllocationPlan, allocate
from decisions.allocation_room import Room
from decisions.experiments import Plan, State, Strata
from decisions.life_cycle import stages
from decisions.policy import AccountLimits, MaturedPolicy
from decisions.registry import decide
from decisions.roas_posterior import estimate_panels
from decisions.waiting_room import after, waiting_by_guard
from domain.actions import ObjectKind, Proposal
from domain.evidence import AdStage, Evidence, Finding, PlannedStep, RoasEvidence, TestState, TestVerdict
from domain.leeway import UNKNOWN, Leeway
from domain.panel import MaturityCurve, Panel
from domain.snapshot import Snapshot
from estimators import maturity
from estimators.response import Response, fit
from twin.brains import HALF_HOUR, Runs, Setting
from twin.ledger import Ledger
from twin.leeway import leeway_of
from twin.readings import Readings
from twin.tree import AB_TEST, is_on
from twin.watch import Watcher

_AT_HOUR: Final = 4
_TESTS_EVERY: Final = timedelta(hours=6)
_AGAIN: Final = timedelta(hours=1)
_STANDS: Final = timedelta(hours=6)  # a plan, as in production
_KEPT_BACK: Final = frozenset({"hysteresis", "hands_off", "one_open_action"})
_COHORT_DAYS: Final = 40
_ENDED: Final = frozenset({TestState.CLAIMED, TestState.PICKED, TestState.EQUIVALENT, TestState.UNDECIDED})


@dataclass(slots=True, kw_only=True)
class _Test:
    """A test under way: its plan, what is known, up to which hour that goes."""

    plan: Plan
    state: State
    begun_hour: int
    seen_hour: int
    verdict: TestVerdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """What the daily modules say of an account."""

    roas: RoasEvidence
    stages: tuple[AdStage, ...]
    responses: Mapping[ObjectKind, Response]

    def steps(
        self, snapshot: Snapshot, policy: MaturedPolicy, wishes: AccountLimits, account_cap_minor: int | None,
        leeway: Leeway = UNKNOWN,
    ) -> AllocationPlan:  # fmt: skip
        """Budget steps on it."""
        room = Room(account_daily_minor=account_cap_minor)
        return allocate(snapshot, policy, wishes, self.roas, self.responses, room=room, leeway=leeway)


def assess(
    panels: tuple[Panel, Panel, Panel], curve: MaturityCurve, policy: MaturedPolicy, *, account_id: str, now: datetime
) -> Assessed:
    """Estimate from the panels of ads, ad sets and campaigns what the daily modules do."""
    ads, ad_sets, campaigns = panels
    found = estimate_panels(ads, ad_sets, campaigns, account_id=account_id, curve=curve, policy=policy)
    responses = {
        panel.kind: fit(panel, curve, found.frames[panel.kind], half_life_days=policy.half_life_days)
        for panel in (ad_sets, campaigns)
    }
    return Assessed(
        roas=RoasEvidence(made_at=now, frames=found.frames), stages=stages(ads, policy).tired(), responses=responses
    )  # fmt: skip


def _kept_back(plan: AllocationPlan) -> tuple[Finding, ...]:
    """What of a plan waits, and what was not planned since it would have to; but for the rest of every budget."""
    return tuple(row for row in plan.findings if row.evidence.get("blocked_by") in _KEPT_BACK) + tuple(
        row for row in plan.fitted.waits if row.evidence["blocked_by"] not in _KEPT_BACK
    )


@dataclass(slots=True, kw_only=True)
class Matured:
    """Modules 4, 5, 6, 9, 11 and 13 on one account."""

    setting: Setting
    every: timedelta = HALF_HOUR
    incident: str | None = None
    policy: MaturedPolicy = field(default_factory=MaturedPolicy)
    evidence: Evidence = field(default_factory=Evidence)
    ledger: Ledger | None = None  # what was changed, which explains anomalies
    waited: Counter[str] = field(default_factory=Counter)  # wishes kept back, every time, by guardrail
    _assessed: Assessed | None = None
    _planned_at: datetime | None = None
    _watcher: Watcher | None = None
    _daily_on: int = 0
    _looked_at: datetime | None = None
    _asked_at: datetime | None = None
    _tests: dict[str, _Test] = field(default_factory=dict)

    def want(self, readings: Readings) -> Runs:
        """Renew what is due, then ask the rules if there is news, or something is still wanted.

        What of the last plan waited is asked for in one run with the rules, as by the full cycle. A new plan is a run
        apart, of which what the rules have just taken up is held back until they are asked again.
        """
        now = readings.now
        is_daily = False
        is_new = self._watch(readings) | self._look(readings)
        local = now.astimezone(readings.account.calendar.zone)
        if local.hour >= _AT_HOUR and self._daily_on != readings.today:
            self._daily_on, is_new, is_daily = readings.today, True, True
            self._assess(readings)
        if not is_new and (self._asked_at is None or now - self._asked_at < _AGAIN):
            return ()
        policy = self.policy
        snapshot = readings.snapshot(window_days=policy.window_days, spike_hours=policy.spike_hours)
        leeway = UNKNOWN if self.ledger is None else leeway_of(readings, snapshot, self.setting, self.ledger)
        if self._planned_at is not None and (is_daily or now - self._planned_at > _STANDS):
            self.evidence = replace(self.evidence, steps=())
        evidence = replace(self.evidence, leeway=leeway)
        decided = decide(snapshot, policy, self.setting.wishes, HALF_HOUR, evidence)
        self.waited += waiting_by_guard(decided.waits)
        self._asked_at = now if decided.proposals or decided.waits else None
        if not is_daily:
            return (decided.proposals,)
        return decided.proposals, self._steps(snapshot, leeway if decided.fitted is None else after(decided.fitted))

    def _assess(self, readings: Readings) -> None:
        """Modules 5 and 13."""
        policy = self.policy
        kinds = (ObjectKind.AD, ObjectKind.AD_SET, ObjectKind.CAMPAIGN)
        ads, ad_sets, campaigns = (readings.panel(kind, policy.history_days) for kind in kinds)
        found = assess(
            (ads, ad_sets, campaigns), _curve(readings), policy, account_id=readings.account.id, now=readings.now
        )  # fmt: skip
        self._assessed = found
        self.evidence = replace(self.evidence, roas=found.roas, stages=found.stages)

    def _steps(self, snapshot: Snapshot, leeway: Leeway) -> tuple[Proposal, ...]:
        """Module 6; what of its plan waits stands for some hours."""
        if self._assessed is None:
            return ()
        setting = self.setting
        plan = self._assessed.steps(snapshot, self.policy, setting.wishes, setting.caps.account_minor, leeway)
        self.waited += waiting_by_guard(_kept_back(plan))
        waits = {(row.object_kind, row.object_id): row for row in plan.fitted.waits}
        steps = tuple(
            PlannedStep(
                object_kind=row.object_kind, object_id=row.object_id, budget_minor=row.budget_minor,
                target_minor=row.target_minor, words=found.words, evidence=found.evidence,
            )
            for row in plan.planned
            if (found := waits.get((row.object_kind, row.object_id))) is not None
        )  # fmt: skip
        self._planned_at, self.evidence = snapshot.now, replace(self.evidence, steps=steps)
        self._asked_at = snapshot.now if steps else self._asked_at
        return plan.proposals

    def _watch(self, readings: Readings) -> bool:
        """Module 9, as every five minutes in production: look at the hours that are complete."""
        if self._watcher is None:
            self._watcher = Watcher(fdr=self.policy.spike_fdr)
        if self._watcher.seen_hour == readings.account.market.next_hour:
            return False
        is_new = self._watcher.look(readings, self.ledger)
        incident = self._watcher.incident
        self.incident = None if incident is None else incident.words
        told = tuple(sorted(self._watcher.open.values(), key=lambda row: row.id))
        is_new |= self.incident != self.evidence.incident
        self.evidence = replace(self.evidence, anomalies=told, incident=self.incident)
        return is_new

    def _look(self, readings: Readings) -> bool:
        """Module 4 every six hours: look at every ad set that is labelled a test."""
        now = readings.now
        if self._looked_at is not None and now - self._looked_at < _TESTS_EVERY:
            return False
        self._looked_at = now
        self._begin_tests(readings)
        for test in self._tests.values():
            if test.verdict is None or test.verdict.state not in _ENDED:
                _look_at(readings, test)
        told = tuple(test.verdict for test in self._tests.values() if test.verdict is not None)
        changed = told != self.evidence.tests
        self.evidence = replace(self.evidence, tests=told)
        return changed

    def _begin_tests(self, readings: Readings) -> None:
        hour, policy = readings.account.market.next_hour, self.policy
        for ad_set in readings.tree.ad_sets:
            arms = tuple(sorted(ad.id for ad in ad_set.children if is_on(ad)))
            if ad_set.id in self._tests or AB_TEST not in ad_set.labels or len(arms) < 2:  # noqa: PLR2004 - a comparison
                continue
            plan = experiments.plan_of_label(policy, experiment_id=len(self._tests) + 1, ad_set_id=ad_set.id, arms=arms)
            self._tests[ad_set.id] = _Test(plan=plan, state=State.empty(len(arms)), begun_hour=hour, seen_hour=hour)


def _look_at(readings: Readings, test: _Test) -> None:
    """Fold the hours since the last look, and say what they mean."""
    end = readings.account.market.next_hour
    if end <= test.seen_hour:
        return
    rows = [row for row, ad in enumerate(readings.tree.ads) if ad.id in test.plan.arms]
    spend, clicks, impressions, bought = readings.ad_hours(test.seen_hour, end, rows)
    hours = np.arange(test.seen_hour, end)
    strata = Strata(
        day=(hours - test.begun_hour) // 24, events=clicks, exposures=impressions, spend_minor=spend, purchases=bought
    )  # fmt: skip
    days = (end - test.begun_hour) / 24
    folded = experiments.fold(test.state, strata)
    test.state = experiments.advance(test.plan, folded, days=days)
    test.seen_hour = end
    test.verdict = experiments.look(test.plan, test.state, days=days)


def _curve(readings: Readings) -> MaturityCurve:
    """Learn the account's maturity from the last cohorts, each as far as it has been seen."""
    arrived = readings.arrivals(_COHORT_DAYS)
    merged = arrived.copy()
    merged[:, 1] += merged[:, 0]
    merged[:, 0] = 0
    seen = np.minimum(np.arange(_COHORT_DAYS, 0, -1) - 1, maturity.LAST_AGE)
    return maturity.learn(merged, np.where(seen > 1, seen, 0))
