"""Runs the clauses through a client of its own and judges them; writes and compares what was exchanged."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from domain.contract import Bounds, Clause, Difference, Standing, Verdict
from domain.errors import NotReadyError, PlatformError
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from domain.ports import ClientOptions
from meta_client import cut
from meta_client.accounts import AccountBook, node_of
from meta_client.contract import recording, shapes
from meta_client.contract.bench import Bench
from meta_client.contract.clauses import CLAUSES, Examined
from meta_client.contract.replay import Replay
from meta_client.contract.tape import Exchange, Tape, TapedTransport
from meta_client.insights import InsightReader
from meta_client.pages import Pager
from meta_client.reads import MetaReader
from meta_client.transport import BASE_URL

_ENOUGH: Final = 0.6  # of the quota: where collecting stops, too


class MetaContract:
    """Meta's `domain.contract.PlatformContract`."""

    def __init__(self, options: ClientOptions, *, sleep: Callable[[float], None] = cut.sleep) -> None:
        self._options = replace(options, gate=None)
        self._sleep = sleep
        self._tape = Tape(0)
        self._bench: Bench | None = None
        self._pages = 0
        self._standings: dict[str, Standing] = {}

    @property
    def address(self) -> str:
        """Whom it calls."""
        return self._options.base_url or BASE_URL

    @property
    def values(self) -> dict[str, Any]:
        """What the last check decoded, as plain values."""
        return {} if self._bench is None else self._bench.values

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """What the last check exchanged."""
        return self._tape.exchanges

    def clauses(self) -> Sequence[Clause]:
        """All of them, in the order in which they are asked."""
        return tuple(row.clause for row in CLAUSES)

    def accounts(self) -> Sequence[AccountInfo]:
        """What the token sees."""
        return self._reader(Tape(Bounds().calls))[0].accounts()

    def check(self, account: str, now: datetime, bounds: Bounds) -> Iterator[Verdict]:
        """Ask all, one clause after the other."""
        self._tape = Tape(bounds.calls)
        reader, pager, book = self._reader(self._tape)
        named = PlatformAccountId(node_of(PlatformAccountId(account)))
        figures = InsightReader(pager, sleep=self._sleep)
        self._bench = bench = Bench(reader, pager, book, figures, named, now, bounds.pages)
        self._pages, self._standings = bounds.pages, {}
        for row in CLAUSES:
            verdict = self._verdict(row, bench)
            self._standings[row.clause.name] = verdict.standing
            yield verdict

    def write(self, folder: str | Path, *, recorded_from: str, amounts: float = 1.0) -> int:
        """Write what the last check exchanged, redacted, with what a client decodes of it."""
        if self._bench is None:
            raise NotReadyError("nothing was exchanged yet")
        made = recording.redacted(
            self._tape.exchanges,
            account=self._bench.account,
            now=self._bench.now,
            recorded_from=recorded_from,
            pages=self._pages,
            amounts=amounts,
        )
        verdicts, values = replayed(made)
        lost = [row for row in verdicts if row.standing is not self._standings[row.clause]]
        if lost:
            said = "; ".join(f"{row.clause}: {', '.join(row.differs) or row.standing}" for row in lost)
            raise NotReadyError(f"without the account the recording is read otherwise; nothing was written ({said})")
        return recording.write(replace(made, values=values), Path(folder))

    def differences(self, folder: str | Path) -> Sequence[Difference]:
        """Where the answers of the last check have another shape than those of a recording."""
        return shapes.differences(recording.read(Path(folder)).exchanges, self._tape.exchanges)

    def _reader(self, tape: Tape) -> tuple[MetaReader, Pager, AccountBook]:
        transport = TapedTransport(self._options, tape)
        pager = Pager(transport, sleep=self._sleep)
        book = AccountBook(pager)
        return MetaReader(transport, pager, book), pager, book

    def _verdict(self, row: Examined, bench: Bench) -> Verdict:
        name, before = row.clause.name, self._tape.calls
        self._tape.clause = name
        used = bench.usage().account or 0.0
        if used > _ENOUGH:
            said = f"{used:.0%} of the account's quota is used; come back later"
            return Verdict(clause=name, standing=Standing.NOT_ASKED, calls=0, differs=(said,))
        try:
            differs = tuple(row.examine(bench))
        except PlatformError as error:
            differs = (f"{type(error).__name__}: {error}",)
        except NotReadyError as error:
            made = self._tape.calls - before
            return Verdict(clause=name, standing=Standing.NOT_ASKED, calls=made, differs=(str(error),))
        standing = Standing.BROKEN if differs else Standing.KEPT
        return Verdict(clause=name, standing=standing, calls=self._tape.calls - before, differs=differs)


def replayed(made: recording.Recording) -> tuple[tuple[Verdict, ...], dict[str, Any]]:
    """Let the client read a recording over HTTP; how the clauses stand, and what it decoded."""
    with Replay(made.exchanges) as server:
        options = ClientOptions(base_url=server.url, token=lambda: "a-token-of-nobody", app_secret=lambda: None)
        contract = MetaContract(options, sleep=lambda _: None)  # what was recorded does not get better by waiting
        verdicts = tuple(contract.check(made.account, made.now, Bounds(pages=made.pages)))
        return verdicts, contract.values
