"""I-16: an account in STUB sends nothing to the platform; LIVE needs the account's own switch and credentials."""

import json
import os
import subprocess
import sys
from pathlib import Path

from sandbox.process import start
from tests.faults.guarantee import Guarantee, Outcome, Place

_ROOT = Path(__file__).parents[3]
_KEPT_OUT = ("META_", "SANDBOX_", "STAKAZO_")


def _flip(place: Place, trials: int, *, careless: bool = False) -> Outcome:
    home, database, redis_url = place.folder(), place.database_url(), place.redis_url()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(_KEPT_OUT)}
    env = {**clean, "DATABASE_URL": database, "REDIS_URL": redis_url, "STAKAZO_HOME": str(home)}
    command = [sys.executable, "-m", "tests.faults.nemesis.egress", str(trials), *(["--careless"] if careless else [])]
    with start(home / "sandbox", speed=0) as sandbox:
        done = subprocess.run(command, env=env, cwd=_ROOT, capture_output=True, text=True, check=False, timeout=3600)
        effects = len(sandbox.ask("GET", "/oracle")["lines"])
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    told = json.loads(done.stdout)
    found = [f"a connection to {host}" for host in told["outside"]]
    if told["refused"] != trials:
        found.append(f"LIVE was opened without credentials {trials - told['refused']} times")
    if not careless and (told["calls"] != trials or not told["applied"] or not effects):
        raise RuntimeError(f"the STUB account was not used as planned: {told}, {effects} effects")
    figures: dict[str, float | str] = {
        "connects": told["connects"], "reads": told["calls"], "writes applied": told["applied"],
        "LIVE refused": told["refused"],
    }  # fmt: skip
    return Outcome(trials=trials, violations=tuple(found), figures=figures)


GUARANTEE = Guarantee(
    id="I-16",
    statement="An account in STUB sends nothing to a platform: every connection stays on this machine. LIVE is an"
    " account's own switch and needs its credentials.",
    enforced_at="workers/bootstrap.py: House.client_of",
    refuted_by="The account's mode is flipped between every two uses of its client, reads and writes through the door;"
    " an audit hook of the interpreter notes every connect and every name that is looked up, and refuses all but"
    " loopback.",
    short=100,
    full=5000,
    experiment=_flip,
    weaker={"a client that is not told where the sandbox is": lambda place, _: _flip(place, 1, careless=True)},
    judge="the interpreter's audit events (libpq's own socket to Postgres is not among them)",
)
