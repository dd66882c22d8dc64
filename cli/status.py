"""`stakazo status`: how the system is and why, what runs, where, since when, and what should and does not."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import typer
from rich.text import Text

from cli.accounts import state_of
from cli.console import AsJson, ago, cell, err, instant, out, print_facts, print_json, print_table, safe, span
from cli.session import opened
from cli.watching import EVERY_S, Watch, WatchEvery, show
from control_tower.judging import ModuleHealth
from domain.actions import IN_FLIGHT, ActionState
from domain.health import SystemStatus
from embedded.runtime import ChildRecord, Runtime
from models.heartbeats import Heartbeat, ProcessKind
from models.stops import Stop
from workers.overview import TOWER_SILENT_S, AccountView, Judged, Overview, Queue, Remembered, look

COLOURS = {
    SystemStatus.HEALTHY: "bold green",
    SystemStatus.DEGRADED: "bold yellow",
    SystemStatus.CRITICAL: "bold red",
    SystemStatus.EMERGENCY_STOP: "bold white on red",
}
_MOST_LINES = 6
_LONGEST_NAME = 28


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(as_json: AsJson = False, watch: Watch = False, every: WatchEvery = EVERY_S) -> None:
    """Show how the system is and why, its modules, accounts, alerts, work, processes and queues.

    Health is judged at this very look. Exit status 1 if something that should live does not, or a fence is closed.
    Examples: stakazo status --watch; stakazo status --json | jq .problems
    """
    with opened() as house:

        def see() -> bool:
            found = look(house)
            if as_json:
                print_json(_document(found))
            else:
                _print(found, is_watched=watch)
            return found.is_well

        show(see, is_watched=watch, as_json=as_json, every_s=every)


def _document(found: Overview) -> dict[str, object]:
    runtime, held, judged = found.runtime, found.remembered, found.judged
    return {
        "ok": found.is_well,
        "problems": found.problems,
        "system": None if judged is None else {**_fields(judged), "since": judged.since},
        "modules": [] if judged is None else [_module(row) for row in judged.modules],
        "supervisor": None if runtime is None else _supervisor(runtime),
        "processes": [_process(child) for child in runtime.children] if runtime else [],
        "external": dict(runtime.external) if runtime else {},
        "accounts": [_account(view) for view in held.accounts] if held else [],
        "stops": held.stops if held else [],
        "incidents": held.incidents if held else [],
        "open_runs": held.open_runs if held else [],
        "actions_by_state": held.actions if held else {},
        "heartbeats": held.heartbeats if held else [],
        "stopped_modules": held.stopped if held else [],
        "queues": found.queues,
    }


def _fields(judged: Judged) -> dict[str, object]:
    system = judged.system
    counts = {
        name: getattr(system, name) for name in ("online", "degraded", "offline", "unknown", "stopped", "planned")
    }
    return {"status": system.status, "reasons": system.reasons, **counts}


def _module(row: ModuleHealth) -> dict[str, object]:
    return {
        "id": row.pair.id,
        "module": row.pair.slug,
        "status": row.word,
        "reasons": [why.text for why in row.reasons],
    }


def _supervisor(runtime: Runtime) -> dict[str, object]:
    return {"pid": runtime.supervisor.pid, "alive": runtime.alive, "started_at": runtime.started_at}


def _process(child: ChildRecord) -> dict[str, object]:
    return {
        "name": child.name,
        "alive": child.alive,
        "pid": child.mark.pid if child.mark else None,
        "port": child.port,
        "address": child.address,
        "restarts": child.restarts,
        "ready": child.ready,
        "started_at": child.started_at,
        "log": child.log_path,
    }


def _account(view: AccountView) -> dict[str, object]:
    return {
        "account": view.account,
        "platform_now": view.platform_now,
        "next_full_cycle_at": view.next_full_cycle_at,
        "last_full_cycle": view.last_full_cycle,
    }


def _print(found: Overview, *, is_watched: bool) -> None:
    _print_headline(found, found.problems if is_watched else ())
    held = found.remembered
    if held is not None:
        print_facts("", _facts(found, held))
        _print_accounts(held)
        _print_runs(held)
    _print_processes(found.runtime, held)
    _print_queues(found.queues)
    for problem in () if is_watched else found.problems:
        err.print(f"stakazo: {safe(problem)}", markup=False)


def _print_headline(found: Overview, problems: Sequence[str]) -> None:
    """How it is, since when, and why: the gravest first."""
    judged, held = found.judged, found.remembered
    if judged is None or held is None:
        out.print(Text("UNKNOWN", style="bold red"))
        reasons: list[str] = []
    else:
        word = judged.system.status.upper().replace("_", " ")
        since = (
            f" since {instant(judged.since)} ({ago(judged.since, held.now)})"
            if judged.since
            else " as of now; the tower has not seen it so yet"
        )
        out.print(Text.assemble((word, COLOURS[judged.system.status]), since))
        reasons = list(judged.system.reasons)
    said = [*reasons, *(problem for problem in problems if problem not in reasons)]
    for line in said[:_MOST_LINES]:
        out.print(Text(f"  {cell(line)}"))
    if len(said) > _MOST_LINES:
        out.print(Text(f"  … and {len(said) - _MOST_LINES} more; `stakazo health` shows each module"))


def _facts(found: Overview, held: Remembered) -> Iterator[tuple[str, str]]:
    if found.judged is not None:
        yield "modules", _modules(found.judged)
    yield "stops", "; ".join(map(_stop, held.stops)) or "none"
    yield "alerts", _alerts(held)
    yield "actions", _actions(held)
    yield "signs", ", ".join(f"{row.process} {span(row.age_s)}" for row in _signs(held)) or "of nobody yet"


def _signs(held: Remembered) -> Iterator[Heartbeat]:
    """Those of towers that were replaced are no news while one lives."""
    lives = any(row.kind is ProcessKind.TOWER and row.age_s <= TOWER_SILENT_S for row in held.heartbeats)
    for row in held.heartbeats:
        if not (lives and row.kind is ProcessKind.TOWER and row.age_s > TOWER_SILENT_S):
            yield row


def _modules(judged: Judged) -> str:
    counted = [row for row in judged.modules if row.counts]
    ill = [f"{row.pair.slug} {row.word}" for row in counted if row.word != "online"]
    stopped: dict[str, list[str]] = {}
    for row in judged.modules:
        if row.word == "stopped":
            stopped.setdefault(row.stopped_by or "stopped", []).append(row.pair.slug)
    rest = [f"{', '.join(slugs)}: {why}" for why, slugs in stopped.items()]
    online = [f"{judged.system.online} of {len(counted)} online"] if counted else []
    return ", ".join([*online, *ill, *rest, f"{judged.system.planned} planned"])


def _stop(stop: Stop) -> str:
    scope = "all accounts" if stop.account_id is None else f"account {stop.account_id}"
    reached = [name for name in ("quiet", "fenced", "paused") if getattr(stop, f"{name}_at") is not None]
    return (
        f"{stop.id} of {scope} since {instant(stop.closed_at)} by {stop.actor}: {stop.reason}"
        f" ({', '.join(reached) or 'closed'}{', pauses' if stop.pauses else ''})"
    )


def _alerts(held: Remembered) -> str:
    if not held.incidents:
        return "none open"
    shown = [f"{row.severity.word} {row.title}" for row in held.incidents[:_MOST_LINES]]
    more = len(held.incidents) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "") + " (`stakazo alerts`)"


def _actions(held: Remembered) -> str:
    """What moves or waits first, then what ended."""
    first = (ActionState.DEAD, ActionState.AWAITING_APPROVAL, *sorted(IN_FLIGHT))
    ordered = [*(state for state in first if state in held.actions), *sorted(held.actions.keys() - set(first))]
    return ", ".join(f"{held.actions[state]} {state.replace('_', ' ')}" for state in ordered) or "none yet"


def _print_accounts(held: Remembered) -> None:
    print_table(
        "Accounts",
        ("id", "name", "mode", "level", "state", "figures", "last full cycle", "next"),
        [_account_row(view, held.stops) for view in held.accounts],
        empty="none is open; `stakazo up` opens those of the sandbox",
    )


def _account_row(view: AccountView, stopped: Sequence[Stop]) -> tuple[object, ...]:
    account, run, now = view.account, view.last_full_cycle, view.platform_now
    read = (account.tree_read_at, account.insights_read_at)
    oldest = None if None in read else min(at for at in read if at is not None)
    return (
        account.id,
        _short(account.name),
        account.mode,
        account.level,
        state_of(account, stopped),
        instant(oldest) if now is None else ago(oldest, now),
        "none yet" if run is None else f"{run.state} {_clock(run.slot_at, now)}, {_took(run.duration_ms)}",
        "clock away" if now is None or view.next_full_cycle_at is None else _clock(view.next_full_cycle_at, now),
    )


def _short(name: str) -> str:
    clean = cell(name)
    return clean if len(clean) <= _LONGEST_NAME else f"{clean[: _LONGEST_NAME - 1]}…"


def _clock(at: datetime, now: datetime | None) -> str:
    """The time alone where it is of the same day."""
    return f"{at:%H:%M}Z" if now is not None and at.date() == now.date() else f"{at:%m-%d %H:%M}Z"


def _took(duration_ms: int | None) -> str:
    return "at work" if duration_ms is None else f"{duration_ms / 1000:.1f} s"


def _print_runs(held: Remembered) -> None:
    if not held.open_runs:
        return
    print_table(
        "Open runs",
        ("id", "cycle", "account", "slot", "state", "tries", "reason"),
        [
            (row.id, row.task, row.account_id, f"{row.slot_at:%m-%d %H:%M}Z", row.state, row.attempts, row.reason)
            for row in held.open_runs
        ],
        empty="none",
    )


def _print_processes(runtime: Runtime | None, held: Remembered | None) -> None:
    rows = () if runtime is None else runtime.children
    now = datetime.now(UTC) if held is None else held.now  # without Postgres this machine's clock will do
    print_table(
        "Processes",
        ("name", "alive", "pid", "address", "restarts", "up for"),
        [
            (
                row.name,
                "yes" if row.alive else "NO",
                row.mark.pid if row.mark else "",
                row.address or (f"port {row.port}" if row.port else ""),
                row.restarts,
                "" if row.started_at is None or not row.alive else span((now - row.started_at).total_seconds()),
            )
            for row in rows
        ],
        empty="none were started here",
    )
    for name, address in runtime.external if runtime else ():
        out.print(Text(f"{name}: {cell(address)}"))


def _print_queues(queues: Sequence[Queue]) -> None:
    """One line for those that are as they should be, a row for each that is not."""
    if not queues:
        out.print(Text("Queues: the broker was not asked, or does not answer"))
        return
    odd = [row for row in queues if row.waiting or not row.workers]
    consumers = Counter(worker for row in queues for worker in row.workers)
    taken = ", ".join(f"{worker} {count}" for worker, count in sorted(consumers.items())) or "nobody"
    out.print(Text(f"Queues: {len(queues)}, {len(queues) - len(odd)} empty and consumed; consumers: {cell(taken)}"))
    if odd:
        print_table(
            "",
            ("queue", "waiting", "oldest", "consumed by"),
            [
                (
                    row.name,
                    row.waiting,
                    "" if row.oldest_s is None else span(row.oldest_s),
                    ", ".join(row.workers) or "nobody",
                )
                for row in odd
            ],
            empty="",
        )
