"""Reports that Meta works out in its own time: ordered, waited for with growing pauses, read along a cursor.

Ordering one changes nothing but Meta's list of reports; one that is ordered twice costs a call.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.errors import TransientError
from domain.ids import PlatformAccountId
from meta_client import wire
from meta_client.pages import Pager, RowT
from meta_client.redact import plain

_DONE = "Job Completed"
_FAILED = frozenset({"Job Failed", "Job Skipped"})
_ALL = 100


class ReportFailedError(TransientError):
    """Meta gave the report up, or never came to it: a smaller one may pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Pauses between two looks at a report, growing by half each time; given up after `most_s` of them."""

    first_s: float = 1.0
    longest_s: float = 20.0
    most_s: float = 1800.0

    def pauses(self) -> Iterator[float]:
        """Yield them."""
        pause_s, waited_s = self.first_s, 0.0
        while waited_s < self.most_s:
            yield pause_s
            waited_s += pause_s
            pause_s = min(pause_s * 1.5, self.longest_s)


class ReportReader:
    """Orders and reads reports through one pager."""

    def __init__(self, pager: Pager, sleep: Callable[[float], None], waiting: Waiting | None = None) -> None:
        self._pager = pager
        self._sleep = sleep
        self._waiting = waiting or Waiting()

    def pages(  # noqa: PLR0917 - what a report is
        self, row: type[RowT], account: PlatformAccountId, path: str, form: Mapping[str, str], about: str, limit: int
    ) -> Iterator[Sequence[RowT]]:
        """Order the report and yield its pages; an empty page for each look at one that is not done yet.

        Raises:
            ReportFailedError: Meta gave it up, or did not finish it in time.
            PlatformError: as `PlatformReader` says.
        """
        run = self._pager.ask(wire.ReportOrdered, path, form, about=about).report_run_id
        what = f"{about} (report {plain(run)})"
        for pause_s in self._waiting.pauses():
            if self._is_done(account, run, what):
                yield from self._pager.edge(row, f"{run}/insights", {}, about=what, limit=limit, account=account)
                return
            yield ()  # whoever loads may show that it lives
            self._sleep(pause_s)
        raise ReportFailedError(f"{what}: not done after {self._waiting.most_s:.0f} s")

    def _is_done(self, account: PlatformAccountId, run: str, what: str) -> bool:
        # Without `fields`: then why a report failed is told, too, where Meta tells it.
        state = self._pager.node(wire.ReportRun, run, {}, about=what, account=account)
        if state.id != run:
            raise TransientError(f"{what}: Meta answered about {plain(state.id)}")
        if state.async_status in _FAILED:
            said = plain(state.error_message or state.error_user_msg or state.async_status)
            raise ReportFailedError(f'{what}: given up by Meta ("{said}")', code=state.error_code)
        return state.async_status == _DONE and state.async_percent_completion >= _ALL
