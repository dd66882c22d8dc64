"""What the sandbox serves over HTTP, as a stranger's client meets it, and what a simulated day costs it, by ads.

`python -m benchmarks.sandbox [--ads 100,1000,10000] [--seconds 2] [--json]`. Each size is a process of its own, called
over one and over four kept connections from this one: requests a second (an object read by its id), rows a second
(insights by ad and day, pages of 500, every table built anew), seconds per simulated day, peak memory of the process.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
import typer

from benchmarks.sandbox_wire import Wire
from sandbox.process import SandboxProcess, start

_START: Final = "2026-11-20T15:30:00"
_TODAY: Final = date(2026, 11, 20)
_CONNECTIONS: Final = (1, 4)
_SLICE_DAYS: Final = 2  # of insights for each connection; the largest accounts have eight days of a past
_SLICES: Final = 4
_FIELDS: Final = "ad_id,adset_id,campaign_id,impressions,clicks,inline_link_clicks,spend,actions,action_values"
_FAST: Final = 300  # platform seconds in a real one while requests are counted, so that no limit bites
_ADVANCE_DAYS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One size. Figures by connections are `{connections: figure}`."""

    ads: int
    open_s: float
    requests_per_s: dict[int, float]
    rows: int
    rows_per_s: dict[int, float]
    page_bytes: int
    s_per_day: float
    peak_mib: float


class _Paging(msgspec.Struct, frozen=True):
    next: str | None = None


class _Page(msgspec.Struct, frozen=True):
    data: list[msgspec.Raw]
    paging: _Paging = _Paging()


def measure(ads: int, seconds: float) -> Measured:
    """Open an account of so many ads and measure it."""
    with _opened(ads) as (process, open_s):
        requests = {count: _requests_per_s(process, count, seconds) for count in _CONNECTIONS}
        rows: dict[int, float] = {}
        for count in _CONNECTIONS:
            process.ask("POST", "/advance", {"hours": 1})  # what is kept of the former pass is of no use then
            found, took_s, page_bytes = _read_all(process, count)
            rows[count] = round(found / took_s, 0)
        began = time.perf_counter()
        process.ask("POST", "/advance", {"days": _ADVANCE_DAYS})
        day_s = (time.perf_counter() - began) / _ADVANCE_DAYS
        return Measured(
            ads=ads, open_s=round(open_s, 2), requests_per_s=requests, rows=found, rows_per_s=rows,
            page_bytes=page_bytes, s_per_day=round(day_s, 4), peak_mib=_peak_mib(process.pid),
        )  # fmt: skip


@contextmanager
def _opened(ads: int) -> Iterator[tuple[SandboxProcess, float]]:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with start(Path(folder), scenario=f"generated:{ads}", speed=0, start_at=_START, ready_timeout_s=600) as process:
            yield process, time.perf_counter() - began


def _requests_per_s(process: SandboxProcess, connections: int, seconds: float) -> float:
    """Read one object again and again; the clock runs fast enough for the score to wear off."""
    path = f"/v26.0/act_{process.account_ids[0]}?fields=name,currency,timezone_name"
    process.ask("POST", "/speed", {"speed": _FAST})
    ends_at = time.perf_counter() + seconds

    def call(wire: Wire) -> int:
        calls = 0
        while time.perf_counter() < ends_at:
            wire.get(path)
            calls += 1
        return calls

    began = time.perf_counter()
    calls = sum(_side_by_side(process, [call] * connections))
    took_s = time.perf_counter() - began
    process.ask("POST", "/speed", {"speed": 0})
    return round(calls / took_s, 0)


def _read_all(process: SandboxProcess, connections: int) -> tuple[int, float, int]:
    """Read every slice of days to its last page, and return the rows, the seconds and the size of a full page."""
    slices = [_slice_path(process, number) for number in range(_SLICES)]
    largest: list[int] = []

    def read(paths: list[str]) -> Callable[[Wire], int]:
        def run(wire: Wire) -> int:
            pages = [page for path in paths for page in _pages(wire, path)]
            largest.append(max(size for _, size in pages))
            return sum(rows for rows, _ in pages)

        return run

    parts = [slices[number::connections] for number in range(connections)]
    began = time.perf_counter()
    rows = sum(_side_by_side(process, [read(part) for part in parts]))
    return rows, time.perf_counter() - began, max(largest)


def _pages(wire: Wire, path: str) -> Iterator[tuple[int, int]]:
    following: str | None = path
    while following is not None:
        body = wire.get(following)
        page = msgspec.json.decode(body, type=_Page)
        yield len(page.data), len(body)
        following = None if page.paging.next is None else "/" + page.paging.next.split("/", 3)[3]


def _slice_path(process: SandboxProcess, number: int) -> str:
    last = _TODAY - timedelta(days=1 + number * _SLICE_DAYS)
    days = json.dumps({"since": str(last - timedelta(days=_SLICE_DAYS - 1)), "until": str(last)})
    query = f"level=ad&time_increment=1&limit=500&fields={_FIELDS}&time_range={quote(days)}"
    return f"/v26.0/act_{process.account_ids[0]}/insights?{query}"


def _side_by_side(process: SandboxProcess, works: list[Callable[[Wire], int]]) -> list[int]:
    def run(work: Callable[[Wire], int]) -> int:
        with Wire(process.graph, process.token) as wire:
            return work(wire)

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def _peak_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    (peak,) = [line for line in lines if line.startswith("VmHWM")]
    return round(int(peak.split()[1]) / 1_024, 1)


def main(
    ads: Annotated[str, typer.Option(help="Sizes of accounts, by commas.")] = "100,1000,10000",
    seconds: Annotated[float, typer.Option(min=0.1, help="For how long requests are counted.")] = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Measure every size, one after the other."""
    rows = [measure(int(size), seconds) for size in ads.split(",")]
    first, last = rows[0], rows[-1]
    growth = last.s_per_day / first.s_per_day / (last.ads / first.ads)
    if as_json:
        document: dict[str, Any] = {"sizes": [asdict(row) for row in rows], "day_growth_to_linear": round(growth, 3)}
        typer.echo(json.dumps(document, indent=2))
        return
    for row in rows:
        served, read = (
            ", ".join(f"{figure:.0f} ({count})" for count, figure in figures.items())
            for figures in (row.requests_per_s, row.rows_per_s)
        )
        typer.echo(
            f"{row.ads:>6} ads: {served} requests/s, {read} insight rows/s (connections) of {row.rows} rows, "
            f"{row.s_per_day:.3f} s a simulated day, opened in {row.open_s:.1f} s, peak {row.peak_mib:.0f} MiB"
        )
    typer.echo(f"a day from {first.ads} to {last.ads} ads: {growth:.2f} times linear")


if __name__ == "__main__":
    typer.run(main)
