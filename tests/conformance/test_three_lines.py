"""What the README tells a stranger to type works as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

from sandbox.process import start

ROOT = Path(__file__).parents[2]
_SECTION = re.compile(r"## The sandbox alone.*?```\n(?P<shell>.*?)```\n```python\n(?P<python>.*?)```", re.DOTALL)


def test_the_three_lines_of_the_readme_read_figures(tmp_path: Path):
    told = _SECTION.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert told is not None
    assert told["shell"].startswith(".venv/bin/python -m sandbox serve --port 8900 ")
    imports, _, lines = told["python"].partition("\n\n")
    assert all(line.startswith(("import ", "from ")) for line in imports.splitlines())
    assert len(lines.splitlines()) == 3
    with start(tmp_path / "sandbox-data") as process:  # the same command, at a port that is free
        code = told["python"].replace("http://127.0.0.1:8900", process.graph)
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    assert done.stdout.count("<AdsInsights>") > 10
    assert '"ad_name"' in done.stdout
    assert '"spend"' in done.stdout
