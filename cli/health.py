"""`stakazo health`: how every module is and why, from evidence gathered at this very moment."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from cli.console import AsJson, ago, instant, out, print_facts, print_json, print_table, safe
from cli.session import actor, opened, reading
from cli.watching import EVERY_S, Watch, WatchEvery, show
from control_tower import health as tower_health
from control_tower.evidence import Evidence, Unknown
from control_tower.health import Checked, Sources
from control_tower.judging import ModuleHealth, Standing, SystemHealth
from domain import catalogue
from domain.catalogue import Pair
from domain.errors import BadInputError
from domain.health import ModuleStatus, SystemStatus
from models import status_spans
from models.status_spans import StatusSpan
from workers.health import sources_of

_Now = Annotated[bool, typer.Option("--now", help="Check in full and write it down, as the hourly check does.")]
_Modules = Annotated[
    list[str] | None,
    typer.Option("--module", "-m", metavar="MODULE", help="Only this one, in detail; may be repeated."),
]
_Platform = Annotated[str | None, typer.Option(help="Only this platform: meta, tiktok, linkedin.")]
_SHOWN_REASONS = 8  # of the house, where nobody asked for detail


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("health")(health)


def health(
    *,
    now: _Now = False,
    module: _Modules = None,
    platform: _Platform = None,
    as_json: AsJson = False,
    watch: Watch = False,
    every: WatchEvery = EVERY_S,
) -> None:
    """Show how every module is, and why: judged from evidence at this very look; what cannot be seen is unknown.

    Exit status 0 if the system is healthy, or the modules named are online; else 1. Planned modules are listed and do
    not count.

    Example: stakazo health --module meta.full_cycle
    """
    if now and watch:
        raise BadInputError("--now writes a check down, --watch looks again and again: use one of them")
    wanted = _wanted(module, platform)
    with opened() as house:
        sources = sources_of(house)

        def see() -> bool:
            checked = _look(sources, write=now)
            chosen = [row for row in checked.modules if row.pair.slug in wanted]
            system = checked.system if platform is None else checked.of_platform.get(platform, checked.system)
            since = _since(sources, checked)
            if as_json:
                print_json(_document(checked, system, chosen, since))
            else:
                _print(checked, system, chosen, since, in_detail=bool(module))
            return _is_well(system, chosen if module else ())

        show(see, is_watched=watch, as_json=as_json, every_s=every)


def _wanted(module: Sequence[str] | None, platform: str | None) -> frozenset[str]:
    only = None if platform is None else catalogue.platform(platform)
    named = [catalogue.pair(slug).slug for slug in module] if module else [pair.slug for pair in catalogue.WATCHED]
    known = {pair.slug for pair in catalogue.WATCHED if only in (None, pair.platform)}
    if not known & set(named):
        raise BadInputError(f"{', '.join(named)}: none of it is watched on that platform; `stakazo modules` lists them")
    return frozenset(known & set(named))


def _look(sources: Sources, *, write: bool) -> Checked:
    if not write:
        return tower_health.judged(sources)
    with reading():
        return tower_health.check(sources, executed_by=actor())


def _since(sources: Sources, checked: Checked) -> Mapping[str, StatusSpan]:
    """Since when all is as it is, as far as the tower has noted it."""
    if isinstance(checked.evidence.database, Unknown):
        return {}
    with reading(), sources.engine.begin() as conn:
        return status_spans.current(conn)


def _is_well(system: SystemHealth, named: Sequence[ModuleHealth]) -> bool:
    if named:
        return all(row.status is ModuleStatus.ONLINE or not row.counts for row in named)
    return system.status is SystemStatus.HEALTHY


def _document(
    checked: Checked, system: SystemHealth, chosen: Sequence[ModuleHealth], since: Mapping[str, StatusSpan]
) -> dict[str, object]:
    return {
        "ok": _is_well(system, ()),
        "checked_at": checked.evidence.at,
        "took_ms": checked.took_ms,
        "run_ids": {platform: str(run_id) for platform, run_id in checked.run_ids.items()},
        "system": {**_fields(system), "since": _from(since, status_spans.SYSTEM, str(system.status))},
        "modules": [{**_module(row), "since": _from(since, row.pair.slug, row.word)} for row in chosen],
        "unknown_sources": _unknown(checked.evidence),
    }


def _fields(value: SystemHealth) -> dict[str, object]:
    return {name: getattr(value, name) for name in SystemHealth.__dataclass_fields__}


def _module(row: ModuleHealth) -> dict[str, object]:
    told = {name: getattr(row, name) for name in ModuleHealth.__dataclass_fields__ if name != "pair"}
    head = {"id": row.pair.id, "slug": row.pair.slug, "title": row.pair.module.title, "word": row.word}
    return {**head, **told}


def _from(since: Mapping[str, StatusSpan], scope: str, word: str) -> object:
    """Since when it is so; None where the last look of the tower saw it otherwise."""
    held = since.get(scope)
    return held.since if held is not None and held.status == word else None


def _unknown(evidence: Evidence) -> dict[str, str]:
    found = {name: getattr(evidence, name) for name in Evidence.__dataclass_fields__ if name != "business"}
    return {name: value.why for name, value in found.items() if isinstance(value, Unknown)}


def _print(
    checked: Checked,
    system: SystemHealth,
    chosen: Sequence[ModuleHealth],
    since: Mapping[str, StatusSpan],
    *,
    in_detail: bool,
) -> None:
    held = since.get(status_spans.SYSTEM)
    at = checked.evidence.at
    lasts = f" since {ago(held.since, at)}" if held is not None and held.status == system.status else ""
    out.print(
        f"{system.status.replace('_', ' ').upper()}{lasts}: {system.online} online, {system.degraded} degraded"
        f" ({system.unknown} of them unknown), {system.offline} offline, {system.stopped} stopped,"
        f" {system.planned} planned; looked at in {checked.took_ms} ms",
        markup=False,
    )
    if not in_detail:
        for text in system.reasons[:_SHOWN_REASONS]:
            out.print(f"  {safe(text)}", markup=False)
        if len(system.reasons) > _SHOWN_REASONS:
            out.print(f"  and {len(system.reasons) - _SHOWN_REASONS} more; --json lists all", markup=False)
    shown = [row for row in chosen if in_detail or row.standing is not Standing.PLANNED]
    columns = ("id", "module", "status", "ok", "avg", "errors", "calls", "last success", "next", "why")
    print_table("Modules", columns, [_line(row) for row in shown], empty="none is built")
    planned = [row.pair for row in chosen if row.standing is Standing.PLANNED]
    if planned and not in_detail:
        out.print(f"Planned: {_ranges(planned)}", markup=False)
    if in_detail:
        for row in shown:
            _print_detail(row)


def _ranges(pairs: Sequence[Pair]) -> str:
    """Such as "10.1, 10.3-10.6, 11.1-11.17": neighbours in the catalogue's order joined."""
    runs: list[list[Pair]] = []
    for pair in pairs:
        last = runs[-1][-1] if runs else None
        is_next = last is not None and last.platform is pair.platform and pair.module.number == last.module.number + 1
        if is_next:
            runs[-1].append(pair)
        else:
            runs.append([pair])
    return ", ".join(run[0].id if len(run) == 1 else f"{run[0].id}-{run[-1].id}" for run in runs)


