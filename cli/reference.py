"""Reference pages that are drawn from the code's own tables, so that they cannot disagree: `make docs` writes them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from actions import steps
from actions.guardrails import GUARDRAILS
from beat_schedule import build, build_control
from control_tower.alerting import PATIENT
from control_tower.thresholds import TABLE
from domain import catalogue
from domain.actions import TERMINAL, TRANSITIONS, ActionState
from domain.alerts import ALERT_KINDS
from domain.catalogue import PAIRS
from domain.modules import MODULES, Cycle
from domain.platforms import PLATFORMS

if TYPE_CHECKING:
    from sandbox.dialects import DialectRow

_HOUR_S = 3600
_SEEN: Final = Path(__file__).parents[1] / "tests" / "conformance" / "seen.json"  # absent outside a checkout


def register(app: typer.Typer) -> None:
    """Add the command, hidden: it is for `make docs`."""
    app.command("reference", hidden=True)(write)


def write(folder: Annotated[Path, typer.Argument(help="Where the pages go.")] = Path("docs/reference")) -> None:
    """Write every reference page."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in pages().items():
        (folder / name).write_text(page(), encoding="utf-8")


def modules_page() -> str:
    """Every module, its cycles, and on which platforms they are built."""
    rows = [
        (
            module.number,
            module.title,
            module.role,
            cycle.name,
            _every(cycle),
            ", ".join(cycle.after),
            *_built(cycle),
            module.job,
        )
        for module in MODULES
        for cycle in module.cycles
    ]
    heads = ("no.", "module", "role", "cycle", "cadence", "after", *(row.title for row in PLATFORMS), "its job")
    queues = [(lane, ", ".join(catalogue.queues(lane))) for lane in catalogue.lanes()]
    beat = [
        (name, f"{entry['schedule'].run_every.total_seconds():g} s")
        for name, entry in sorted({**build(catalogue.RHYTHMS, {}, 1.0), **build_control()}.items())
    ]
    return _page(
        "Modules, cycles and queues",
        "domain/modules.py and domain/platforms.py",
        f"{len(PAIRS)} pairs of module and platform. *Planned* pairs are listed, with no queue, beat entry or health.",
        _table(heads, rows),
        "Lanes: queues that share workers.",
        _table(("lane", "queues"), queues),
        "What beat knocks at, at speed 1. A knock is not a slot (docs/adr/0003).",
        _table(("entry", "every"), beat),
    )


def door_page() -> str:
    """How an action goes through the door: its states, the guardrails in order, the steps of a send."""
    moves = [
        (before, ", ".join(sorted(after for left, after in TRANSITIONS if left is before))) for before in ActionState
    ]
    moves = [(before, after or "(terminal)") for before, after in moves if after or before in TERMINAL]
    rails = [(rail.slug, (rail.judge.__doc__ or "").splitlines()[0]) for rail in GUARDRAILS]
    return _page(
        "The door",
        "domain/actions.py, actions/guardrails/ and actions/steps.py",
        "Legal steps of an action. A trigger in Postgres enforces the same pairs.",
        _table(("from", "to"), moves),
        "Guardrails in the order in which they judge, once when proposed and once more when sent.",
        _table(("guardrail", "what it does"), rails),
        "Named steps of a send. `make kill-matrix` kills the executor behind each of them.",
        _table(("step", "what is true there"), list(steps.MEANINGS.items())),
    )


def scenario_page() -> str:
    """Every key of a scenario file: what it means, its bounds, its default and its source."""
    from cli.reference_scenario import parts  # late: only this page needs the sandbox

    return _page("Scenario files", "sandbox/scenario.py and the files beside it", *parts(_table))


def dialect_page(row: "DialectRow") -> str:
    """Every call that a dialect of the sandbox answers, who was seen to use it, and its limits."""
    from sandbox.dialects import draw_page  # late: only these pages need the sandbox

    title, parts = draw_page(row, _table, _SEEN)
    return _page(title, f"the rows of sandbox/{row.name}/", *parts)


def alerts_page() -> str:
    """Every kind of alert: how bad, how long it must last, what to do; and the limits that they go by."""
    kinds = [
        (row.slug, row.severity.word, row.title, "state" if row.holds else "event", _patience(row.slug), row.advice)
        for row in ALERT_KINDS
    ]
    limits = [(row.name, row.unit, _limit(row.degraded), _limit(row.offline), row.source) for row in TABLE.values()]
    return _page(
        "Alerts and limits",
        "domain/alerts.py, control_tower/alerting.py and control_tower/thresholds.py",
        "A *state* is open while it holds and ends by itself; an *event* is told once and counted for an hour. What may"
        " pass by itself must last for so many seconds before it is told.",
        _table(("kind", "severity", "what", "is a", "lasts s", "what to do"), kinds),
        "The limits of status and alerts. A figure *past* its limit counts.",
        _table(("figure", "unit", "degraded", "offline", "source"), limits),
    )


def pages() -> Mapping[str, Callable[[], str]]:
    """Return who draws each page, by its file's name."""
    from sandbox.dialects import DIALECTS  # late, as above

    fixed: dict[str, Callable[[], str]] = {
        "modules.md": modules_page, "door.md": door_page, "scenario.md": scenario_page, "alerts.md": alerts_page
    }  # fmt: skip
    return fixed | {f"{row.name}_sandbox.md": partial(dialect_page, row) for row in DIALECTS if row.page}


def _built(cycle: Cycle) -> tuple[str, ...]:
    return tuple("built" if row.slug in cycle.built_on else "planned" for row in PLATFORMS)


def _patience(slug: str) -> str:
    return f"{PATIENT[slug]:g}" if slug in PATIENT else ""


def _limit(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _every(cycle: Cycle) -> str:
    seconds = int(cycle.every.total_seconds())
    return f"{seconds // _HOUR_S} h" if seconds % _HOUR_S == 0 else f"{seconds // 60} min"


def _page(title: str, source: str, *parts: str) -> str:
    return "\n\n".join((f"# {title}", f"Drawn from {source} by `make docs`; do not edit.", *parts)) + "\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(str(value) for value in line) + " |" for line in lines)
