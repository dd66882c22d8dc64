"""The command line of each process, derived from the catalogue; the supervisor and docker-compose start them."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from domain import catalogue
from domain.modules import Lane
from workers.flower import FlowerLogin
from workers.settings import Settings

_APP = ("-A", "workers.celery_app")
KNOCKING = "workers.knocking:Knocking"  # beat's scheduler: Celery's, without a file, that says that it lives
_CONCURRENCY: Mapping[Lane, int] = {Lane.FAST: 1, Lane.CYCLES: 2, Lane.ACTIONS: 2, Lane.CONTROL: 1}
_WATCHERS = "watchers"
_NEVER = 1_000_000_000  # 0 is no way to say it: billiard would end the child at once
STOP_WORKER_S = 25.0  # above celery_config.SOFT_SHUTDOWN_S, so that a warm end is not cut off


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """A process: what to run, with which variables on top of the common ones, how long it may take to stop."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    stop_timeout_s: float = 10.0
    stops_with: str = ""  # the others of that name; watchers before the workers that they watch


def worker_lines(*extra: str) -> tuple[CommandLine, ...]:
    """One worker per lane that has queues, each with these options on top."""
    return tuple(_worker(lane, extra) for lane in catalogue.lanes())


def beat_line(speed: float) -> CommandLine:
    """Beat, without a file: it only knocks, slots are Postgres' business. `speed` is the sandbox's."""
    return CommandLine(
        name="beat",
        argv=(sys.executable, "-m", "celery", *_APP, "beat", "--scheduler", KNOCKING, "--pidfile="),
        env={"STAKAZO_SPEED": f"{speed:g}"},
        stops_with=_WATCHERS,
    )


def flower_line(settings: Settings, login: FlowerLogin, port: int) -> CommandLine:
    """Flower on loopback, behind its login, read-only unless FLOWER_READ_ONLY=false."""
    columns = "name,args,state,received,runtime,worker"
    argv = (
        *(sys.executable, "-m", "celery", *_APP, "flower", "--address=127.0.0.1", f"--port={port}"),
        *("--max_tasks=10000", "--natural_time=true", f"--tasks_columns={columns}", "--logging=info"),
        *(("--read_only=true",) if settings.common.flower_read_only else ()),
    )
    return CommandLine(
        name="flower", argv=argv, env={"FLOWER_BASIC_AUTH": f"{login.user}:{login.password}"}, stops_with=_WATCHERS
    )


def metrics_line(port: int, speed: float) -> CommandLine:
    """The page for Prometheus, on loopback; `speed` tells it how often slots come."""
    argv = (sys.executable, "-m", "cli.main", "metrics", f"--port={port}")
    return CommandLine(name="metrics", argv=argv, env={"STAKAZO_SPEED": f"{speed:g}"}, stops_with=_WATCHERS)


def tower_line() -> CommandLine:
    """The control tower."""
    return CommandLine(name="tower", argv=(sys.executable, "-m", "cli.main", "tower"), stops_with=_WATCHERS)


def sandbox_line(settings: Settings, speed: float) -> CommandLine:
    """The sandbox, as a process of its own."""
    argv = (sys.executable, "-m", "sandbox", "serve", "--data", str(settings.sandbox_data), "--speed", f"{speed:g}")
    return CommandLine(name="sandbox", argv=argv)


def command_lines(
    settings: Settings, *, login: FlowerLogin, flower_port: int, metrics_port: int, speed: float = 1.0
) -> tuple[CommandLine, ...]:
    """Every process of one machine, in the order in which to start them (servers come before, from `embedded`)."""
    return (
        sandbox_line(settings, speed),
        *worker_lines(),
        tower_line(),
        beat_line(speed),
        metrics_line(metrics_port, speed),
        flower_line(settings, login, flower_port),
    )


def stepped_lines(settings: Settings) -> tuple[CommandLine, ...]:
    """Return the processes of a stepped simulation: a standing sandbox, workers that are never recycled, the tower.

    Nobody knocks but the driver: without beat the control lane has nothing to do. Recycling would hide a leak.
    """
    lanes = (lane for lane in catalogue.lanes() if lane is not Lane.CONTROL)
    extra = (f"--max-tasks-per-child={_NEVER}",)
    return (sandbox_line(settings, 0.0), *(_worker(lane, extra) for lane in lanes), tower_line())


def _worker(lane: Lane, extra: tuple[str, ...] = ()) -> CommandLine:
    argv = (
        *(sys.executable, "-m", "celery", *_APP, "worker", "-n", f"{lane}@%h", "-Q", ",".join(catalogue.queues(lane))),
        *("-c", str(_CONCURRENCY[lane]), "-P", "prefork", "-E", "--without-mingle", "--without-gossip"),
        *extra,
    )
    return CommandLine(
        name=f"worker-{lane}", argv=argv, env={"REMAP_SIGTERM": "SIGQUIT"}, stop_timeout_s=STOP_WORKER_S,
        stops_with="workers",
    )  # fmt: skip