def _line(row: ModuleHealth) -> tuple[object, ...]:
    return (
        row.pair.id,
        row.pair.slug,
        row.word.upper() if row.status is ModuleStatus.OFFLINE else row.word,
        "?" if row.success_rate is None else f"{row.success_rate:.0%}",
        "?" if row.avg_execution_ms is None else f"{row.avg_execution_ms / 1000:.1f} s",
        "?" if row.error_count_24h is None else row.error_count_24h,
        "?" if row.api_calls_24h is None else row.api_calls_24h,
        "?" if row.last_success_at is None else f"{row.last_success_at:%m-%d %H:%M}Z",
        "?" if row.next_run_at is None else f"{row.next_run_at:%H:%M}Z",
        row.stopped_by or (row.reasons[0].text if row.reasons else ""),
    )


def _print_detail(row: ModuleHealth) -> None:
    rows = [(reason.status, reason.name, reason.text) for reason in row.reasons]
    print_table(
        f"{row.pair.slug}: why", ("status", "what", "finding"), rows, empty=row.stopped_by or "nothing is found"
    )
    age = row.success_age_intervals
    facts = (
        (
            "scheduler / database / API",
            " / ".join(map(_yes, (row.is_scheduler_running, row.is_db_healthy, row.is_api_healthy))),
        ),
        ("last run", instant(row.last_run_at)),
        ("last success", f"{instant(row.last_success_at)}{'' if age is None else f', {age:.1f} intervals ago'}"),
        ("missed slots", "?" if row.missed_slots is None else row.missed_slots),
        ("last error", f"{instant(row.last_error_at)} {row.last_error}" if row.last_error else "none"),
        ("worker", row.worker or "none yet"),
        ("its memory, CPU, connections", _worker(row)),
    )
    print_facts(row.pair.slug, facts)


def _worker(row: ModuleHealth) -> str:
    memory = "?" if row.memory_mb is None else f"{row.memory_mb:.0f} MB"
    cpu = "?" if row.cpu_pct is None else f"{row.cpu_pct:.0f} %"
    return f"{memory}, {cpu}, {'?' if row.db_connections is None else row.db_connections}"


def _yes(value: bool | None) -> str:
    return "unknown" if value is None else "well" if value else "NOT WELL"
