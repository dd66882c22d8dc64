"""`python -m workers.probe worker LANE | tower | beat | url URL`: whether one process of this host lives; 0 or 1.

For health checks of containers: a process is judged by the signs that it wrote into Postgres, not by an answer that any
other could give.
"""

import socket
import sys
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from domain.errors import StakazoError
from models import heartbeats
from models.engine import make_engine
from models.heartbeats import Heartbeat, ProcessKind
from workers import addresses
from workers.settings import read_settings

_USAGE: Final = 2
_ANSWER_S: Final = 5.0
_OLDEST_S: Final[Mapping[ProcessKind, float]] = {
    ProcessKind.WORKER: 60.0,  # a sign each 10 s
    ProcessKind.TOWER: 90.0,  # each 5 s, but a round may bring a stop to its end
    ProcessKind.BEAT: 60.0,  # a sign each 10 s
}


def main(words: Sequence[str]) -> int:
    """Probe what the words name; say what is wrong on standard error."""
    probe = _probe_of(words)
    if probe is None:
        sys.stderr.write(f"{__doc__}\n")
        return _USAGE
    try:
        problem = probe()
    except (StakazoError, SQLAlchemyError, OSError) as error:
        problem = f"it cannot be asked: {type(error).__name__}"  # the text of a driver's error names the address
    if problem:
        sys.stderr.write(f"{problem}\n")
    return 1 if problem else 0


def _probe_of(words: Sequence[str]) -> Callable[[], str] | None:
    host = socket.gethostname()
    match words:
        case ["worker", lane]:
            return lambda: judge(_signs(ProcessKind.WORKER), ProcessKind.WORKER, f"{lane}@{host}")
        case ["tower"]:
            return lambda: judge(_signs(ProcessKind.TOWER), ProcessKind.TOWER, f"tower@{host}:")
        case ["beat"]:
            return lambda: judge(_signs(ProcessKind.BEAT), ProcessKind.BEAT, "beat")
        case ["url", url] if url.startswith("http://"):
            return lambda: _answers(url)
    return None


def judge(signs: Sequence[Heartbeat], kind: ProcessKind, name: str) -> str:
    """Return what is wrong with the process whose name begins so; nothing, if its last sign is fresh."""
    ages = [sign.age_s for sign in signs if sign.kind is kind and _is_named(sign.process, name)]
    if not ages:
        return f"{name} has given no sign of life yet"
    if min(ages) > _OLDEST_S[kind]:
        return f"{name} gave its last sign of life {min(ages):.0f} s ago; more than {_OLDEST_S[kind]:.0f} s is too long"
    return ""


def _is_named(process: str, name: str) -> bool:
    return process.startswith(name) if name.endswith(":") else process == name


def _signs(kind: ProcessKind) -> tuple[Heartbeat, ...]:
    engine = make_engine(addresses.database_url(read_settings()), pool_size=1, application_name="stakazo-probe")
    try:
        with engine.connect() as conn:
            return heartbeats.listing(conn, kind)
    finally:
        engine.dispose()


def _answers(url: str) -> str:
    with urllib.request.urlopen(url, timeout=_ANSWER_S) as answer:  # noqa: S310 - http only, see above
        return "" if answer.status == 200 else f"{url} answers {answer.status}"  # noqa: PLR2004 - OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
