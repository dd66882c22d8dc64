"""`stakazo backtest`: policies side by side in the twin of a shop, and over an account's recorded days."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from cli import backtest_page
from cli.backtest_recorded import Recorded, over_recorded
from cli.console import AsJson, err, out, print_json, print_table, say
from decisions.policy import AccountLimits
from domain.errors import BadInputError
from workers.settings import Settings, read_settings

if TYPE_CHECKING:
    from twin.compare import Case
    from twin.loop import Outcome


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("backtest")(backtest)


def backtest(  # noqa: PLR0917 - typer hands options over by name
    policy: Annotated[
        list[str] | None, typer.Option("--policy", metavar="NAME", help="hold, classic, matured or oracle; repeat it.")
    ] = None,
    scenario: Annotated[
        str | None, typer.Option(metavar="NAME", help="A scenario's name, a file of one, or generated:ADS[:SEED].")
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", "-a", metavar="ID", help="An account of yours: its twin and its records.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=400, help="Days in the twin, and of records.")] = 30,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="How many markets with other dice.")] = 5,
    first_seed: Annotated[int, typer.Option(min=0, help="The first of the seeds.")] = 1,
    margin: Annotated[
        float | None, typer.Option(min=0.01, max=1, help="Share of revenue that stays; default: the account's, or 0.5.")
    ] = None,
    out_folder: Annotated[Path | None, typer.Option("--out", metavar="FOLDER", help="Write a page with plots.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare policies on the same dice: spend, matured profit, edits, learning resets, flaps, regret. Changes nothing.

    The first policy named is the one that the others are compared with.
    Example: stakazo backtest --policy classic --policy matured --scenario small_shop --days 60 --seeds 10
    """
    if (scenario is None) is (account is None):
        raise BadInputError("say where: --scenario NAME (or a file), or --account ID of your own")
    names = _policies(policy)
    settings = read_settings()
    recorded = over_recorded(settings, account, names, days=days) if account is not None else None
    chosen = range(first_seed, first_seed + seeds)
    cases = _cases(settings, scenario, account, recorded=recorded, seeds=chosen, margin=margin)
    runs, told = _run(cases, names, days)
    document = {**_document(runs, told, names, days), "recorded": None if recorded is None else recorded.document}
    if recorded is not None:
        recorded.keep(document)
    if out_folder is not None:
        document["page"] = backtest_page.write(document, out_folder)
    if as_json:
        print_json(document)
        return
    _print(document)


def _policies(asked: list[str] | None) -> list[str]:
    from twin.brains import BRAINS  # late: only this command needs the twin

    names = list(dict.fromkeys(asked or ["classic", "matured"]))
    unknown = [name for name in names if name not in BRAINS]
    if unknown:
        raise BadInputError(f"no policy {', '.join(unknown)} in the twin; there are {', '.join(BRAINS)}")
    return names


def _cases(
    settings: Settings, scenario: str | None, account: str | None, *, recorded: Recorded | None, seeds: range,
    margin: float | None,
) -> "Iterator[Case]":  # fmt: skip
    from twin.branching import branch  # late, as above
    from twin.compare import found

    for seed in seeds:
        if scenario is not None:
            yield found(_scenario(scenario), seed=seed, margin=margin)
        else:
            digits = recorded.platform_id if recorded and recorded.platform_id else str(account)
            own = seed if len(seeds) > 1 else None
            wishes = None if recorded is None else recorded.wishes
            yield branch(settings.sandbox_data, digits, seed=own, wishes=_with(wishes, margin), margin=margin)


def _with(wishes: AccountLimits | None, margin: float | None) -> AccountLimits | None:
    from twin.compare import MARGIN  # late, as above

    if wishes is None:
        return None
    values = asdict(wishes)
    return AccountLimits(**{**values, "margin": margin or values["margin"] or MARGIN})


def _scenario(name: str) -> Any:
    from sandbox.scenario import load_scenario  # late, as above

    try:
        return load_scenario(name)
    except (FileNotFoundError, ValueError) as error:
        raise BadInputError(str(error)) from None


