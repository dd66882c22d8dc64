"""What follows from open anomalies: what overspends is cut, what suddenly does well and pays is raised a little.

While an incident is under way nothing follows: what a platform or a broken tracking does is not put right by budgets.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from scipy import special

from decisions.anomaly_watch import plain
from decisions.break_even import aim_of, order_value_of
from decisions.budget_changes import Frame, at_floor, change_budget, frames, is_free, kind_of, pause
from decisions.policy import AccountLimits, MaturedPolicy
from decisions.steps import lowered, raised
from decisions.wording import ages
from domain.actions import Json, ObjectKind, Priority, Proposal
from domain.evidence import Anomaly, Cause, Evidence
from domain.snapshot import Snapshot

POSITIVE: Final = "anomaly_positive"
NEGATIVE: Final = "anomaly_negative"
PAYS: Final = 0.9  # P(ROAS over what it must reach) from which more traffic is worth more money
STILL_PAYS: Final = 0.8  # from here on overspending is no loss, and left to the allocation
_OVERSPENDS: Final = frozenset({Cause.OWN, Cause.UNEXPLAINED})
_GOOD: Final = frozenset({"ctr", "purchases"})


def decide(
    snapshot: Snapshot, policy: MaturedPolicy, limits: AccountLimits, evidence: Evidence
) -> tuple[Proposal, ...]:
    """Propose for each active object with a budget of its own and an open anomaly; nothing during an incident.

    - *negative*: spend above what is usual (our own doing, or unexplained; 1.75 times is no anomaly), and not known
      to pay: the budget less the policy's step; at the floor a pause, where it is known to lose.
    - *positive*: more clicks or purchases for the same money, and P(ROAS over what it must reach) of 90 %: half a step
      up, at most 10 %.
    """
    if evidence.incident is not None:
        return ()
    return tuple(
        proposal
        for frame in frames(snapshot)
        for row, anomaly in _rows(frame, evidence.anomalies)
        for proposal in _of(snapshot, frame, row, anomaly, policy=policy, limits=limits, evidence=evidence)
    )


def _rows(frame: Frame, anomalies: tuple[Anomaly, ...]) -> Iterator[tuple[int, Anomaly]]:
    """The rows with an anomaly that matters, the gravest of each row only: overspending first."""
    kind = kind_of(frame)
    of = [row for row in anomalies if row.object_kind is kind and (_is_negative(row) or _is_positive(row))]
    gravest: dict[str, Anomaly] = {}
    for anomaly in sorted(of, key=_is_positive):
        gravest.setdefault(anomaly.object_id, anomaly)
    if not gravest:
        return
    wanted = np.isin(plain(frame.id), list(gravest))
    for row in np.flatnonzero(wanted & frame.is_active & is_free(frame) & (frame.daily_budget_minor > 0)).tolist():
        yield row, gravest[str(frame.id[row])]


def _of(
    snapshot: Snapshot, frame: Frame, row: int, anomaly: Anomaly, *, policy: MaturedPolicy, limits: AccountLimits,
    evidence: Evidence,
) -> Iterator[Proposal]:  # fmt: skip
    certainty, must = _certainty(kind_of(frame), str(frame.id[row]), policy, limits, evidence)
    budget, floor = frame.daily_budget_minor[row : row + 1], limits.floor_minor
    body: dict[str, Json] = {
        "anomaly": anomaly.id,
        "metric": anomaly.metric,
        "cause": anomaly.cause.value,
        "expected": round(anomaly.expected, 4),
        "seen": round(anomaly.seen, 4),
        "q_value": anomaly.q_value,
        "threshold": policy.spike_fdr,
        "posterior": {"certainty": None if certainty is None else round(certainty, 4), "must_reach": round(must, 4)},
        **ages(snapshot),
    }
    if _is_positive(anomaly):
        step = min(policy.step / 2, 0.10)
        up = int(raised(budget, step)[0])
        if certainty is not None and certainty >= PAYS and up > budget[0]:
            why = f"{anomaly.words}, and it reaches a ROAS of {must:.2f} with {certainty:.0%}"
            yield change_budget(
                snapshot, frame, row, up, step=step, rule=POSITIVE, priority=Priority.POSITIVE_SPIKE, why=why,
                evidence=body,
            )  # fmt: skip
        return
    if certainty is not None and certainty >= STILL_PAYS:
        return
    down = int(lowered(budget, policy.step, floor)[0])
    if down < budget[0]:
        yield change_budget(
            snapshot, frame, row, down, step=-policy.step, rule=NEGATIVE, priority=Priority.NEGATIVE_SPIKE,
            why=anomaly.words, evidence=body,
        )  # fmt: skip
    elif certainty is not None and 1 - certainty >= policy.pause_certainty:
        why = f"{anomaly.words}{at_floor(snapshot, frame, row, floor)}, and it loses with {1 - certainty:.0%}"
        yield pause(frame, row, rule=NEGATIVE, priority=Priority.NEGATIVE_SPIKE, why=why, evidence=body)


def _is_negative(anomaly: Anomaly) -> bool:
    return anomaly.metric == "spend" and anomaly.is_up and anomaly.cause in _OVERSPENDS


def _is_positive(anomaly: Anomaly) -> bool:
    return anomaly.metric in _GOOD and anomaly.is_up


def _certainty(
    kind: ObjectKind, object_id: str, policy: MaturedPolicy, limits: AccountLimits, evidence: Evidence
) -> tuple[float | None, float]:
    """P(ROAS over what the object must reach), None where the ROAS engine says nothing of it; and what it must."""
    known = evidence.roas.frames if evidence.roas else {}
    must = aim_of(policy, limits, order_value_minor=order_value_of(known)).roas
    frame = known.get(kind)
    if frame is None:
        return None, must
    at = np.flatnonzero(plain(frame.object_id) == object_id)
    if not at.size:
        return None, must
    z = (float(frame.log_median[at[0]]) - float(np.log(must))) / max(float(frame.log_sd[at[0]]), 1e-9)
    return float(special.ndtr(z)), must
