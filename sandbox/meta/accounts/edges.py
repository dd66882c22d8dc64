"""The small edges of an ad account: its limits, its controls, who may use it, and lists that are always empty here."""

from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.accounts.activities import USER_NAME, listed
from sandbox.meta.accounts.reads import TASKS
from sandbox.meta.accounts.settings import settings_of, settle
from sandbox.meta.context import Context, Json
from sandbox.meta.protocol.errors import GraphError, parameter
from sandbox.meta.route import Route
from sandbox.nodes import Kind
from sandbox.records import RecordKind

_RUNNING: Final = frozenset({"ACTIVE", "PENDING_REVIEW", "IN_PROCESS"})
_MOST_RUNNING: Final = 250
MEMBER_ID: Final = "3330000000000001"  # the person's place in the business has an id of its own, and the tasks
_CONTROLS: Final = ("audience_controls", "placement_controls", "placement_controls_per_objective")
_PLACEMENTS: Final = frozenset(
    {"AUDIENCE_NETWORK_CLASSIC", "AUDIENCE_NETWORK_REWARDED_VIDEO", "AUDIENCE_NETWORK_INSTREAM_VIDEO",
     "FACEBOOK_MARKETPLACE", "FACEBOOK_RIGHT_HAND_COLUMN"}
)  # fmt: skip
_LEAST_AGE, _MOST_AGE = 18, 65


def read_minimum_budgets(context: Context, account: Account) -> Json:
    """Answer `GET /act_X/minimum_budgets`."""
    least = account.spec.min_daily_budget_minor
    row = {
        "currency": account.spec.currency, "min_daily_budget_imp": least, "min_daily_budget_video_views": least,
        "min_daily_budget_low_freq": least * 40, "min_daily_budget_high_freq": least * 5,
    }  # fmt: skip
    return listed(context, [row])


def read_ads_volume(context: Context, account: Account) -> Json:
    """Answer `GET /act_X/ads_volume`."""
    running = sum(1 for ad in account.nodes[Kind.AD] if ad.effective_status() in _RUNNING)
    row = {
        "ads_running_or_in_review_count": running, "current_account_ads_running_or_in_review_count": running,
        "limit_on_ads_running_or_in_review": _MOST_RUNNING, "actor_id": account.spec.page_id,
        "actor_name": account.spec.page_name,
    }  # fmt: skip
    return listed(context, [row])


def read_assigned_users(context: Context, account: Account) -> Json:
    """Answer `GET /act_X/assigned_users?business=`.

    Raises:
        GraphError: 100, no business is named.
    """
    if account and not context.call.params.get("business"):
        raise parameter("The parameter business is required")
    return listed(context, [{"id": MEMBER_ID, "name": USER_NAME, "tasks": list(TASKS)}])


def read_controls(context: Context, account: Account) -> Json:
    """Answer `GET /act_X/account_controls`."""
    held = settings_of(context.platform, account)
    row = {name: held[name] for name in _CONTROLS if held.get(name) is not None}
    return listed(context, [row] if row else [])


def write_controls(context: Context, account: Account) -> Json:
    """Answer `POST /act_X/account_controls`: they are kept and told, and do not bind targeting here.

    Raises:
        GraphError: 100, a control that is none.
    """
    asked: dict[str, Any] = {name: context.call.get(name) for name in _CONTROLS if name in context.call.params}
    strange = [name for name, value in asked.items() if not isinstance(value, list if "_per_" in name else dict)]
    if strange or not asked:
        raise parameter(f"Param {(strange or _CONTROLS)[0]} must be an object, or of several objectives an array")
    _check_audience(asked.get("audience_controls") or {})
    _check_placements(asked.get("placement_controls") or {})
    if not context.is_only_checked():
        settle(context, account, asked)
    return {"id": account.id, "success": True}


def _check_audience(controls: dict[str, Any]) -> None:
    age = controls.get("age_min", _LEAST_AGE)
    if not isinstance(age, int) or not _LEAST_AGE <= age <= _MOST_AGE:
        raise parameter(f"Param audience_controls[age_min] must be from {_LEAST_AGE} to {_MOST_AGE}")


def _check_placements(controls: dict[str, Any]) -> None:
    named = controls.get("placement_exclusions") or []
    strange = sorted(set(map(str, named)) - _PLACEMENTS) if isinstance(named, list) else [str(named)]
    if strange:
        raise parameter(f"Param placement_controls[placement_exclusions]: {strange[0]} is no placement")


def read_nothing(context: Context, _: Any = None) -> Json:
    """Answer an edge of things that there are none of in this sandbox."""
    return listed(context, [])


def refuse_rule(_: Context, __: Account) -> Json:
    """Answer `POST /act_X/adrules_library`.

    Raises:
        GraphError: 3, rules are not modelled.
    """
    raise GraphError(3, "(#3) Application does not have the capability to make automated rules in this sandbox.")


_EMPTY: Final = (
    "customconversions", "saved_audiences", "adrules_library", "adrules_history", "instagram_accounts",
    "connected_instagram_accounts", "publisher_block_lists", "offline_conversion_data_sets", "agencies", "adplayables",
)  # fmt: skip
ROUTES: Final = (
    Route(
        method="GET", of="account", edge="minimum_budgets", answer=read_minimum_budgets,
        note="one row, by the scenario's least daily budget",
    ),
    Route(method="GET", of="account", edge="ads_volume", answer=read_ads_volume, note="one row; no limit bites"),
    Route(method="GET", of="account", edge="assigned_users", answer=read_assigned_users, note="the system user"),
    Route(
        method="GET", of="account", edge="account_controls", answer=read_controls,
        note="what was set; an empty list before",
    ),
    Route(
        method="POST", of="account", edge="account_controls", answer=write_controls,
        note="kept and told; ad sets are not held to them",
    ),
    Route(method="POST", of="account", edge="adrules_library", answer=refuse_rule, note="refused with code 3"),
    *(Route(method="GET", of="account", edge=edge, answer=read_nothing, note="always empty") for edge in _EMPTY),
    Route(method="GET", of=Kind.AD, edge="leads", answer=read_nothing, note="always empty: nobody fills in forms here"),
    Route(method="GET", of=RecordKind.PAGE, edge="leadgen_forms", answer=read_nothing, note="always empty"),
)  # fmt: skip
