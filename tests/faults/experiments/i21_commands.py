"""I-21: orders to start, stop and restart a module are linearizable, whoever carries them out and dies meanwhile."""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count

from sqlalchemy import Engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from control_tower.commands import carrying
from control_tower.commands.ordering import give
from control_tower.commands.parts import Ports, Progress
from control_tower.standins import NotedDoorbell, ObedientSwitchboard, SetClock
from domain.catalogue import RHYTHMS
from domain.errors import LostClaimError
from domain.health import CommandType
from domain.ids import CommandId
from models import commands, fence, module_states
from models.commands import OPEN_STATES, Command, CommandState
from models.engine import make_engine
from tests.faults.guarantee import Guarantee, Outcome, Place
from tests.faults.linearizability import Model, Operation, counterexample

_CLIENTS = 5
_EACH = 12  # operations of a client in a history: long enough to meet, short enough to be judged
_MODULES = ("meta.full_cycle", "meta.autonomy")
_RUNNING, _STOPPED = "running", "stopped"
_KINDS = {"start": CommandType.START_ALL, "stop": CommandType.STOP_ALL, "restart": CommandType.RESTART_MODULE}
_PATIENCE_S = 1.0  # for an answer while the one that may give it sleeps
_LONGEST_S = 20.0  # for one operation; past that its carrier is stuck, which is a violation of its own

Carry = Callable[[Ports, random.Random], object]


class _Killed(BaseException):
    """The process that carried out is gone."""


