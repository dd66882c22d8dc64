"""What a simulation keeps in its folder: its plan (from when until when), and notes as it goes. Nothing is judged.

The world's own state is the sandbox's journal and Postgres beside it; these files only add what those do not tell.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from domain.clock import require_aware
from domain.errors import NotReadyError
from domain.platforms import PLATFORMS

QUARANTINE_S: Final = 2.0  # of unknown outcomes: real seconds, in which a simulation lets hours pass
REAL_TIME_MINUTES: Final = 30  # the sandbox's figures move hourly, a quarter past: these are the cycles' own slots
_INSTANTS = ("begin_at", "end_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is simulated. `first_effect` is the number of the sandbox's last effect before the beginning."""

    title: str
    account_ids: tuple[str, ...]  # the platform's, digits only; other accounts of the world rest
    begin_at: datetime  # platform's clock
    end_at: datetime
    first_effect: int
    policy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationFolder:
    """The rooms of one simulation: a data folder of its own, never the operator's."""

    path: Path

    @property
    def home(self) -> Path:
        """The data folder of its machine."""
        return self.path / "home"

    @property
    def sandbox(self) -> Path:
        """The world that is lived in."""
        return self.home / "sandbox"

    @property
    def beginning(self) -> Path:
        """The world as it was at the beginning, untouched."""
        return self.path / "beginning"

    @property
    def report(self) -> Path:
        """Where the report goes unless another place is named."""
        return self.path / "report"

    def environment(self) -> Mapping[str, str]:
        """Return the variables that keep its processes away from the operator's servers, sandbox and platforms."""
        return {
            "STAKAZO_HOME": str(self.home),
            "SANDBOX_DATA": str(self.sandbox),
            "DATABASE_URL": "",
            "DATABASE_OWNER_URL": "",
            "REDIS_URL": "",
            "SANDBOX_URL": "",
            "SANDBOX_ADMIN_URL": "",
            "STUB_QUARANTINE_S": f"{QUARANTINE_S:g}",
            **{f"{row.slug.upper()}_API_MODE": "stub" for row in PLATFORMS},
            **{f"{row.slug.upper()}_REAL_TIME_INTERVAL_MINUTES": f"{REAL_TIME_MINUTES}" for row in PLATFORMS},
        }

    def read_plan(self) -> Plan | None:
        """Return the plan that is kept here, None where none was begun."""
        file = self.path / "plan.json"
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            instants = {name: require_aware(name, datetime.fromisoformat(content[name])) for name in _INSTANTS}
            return Plan(**content | instants | {"account_ids": tuple(content["account_ids"])})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise NotReadyError(f"{file} cannot be used ({error}); begin anew with --fresh") from None

    def write_plan(self, plan: Plan) -> None:
        """Keep the plan, replacing what was there in one step."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = asdict(plan) | {name: getattr(plan, name).isoformat() for name in _INSTANTS}
        draft = self.path / ".plan.json"
        draft.write_text(json.dumps(content, indent=1), encoding="utf-8")
        draft.replace(self.path / "plan.json")

    def note(self, kind: str, **values: object) -> None:
        """Append a note."""
        line = json.dumps({"note": kind, **values}, allow_nan=False)
        with (self.path / "notes.jsonl").open("a", encoding="utf-8") as notes:
            notes.write(line + "\n")

    def notes(self, kind: str) -> Iterator[Mapping[str, Any]]:
        """Yield the notes of a kind, oldest first; a line that was cut off by a crash is passed over."""
        try:
            with (self.path / "notes.jsonl").open(encoding="utf-8") as notes:
                yield from (found for line in notes if (found := _read(line)).get("note") == kind)
        except FileNotFoundError:
            return


def _read(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
