"""Runs the parts and writes the page: `python -m benchmarks.decisions [PART ...] [--json FILE] [--quick] [--out DIR]`.

Without `--out` nothing is written but what `--json` asks for. Parts run one after the other, each with its seed;
a part that fails is told, and the others go on.
"""

import argparse
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Final

from benchmarks.decisions import page

os.environ.setdefault("MPLBACKEND", "Agg")

PARTS: Final = (
    "calibration", "budgets", "ab_tests", "headlines", "fatigue", "anomalies", "segments", "system", "speed",
)  # fmt: skip
_PACKAGE: Final = "benchmarks.decisions"
REPORTING_SEED: Final = 1000  # those under it are for tuning
_ROOT: Final = Path(__file__).parents[2]


def main() -> int:
    """Run what was asked for; 0 fine, 1 a part failed."""
    asked = _asked()
    names = asked.parts or PARTS
    results: dict[str, Any] = {}
    for number, name in enumerate(names, start=1):
        results[name] = _run(name, f"[{number}/{len(names)}]", quick=asked.quick, seed=asked.seed)
    if asked.out is not None and asked.parts:
        results = {**page.kept(asked.out), **results}
    document = {"command": _command(asked), "parts": page.plain(results)}
    if asked.json is not None:
        text = json.dumps(document, indent=1, sort_keys=True) + "\n"
        sys.stdout.write(text) if str(asked.json) == "-" else asked.json.write_text(text, encoding="utf-8")
    if asked.out is not None:
        plots = {name: _plots(name, results[name], asked.out) for name in results}
        page.write(asked.out, document, plots, order=PARTS)
        _say(f"wrote {asked.out / 'README.md'}")
    for name in names:
        for line in page.bar_lines(results[name]):
            _say(f"{name}: {line}")
    return 1 if any("error" in result for result in results.values()) else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m {_PACKAGE}", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; none = all")
    parser.add_argument("--json", type=Path, metavar="FILE", help='write all results as JSON; "-" = standard output')
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write README.md, plots and results.json here")
    parser.add_argument("--quick", action="store_true", help="few repetitions: whether it runs, not how it is")
    parser.add_argument("--seed", type=int, default=REPORTING_SEED, help="those under 1000 are for tuning")
    asked = parser.parse_args()
    unknown = [name for name in asked.parts if name not in PARTS]
    if unknown:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return asked


def _run(name: str, place: str, *, quick: bool, seed: int) -> dict[str, Any]:
    if not is_built(name):
        _say(f"{place} {name}: not built")
        return {"title": name.replace("_", " "), "missing": "not built"}
    part = importlib.import_module(f"{_PACKAGE}.{name}")
    _say(f"{place} {name}: {part.TITLE} ...")
    begun = time.monotonic()
    try:
        result = dict(part.run(quick=quick, seed=seed))
    except Exception as error:  # noqa: BLE001 - one part's fault must not cost an hour of the others
        traceback.print_exc()
        result = {"error": f"{type(error).__name__}: {error}"}
    _say(f"{place} {name}: {time.monotonic() - begun:.0f} s")
    tuned = {"is_for_tuning": True} if seed < REPORTING_SEED else {}
    return {"title": part.TITLE, "is_quick": quick, "seed": seed, "commit": _commit(), **tuned, **result}


def _plots(name: str, result: dict[str, Any], folder: Path) -> list[str]:
    """Draw a part's plots and return their file names; what cannot be drawn is told and left out."""
    if "error" in result or "missing" in result or not is_built(name):
        return []
    part = importlib.import_module(f"{_PACKAGE}.{name}")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return [path.name for path in part.plots(result, folder)]
    except Exception:  # noqa: BLE001 - as above: the figures stand without the picture
        traceback.print_exc()
        return []


def is_built(name: str) -> bool:
    """Whether the part's file exists."""
    return importlib.util.find_spec(f"{_PACKAGE}.{name}") is not None


def _commit() -> str:
    """The commit that the figures are of, with a word where files differ from it."""
    git = ["git", "-C", str(_ROOT)]
    done = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    rooms = ["decisions", "estimators", "twin", "sandbox", "actions", "domain", "benchmarks/decisions"]
    changed = subprocess.run(
        [*git, "status", "--porcelain", "--untracked-files=no", "--", *rooms],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return (done.stdout.strip() or "unknown") + (" with changes" if changed.stdout.strip() else "")


def _command(asked: argparse.Namespace) -> str:
    words = [f"python -m {_PACKAGE}", *asked.parts, "--quick" if asked.quick else ""]
    words.append(f"--seed {asked.seed}" if asked.seed != REPORTING_SEED else "")
    return " ".join(word for word in words if word)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
