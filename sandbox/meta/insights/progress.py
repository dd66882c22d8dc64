"""How a report run fares in time: how far it is at an instant, and what becomes of it. No figures, no answers."""

from dataclasses import dataclass
from typing import Any, Final, Self

from sandbox.faults import Fault
from sandbox.market.dice import object_key
from sandbox.meta.insights.polls import Polls
from sandbox.meta.protocol.errors import GraphError
from sandbox.records import Record
from sandbox.scenario_reports import ReportsSpec

NOT_STARTED: Final = "Job Not Started"
STARTED: Final = "Job Started"
RUNNING: Final = "Job Running"
COMPLETED: Final = "Job Completed"
FAILED: Final = "Job Failed"
SKIPPED: Final = "Job Skipped"
_STARTED_PERCENT: Final = 10
_FAILS_AT: Final = 60
_STALLS_AT: Final = 90
_ALL: Final = 100
_STREAM: Final = 0x5E90  # apart from all that the market draws
_TEXTS: Final = {
    (-2, 2_490_547): ("Report failed", "The report could not be made. Ask for it again."),
    (-3, 1_504_045): ("Too much data", "Your report is too large: ask for fewer days, breakdowns or objects."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of a run: "completes", "fails", "is_skipped" or "stalls"; a code where it fails."""

    ends: str = "completes"
    code: int = 0
    subcode: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it as a record keeps it."""
        return {"ends": self.ends, "code": self.code, "subcode": self.subcode}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        """Return what a record kept."""
        return cls(**kept)

    def details(self) -> dict[str, Any]:
        """Return the error_* fields of a run that failed."""
        title, text = _TEXTS.get((self.code, self.subcode), ("Report failed", "Refused by script."))
        return {
            "error_code": self.code, "error_subcode": self.subcode, "error_message": f"(#{self.code}) {title}",
            "error_user_title": title, "error_user_msg": text,
        }  # fmt: skip

    def error(self) -> GraphError:
        """Return the refusal of the rows of a run that failed."""
        title, text = _TEXTS.get((self.code, self.subcode), ("Report failed", "Refused by script."))
        return GraphError(self.code, f"(#{self.code}) {title}", subcode=self.subcode, title=title, user=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is."""

    status: str
    percent: int

    @property
    def is_complete(self) -> bool:
        """Say whether its rows are there."""
        return self.status == COMPLETED

    @property
    def is_running(self) -> bool:
        """Say whether it may still change."""
        return self.status in (NOT_STARTED, STARTED, RUNNING)


class Pace:
    """How much of each run is done: the platform's time that has passed, and polls while that clock stands."""

    def __init__(self) -> None:
        self._polls = Polls()

    def progress(self, run: Record, *, now_us: int, is_poll: bool) -> Progress:
        """Return how far a run is at an instant."""
        values, fate = run.values, Fate.from_json(run.values["fate"])
        if values["ended_us"]:
            return ended(fate)
        share = self._polls.share_done(
            run.id, since_us=values["asked_us"], now_us=now_us, seconds=values["seconds"], is_poll=is_poll
        )
        return progress_at(fate, int(_ALL * min(1.0, share)))


def progress_at(fate: Fate, percent: int) -> Progress:
    """Return how far a run is that has had so much of its time."""
    if (fate.ends == "fails" and percent >= _FAILS_AT) or (percent >= _ALL and fate.ends != "stalls"):
        return ended(fate)
    if fate.ends == "is_skipped" or percent == 0:
        return Progress(status=NOT_STARTED, percent=0)
    percent = min(percent, _STALLS_AT) if fate.ends == "stalls" else percent
    return Progress(status=STARTED if percent < _STARTED_PERCENT else RUNNING, percent=percent)


def ended(fate: Fate) -> Progress:
    """Return how a run stands that has ended."""
    match fate.ends:
        case "fails":
            return Progress(status=FAILED, percent=_FAILS_AT)
        case "is_skipped":
            return Progress(status=SKIPPED, percent=0)
    return Progress(status=COMPLETED, percent=_ALL)


def fate_of(fault: Fault | None, *, rows: int, spec: ReportsSpec, seed: int, number: int) -> Fate:
    """Return what becomes of a run of so many possible rows.

    A fault of the script comes first, then the size, then the share that the scenario lets fail, drawn by the number
    of the run's effect.
    """
    match fault.do if fault else None:
        case "report_fails" if fault:
            return Fate(ends="fails", code=fault.code or -2, subcode=fault.subcode or 2_490_547)
        case "report_skipped":
            return Fate(ends="is_skipped")
        case "report_stalls":
            return Fate(ends="stalls")
    if rows > spec.most_rows:
        return Fate(ends="fails", code=-3, subcode=1_504_045)
    if spec.failed_share and object_key(seed, _STREAM, number) < spec.failed_share * 2**64:
        return Fate(ends="fails", code=-2, subcode=2_490_547)
    return Fate()
