"""Writes results as a page: bars first, then each part's tables, notes and plots. Knows no part by name."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_DIGITS: Final = 5
_RESULTS: Final = "results.json"
_NOT_TABLES: Final = frozenset({"bars", "notes", "title"})
_ROWS_SHOWN: Final = 60  # a longer list is a curve for a plot; results.json has it whole
_HEAD: Final = """# How right the decisions are
Made by `make bench-decisions` (all parts); last run: `{command}`. Each part names the commit that it ran at.
Tuning used seeds under 1000, the figures here those from 1000 on, unless a part says otherwise. Comparisons are paired:
every policy and peer meets the same dice; "se" is a standard error. Where a peer is better, its row says so.
`results.json` holds every figure.
"""


def write(
    folder: Path, document: Mapping[str, Any], plots: Mapping[str, Sequence[str]], *, order: Sequence[str]
) -> None:
    """Write README.md and results.json into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    (folder / _RESULTS).write_text(text, encoding="utf-8")
    (folder / "README.md").write_text(compose(document, plots, order=order), encoding="utf-8")


def kept(folder: Path) -> dict[str, Any]:
    """Results of a former run, for the parts that are not run now."""
    path = folder / _RESULTS
    return dict(json.loads(path.read_text(encoding="utf-8"))["parts"]) if path.exists() else {}


def compose(document: Mapping[str, Any], plots: Mapping[str, Sequence[str]], *, order: Sequence[str]) -> str:
    """Return the page as Markdown."""
    parts: Mapping[str, Any] = document["parts"]
    names = [name for name in order if name in parts]
    lines = [_HEAD.format(command=document["command"]), "## Bars", *_bars(parts, names)]
    for name in names:
        at = f" at commit `{parts[name]['commit']}`" if "commit" in parts[name] else ""
        lines += ["", f"## {parts[name].get('title', name)}", f"`python -m benchmarks.decisions {name}`{at}", ""]
        lines += _part(parts[name], plots.get(name, ()))
    return "\n".join(lines).rstrip() + "\n"


def bar_lines(result: Mapping[str, Any]) -> list[str]:
    """The part's bars as lines for a terminal."""
    if "missing" in result or "error" in result:
        return [str(result.get("missing", result.get("error")))]
    return [f"{'met   ' if row['met'] else 'MISSED'}  {row['bar']}: {row['figure']}" for row in result.get("bars", ())]


def plain(value: Any) -> Any:
    """Return a value as plain JSON: floats to five digits, numpy's numbers as Python's, not a number as null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value


def _bars(parts: Mapping[str, Any], names: Sequence[str]) -> Iterator[str]:
    yield "| part | bar | figure | |"
    yield "|---|---|---|---|"
    for name in names:
        part = parts[name]
        if "missing" in part or "error" in part:
            yield f"| {name} | {_cell(part.get('missing', part.get('error')))} | | |"
        for row in part.get("bars", ()):
            yield f"| {name} | {_cell(row['bar'])} | {_cell(row['figure'])} | {'met' if row['met'] else '**missed**'} |"


def _part(part: Mapping[str, Any], plots: Sequence[str]) -> Iterator[str]:
    if "missing" in part or "error" in part:
        yield str(part.get("missing", part.get("error")))
        return
    if part.get("is_quick"):
        yield "*A quick run: whether it works, not how it is.*\n"
    if part.get("is_for_tuning"):
        yield f"*On seed {part['seed']}, which was used for tuning.*\n"
    for name, rows in _tables(part):
        yield f"**{name.replace('_', ' ')}**\n"
        yield from _table(rows)
        yield ""
    for note in part.get("notes", ()):
        yield f"- {note}"
    for plot in plots:
        yield f"\n![{Path(plot).stem.replace('_', ' ')}]({plot})"


def _tables(part: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    for key, value in part.items():
        if key in _NOT_TABLES or key.startswith("curve"):
            continue
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _tables(value, f"{name}: ")
        elif (
            isinstance(value, list) and 0 < len(value) <= _ROWS_SHOWN and all(isinstance(row, Mapping) for row in value)
        ):
            yield name, value


def _table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    shown = [key for key in columns if not any(isinstance(row.get(key), list | Mapping) for row in rows)]
    yield "| " + " | ".join(key.replace("_", " ") for key in shown) + " |"
    yield "|" + "---|" * len(shown)
    for row in rows:
        yield "| " + " | ".join(_cell(row.get(key)) for key in shown) + " |"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
    text = f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
