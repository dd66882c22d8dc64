"""A full cycle on an account that is LIVE at level observe: it reads, decides and records, and sends nothing.

The real platform is played by a sandbox whose address is given as LIVE's; the sandbox's own log is the witness.
"""

import pytest

import sandbox.process
from domain.actions import ActionState, Level, Mode
from domain.catalogue import RHYTHMS, rhythm
from domain.errors import NeedsPersonError
from domain.health import RunState
from models import accounts, ledger_reads, policies, run_history
from tasks import full_cycle
from tests.tasks.conftest import StandingHouse
from workers import oracle
from workers.planner import plan_asked
from workers.serve import serve
from workers.settings import read_settings

LIVE = {
    "META_API_MODE": "live",
    "META_APP_ID": "1",
    "META_APP_SECRET": "nobody checks this one",
    "SECRET_KEY": "a key that nobody can guess",
    "MAX_DAILY_BUDGET_PER_ADSET": "1000 EUR",
    "MAX_TOTAL_DAILY_SPEND": "9000 EUR",
    "ALERT_EMAIL": "ana@shop.example",
}


@pytest.fixture(scope="module")
def real_platform(tmp_path_factory):
    with sandbox.process.start(tmp_path_factory.mktemp("real"), speed=0) as process:
        yield process


@pytest.fixture
def live_house(real_platform, database_url, tmp_path, monkeypatch):
    own = {"DATABASE_URL": database_url, "STAKAZO_HOME": str(tmp_path), "META_API_BASE_URL": real_platform.graph,
           "META_ACCESS_TOKEN": real_platform.token}  # fmt: skip
    for name, value in (LIVE | own).items():
        monkeypatch.setenv(name, value)
    with StandingHouse(read_settings()) as house:
        yield house


def test_a_cycle_at_level_observe_reads_a_live_account_and_writes_nothing_there(live_house, real_platform):
    (info, *_) = live_house.client("meta", Mode.LIVE).reader.accounts()
    with live_house.engine.begin() as conn:
        opened = accounts.open_account(conn, platform="meta", info=info, mode=Mode.LIVE, level=Level.OBSERVE)
        policies.save(conn, opened, "classic", {}, "test")  # which wants something from the first reading on
        account = accounts.get(conn, opened)
    before = oracle.lines(real_platform.admin)
    run_id = plan_asked(live_house, "meta.full_cycle", account, asked_by="test")
    task = rhythm("meta.full_cycle")
    serve(live_house, run_id, full_cycle.run, rhythm=task, rhythms=RHYTHMS, owner="test/1/x")

    with live_house.engine.begin() as conn:
        run = run_history.get(conn, run_id)
        actions = ledger_reads.of_run(conn, run_id)
    assert (run.state, run.mode) == (RunState.SUCCEEDED, Mode.LIVE)
    states = {action.state for action in actions}
    assert ActionState.OBSERVED in states
    assert states <= {ActionState.OBSERVED, ActionState.BLOCKED, ActionState.APPLIED}  # applied = recorded only
    assert live_house.noted.actions == []
    assert oracle.lines(real_platform.admin) == before


def test_the_doctor_s_reader_has_no_way_to_write(live_house):
    assert not hasattr(live_house.reader_to_examine("meta"), "write")


def test_a_live_client_is_not_opened_with_a_token_that_does_not_work(live_house, monkeypatch):
    monkeypatch.setenv("META_ACCESS_TOKEN", "not-a-token-of-anybody")
    with StandingHouse(read_settings()) as house, pytest.raises(NeedsPersonError, match="not valid"):
        house.client("meta", Mode.LIVE)
