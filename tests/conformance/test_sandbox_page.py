"""What docs/sandbox.md tells a stranger to type works as it stands there."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.process import SandboxProcess, start

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
PYTHON = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
SHELL = [block for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if "curl" in block]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stranger")


@pytest.fixture(scope="module")
def demo(folder: Path) -> Iterator[SandboxProcess]:
    """The page's own command, at ports that are free."""
    with start(folder / "sandbox-data", scenario="demo") as process:
        yield process


def test_the_page_s_python_reads_figures_of_every_ad(demo: SandboxProcess, folder: Path) -> None:
    code = PYTHON.replace("http://127.0.0.1:8900", demo.graph)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    assert len(done.stdout.splitlines()) > 30


@pytest.mark.parametrize("block", SHELL, ids=["by hand", "switchboard"])
def test_every_line_of_the_page_s_shell_is_answered_and_none_refused(
    demo: SandboxProcess, folder: Path, block: str
) -> None:
    code = "set -e\n" + block.replace("http://127.0.0.1:8900", demo.graph).replace("curl -s", "curl -sS -w '\\n'")
    path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", code], cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, **path}
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    answers = done.stdout.splitlines()
    assert len(answers) == sum(line.startswith("curl") for line in block.splitlines())
    assert [line for line in answers if '"error"' in line] == []
