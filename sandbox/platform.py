"""One running ad platform: journal, clock, world and faults, bound together. Dialects and the admin address use it."""

import json
import os
import re
import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sandbox.clock import PlatformClock, to_us
from sandbox.errands import Errands
from sandbox.faults import Faults, write_script
from sandbox.journal import Journal, LogLine
from sandbox.nodes import Kind, Node
from sandbox.people import HandEdit, People
from sandbox.records import Record, RecordKind
from sandbox.scenario import Scenario, load_scenario
from sandbox.scenario_faults import script_of
from sandbox.world import OF_ACCOUNT, World, is_of_record, new_object_id

DEFAULT_SCENARIO: Final = "demo"
_PEOPLE_SETTING: Final = "people_upto_us"
_OP_TOKEN: Final = re.compile(r"\bop:([0-9A-Za-z_-]{6,64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Who asked for an effect, and what the caller will see of it."""

    method: str
    path: str
    outcome: str = "answered"
    actor: str = "api"
    request_id: str | None = None


class Platform:
    """The state of one data folder. Single-threaded: effects are applied one after the other."""

    def __init__(
        self, data_dir: Path, *, scenario: str | None = None, start: datetime | None = None, speed: float | None = None
    ) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self.folder = data_dir
        self.journal = Journal(data_dir / "sandbox.sqlite3")
        if self.journal.setting("scenario") is None:
            _found(self.journal, scenario or DEFAULT_SCENARIO, start)
        elif scenario is not None and scenario != self.journal.setting("scenario_name"):
            message = (
                f"{data_dir} already holds the scenario {self.journal.setting('scenario_name')!r}; use another folder"
            )
            raise ValueError(message)
        self.scenario = Scenario.model_validate_json(self.journal.setting("scenario") or "")
        self.clock = PlatformClock(self.journal, speed=speed)
        start_us = int(self.journal.setting("start_us") or 0)
        self.faults = Faults(self.journal, start_us=start_us, seed=self.scenario.seed)
        self.errands = Errands(self.journal)
        self.world = World(self.scenario, start_us=start_us)
        self.people = People(self.world, start_us=start_us)
        self.calls: Counter[str] = Counter()
        self._seq = 0
        self._of_records = 0  # how many of the effects were on records
        self._people_upto_us = min(int(self.journal.setting(_PEOPLE_SETTING) or start_us), self.clock.now_us())
        self._people_next_us = self.people.next_us(self._people_upto_us)
        self._by_hand: set[tuple[int, str]] = set()  # edits that a killed process had logged already
        for line in self.journal.lines():
            self.world.replay(line)
            self._count(line)
            if line.platform_at_us > self._people_upto_us and line.actor != "api":
                self._by_hand.add((line.platform_at_us, line.actor))
        self.token, self.app_secret = _credentials(data_dir, tuple(self.world.accounts))
        self.catch_up()

    def catch_up(self) -> None:
        """Let people do what they did meanwhile, and compute every hour that reports may show now."""
        now_s = self.clock.now_s()  # before people act: no edit of theirs may be behind the hours computed
        self.act_people()
        self.world.catch_up(now_s)

    def act_people(self) -> None:
        """Let every edit by hand that is due take place, each at its own instant; before anything later happens."""
        now_us = self.clock.now_us()
        if now_us < self._people_next_us:
            self.world.settle(now_us / 1e6)
            return
        if self.people.act(after_us=self._people_upto_us, upto_us=now_us, effect=self._edit_by_hand):
            self.journal.set(_PEOPLE_SETTING, str(now_us))
        self._people_upto_us = now_us
        self._people_next_us = self.people.next_us(now_us)
        self.world.settle(now_us / 1e6)

    def commit(
        self, *, call: Call, kind: Kind, account_id: str, object_id: str | None, change: dict[str, list[Any]],
        at_us: int | None = None,
    ) -> Node:  # fmt: skip
        """Let an effect take place: write its line (one transaction), then apply it in memory.

        `object_id` None creates an object, whose id follows from the number of effects on the tree. `at_us` is the
        present if absent.
        """
        object_id = object_id or self._new_id(kind)
        line = self._write(call, kind=kind, account_id=account_id, object_id=object_id, change=change, at_us=at_us)
        return self.world.apply(line)

    def note(
        self, *, call: Call, kind: RecordKind, account_id: str, record_id: str | None, change: dict[str, list[Any]]
    ) -> Record:  # fmt: skip
        """Let an effect on a record take place, as `commit` does for the tree; `record_id` None makes one."""
        record_id = record_id or self._new_id(kind)
        line = self._write(call, kind=kind, account_id=account_id, object_id=record_id, change=change)
        return self.world.note(line)

    def limit_spend(self, *, call: Call, account_id: str, before_minor: int, after_minor: int) -> None:
        """Let an account's spending limit be another one from now on: its line first, as of every effect."""
        change: dict[str, list[Any]] = {"spend_cap": [before_minor, after_minor]}
        self.world.replay(
            self._write(call, kind=OF_ACCOUNT, account_id=account_id, object_id=account_id, change=change)
        )

    def _write(
        self, call: Call, *, kind: str, account_id: str, object_id: str, change: dict[str, list[Any]],
        at_us: int | None = None,
    ) -> LogLine:  # fmt: skip
        line = LogLine(
            seq=self._seq + 1, platform_at_us=self.clock.now_us() if at_us is None else at_us,
            real_at_us=to_us(datetime.now(UTC)), method=call.method, path=call.path, account_id=account_id, kind=kind,
            object_id=object_id, change=change, op_token=_op_token(change), outcome=call.outcome, actor=call.actor,
            request_id=call.request_id,
        )  # fmt: skip
        self.journal.append(line)
        self._count(line)
        return line

    def _count(self, line: LogLine) -> None:
        self._seq = line.seq
        self._of_records += is_of_record(line)

    def _new_id(self, kind: Kind | RecordKind) -> str:
        """Return the id of what the next effect makes.

        Objects of the tree and records are counted apart: the market draws by an object's id, and what is beside the
        tree (a report, an upload, an audience) must not change the luck of the next ad.
        """
        number = 1 + (self._of_records if isinstance(kind, RecordKind) else self._seq - self._of_records)
        while self.world.knows(found := new_object_id(number, kind)):  # in folders of before they were counted apart
            number += 1
        return found

    def _edit_by_hand(self, edit: HandEdit) -> None:
        if (edit.at_us, edit.actor) in self._by_hand:
            return
        node = edit.node
        call = Call(method="POST", path=f"/{node.id}", actor=edit.actor)
        self.commit(
            call=call, kind=node.kind, account_id=node.account_id, object_id=node.id, change=edit.change,
            at_us=edit.at_us,
        )  # fmt: skip

    def let_in(self, *, token: str | None = None, app_secret: str | None = None) -> None:
        """Take another token or app secret from now on; `credentials.json` keeps it."""
        path = self.folder / "credentials.json"
        kept = json.loads(path.read_text(encoding="utf-8"))
        kept |= {"access_token": token} if token else {}
        kept |= {"app_secret": app_secret} if app_secret else {}
        write_atomically(path, json.dumps(kept), mode=0o600)
        self.token, self.app_secret = str(kept["access_token"]), kept.get("app_secret")

    @property
    def last_seq(self) -> int:
        """The number of the last effect."""
        return self._seq

    def close(self) -> None:
        """Stop in order: the clock stands at its present."""
        self.clock.stand()
        self.journal.close()


def write_atomically(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a small file so that a reader sees all of it or the former one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
    draft.replace(path)


def _found(journal: Journal, name: str, start: datetime | None) -> None:
    scenario = load_scenario(name)
    begin = start or scenario.start or datetime.now(UTC)
    if begin.tzinfo is None:
        begin = begin.replace(tzinfo=UTC)
    start_us = to_us(begin) // 1_000_000 * 1_000_000
    World(scenario, start_us=start_us)  # refuses what cannot be built before anything is kept
    journal.set("start_us", str(start_us))
    PlatformClock.start(journal, at_us=start_us, speed=1.0)
    write_script(journal, script_of(scenario.faults))
    journal.set("scenario_name", name)
    journal.set("scenario", scenario.model_dump_json())


def _credentials(data_dir: Path, account_ids: tuple[str, ...]) -> tuple[str, str | None]:
    """Return the token, and the app's secret where somebody wrote an `app_secret` into the file."""
    path = data_dir / "credentials.json"
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        return str(kept["access_token"]), kept.get("app_secret")
    token = "EAA" + re.sub(r"[^0-9A-Za-z]", "", secrets.token_urlsafe(160))[:180]
    content = {"access_token": token, "account_ids": list(account_ids)}
    write_atomically(path, json.dumps(content), mode=0o600)
    return token, None


def _op_token(change: dict[str, list[Any]]) -> str | None:
    texts = [str(change.get("name", (None, ""))[1]), *map(str, change.get("labels", (None, ()))[1] or ())]
    for text in texts:
        found = _OP_TOKEN.search(text)
        if found:
            return found.group(1)
    return None
