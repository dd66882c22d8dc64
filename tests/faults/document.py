"""Draws docs/guarantees.md from a run. Nothing is run here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tests.faults.guarantee import Outcome
from tests.faults.running import Result, Run
from tests.faults.survived import ROWS

_NOT_PROMISED = (
    (
        "Exactly once. A platform without idempotency keys allows at most once; what stayed without"
        " an answer and is not"
        " seen after its quarantine is recorded as not applied, is never sent again, and is left to the next cycle."
    ),
    "Undoing spend. What was spent while a change stood is spent.",
    (
        "That an edit by a person that lands between our last reading and our write is never"
        " overwritten. It is detected"
        " afterwards and flagged; the span is measured and printed."
    ),
    "That a request in doubt does not land after a stop. It is listed, looked for, and whatever it creates is paused.",
    (
        "Spend below the daily budget on each single day. Meta treats it as an average: up to 75 %"
        " more on a day, which is"
        " why caps are reckoned with 1.75 times the budget."
    ),
    (
        "That a platform commits nothing later than the quarantine we wait. A later commit is an"
        " orphan: paused, found by"
        " the hourly sweep, never active."
    ),
    (
        "Anything against whoever holds the superuser of Postgres: the audit's chain shows their edits,"
        " it cannot stop them."
    ),
    "Absence of faults. Experiments refute; they do not prove. An upper bound holds for the faults that were drawn.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """When and on what the run was."""

    at: datetime
    commit: str
    full: bool
    seed: int


def bound(outcome: Outcome) -> str:
    """The 95 % upper bound in words."""
    if outcome.violations:
        return "-"
    if outcome.is_enumerated:
        return "enumerated"
    return "nothing tried" if outcome.upper_bound is None else f"{outcome.upper_bound:.3%}"


def draw(results: Iterable[Result], form: Form, broken: Mapping[str, str]) -> str:
    """The whole document."""
    held = tuple(results)
    command = "make guarantees TRIALS=full" if form.full else "make guarantees"
    lines = [
        "# What Stakazo guarantees",
        "",
        (
            "Each promise below has one place that enforces it and an experiment that could refute"
            " it. This page is drawn"
            " from a run of those experiments; do not edit it. The judge is the platform's own log, never our tables,"
            " unless a line says otherwise. Before each experiment runs, it runs on weakened"
            " variants of the same code: it"
            " must catch every one of them, or it would prove nothing."
        ),
        "",
        (
            f"`{command}` on {form.at:%Y-%m-%d %H:%M} UTC, commit {form.commit},"
            f" {'full' if form.full else 'short'} form, seed {form.seed}."
        ),
        "",
        "| guarantee | trials | violations | 95 % upper bound | weaker variants caught | seconds |",
        "|---|---:|---:|---:|---:|---:|",
        *(_row(result) for result in held),
        "",
        (
            "*Enumerated*: every case of a finite space was tried, so there is no rate to bound."
            " Otherwise 0 violations in"
            " n trials bound the true rate by 1 - 0.05^(1/n)."
        ),
        "",
    ]
    for result in held:
        lines += _section(result)
    if broken:
        lines += ["## Experiments that could not be read", "", *(f"- `{name}`: {why}" for name, why in broken.items())]
        lines.append("")
    lines += _survived()
    lines += ["## What cannot be promised", "", *(f"- {text}" for text in _NOT_PROMISED)]
    return "\n".join(lines) + "\n"


def _survived() -> list[str]:
    rows = (f"| {row.fault} | {row.outcome} | {', '.join(map(_shown, row.shown_by))} |" for row in ROWS)
    return ["## Faults to survive", "", "| fault | what is left of it | shown by |", "|---|---|---|", *rows, ""]


def _shown(name: str) -> str:
    return f"[{name}](#{name.lower()})" if name.startswith("I-") else f"`{name.rpartition('/')[2]}`"


def _row(result: Result) -> str:
    caught = sum(bool(run.outcome.violations) for run in result.weaker.values())
    outcome = result.run.outcome
    told = "broke down" if result.run.error else bound(outcome)
    return (
        f"| [{result.guarantee.id}](#{result.guarantee.id.lower()}) | {outcome.trials} | {len(outcome.violations)} |"
        f" {told} | {caught} of {len(result.weaker)} | {result.seconds:.0f} |"
    )


def _section(result: Result) -> list[str]:
    held, outcome = result.guarantee, result.run.outcome
    lines = [
        f"## {held.id}",
        "",
        held.statement,
        "",
        f"- Enforced at: `{held.enforced_at}`",
        f"- Refuted by: {held.refuted_by}",
        f"- Judge: {held.judge}",
        f"- Found: {_found(result.run)}",
    ]
    lines += [f"- Weaker variant, {name}: {_found(run)}" for name, run in result.weaker.items()]
    told = {name: value for name, value in outcome.figures.items() if name != "enumerated"}
    if told:
        lines.append(f"- Figures: {'; '.join(f'{name} {_figure(value)}' for name, value in told.items())}")
    lines += [f"- **Missed aim:** {aim}" for aim in outcome.missed_aims]
    if held.not_promised:
        lines.append(f"- Not promised: {held.not_promised}")
    lines += [f"- **Fault:** {fault}" for fault in result.faults[:10]]
    return [*lines, ""]


def _found(run: Run) -> str:
    if run.error:
        return f"it broke down ({run.error})"
    trials, count = run.outcome.trials, len(run.outcome.violations)
    share = "" if count else f" ({'enumerated' if run.outcome.is_enumerated else 'upper bound ' + bound(run.outcome)})"
    return f"{count} violation{'' if count == 1 else 's'} in {trials} trials{share}"


def _figure(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"
