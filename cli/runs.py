"""How a run is shown, alone or with what it did."""

from dataclasses import dataclass

from cli.actions import print_actions
from cli.console import compact, instant, print_facts, print_json
from domain.actions import Action
from domain.health import RunState
from models.accounts import Account
from models.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run that somebody waited for, with the actions it proposed."""

    account: Account
    run: Run
    actions: tuple[Action, ...]

    @property
    def is_fine(self) -> bool:
        """Whether it did all it set out to do."""
        return self.run.state is RunState.SUCCEEDED


def print_ended(ended: Ended, *, as_json: bool) -> None:
    """Print a run with its actions."""
    found = ended.run
    if as_json:
        document = {
            "cycle_run_id": found.id,
            "status": found.state,
            "duration_ms": found.duration_ms,
            "stats_snapshot": found.stats_snapshot,
            "message": found.reason,
            "run": found,
            "actions": ended.actions,
        }
        print_json(document)
        return
    print_run(found, ended.account)
    print_actions(
        "What it did", [(row, ended.account.currency) for row in ended.actions], empty="nothing had to change"
    )


def print_run(found: Run, account: Account) -> None:
    """Print the facts of a run."""
    steps = ", ".join(f"{row.get('step')} {row.get('ms')} ms" for row in found.steps_executed)
    errors = "; ".join(f"{row.get('step')}: {row.get('message')}" for row in found.errors)
    print_facts(
        f"Run {found.id}",
        [
            ("cycle", found.task),
            ("account", f"{account.id} {account.name} ({found.mode}, {found.level})"),
            ("slot", f"{instant(found.slot_at)} on the platform's clock"),
            ("state", f"{found.state}{': ' if found.reason else ''}{found.reason}"),
            ("took", took(found) or "not ended"),
            ("asked by", found.triggered_by),
            ("attempts", found.attempts),
            ("steps", steps or "none yet"),
            ("errors", errors or "none"),
            ("figures", compact(found.stats_snapshot)),
        ],
    )


def took(found: Run) -> str:
    """How long it took; nothing while it has not ended."""
    return "" if found.duration_ms is None else f"{found.duration_ms / 1000:.1f} s"