class _DeadlySwitchboard(ObedientSwitchboard):
    """Workers that obey, asked by carriers of which some die while asking."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__(workers={"cycles@a": {row.name for row in RHYTHMS}})
        self._dice = dice

    def consuming(self, workers: object = None) -> dict[str, frozenset[str]]:
        if self._dice.random() < 0.05:
            raise _Killed
        del workers
        return {worker: frozenset(queues) for worker, queues in self.workers.items()}


def _experiment(place: Place, trials: int, *, carry: Carry) -> Outcome:
    """`trials` is counted in operations."""
    database = place.database_url()
    engine = make_engine(database, pool_size=2 * _CLIENTS + 4)
    dice, violations, done = random.Random(place.seed), list[str](), 0
    contended = 0
    try:
        with engine.begin() as conn:
            fence.open_(conn, None)
        violations += _overtaken(engine, make_engine(database, pool_size=2), carry)
        while done < trials:
            history = _History(engine, random.Random(dice.random()), carry)
            by_module = history.play()
            done += _CLIENTS * _EACH
            contended += sum(map(_overlaps, by_module.values()))
            violations += history.faults
            for module, found in by_module.items():
                stuck = counterexample(found, _MODEL)
                if stuck is not None:
                    violations.append(f"{module}: no order explains {'; '.join(map(str, stuck))}")
            if len(violations) > 20:
                break
    finally:
        engine.dispose()
    figures: dict[str, float | str] = {"clients": _CLIENTS, "overlapping pairs": contended}
    return Outcome(trials=done, violations=tuple(violations), figures=figures)


def _overtaken(engine: Engine, slow: Engine, carry: Carry) -> Iterator[str]:
    """The history in which a carrier sleeps before it writes, while others carry out its stop, and then a start."""
    asleep, may_wake = threading.Event(), threading.Event()

    def sleep(*told: object) -> None:
        if "module_states" in str(told[2]) and not str(told[2]).startswith("SELECT") and not asleep.is_set():
            asleep.set()
            may_wake.wait(_LONGEST_S)

    event.listen(slow, "before_cursor_execute", sleep)
    dice = random.Random(0)
    history = _History(engine, dice, carry)
    sleeper = threading.Thread(target=carry, args=(_ports(slow, ObedientSwitchboard()), dice))
    module, found = _MODULES[0], list[Operation]()
    for name in ("stop", "start"):
        called_s = time.monotonic()
        with engine.begin() as conn:
            command_id = give(conn, _KINDS[name], reason="drill", actor=name, modules=[module])
        if name == "stop":
            sleeper.start()
            if not asleep.wait(_LONGEST_S):
                yield "the carrier wrote nothing to sleep before"
        if history.wait(command_id, _PATIENCE_S, dice) is None:
            may_wake.set()
            if history.wait(command_id, _LONGEST_S, dice) is None:
                yield f"{name} of {module} had no end after {_LONGEST_S:.0f} s"
        found.append(Operation(client=name, name=name, called_s=called_s, answered_s=time.monotonic()))
    may_wake.set()
    sleeper.join()
    slow.dispose()
    now_s = time.monotonic()
    with engine.begin() as conn:
        told = _STOPPED if module in module_states.stopped(conn) else _RUNNING
    found.append(Operation(client="end", name="look", called_s=now_s, answered_s=time.monotonic(), told=told))
    stuck = counterexample(found, _MODEL)
    if stuck is not None:
        yield f"{module}, its carrier overtaken: no order explains {'; '.join(map(str, stuck))}"


class _History:
    """One history: clients that order and look, beside a tower that carries out."""

    def __init__(self, engine: Engine, dice: random.Random, carry: Carry) -> None:
        self._engine = engine
        self._dice = dice
        self._carry = carry
        self.faults: list[str] = []
        self._found: dict[str, list[Operation]] = defaultdict(list)
        self._writes = threading.Lock()
        switchboard = _DeadlySwitchboard(random.Random(dice.random()))
        self._ports = _ports(engine, switchboard)

    def play(self) -> dict[str, list[Operation]]:
        over = threading.Event()
        with self._engine.begin() as conn:  # every history begins with both modules running
            conn.execute(text("DELETE FROM module_states"))
        clients = [
            threading.Thread(target=self._client, args=(f"c{number}", random.Random(self._dice.random())))
            for number in range(_CLIENTS)
        ]
        towers = [
            threading.Thread(target=self._tower, args=(over, random.Random(self._dice.random()))) for _ in range(2)
        ]
        for thread in (*towers, *clients):
            thread.start()
        for client in clients:
            client.join()
        self._settle()
        over.set()
        for tower in towers:
            tower.join()
        with self._engine.begin() as conn:
            stopped = module_states.stopped(conn)
        now_s = time.monotonic()
        for module in _MODULES:  # what stands in the end is the last look
            told = _STOPPED if module in stopped else _RUNNING
            self._note(module, Operation(client="end", name="look", called_s=now_s, answered_s=now_s, told=told))
        return self._found

    def _tower(self, over: threading.Event, dice: random.Random) -> None:
        while not over.is_set():
            self._turn(dice)
            time.sleep(dice.random() * 0.005)

    def _client(self, name: str, dice: random.Random) -> None:
        for number in range(_EACH):
            module = dice.choice(_MODULES)
            if dice.random() < 0.5:
                self._look(name, module)
            else:
                self._order(f"{name}.{number}", module, dice)

    def _look(self, client: str, module: str) -> None:
        called_s = time.monotonic()
        with self._engine.begin() as conn:
            told = _STOPPED if module in module_states.stopped(conn) else _RUNNING
        answered_s = time.monotonic()
        found = Operation(client=client, name="look", called_s=called_s, answered_s=answered_s, told=told)
        self._note(module, found)

    def _order(self, client: str, module: str, dice: random.Random) -> None:
        name = dice.choice(("start", "stop", "stop", "restart"))
        called_s = time.monotonic()
        with self._engine.begin() as conn:
            command_id = give(conn, _KINDS[name], reason="drill", actor=client, modules=[module])
        if dice.random() < 0.08:  # whoever ordered dies and hears of no answer
            self._note(module, Operation(client=client, name=name, called_s=called_s))
            return
        ended = self.wait(command_id, _LONGEST_S, dice)
        if ended is None:
            self.faults.append(f"{client}: {name} of {module} had no end after {_LONGEST_S:.0f} s")
            return
        told = ""
        if name == "restart":
            told = "left" if ended.state is CommandState.FAILED else "restarted"
        elif ended.state is not CommandState.DONE:
            self.faults.append(f"{client}: {name} of {module} is {ended.state}: {ended.results.get('why')}")
        answered_s = time.monotonic()
        found = Operation(client=client, name=name, called_s=called_s, answered_s=answered_s, told=told)
        self._note(module, found)

    def wait(self, command_id: CommandId, longest_s: float, dice: random.Random) -> Command | None:
        until_s = time.monotonic() + longest_s
        while time.monotonic() < until_s:
            with self._engine.begin() as conn:
                command = commands.get(conn, command_id)
            if command.state not in OPEN_STATES:
                return command
            if dice.random() < 0.5:  # some carry out themselves, as the command line does without a tower
                self._turn(dice)
            time.sleep(dice.random() * 0.004)
        return None

    def _settle(self) -> None:
        """Let what dead clients ordered come to its end."""
        until_s = time.monotonic() + _LONGEST_S
        while time.monotonic() < until_s:
            with self._engine.begin() as conn:
                if not commands.open_ids(conn):
                    return
            time.sleep(0.005)
        self.faults.append(f"orders were still open after {_LONGEST_S:.0f} s")

    def _turn(self, dice: random.Random) -> None:
        with suppress(_Killed):
            try:
                self._carry(self._ports, dice)
            except SQLAlchemyError as error:
                self.faults.append(f"a carrier ended with {type(error).__name__}")

    def _note(self, module: str, found: Operation) -> None:
        with self._writes:
            self._found[module].append(found)


def _ports(engine: Engine, switchboard: ObedientSwitchboard) -> Ports:
    def none(_command: Command) -> Progress:
        raise AssertionError

    return Ports(
        engine=engine, switchboard=switchboard, doorbell=NotedDoorbell(),
        clock_of=lambda _account: SetClock(datetime(2026, 3, 1, tzinfo=UTC)), rhythms=RHYTHMS,
        check=none, resume=none, finish_stop=lambda _stop: None,
    )  # fmt: skip


def _step(state: str, row: Operation) -> str | None:
    match row.name:
        case "start":
            return _RUNNING
        case "stop":
            return _STOPPED
        case "restart":  # restarts what runs, and leaves what a person stopped
            wanted = "restarted" if state == _RUNNING else "left"
            return state if row.told in {"", wanted} else None
        case _:
            return state if row.told == state else None


_MODEL = Model(first=_RUNNING, step=_step)


def _overlaps(history: list[Operation]) -> int:
    ops = sorted(history, key=lambda row: row.called_s)
    pairs = ((one, other) for place, one in enumerate(ops) for other in ops[place + 1 :])
    return sum(other.called_s < one.answered_s for one, other in pairs)


def _carry_as_it_is(ports: Ports, dice: random.Random) -> object:
    del dice
    return carrying.carry_out(ports)


def _open(ports: Ports) -> Iterator[Command]:
    with ports.engine.begin() as conn:
        found = commands.open_ids(conn)
    for command_id in found:
        with ports.engine.begin() as conn:
            command = commands.get(conn, command_id)
        if command.state in OPEN_STATES:
            yield command


def _carry_unguarded(ports: Ports, _dice: random.Random) -> None:
    """Nobody is alone, and nobody looks again whether it was begun before writing what it wants."""
    for command in _open(ports):
        if command.state is CommandState.ACCEPTED:
            with ports.engine.begin() as conn:
                results = carrying.KINDS[command.command_type].begin(conn, command, ports)
            with ports.engine.begin() as conn:
                commands.begin(conn, command.id, results)
        _end(ports, command.id)


def _carry_answering_first(ports: Ports, dice: random.Random) -> None:
    """The answer is given before what was ordered holds."""
    for command in _open(ports):
        if command.state is not CommandState.ACCEPTED:
            continue
        kind = carrying.KINDS[command.command_type]
        with ports.engine.begin() as conn:
            if commands.lock_to_begin(conn, command.id) is None:
                continue
            commands.begin(conn, command.id, {})
        _end(ports, command.id)
        time.sleep(dice.random() * 0.03)
        with ports.engine.begin() as conn:
            kind.begin(conn, command, ports)


def _end(ports: Ports, command_id: CommandId) -> None:
    with suppress(LostClaimError), ports.engine.begin() as conn:
        command = commands.get(conn, command_id)
        targets = command.results.get("targets", {})
        is_left = any(held.get("left") for held in targets.values())
        state = CommandState.FAILED if is_left else CommandState.DONE
        commands.end(conn, command, state, results={**command.results, "end": next(_ENDS)})


_ENDS = count()


def _of(carry: Carry) -> Callable[[Place, int], Outcome]:
    return lambda place, trials: _experiment(place, trials, carry=carry)


GUARANTEE = Guarantee(
    id="I-21",
    statement="Orders to start, stop and restart a module are linearizable: each takes effect at one instant between"
    " being given and being answered, so that two operators at once leave one consistent state, and a look afterwards"
    " shows it.",
    enforced_at="control_tower/commands/carrying.py: begin, carry_out; models/commands.py: lock_to_begin, end",
    refuted_by="5 clients that order, look and carry out themselves beside 2 towers; carriers die while they ask"
    " workers, clients die before their answer, one carrier is overtaken by script; every history"
    " is searched for an order that explains it.",
    short=360,
    full=50_000,
    experiment=_of(_carry_as_it_is),
    weaker={
        "begun without a lock or a second look": _of(_carry_unguarded),
        "answered before it holds": _of(_carry_answering_first),
    },
    judge="what each client was answered and when, by a checker after Wing and Gong",
    not_promised="That workers obey at that instant: the answer waits until they were seen to, or says who was not.",
)
