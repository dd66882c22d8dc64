"""`sync_data` and `optimize`: the cycles that are part of it, for every account, each behind those it comes after.

A run that failed ends its account's chain: nothing is optimised on what could not be read. What is stopped or paused
is left out and named.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection

from control_tower.commands.parts import MOST_TRIES, Kind, Ports, Progress, tries_of
from control_tower.commands.targets import chain_of
from domain import catalogue
from domain.actions import Json, JsonMap
from domain.errors import NotReadyError
from domain.health import OPEN_RUN_STATES, CommandType, RunState
from domain.ids import AccountId, RunId
from models import accounts, commands, fence, module_states, run_history, runs
from models.accounts import Account
from models.commands import Command, CommandState
from models.engine import db_now

_LONGEST: Final = timedelta(hours=3)  # for the whole chain; then a person looks
_WAITS, _ASKED, _LEFT = "waits", "asked", "left out"
_FINE = frozenset({RunState.SUCCEEDED, RunState.PARTIAL})
_BROKEN = frozenset({RunState.FAILED, RunState.STOPPED, RunState.SKIPPED})


def _begin(conn: Connection, command: Command, ports: Ports) -> JsonMap:
    chain = chain_of(ports.rhythms, command.command_type, command.platform, command.target_modules)
    people = [
        account for account in accounts.listing(conn, command.platform) if command.account_id in (None, account.id)
    ]
    if not people:
        raise NotReadyError("no account is open; `stakazo up` opens those of the sandbox")
    entries: list[Json] = [
        {"account": account.id, "cycle": row.name, "run": None, "state": _WAITS, "why": ""}
        for account in people
        for row in chain
        if row.pair.platform.slug == account.platform
    ]
    return {"runs": entries, "tries": 0}


@dataclass(slots=True, kw_only=True)
class _Chains:
    """One turn at the chains of all accounts; `command` is as it was noted last."""

    command: Command
    ports: Ports
    entries: list[dict[str, Any]]
    acts: list[JsonMap] = field(default_factory=list)

    def step(self, account_id: AccountId) -> None:
        """Take one account further: see how its run ended, ask for the next."""
        mine = [row for row in self.entries if row["account"] == account_id]
        for place, entry in enumerate(mine):
            if entry["state"] == _ASKED and not _has_ended(self.ports, entry):
                return
            if entry["state"] in _BROKEN:
                for later in mine[place + 1 :]:
                    later.update(state=_LEFT, why=f"{entry['cycle']} {entry['state']}: {entry['why']}")
                return
            if entry["state"] == _WAITS:
                self._ask(account_id, entry)
            if entry["state"] == _ASKED:
                return

    def _ask(self, account_id: AccountId, entry: dict[str, Any]) -> None:
        """Plan the run and write it into the results in one transaction: a death between the two doubles nothing."""
        with self.ports.engine.begin() as conn:
            account = accounts.get(conn, account_id)
            why = hindrance(conn, entry["cycle"], account)
        if why is not None:
            entry.update(state=_LEFT, why=why)
            return
        now = self.ports.clock_of(account).now()
        with self.ports.engine.begin() as conn:
            run_id = runs.plan_asked(
                conn, task=entry["cycle"], account_id=account.id, mode=account.mode, level=account.level, now_at=now,
                asked_by=f"{self.command.actor}, command {self.command.id}",
            )  # fmt: skip
            entry.update(state=_ASKED, run=run_id)
            self.command = commands.note(
                conn, self.command, results={**self.command.results, "runs": list(self.entries)}
            )
        about = f"{account.name}, command {self.command.id}"
        self.ports.doorbell.ring_run(entry["cycle"], run_id, about=about)
        self.acts.append({"did": f"asked for {entry['cycle']} of account {account.id}", "run": run_id})


def _go_on(command: Command, ports: Ports) -> Progress:
    """Take every account one step further; a platform that does not tell its time is asked again."""
    turn = _Chains(command=command, ports=ports, entries=[dict(row) for row in command.results["runs"]])
    failing = ""
    for account_id in dict.fromkeys(row["account"] for row in turn.entries):
        try:
            turn.step(AccountId(account_id))
        except NotReadyError as error:
            failing = str(error)
    return _judge(turn, failing)


def hindrance(conn: Connection, task: str, account: Account) -> str | None:
    """Say why a cycle of the account would not run now; None = it would."""
    slug = catalogue.rhythm(task).pair.slug
    if slug in module_states.stopped(conn):
        state = module_states.listing(conn).get(slug)
        return f"{slug} is stopped" + ("" if state is None else f" by {state.changed_by}: {state.reason}")
    if account.is_paused:
        return f"account {account.name} is paused"
    gate = fence.state(conn, account.id)
    return f"the fence is closed: {gate.reason}" if gate.closed else None


def _has_ended(ports: Ports, entry: dict[str, Any]) -> bool:
    with ports.engine.begin() as conn:
        run = run_history.get(conn, RunId(entry["run"]))
    if run is None:
        entry.update(state=str(RunState.FAILED), why="its row has vanished")
        return True
    if run.state in OPEN_RUN_STATES:
        entry["why"] = f"{run.state}, attempt {run.attempts} {run.reason}".strip()
        return False
    figures = {name: value for name, value in run.stats_snapshot.items() if isinstance(value, int | float | str)}
    entry.update(state=str(run.state), why=run.reason, ms=run.duration_ms, figures=figures)
    return True


def _judge(turn: _Chains, failing: str) -> Progress:
    command, entries = turn.command, turn.entries
    tries = tries_of(command) + 1 if failing else 0
    results: dict[str, Json] = {**command.results, "runs": list(entries), "tries": tries}
    open_ = [row for row in entries if row["state"] in {_WAITS, _ASKED}]
    if open_ and tries < MOST_TRIES and not _is_late(command, turn.ports):
        return Progress(state=CommandState.RUNNING, results=results, actions=turn.acts, noted=command)
    bad = [row for row in entries if row["state"] not in _FINE | {_LEFT}]
    fine = [row for row in entries if row["state"] in _FINE]
    results["summary"] = dict(_counts(entries))
    if fine and not bad:
        return Progress(state=CommandState.DONE, results=results, actions=turn.acts, noted=command)
    first = (bad or entries)[0]
    results["why"] = f"{first['cycle']} of account {first['account']}: {first['state']}, {failing or first['why']}"
    if first["run"] is not None:
        results["why"] = f"{results['why']}; `stakazo cycle log {first['run']}` shows it"
    return Progress(state=CommandState.FAILED, results=results, actions=turn.acts, noted=command)


def _is_late(command: Command, ports: Ports) -> bool:
    with ports.engine.begin() as conn:
        return command.started_at is not None and db_now(conn) - command.started_at > _LONGEST


def _counts(entries: list[dict[str, Any]]) -> Mapping[str, int]:
    states = [str(row["state"]) for row in entries]
    return {state: states.count(state) for state in sorted(set(states))}


CHAIN = Kind(begin=_begin, go_on=_go_on, opens=True)
COMMANDS = {CommandType.SYNC_DATA: CHAIN, CommandType.OPTIMIZE: CHAIN}
