"""`emergency_stop` as a command: its fences close with the row; turns finish what is open and tell its four times."""

from typing import Any

from sqlalchemy import Connection

from actions import stop
from actions.stop import Order
from control_tower.commands.parts import MOST_TRIES, Kind, Ports, Progress, tries_of
from domain.actions import Json, JsonMap
from domain.health import CommandType
from domain.ids import AccountId, StopId
from models import accounts, stops
from models.commands import Command, CommandState
from models.stops import Stop


def _begin(conn: Connection, command: Command, _ports: Ports) -> JsonMap:
    scopes: list[AccountId | None] = [command.account_id]
    if command.account_id is None and command.platform is not None:
        scopes = [account.id for account in accounts.listing(conn, command.platform)]
    wanted = Order(
        reason=command.reason,
        actor=command.actor,
        pauses=bool(command.options.get("pause_campaigns", True)),
        halts=bool(command.options.get("stop_schedulers", True)),
        alerts=bool(command.options.get("send_alerts", True)),
    )
    ordered = stop.order_in(conn, scopes, wanted)
    return {"tries": 0, "stops": [stop_id for stop_id, _ in ordered], "new": [is_new for _, is_new in ordered]}


def _go_on(command: Command, ports: Ports) -> Progress:
    ids = [StopId(stop_id) for stop_id in command.results["stops"]]
    for held in _read(ports, ids):
        if not stop.is_finished(held):
            ports.finish_stop(held.id)
    rows = _read(ports, ids)
    unfinished = [held for held in rows if not stop.is_finished(held)]
    tries = tries_of(command) + (1 if unfinished else 0)
    results: dict[str, Json] = {**command.results, "tries": tries, "times": [_times(held) for held in rows]}
    if unfinished and tries >= MOST_TRIES:
        silent = [f"{row.get('worker')}: {row['advice']}" for held in rows for row in held.halted if row.get("advice")]
        results["why"] = (
            "the fence is closed and nothing is sent, but not all stands still yet; "
            + ("; ".join(silent) or "`stakazo fence status` shows what is left")
        )  # fmt: skip
        return Progress(state=CommandState.FAILED, results=results)
    is_open = unfinished or any(_waits_for_pauses(held) for held in rows)
    return Progress(state=CommandState.RUNNING if is_open else CommandState.DONE, results=results)


def _read(ports: Ports, ids: list[StopId]) -> list[Stop]:
    with ports.engine.begin() as conn:
        return [stops.get(conn, stop_id) for stop_id in ids]


def _waits_for_pauses(held: Stop) -> bool:
    return held.pauses and held.paused_at is None and held.opened_at is None


def _times(held: Stop) -> dict[str, Any]:
    told: dict[str, Any] = {"stop": held.id, "in_doubt": len(held.in_doubt), "closed": held.closed_at.isoformat()}
    for name in ("quiet", "fenced", "paused", "opened"):
        at = getattr(held, f"{name}_at")
        told[name] = None if at is None else round((at - held.closed_at).total_seconds(), 3)
    return told


COMMANDS = {CommandType.EMERGENCY_STOP: Kind(begin=_begin, go_on=_go_on)}
