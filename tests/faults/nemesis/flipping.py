"""An account's mode is flipped in mid-run, between every two uses of its client; it is STUB while it is used."""

from sqlalchemy import update

from actions.door import propose
from domain.actions import ActionState, Level, Mode
from domain.errors import NotReadyError, PlatformError
from domain.ids import PlatformAccountId
from domain.ports import Client, ClientOptions
from meta_client import open_client
from models import accounts, fence, ledger_reads
from models.tables import accounts as table
from tests.actions.stage import create
from workers.bootstrap import House
from workers.settings import read_settings

_CAPS = {"max_total_daily_spend_minor": 10**9, "max_daily_budget_per_ad_set_minor": 10**8}  # of whatever currency


def flip(times: int, *, careless: bool) -> dict[str, int]:
    """Use the client in STUB, then ask for it in LIVE without credentials, again and again; count what came of it.

    `careless` = a composition root that forgets to say where the sandbox is.
    """
    calls = refused = applied = 0
    with House.open(read_settings(), name="egress") as house:
        sandbox = house.client("meta", Mode.STUB)
        info = sandbox.reader.accounts()[0]
        with house.engine.begin() as conn:
            fence.open_(conn, None)
            account_id = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
        for number in range(times):
            _set_mode(house, account_id, Mode.LIVE)
            refused += _is_refused(house, account_id)
            _set_mode(house, account_id, Mode.STUB)
            client = _forgetful() if careless else house.client_of(_account(house, account_id))
            try:
                client.reader.account(PlatformAccountId(info.id))
                calls += 1
            except PlatformError:
                continue
            applied += number % 10 == 0 and _write(house, account_id, number)
    return {"calls": calls, "refused": refused, "applied": applied}


def _forgetful() -> Client:
    return open_client(ClientOptions(base_url=None, token=lambda: "none", app_secret=lambda: None, read_timeout_s=2.0))


def _account(house: House, account_id):
    with house.engine.begin() as conn:
        return accounts.get(conn, account_id)


def _set_mode(house: House, account_id, mode: Mode) -> None:
    with house.engine.begin() as conn:
        conn.execute(update(table).where(table.c.id == account_id).values(mode=mode))


def _is_refused(house: House, account_id) -> bool:
    try:
        house.client_of(_account(house, account_id))
    except (NotReadyError, PlatformError):
        return True
    return False


def _write(house: House, account_id, number: int) -> bool:
    """Let a create through the door and out."""
    account = _account(house, account_id)
    target = {"name": f"New {number}", "objective": "OUTCOME_SALES", "status": "paused"}
    now = house.clock_of(account).now()
    with house.engine.begin() as conn:
        account = accounts.change(conn, account_id, tree_read_at=now, insights_read_at=now, **_CAPS)
        wanted = create(object_id=str(account.platform_account_id), target=target)
        (action,) = propose(conn, account=account, run_id=None, now=now, proposals=[wanted], actor="x").actions
    if action.state is not ActionState.APPROVED:
        raise RuntimeError(f"the create is {action.state}: {action.state_reason}")
    state = house.executor("egress").execute(action.id)
    with house.engine.begin() as conn:
        row = ledger_reads.get(conn, action.id)
    if state is not ActionState.APPLIED:
        raise RuntimeError(f"the create is {row.state if row else None}: {row.state_reason if row else None}")
    return True
