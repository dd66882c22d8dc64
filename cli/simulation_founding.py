"""Where a simulation lives and what it begins with: a scenario's world, or a branch of the operator's own sandbox."""

import re
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from decisions.policy import DEFAULT, parse_policy
from domain.actions import JsonMap, Mode
from domain.errors import BadInputError, NotReadyError
from embedded.runtime import read_runtime
from models import accounts, policies
from models.accounts import Account
from workers.bootstrap import House
from workers.settings import Settings
from workers.simulation_folder import Plan, SimulationFolder

if TYPE_CHECKING:
    from sandbox.branching import Branched
    from sandbox.scenario import Scenario


_CARRIED = (
    "max_daily_budget_per_ad_set_minor",
    "max_daily_budget_per_campaign_minor",
    "max_total_daily_spend_minor",
    "max_worst_day_minor",
    "max_change_without_approval_minor",
    "goal_roas",
    "goal_cpa_minor",
    "margin",
    "month_budget_minor",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person typed."""

    scenario: str | None
    account: str | None
    days: float
    policy: str | None
    seed: int | None
    start: datetime | None
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A simulation that can be driven. `carried` is what the operator set on the account: caps, goals."""

    folder: SimulationFolder
    plan: Plan
    is_new: bool
    carried: JsonMap
    policy: tuple[str, JsonMap] | None


def prepare(settings: Settings, wanted: Wanted) -> Prepared:
    """Found the simulation, or find the one that the same words began; a longer `--days` moves its end on.

    Raises:
        BadInputError: the words cannot be used together, or with what was begun.
        NotReadyError: there is nothing to branch.
    """
    if (wanted.scenario is None) is (wanted.account is None):
        raise BadInputError("say what to simulate: --scenario NAME (or a file), or --account ID of your own sandbox")
    if wanted.policy is not None:
        parse_policy(wanted.policy, {})
    if wanted.scenario is not None:
        return _of_scenario(settings, wanted, wanted.scenario)
    return _of_account(settings, wanted, str(wanted.account))


def _of_scenario(settings: Settings, wanted: Wanted, name: str) -> Prepared:
    from sandbox.branching import branch  # late: only this command needs the sandbox
    from sandbox.founding import found

    scenario = _scenario(name)
    seed = scenario.seed if wanted.seed is None else wanted.seed
    folder = _folder(settings, f"{scenario.name}-{seed}", wanted)
    kept = folder.read_plan()
    if kept is None:
        start = wanted.start or scenario.start or datetime.now(UTC).replace(second=0, microsecond=0)
        world = scenario.model_copy(update={"seed": seed, "start": start})
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = folder.path / "scenario.json"
        file.write_text(world.model_dump_json(), encoding="utf-8")
        _forget_half_made(folder)
        try:
            found(folder.beginning, file, replace=False)
        except ValueError as error:
            raise BadInputError(str(error)) from None
        branched = branch(folder.beginning, folder.sandbox, from_start=True)
        title = f"{scenario.title or scenario.name}, seed {seed}"
        kept = _begin(folder, branched, branched.account_ids, wanted, title=title, policy=wanted.policy or DEFAULT)
        return Prepared(folder=folder, plan=kept, is_new=True, carried={}, policy=(kept.policy, {}))
    plan = _go_on(folder, kept, wanted)
    return Prepared(folder=folder, plan=plan, is_new=False, carried={}, policy=None)


def _of_account(settings: Settings, wanted: Wanted, text: str) -> Prepared:
    from sandbox.branching import branch, look  # late, as above

    if wanted.start is not None:
        raise BadInputError("--start belongs to --scenario: an account is simulated from where its sandbox stands")
    try:
        known = look_at = look(settings.sandbox_data)
    except FileNotFoundError:
        raise NotReadyError(
            f"{settings.sandbox_data} holds no sandbox; `stakazo sandbox import REPORT.csv` makes a twin of an account"
        ) from None
    row, own_policy = _operators(settings, text)
    digits = str(row.platform_account_id if row else text).strip().removeprefix("act_")
    if digits not in known.account_ids:
        raise BadInputError(f'no account "{text}" in the sandbox; there are {", ".join(look_at.account_ids)}')
    folder = _folder(settings, f"account-{digits}-{'as-is' if wanted.seed is None else wanted.seed}", wanted)
    kept = folder.read_plan()
    if kept is not None:
        plan = _go_on(folder, kept, wanted)
        return Prepared(folder=folder, plan=plan, is_new=False, carried={}, policy=None)
    _forget_half_made(folder)
    branch(settings.sandbox_data, folder.beginning, seed=wanted.seed)
    branched = branch(folder.beginning, folder.sandbox)
    policy: tuple[str, JsonMap] = (wanted.policy, {}) if wanted.policy else own_policy or (DEFAULT, {})
    dice = "" if wanted.seed is None else f", seed {wanted.seed}"
    title = f"the twin {row.name if row else digits}{dice}"
    plan = _begin(folder, branched, (digits,), wanted, title=title, policy=policy[0])
    carried = {name: getattr(row, name) for name in _CARRIED if getattr(row, name) is not None} if row else {}
    return Prepared(folder=folder, plan=plan, is_new=True, carried=carried, policy=policy)


def _begin(
    folder: SimulationFolder,
    world: "Branched",
    account_ids: tuple[str, ...],
    wanted: Wanted,
    *,
    title: str,
    policy: str,
) -> Plan:
    """Write the plan: from here on the simulation exists."""
    plan = Plan(
        title=title,
        account_ids=account_ids,
        begin_at=world.now,
        end_at=world.now + timedelta(days=wanted.days),
        first_effect=world.effects,
        policy=policy,
    )
    folder.write_plan(plan)
    return plan


def _go_on(folder: SimulationFolder, kept: Plan, wanted: Wanted) -> Plan:
    if wanted.policy is not None and wanted.policy != kept.policy:
        raise BadInputError(f"this simulation was begun with the policy {kept.policy}; --fresh begins it anew")
    end_at = kept.begin_at + timedelta(days=wanted.days)
    if end_at <= kept.end_at:
        return kept
    plan = replace(kept, end_at=end_at)
    folder.write_plan(plan)
    return plan


def _folder(settings: Settings, name: str, wanted: Wanted) -> SimulationFolder:
    folder = SimulationFolder(path=settings.home / "simulations" / re.sub(r"[^A-Za-z0-9._-]+", "-", name))
    runtime = read_runtime(folder.home)
    if runtime is not None and runtime.alive:
        raise NotReadyError(f"this simulation runs already, as process {runtime.supervisor.pid}")
    if wanted.fresh:
        shutil.rmtree(folder.path, ignore_errors=True)
    return folder


def _forget_half_made(folder: SimulationFolder) -> None:
    """A founding that was killed before its plan was written leaves worlds that nothing belongs to."""
    shutil.rmtree(folder.home, ignore_errors=True)
    shutil.rmtree(folder.beginning, ignore_errors=True)


def _scenario(name: str) -> "Scenario":
    from sandbox.scenario import load_scenario  # late, as above

    try:
        return load_scenario(name)
    except (FileNotFoundError, ValueError) as error:
        raise BadInputError(str(error)) from None


def _operators(settings: Settings, text: str) -> tuple[Account | None, tuple[str, JsonMap] | None]:
    """Find what the operator has set on the account; None where their database does not answer."""
    try:
        with House.open(settings, name="stakazo-simulate") as house, house.engine.connect() as conn:
            for row in accounts.listing(conn):
                names = {str(row.id), str(row.platform_account_id), str(row.platform_account_id).removeprefix("act_")}
                if row.mode is Mode.STUB and text.strip() in names:
                    return row, policies.current(conn, row.id)
    except (NotReadyError, SQLAlchemyError):
        return None, None
    return None, None
