"""Module 9 in the twin: every complete hour of ad sets and of the account, judged as production judges them."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from decisions import incident_mode
from decisions.anomalies import observe
from decisions.anomaly_values import Told, Usual
from decisions.anomaly_watch import HourFigures, Watch, begin, share_arrived
from decisions.anomaly_words import describe
from decisions.incident_mode import Incident
from domain.actions import ObjectKind
from domain.evidence import Anomaly
from domain.snapshot import Bools, Ints
from twin.ledger import Ledger
from twin.readings import Readings
from twin.tree import switches

_KINDS: Final = (ObjectKind.AD_SET, ObjectKind.ACCOUNT)  # production watches campaigns, too: a third of the time
_HOUR: Final = timedelta(hours=1)
_CHANGED_WITHIN: Final = timedelta(hours=24)


@dataclass(slots=True, kw_only=True)
class Watcher:
    """What is usual of one account, what is open, and the incident under way."""

    fdr: float
    seen_hour: int = 0
    incident: Incident | None = None
    open: dict[tuple[str, str], Anomaly] = field(default_factory=dict)
    _watches: dict[ObjectKind, Watch] = field(default_factory=lambda: {kind: begin(kind) for kind in _KINDS})
    _ids: int = 0

    def look(self, readings: Readings, ledger: Ledger | None) -> bool:
        """See the hours that are complete since the last look; say whether anything opened or closed."""
        end = readings.account.market.next_hour
        before = set(self.open)
        for hour in range(self.seen_hour or end - 1, end):
            self._see(readings, hour, ledger)
        self.seen_hour = end
        return set(self.open) != before

    def _see(self, readings: Readings, hour: int, ledger: Ledger | None) -> None:
        at = datetime.fromtimestamp(readings.account.calendar.start_of(hour), UTC)
        figures = _figures(readings, hour, at)
        changed = {} if ledger is None else _changed(ledger, at)
        held, is_lasting = incident_mode.held(self.incident, at), incident_mode.is_lasting(self.incident, at)
        told: list[Told] = []
        usual, beneath = Usual(), None
        for kind in _KINDS:
            self._watches[kind], seen = observe(
                self._watches[kind], figures[kind], fdr=self.fdr / len(_KINDS), changed=changed, held=held,
                beneath=beneath, is_lasting=is_lasting,
            )  # fmt: skip
            beneath = beneath or seen.shared
            told += [*seen.opened, *seen.open]
            usual = seen.expected if kind is ObjectKind.ACCOUNT else usual
            for key in seen.closed:
                self.open.pop(key, None)
            self._note((*seen.opened, *seen.open), readings.account.spec.currency)
        self.incident = incident_mode.advance(self.incident, told, at=at, expected_hour_minor=usual.spend_minor)

    def _note(self, told: tuple[Told, ...], currency: str) -> None:
        for row in told:
            held = self.open.get((row.object_id, row.metric))
            self._ids += held is None
            self.open[row.object_id, row.metric] = Anomaly(
                id=held.id if held else self._ids, object_kind=row.object_kind, object_id=row.object_id,
                metric=row.metric, is_up=row.is_up, cause=row.cause, since=row.since, expected=row.expected,
                seen=row.seen, q_value=row.q_value, words=describe(row, currency), evidence=row.counts,
            )  # fmt: skip


def _figures(readings: Readings, hour: int, at: datetime) -> dict[ObjectKind, HourFigures]:
    tree = readings.tree
    found = readings.hourly(hour, hour + 1)
    local = at.astimezone(readings.account.calendar.zone)
    live = switches(tree.ad_sets) & np.append(switches(tree.campaigns), values=False)[tree.campaign_of_set]
    age_h = (readings.now - at - _HOUR / 2) / _HOUR
    base = HourFigures(
        kind=ObjectKind.AD_SET, object_id=tree.ids[ObjectKind.AD_SET].astype(str),
        root=np.array([node.parent.id if node.parent else "" for node in tree.ad_sets]), at=at,
        hour_of_week=local.weekday() * 24 + local.hour, maturity=share_arrived(max(age_h, 0.25)), is_live=live,
        daily_budget_minor=np.array([node.daily_budget or -1 for node in tree.ad_sets], np.int64),
        impressions=found.impressions[:, 0], clicks=found.clicks[:, 0], spend_minor=found.spend_minor[:, 0],
        purchases=found.purchases[:, 0],
    )  # fmt: skip
    account = np.array([readings.account.id])
    return {
        ObjectKind.AD_SET: base,
        ObjectKind.ACCOUNT: replace(
            _summed(base, np.zeros(len(base.root), np.int64), 1), kind=ObjectKind.ACCOUNT, object_id=account,
            root=account, daily_budget_minor=np.array([readings.tree.running_minor()]),
        ),
    }  # fmt: skip


def _summed(base: HourFigures, rows: Ints, size: int) -> HourFigures:
    def total(values: Ints | Bools) -> Ints:
        return np.bincount(rows, weights=values, minlength=size).astype(np.int64)

    return replace(
        base, impressions=total(base.impressions), clicks=total(base.clicks), spend_minor=total(base.spend_minor),
        purchases=total(base.purchases), is_live=total(base.is_live) > 0,
    )  # fmt: skip


def _changed(ledger: Ledger, at: datetime) -> dict[str, str]:
    """What was changed before an hour, by us or by a person, in words."""
    found = {key: "a person's edit" for key, until in ledger.hands_off.items() if until > at}
    for row in reversed(ledger.edits):
        if at - row.at > _CHANGED_WITHIN:
            break
        found[row.key[1]] = f"{row.kind.replace('_', ' ')} of ours"
    return found
