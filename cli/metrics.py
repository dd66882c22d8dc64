"""`stakazo metrics`: the page for Prometheus as a process; the supervisor and docker-compose start it."""

import signal
import threading
from types import FrameType
from typing import Annotated

import typer

from cli.console import say
from cli.session import opened
from domain.errors import NotReadyError

PORT = 9464
_Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to answer at; 0 lets the kernel choose.")]
_Address = Annotated[
    str, typer.Option("--address", help="Address to answer at. The page names accounts and money: keep it private.")
]
_Once = Annotated[bool, typer.Option("--once", help="Print the page once, and do not answer.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("metrics")(metrics)


def metrics(port: _Port = PORT, address: _Address = "127.0.0.1", *, once: _Once = False) -> None:
    """Answer Prometheus at http://ADDRESS:PORT/metrics until Ctrl-C or SIGTERM.

    Everything is read from Postgres and Redis at each scrape; what is away is missing from the page, and
    ads_source_up says so. Rules and boards lie in deploy/. Example: stakazo metrics --once | grep ads_gate_stopped
    """
    from workers import log  # late, as the next: only processes that stay say what they meet
    from workers import metrics as pages  # late: only this command needs prometheus-client
    from workers.celery_app import secrets_of  # late: it loads Celery

    with opened(name="stakazo-metrics") as house:
        log.set_up(level=house.settings.common.log_level, secrets=secrets_of(house.settings))
        collector = pages.collector_of(house)
        if once:
            typer.echo(pages.page(collector), nl=False)
            return
        try:
            server = pages.serve(collector, address=address, port=port)
        except OSError as error:
            raise NotReadyError(
                f"cannot answer at {address}:{port} ({error.strerror}); choose another one with --port or --address"
            ) from None
        say(f"answers at http://{address}:{server.server_port}/metrics")
        _until_told_to_stop()
        server.shutdown()


def _until_told_to_stop() -> None:
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    stopping.wait()
