"""`start_all` and `stop_all`: the desired state of modules, or the pause switch of an account.

What is wanted is written once; the world is told and looked at until it agrees. A stop ends no task by force: runs
end at their next look, and the command waits for that.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import Connection

from control_tower.commands import consumers
from control_tower.commands.parts import MOST_TRIES, Kind, Ports, Progress, Target, tries_of
from control_tower.commands.targets import commandable, pairs_of, queues_of
from domain.actions import Json, JsonMap
from domain.health import CommandType
from models import accounts, module_states, run_looks
from models.commands import Command, CommandState
from models.engine import db_now
from models.module_states import Desired, ModuleState

RUNS_PATIENCE_S = 900.0  # for runs at work to come to their next look


def _begin(conn: Connection, command: Command, _ports: Ports, *, desired: Desired) -> JsonMap:
    if command.account_id is not None:
        return _switch_account(conn, command, is_paused=desired is Desired.STOPPED)
    before = module_states.listing(conn)
    slugs = [pair.slug for pair in pairs_of(command.platform, command.target_modules)]
    module_states.set_desired(conn, slugs, desired, reason=command.reason, changed_by=command.actor)
    since = module_states.listing(conn)
    targets: dict[str, Json] = {
        slug: {**Target(was=_worded(before.get(slug)), done=f"wanted {desired}").as_json(),
               "set_at": since[slug].changed_at.isoformat()}
        for slug in slugs
    }  # fmt: skip
    return {"targets": targets, "tries": 0}


def _switch_account(conn: Connection, command: Command, *, is_paused: bool) -> JsonMap:
    assert command.account_id is not None  # noqa: S101 - the caller looked
    before = accounts.get(conn, command.account_id)
    accounts.change(conn, command.account_id, actor=command.actor, is_paused=is_paused)
    done = Target(was="paused" if before.is_paused else "running", done="paused" if is_paused else "resumed")
    return {"targets": {f"account {command.account_id}": done.as_json()}, "tries": 0}


def _go_on(command: Command, ports: Ports, *, desired: Desired) -> Progress:
    if command.account_id is not None:
        return _see_account(command, ports, desired)
    is_on = desired is Desired.RUNNING
    with ports.engine.begin() as conn:
        states, stopped, living = module_states.listing(conn), module_states.stopped(conn), consumers.alive(conn)
    targets: Mapping[str, Any] = command.results["targets"]
    mine = [slug for slug in targets if _is_ours(states.get(slug), targets[slug])]
    queues = queues_of(mine)
    first = consumers.look(ports.switchboard, living, at_everybody=False)
    told = consumers.tell(ports.switchboard, first, stopped, queues)
    purged = ports.switchboard.purge(queues) if queues and not is_on else 0
    seen = consumers.look(ports.switchboard, living)
    with ports.engine.begin() as conn:
        at_work = () if is_on else run_looks.at_work(conn, queues)
    missing: dict[str, list[str]] = {}
    for slug in mine:
        open_ = [seen.confirm(queue, on=is_on) for queue in queues_of([slug])]
        missing[slug] = [why for why in open_ if why]
        if purged is None and not missing[slug] and living:
            missing[slug].append("the broker does not answer, so that stale ticks may wait there")
        missing[slug] += [f"{run} is at work; it ends at its next look" for run in at_work if _is_of(run.task, slug)]
    after: dict[str, Json] = {
        slug: {**held, **_seen(slug, missing, states.get(slug), is_on=is_on)} for slug, held in targets.items()
    }
    acts: list[JsonMap] = [{"did": line} for line in told]
    if purged:
        acts.append({"did": f"dropped {purged} messages that waited", "queues": list(queues)})
    waits_for_runs = bool(at_work) and not any(why for slug in mine for why in missing[slug] if "at work" not in why)
    return _judge(command, ports, after, acts, waits_for_runs=waits_for_runs)


def _see_account(command: Command, ports: Ports, desired: Desired) -> Progress:
    assert command.account_id is not None  # noqa: S101 - the caller looked
    is_paused = desired is Desired.STOPPED
    tasks = queues_of([pair.slug for pair in commandable()])
    with ports.engine.begin() as conn:
        account = accounts.get(conn, command.account_id)
        at_work = run_looks.at_work(conn, tasks, account_id=account.id) if is_paused else ()
    seen = "paused" if account.is_paused else "running"
    is_superseded = account.is_paused is not is_paused
    if is_superseded:
        seen = f"{seen}: somebody set it otherwise since"
    if at_work and not is_superseded:
        seen = "; ".join(f"{run} is at work; it ends at its next look" for run in at_work)
    is_confirmed = is_superseded or not at_work
    name, held = next(iter(command.results["targets"].items()))
    after: dict[str, Json] = {name: {**held, "seen": seen, "confirmed": is_confirmed}}
    return _judge(command, ports, after, [], waits_for_runs=bool(at_work))


def _judge(
    command: Command, ports: Ports, targets: dict[str, Json], acts: list[JsonMap], *, waits_for_runs: bool
) -> Progress:
    """Say whether all is seen, another turn is worth it, or a person has to look."""
    open_ = [slug for slug, held in targets.items() if isinstance(held, dict) and not held["confirmed"]]
    tries = tries_of(command) + (0 if waits_for_runs else 1)
    results: dict[str, Json] = {**command.results, "targets": targets, "tries": tries}
    if not open_:
        return Progress(state=CommandState.DONE, results=results, actions=acts)
    is_over = _age_s(command, ports) > RUNS_PATIENCE_S if waits_for_runs else tries >= MOST_TRIES
    if not is_over:
        return Progress(state=CommandState.RUNNING, results=results, actions=acts)
    results["why"] = (
        f"not confirmed for {', '.join(open_)} after {tries} looks; what is wanted stands, and the tower goes on with"
        " it: `stakazo status` shows who does not answer, `stakazo up` starts what is gone"
    )
    return Progress(state=CommandState.FAILED, results=results, actions=acts)


def _age_s(command: Command, ports: Ports) -> float:
    with ports.engine.begin() as conn:
        now = db_now(conn)
    return 0.0 if command.started_at is None else (now - command.started_at).total_seconds()


def _is_ours(state: ModuleState | None, held: Mapping[str, Any]) -> bool:
    """Whether nobody has set it since."""
    return state is not None and state.changed_at.isoformat() == held["set_at"]


def _is_of(task: str, slug: str) -> bool:
    return task in queues_of([slug])


def _seen(slug: str, missing: Mapping[str, list[str]], state: ModuleState | None, *, is_on: bool) -> dict[str, Json]:
    if slug not in missing:
        since = "" if state is None else f" by {state.changed_by}: {state.reason}"
        return {"seen": f"set otherwise since{since}", "confirmed": True, "superseded": True}
    if missing[slug]:
        return {"seen": f"not confirmed: {'; '.join(missing[slug])}", "confirmed": False}
    return {"seen": "consumed by every worker" if is_on else "consumed by no worker, nothing at work",
            "confirmed": True}  # fmt: skip


def _worded(state: ModuleState | None) -> str:
    if state is None:
        return f"{Desired.RUNNING}"
    return f"{state.desired} ({state.changed_by}: {state.reason})"


START_ALL = Kind(
    begin=partial(_begin, desired=Desired.RUNNING), go_on=partial(_go_on, desired=Desired.RUNNING), opens=True
)
STOP_ALL = Kind(begin=partial(_begin, desired=Desired.STOPPED), go_on=partial(_go_on, desired=Desired.STOPPED))
COMMANDS = {CommandType.START_ALL: START_ALL, CommandType.STOP_ALL: STOP_ALL}
