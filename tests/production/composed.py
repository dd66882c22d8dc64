"""docker-compose.yml as a compose parser reads it. The parser wants a podman: a script with a version will do."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
_PODMAN = '#!/bin/sh\necho "podman version 5.6.0"\n'


def parse(folder: Path, *profiles: str, **variables: str) -> dict:
    """What `podman-compose config` makes of the file, with these profiles and variables on."""
    podman = folder / "podman"
    podman.write_text(_PODMAN)
    podman.chmod(0o755)
    words = [str(Path(sys.executable).with_name("podman-compose")), "-f", str(ROOT / "docker-compose.yml")]
    for profile in profiles:
        words += ["--profile", profile]
    env = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), **variables}
    done = subprocess.run([*words, "config"], env=env, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


def make_secrets(folder: Path) -> Path:
    """The secrets as the script makes them."""
    subprocess.run(["sh", str(ROOT / "deploy" / "make-secrets.sh"), str(folder)], check=True, capture_output=True)
    return folder


def is_ours(service: dict) -> bool:
    return service["image"] == "stakazo"


def programs_of(package: str, *inside: str) -> Path:
    """The folder of a server's programs, from its wheel."""
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0], *inside)
