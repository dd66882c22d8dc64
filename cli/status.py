"""`stakazo status`: what runs, where, since when, and what should and does not."""

from collections.abc import Sequence

import typer

from cli.accounts import state_of
from cli.console import AsJson, ago, err, instant, print_json, print_table, safe
from cli.session import opened
from embedded.runtime import ChildRecord, Runtime
from models.stops import Stop
from workers.overview import AccountView, Overview, Remembered, look


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(as_json: AsJson = False) -> None:
    """Show processes with their addresses, accounts, open runs, actions, queues and signs of life.

    Exit status 1 if something that should live does not. Example: stakazo status --json | jq .problems
    """
    with opened() as house:
        found = look(house)
    if as_json:
        print_json(_document(found))
    else:
        _print(found)
    raise typer.Exit(0 if found.is_well else 1)


def _document(found: Overview) -> dict[str, object]:
    runtime, held = found.runtime, found.remembered
    return {
        "ok": found.is_well,
        "problems": found.problems,
        "supervisor": None if runtime is None else _supervisor(runtime),
        "processes": [_process(child) for child in runtime.children] if runtime else [],
        "external": dict(runtime.external) if runtime else {},
        "accounts": [_account(view) for view in held.accounts] if held else [],
        "open_runs": held.open_runs if held else [],
        "actions_by_state": held.actions if held else {},
        "heartbeats": held.heartbeats if held else [],
        "stopped_modules": held.stopped if held else [],
        "queues": found.queues,
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


def _print(found: Overview) -> None:
    _print_processes(found.runtime)
    held = found.remembered
    if held is not None:
        _print_accounts(held)
        _print_work(held)
    print_table(
        "Queues",
        ("queue", "waiting", "consumed by"),
        [(row.name, row.waiting, ", ".join(row.workers) or "nobody") for row in found.queues],
        empty="the broker was not asked, or does not answer",
    )
    if held is not None:
        signs = [(row.process, row.kind, f"{row.age_s:.0f} s ago") for row in held.heartbeats]
        print_table("Signs of life", ("process", "kind", "last"), signs, empty="none yet")
    for problem in found.problems:
        err.print(f"stakazo: {safe(problem)}", markup=False)


def _print_processes(runtime: Runtime | None) -> None:
    rows = [] if runtime is None else [_process(child) for child in runtime.children]
    columns = ("name", "alive", "pid", "port", "address", "restarts", "started")
    print_table(
        "Processes",
        columns,
        [
            (
                *(row["name"], "yes" if row["alive"] else "NO", row["pid"], row["port"], row["address"]),
                *(row["restarts"], instant(child.started_at)),
            )
            for row, child in zip(rows, runtime.children if runtime else (), strict=True)
        ],
        empty="none were started here",
    )
    for name, address in runtime.external if runtime else ():
        print_table(f"{name}", ("address",), [(address,)], empty="")


def _print_accounts(held: Remembered) -> None:
    print_table(
        "Accounts",
        ("id", "name", "mode", "level", "state", "tree read", "figures read", "last cycle", "next slot"),
        [_account_row(view, held.stops) for view in held.accounts],
        empty="none is open; `stakazo up` opens those of the sandbox",
    )


def _account_row(view: AccountView, stopped: Sequence[Stop]) -> tuple[object, ...]:
    account, run, now = view.account, view.last_full_cycle, view.platform_now
    read = (account.tree_read_at, account.insights_read_at)
    ages = [instant(at) if now is None else ago(at, now) for at in read]
    return (
        *(account.id, account.name, account.mode, account.level, state_of(account, stopped), *ages),
        "none yet" if run is None else f"{run.state} {instant(run.slot_at)}, {_took(run.duration_ms)}",
        "unknown: its clock does not answer" if now is None else instant(view.next_full_cycle_at),
    )


def _took(duration_ms: int | None) -> str:
    return "at work" if duration_ms is None else f"took {duration_ms / 1000:.1f} s"


def _print_work(held: Remembered) -> None:
    print_table(
        "Open runs",
        ("id", "cycle", "account", "slot", "state", "tries", "reason"),
        [
            (row.id, row.task, row.account_id, instant(row.slot_at), row.state, row.attempts, row.reason)
            for row in held.open_runs
        ],
        empty="none",
    )
    counts = [(state, count) for state, count in sorted(held.actions.items())]
    print_table("Actions", ("state", "how many"), counts, empty="none yet")
    if held.stopped:
        print_table("Stopped modules", ("module",), [(slug,) for slug in sorted(held.stopped)], empty="")
