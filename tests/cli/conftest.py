"""The command as people run it: words and environment in, exit code and both streams out, against a real Postgres."""

import json
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine

from cli.main import main
from domain.actions import ActionKind, ActionState, Level, Mode, ObjectKind, Priority, Proposal, Verdict
from domain.health import RunState
from domain.ids import PlatformAccountId
from domain.objects import AccountInfo
from models import accounts, ledger, run_history, runs
from models.engine import make_engine
from models.ledger import Draft
from models.run_history import LogEntry

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NASTY = "=cmd|' /C calc'!A0\nSummer \x1b[2Jsale \u202e\u009b31m"
_OURS = ("META_", "TIKTOK_", "LINKEDIN_", "MAX_", "STAKAZO_", "SANDBOX_", "ALERT_", "SECRET_", "REDIS_", "DATABASE_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture
def _own_logging() -> Iterator[None]:
    """The command sets logging up for its process; other tests of this one get theirs back."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def stakazo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], _own_logging: None
) -> Run:
    """Run `stakazo WORDS` in this process, in an empty data folder and with no database, but what `env` says."""
    for name in os.environ:
        if name.startswith(_OURS):
            monkeypatch.delenv(name)

    def run(*words: str, env: dict[str, str] | None = None) -> Done:
        with monkeypatch.context() as patch:
            patch.setenv("STAKAZO_HOME", str(tmp_path / "home"))
            patch.setenv("COLUMNS", "400")
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            patch.setattr("sys.argv", ["stakazo", *words])
            capsys.readouterr()
            with pytest.raises(SystemExit) as leaving:
                main()
            told = capsys.readouterr()
        assert isinstance(leaving.value.code, int)
        return Done(code=leaving.value.code, out=told.out, err=told.err)

    return run


@pytest.fixture
def on_database(stakazo: Run, database_url: str) -> Run:
    """`stakazo` on a migrated database of the test's own."""
    return lambda *words, env=None: stakazo(*words, env={"DATABASE_URL": database_url, **(env or {})})


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The same database, to fill and to look into."""
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def filled(engine: Engine) -> None:
    """An account, a run with its log and two actions, all with names that nobody should print raw."""
    with engine.begin() as conn:
        account_id = accounts.open_account(
            conn, platform="meta", info=account_info("act_1001"), mode=Mode.STUB, level=Level.AUTO
        )
        run_id = runs.plan(
            conn,
            task="meta.full_cycle",
            account_id=account_id,
            mode=Mode.STUB,
            level=Level.AUTO,
            slot_at=NOW,
            now_at=NOW,
        )
        assert run_id is not None
        runs.claim(conn, run_id, "worker")
        runs.note_step(conn, run_id, "worker", {"step": "step_1_collection", "ms": 12})
        run_history.write_logs(
            conn, run_id, [LogEntry(step="step_2_decisions", action="decide", success=False, error_message=NASTY)]
        )
        runs.finish(conn, run_id, "worker", state=RunState.SUCCEEDED, stats={"actions_taken": 1, "currency": "EUR"})
        ledger.insert_drafts(
            conn,
            account_id=account_id,
            run_id=run_id,
            decided_at=NOW - timedelta(minutes=1),
            actor="test",
            drafts=[draft("501", ActionState.APPROVED), draft("502", ActionState.BLOCKED)],
        )


def account_info(account_id: str, *, currency: str = "EUR", name: str = NASTY) -> AccountInfo:
    """What a platform says of an account."""
    return AccountInfo(
        id=PlatformAccountId(account_id),
        name=name,
        currency=currency,
        zone="Europe/Madrid",
        is_active=True,
        status_text="active",
        minimum_daily_budget_minor=100,
    )


def draft(object_id: str, state: ActionState) -> Draft:
    """A budget raise as the door records it."""
    return Draft(
        proposal=Proposal(
            kind=ActionKind.SET_DAILY_BUDGET,
            object_kind=ObjectKind.AD_SET,
            object_id=object_id,
            object_name=NASTY,
            expected_before={"daily_budget_minor": 4000},
            target={"daily_budget_minor": 4800},
            rule="roas_high",
            priority=Priority.ROAS,
            reason=f"ROAS 3.4 of {NASTY}",
            evidence={"roas": 3.4, "name": NASTY},
        ),
        state=state,
        reason="" if state is ActionState.APPROVED else "the cap leaves nothing",
        verdicts=(Verdict(guardrail="step", allowed=True, reason="20 % is within 20 %"),),
        cap_reserved_minor=0,
        op_token=f"token-{object_id}",
    )
