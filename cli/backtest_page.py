"""A backtest as a page: tables in Markdown, profit over time as a picture."""

from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

from cli.console import print_table
from domain.money import exponent


def writer(currency: str) -> Callable[[float], str]:
    """Return how amounts of a currency are written, whole units from a hundred on."""
    scale = 10 ** exponent(currency)
    return lambda minor: f"{minor / scale:,.0f}" if abs(minor) >= 100 * scale else f"{minor / scale:,.2f}"


def write(document: dict[str, Any], folder: Path) -> Path:
    """Write backtest.md and its picture; return the page."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = _draw(document, folder / "profit.png")
    page = folder / "backtest.md"
    page.write_text("\n".join(_lines(document, picture.name)) + "\n", encoding="utf-8")
    return page


def print_recorded(recorded: dict[str, Any]) -> None:
    """Show what the policies would have wanted of the recorded days."""
    write_money = writer(recorded["currency"])
    print_table(
        f"Over {recorded['days']} recorded days of {recorded['account']} (model-based, not observed)",
        ("policy", "wanted", "edits", "resets", "expected gain", "80 %"),
        [
            (
                row["policy"], row["wanted"], row["edits"], row["learning_resets"],
                "not known" if row["gain_minor"] is None else write_money(row["gain_minor"]),
                "" if row["gain_minor"] is None
                else f"{write_money(row['gain_low_minor'])} to {write_money(row['gain_high_minor'])}",
            )
            for row in recorded["policies"]
        ],
        empty="no recorded day",
    )  # fmt: skip


def _lines(document: dict[str, Any], picture: str) -> list[str]:
    cases, over = document["cases"], document["over"]
    money = writer(cases[0]["currency"])
    lines = [
        "# Backtest",
        f"{document['days']} days in the twin, {len(cases)} markets with other dice; means in {cases[0]['currency']}.",
        f"Profit = {cases[0]['margin']:g} x revenue of every purchase, arrived or not, - spend.",
        f"Gains over `{over}` are paired, with 95 % intervals.",
        "",
        "| policy | spend | profit | gain | low | high | edits | learning resets | flaps | breaches | regret |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in document["policies"]:
        gain = [row[name] for name in ("gain_minor", "gain_low_minor", "gain_high_minor")]
        cells = [
            row["policy"], money(row["spend_minor"]), money(row["profit_minor"]),
            *("" if value is None else money(value) for value in gain), f"{row['edits']:.1f}",
            f"{row['learning_resets']:.1f}", f"{row['flaps']:.1f}", str(row["breaches"]),
            "" if row["regret"] is None else f"{row['regret']:.1%}",
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", f"![profit so far]({picture})"]
    recorded = document.get("recorded")
    if recorded is not None:
        lines += _recorded_lines(recorded)
    return lines


def _recorded_lines(recorded: dict[str, Any]) -> list[str]:
    money = writer(recorded["currency"])
    lines = [
        "", "## Over recorded days", recorded["words"], "",
        "| policy | wanted | edits | learning resets | expected gain | low | high |", "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in recorded["policies"]:
        gain = [row[name] for name in ("gain_minor", "gain_low_minor", "gain_high_minor")]
        told = ["" if value is None else money(value) for value in gain]
        lines.append(
            f"| {row['policy']} | {row['wanted']} | {row['edits']} | {row['learning_resets']} | "
            + " | ".join(told)
            + " |"
        )
    return lines


def _draw(document: dict[str, Any], file: Path) -> Path:
    import matplotlib as mpl  # late: half a second that a run without a page need not wait

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # late, as above

    scale = 10 ** exponent(document["cases"][0]["currency"])
    figure, axis = plt.subplots(figsize=(8, 4))
    for row in document["policies"]:
        total = [value / scale for value in accumulate(row["daily_profit_minor"])]
        axis.plot(range(1, len(total) + 1), total, label=row["policy"])
    axis.set_xlabel("day")
    axis.set_ylabel(f"profit so far, {document['cases'][0]['currency']}")
    axis.set_title("Profit so far, mean over markets (purchases count on the day of their click)")
    axis.legend()
    figure.tight_layout()
    figure.savefig(file, dpi=90)
    plt.close(figure)
    return file
