"""What real time writes down: spans and objects as plain JSON, findings for `why`, warnings for the tower's alerts."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from decisions.pacing import Pace, SpanPace
from decisions.protection import Protection, Seen
from domain.actions import Json, ObjectKind
from domain.evidence import Finding
from estimators.day_pace import pace_objects

RUNAWAY, PACE_OFF = "runaway_spend", "pace_off"  # kinds of alert (domain/alerts.py)
SHOWN: Final = 50
_MONTH_SAYS_FROM: Final = 5  # the day of a month from which its pace is worth an alert


def span_row(span: SpanPace) -> dict[str, Json]:
    """A span as it is kept and shown."""
    return {
        "span": span.name,
        "begins_on": str(span.begins_on),
        "ends_on": str(span.ends_on),
        "target_minor": span.target_minor,
        "spent_minor": span.spent_minor,
        "expected_minor": span.expected_minor,
        "projected_minor": span.projected_minor,
        "low_minor": span.low_minor,
        "high_minor": span.high_minor,
        "pace": str(span.pace),
        "words": span.words,
    }


def objects_beside_pace(seen: Seen) -> list[dict[str, Json]]:
    """Objects whose day will end beside their budgets, by how much money that is about; at most 50."""
    rows = seen.carriers
    if not len(rows):
        return []
    paces = pace_objects(rows.spent_minor, rows.top_budget_minor, seen.elapsed)
    off = np.flatnonzero(paces.is_over | paces.is_under)
    order = off[np.argsort(-np.abs(paces.projected_minor[off] - rows.top_budget_minor[off]), kind="stable")][:SHOWN]
    return [
        {
            "kind": str(rows.kind[row]),
            "id": str(rows.object_id[row]),
            "name": str(rows.name[row]),
            "daily_budget_minor": int(rows.budget_minor[row]),
            "spent_minor": int(rows.spent_minor[row]),
            "projected_minor": round(float(paces.projected_minor[row])),
            "low_minor": round(float(paces.low_minor[row])),
            "high_minor": round(float(paces.high_minor[row])),
            "pace": str(Pace.OVER if paces.is_over[row] else Pace.UNDER),
            "words": _object_words(seen, int(row), float(paces.projected_minor[row])),
        }
        for row in map(int, order)
    ]


def warnings_of(spans: Sequence[SpanPace], day_of_month: int) -> list[dict[str, Json]]:
    """What of the account's pace a person should hear: budgets that will not hold, a month that goes unspent."""
    told = []
    for span in spans:
        is_month = span.name == "month"
        is_off = span.pace is Pace.OVER or (is_month and span.pace is Pace.UNDER)
        if is_off and not (is_month and day_of_month < _MONTH_SAYS_FROM):
            told.append({"kind": PACE_OFF, "scope": span.name, "words": span.words})
    return [dict[str, Json](row) for row in told]


def urgent(protection: Protection) -> list[dict[str, Json]]:
    """What runs away, as warnings."""
    return [{"kind": RUNAWAY, "scope": row.scope, "words": row.words} for row in protection.warnings]


def findings_of(
    spans: Sequence[SpanPace], objects: Sequence[Mapping[str, Json]], account_id: str
) -> tuple[Finding, ...]:
    """What `why` shows of the account and of objects beside their pace."""
    day = spans[0]
    own = Finding(
        object_kind=ObjectKind.ACCOUNT,
        object_id=account_id,
        verdict=str(day.pace).replace(" ", "_"),
        words="; ".join(span.words for span in spans),
        evidence={"spans": [span_row(span) for span in spans]},
    )
    beside = (
        Finding(
            object_kind=ObjectKind(str(row["kind"])),
            object_id=str(row["id"]),
            verdict=f"{row['pace']}_pace",
            words=str(row["words"]),
            evidence={name: row[name] for name in ("daily_budget_minor", "spent_minor", "low_minor", "high_minor")},
        )
        for row in objects
    )
    return (own, *beside)


_Rows = Sequence[Mapping[str, Json]]


def gist(spans: _Rows, objects: _Rows, warnings: _Rows) -> object:
    """What must differ before anything is written down again: verdicts, not figures."""
    return (
        [span["pace"] for span in spans],
        sorted((str(row["id"]), str(row["pace"])) for row in objects),
        sorted((str(row["kind"]), str(row["scope"])) for row in warnings),
    )


def _object_words(seen: Seen, row: int, projected: float) -> str:
    rows, amount = seen.carriers, seen.amount
    return (
        f"{amount(int(rows.spent_minor[row]))} of {amount(int(rows.budget_minor[row]))} a day spent,"
        f" likely {amount(round(projected))} at the day's end"
    )
