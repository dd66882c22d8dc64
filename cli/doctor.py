"""`stakazo doctor`: what is wrong here and what to do about it, a line each."""

from typing import Annotated

import typer
from rich.text import Text

from cli.console import AsJson, out, print_json, safe
from cli.session import reading
from domain.errors import SettingsError
from workers.bootstrap import House
from workers.clock import RealClock
from workers.doctor import Finding, Grade, examine, examine_live
from workers.settings import read_settings

_STYLES = {Grade.OK: "green", Grade.WARN: "yellow", Grade.FAIL: "red"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    live: Annotated[
        bool, typer.Option("--live", help="Look at the real platforms instead, reading only: token, scopes, accounts.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check settings, data folder, servers, migrations, clocks, token, workers, tower, beat, disk; say what to do.

    With --live: token, scopes, the API version's life, and of each live account its status, caps and level.
    Exit status 0 if nothing fails, 1 if something does, 2 if the settings are wrong. Example: stakazo doctor
    """
    try:
        settings = read_settings()
    except SettingsError as error:
        wrong = [_setting(problem) for problem in error.problems]
        _show(wrong, as_json=as_json)
        raise typer.Exit(2) from None
    findings = [Finding(check="settings", grade=Grade.OK, says="all can be used")]
    if not as_json:
        _print(findings[0])
    with House.open(settings, name="stakazo-doctor") as house, reading():
        for finding in examine_live(house, RealClock().now()) if live else examine(house):
            findings.append(finding)
            if not as_json:
                _print(finding)
    if as_json:
        print_json(_document(findings))
    raise typer.Exit(1 if any(finding.grade is Grade.FAIL for finding in findings) else 0)


def _setting(problem: str) -> Finding:
    return Finding(check="settings", grade=Grade.FAIL, says=problem, advice="change the environment and try again")


def _show(findings: list[Finding], *, as_json: bool) -> None:
    if as_json:
        print_json(_document(findings))
        return
    for finding in findings:
        _print(finding)


def _document(findings: list[Finding]) -> dict[str, object]:
    return {"ok": all(finding.grade is not Grade.FAIL for finding in findings), "findings": findings}


def _print(finding: Finding) -> None:
    line = Text(f"{finding.grade:<4} ", style=_STYLES[finding.grade])
    out.print(line.append(f"{finding.check}: {safe(finding.says)}", style="default"), soft_wrap=True)
    if finding.advice:
        out.print(Text(f"     → {safe(finding.advice)}"), soft_wrap=True)