def _run(
    cases: "Iterator[Case]", names: list[str], days: int
) -> "tuple[list[dict[str, Outcome]], list[dict[str, Any]]]":
    from twin.compare import run_case  # late, as above

    runs, told = [], []
    with _bar() as show:
        for case in cases:
            runs.append(run_case(case, names, days=days, told=partial(show, case.name)))
            currency = case.founded.market.account(case.founded.account_id).spec.currency
            told.append({"case": case.name, "currency": currency,
                         "margin": case.setting.wishes.margin})  # fmt: skip
    return runs, told


@contextmanager
def _bar() -> Iterator[Callable[[str, str, float], None]]:
    """Show how far the run at hand is: a bar on a terminal, a line per run elsewhere."""
    seen: set[tuple[str, str]] = set()
    if not err.is_terminal:
        yield lambda case, name, _: _say_once(seen, case, name)
        return
    with Bar(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=err, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda case, name, share: bar.update(task, description=f"{case}: {name}", completed=share)


def _say_once(seen: set[tuple[str, str]], case: str, name: str) -> None:
    if (case, name) not in seen:
        seen.add((case, name))
        say(f"{case}: {name}")


def _document(
    runs: "list[dict[str, Outcome]]", told: list[dict[str, Any]], names: list[str], days: int
) -> dict[str, Any]:  # fmt: skip
    from twin.compare import gains, share_of  # late, as above

    over = {gain.policy: gain for gain in gains(runs, over=names[0])}
    rows = []
    for name in names:
        outcomes = [row[name] for row in runs]
        count, gain = len(outcomes), over.get(name)
        regret = share_of(runs, name, of="oracle") if "oracle" in names else (None, None)
        rows.append({
            "policy": name,
            "spend_minor": sum(one.spend_minor for one in outcomes) / count,
            "revenue_minor": sum(one.revenue_minor for one in outcomes) / count,
            "profit_minor": sum(one.profit_minor for one in outcomes) / count,
            "gain_minor": gain.mean_minor if gain else None, "gain_se_minor": gain.se_minor if gain else None,
            "gain_low_minor": gain.low_minor if gain else None, "gain_high_minor": gain.high_minor if gain else None,
            "better_in": gain.better if gain else None,
            "edits": sum(one.edits for one in outcomes) / count,
            "learning_resets": sum(one.learning_resets for one in outcomes) / count,
            "flaps": sum(one.flaps for one in outcomes) / count,
            "breaches": sum(len(one.breaches) for one in outcomes),
            "asked": sum(one.asked for one in outcomes) / count,
            "regret": regret[0], "regret_se": regret[1],
            "daily_profit_minor": _mean([one.daily_profit_minor for one in outcomes]),
        })  # fmt: skip
    return {"over": names[0], "days": days, "cases": told, "policies": rows}


def _mean(curves: list[tuple[int, ...]]) -> list[float]:
    return [sum(day) / len(curves) for day in zip(*curves, strict=True)]


def _print(document: dict[str, Any]) -> None:
    cases = document["cases"]
    currency = cases[0]["currency"]
    print_table(
        f"In the twin: {document['days']} days, {len(cases)} markets, means in {currency} (matured, margin"
        f" {cases[0]['margin']:g})",
        ("policy", "spend", "profit", f"gain over {document['over']}", "95 %", "better", "edits", "resets", "flaps",
         "regret"),
        [_line(row, len(cases), currency) for row in document["policies"]],
        empty="nothing was compared",
    )  # fmt: skip
    if document["recorded"] is not None:
        backtest_page.print_recorded(document["recorded"])
    if "page" in document:
        out.print(f"Page: {document['page']}", markup=False, soft_wrap=True)


def _line(row: dict[str, Any], cases: int, currency: str) -> tuple[object, ...]:
    write = backtest_page.writer(currency)
    interval = ""
    if row["gain_low_minor"] is not None:
        interval = f"{write(row['gain_low_minor'])} to {write(row['gain_high_minor'])}"
    return (
        row["policy"], write(row["spend_minor"]), write(row["profit_minor"]),
        "" if row["gain_minor"] is None else write(row["gain_minor"]), interval,
        "" if row["better_in"] is None else f"{row['better_in']} of {cases}", f"{row['edits']:.1f}",
        f"{row['learning_resets']:.1f}", f"{row['flaps']:.1f}",
        "" if row["regret"] is None else f"{row['regret']:.1%}",
    )  # fmt: skip
