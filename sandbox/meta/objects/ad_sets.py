"""Ad sets: their parameters, and the rules of a create and of an update (meta_graph_api.md §2.3)."""

from collections.abc import Mapping
from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.context import Context
from sandbox.meta.objects.checks import check_name, labels
from sandbox.meta.objects.checks_bids import (
    check_attribution,
    check_bids,
    check_billing,
    check_frequency,
    check_schedule,
    strategy_of,
)
from sandbox.meta.objects.checks_budgets import check_amounts, check_flight, check_kept_kind, check_level, check_targets
from sandbox.meta.objects.checks_room import check_room, check_siblings
from sandbox.meta.objects.checks_targeting import check_payer, check_targeting
from sandbox.meta.objects.drafts import Draft, living_parent
from sandbox.meta.objects.odax import APP, PIXEL, PIXEL_TOO, destinations_of, goals_of, promoted_keys
from sandbox.meta.protocol import params
from sandbox.meta.protocol.errors import invalid
from sandbox.meta.protocol.params import Reader
from sandbox.meta.protocol.request import GraphCall
from sandbox.meta.protocol.words import (
    BID_STRATEGIES,
    BILLING_EVENTS,
    DESTINATIONS,
    EVENTS,
    FIRST_STATUSES,
    GOALS,
    PACING,
    PROMOTED_KEYS,
    STATUSES,
)
from sandbox.nodes import Kind, Node


def _destination(call: GraphCall, name: str) -> str:
    value = call.params[name].strip().strip('"')
    if value not in DESTINATIONS:
        raise invalid(
            f"destination_type {value[:80]!r} is none of {', '.join(sorted(DESTINATIONS))}.", subcode=2_446_509,
            field=name, title="Destination is invalid",
        )  # fmt: skip
    return value


_PLAIN: Final[Mapping[str, Reader]] = {
    **dict.fromkeys(
        ("daily_min_spend_target", "daily_spend_cap", "lifetime_min_spend_target", "lifetime_spend_cap", "daily_imps",
         "lifetime_imps", "existing_customer_budget_percentage", "max_budget_spend_percentage",
         "min_budget_spend_percentage", "multi_event_conversion_attribution_window_seconds"), params.integer,
    ),
    **dict.fromkeys(
        ("is_dynamic_creative", "is_budget_schedule_enabled", "is_ba_skip_delayed_eligible", "is_dc_follow_optimized",
         "is_incremental_attribution_enabled", "is_sac_cfca_terms_certified", "is_sequenced_conversion_creation",
         "value_rules_applied", "use_new_app_click"), params.boolean,
    ),
    **dict.fromkeys(
        ("automatic_manual_state", "campaign_attribution", "attribution_count_type", "optimization_sub_event",
         "full_funnel_exploration_mode", "multi_optimization_goal_weight", "tune_for_category", "value_rule_set_id",
         "rf_prediction_id", "rb_prediction_id", "creative_sequence_repetition_pattern", "dsa_beneficiary", "dsa_payor",
         "relative_value"), params.text,
    ),
    **dict.fromkeys(
        ("ad_set_goal", "bid_adjustments", "live_video_ad_campaign_config", "meta_moment_maker_spec",
         "placement_soft_opt_out", "regional_regulation_identities", "trending_topics_spec"), params.record,
    ),
    **dict.fromkeys(
        ("creative_sequence", "regional_regulated_categories", "time_based_ad_rotation_id_blocks",
         "time_based_ad_rotation_intervals", "budget_schedule_specs"), params.structure,
    ),
}  # fmt: skip
_SHARED: Final[Mapping[str, Reader]] = {
    **_PLAIN,
    "name": params.text, "adlabels": labels, "daily_budget": params.integer, "lifetime_budget": params.integer,
    "billing_event": params.one_of(BILLING_EVENTS), "optimization_goal": params.one_of(GOALS),
    "targeting": params.record, "promoted_object": params.record, "bid_strategy": params.one_of(BID_STRATEGIES),
    "bid_amount": params.integer, "bid_constraints": params.record, "attribution_spec": params.rows,
    "start_time": params.instant, "end_time": params.instant, "time_start": params.instant,
    "time_stop": params.instant, "destination_type": _destination, "adset_schedule": params.rows,
    "frequency_control_specs": params.rows, "pacing_type": params.some_of(PACING),
}  # fmt: skip
CREATE: Final[Mapping[str, Reader]] = {
    **_SHARED, "campaign_id": params.token, "status": params.one_of(FIRST_STATUSES), "source_adset_id": params.token,
    "topline_id": params.token, "line_number": params.integer,
}  # fmt: skip
UPDATE: Final[Mapping[str, Reader]] = {**_SHARED, "status": params.one_of(STATUSES)}


def draft_ad_set(context: Context, account: Account, *, campaign: Node | None = None) -> Draft:
    """Return the ad set that a create asks for, checked.

    Raises:
        GraphError: a validation of Meta's.
    """
    above = campaign or living_parent(context, account, "campaign_id", Kind.CAMPAIGN)
    values = _plain_times(params.read_params(context.call, CREATE, what="an ad set"))
    draft = Draft(context=context, account=account, values=values, parent=above)
    check_name(draft)
    draft.need("billing_event", "optimization_goal", "targeting")
    check_room(account, Kind.AD_SET)
    check_siblings(above)
    _check_rules(draft, above)
    check_level(draft, above)
    values["parent"] = above.id
    values.pop("campaign_id", None)
    values.setdefault("status", "ACTIVE")
    values["bid_strategy"] = strategy_of(draft, above)
    return draft


def check_ad_set(draft: Draft) -> None:
    """Refuse an update of an ad set that Meta would refuse.

    Raises:
        GraphError: a validation of Meta's.
    """
    if draft.node is None or draft.node.parent is None:
        return
    _plain_times(draft.values)
    check_name(draft)
    if draft.changes("is_dynamic_creative"):
        raise invalid(
            "is_dynamic_creative is chosen when the ad set is made; it cannot be changed.", field="is_dynamic_creative"
        )
    if draft.touches("bid_strategy") and draft.node.budget_index < 0 and draft.changes("bid_strategy"):
        raise invalid(
            "The campaign carries the budget and its bid strategy; change it there.", field="bid_strategy",
            title="Bid strategy is the campaign's",
        )  # fmt: skip
    check_kept_kind(draft)
    _check_rules(draft, draft.node.parent)


def _plain_times(values: dict[str, Any]) -> dict[str, Any]:
    """Write the old names of start and end as the new ones; 0 ends nothing."""
    for old, name in (("time_start", "start_time"), ("time_stop", "end_time")):
        if old in values:
            values.setdefault(name, values.pop(old))
    for name in ("start_time", "end_time"):
        if name in values:
            values[name] = values[name] or None
    return values


def _check_rules(draft: Draft, campaign: Node) -> None:
    check_amounts(draft)
    check_flight(draft)
    check_targets(draft)
    check_targeting(draft, campaign)
    check_payer(draft)
    check_billing(draft, campaign)
    _check_goal(draft, campaign)
    _check_promoted(draft, campaign)
    check_bids(draft, campaign)
    check_attribution(draft)
    check_schedule(draft)
    check_frequency(draft)


def _check_goal(draft: Draft, campaign: Node) -> None:
    """Refuse a goal or a destination that the campaign's objective does not have; legacy campaigns keep theirs."""
    objective = str(campaign.extra.get("objective") or "")
    if not draft.touches("optimization_goal", "destination_type") or not objective.startswith("OUTCOME_"):
        return
    goal, destination = draft.get("optimization_goal"), draft.get("destination_type")
    if destination is not None and destination not in destinations_of(objective):
        raise invalid(
            f"Ads of {objective} do not lead to {destination}.", subcode=2_446_509, field="destination_type",
            title="Destination is invalid",
        )  # fmt: skip
    allowed = goals_of(objective, destination)
    if goal is not None and goal not in allowed:
        where = f" with destination {destination}" if destination else ""
        raise invalid(
            f"Optimization goal {goal} is not available for {objective}{where}; it may be "
            f"{', '.join(sorted(allowed))}.", field="optimization_goal",
            title="Performance goal is not available",
        )  # fmt: skip


def _check_promoted(draft: Draft, campaign: Node) -> None:
    """Refuse a goal whose pixel, page or app is not named."""
    promoted = draft.get("promoted_object")
    if draft.touches("promoted_object"):
        _check_promoted_keys(draft.values["promoted_object"])
    if not (draft.is_new or draft.touches("promoted_object", "optimization_goal", "destination_type")):
        return
    goal, objective = str(draft.get("optimization_goal")), str(campaign.extra.get("objective") or "")
    keys = promoted_keys(objective, draft.get("destination_type"), goal)
    known = {**(campaign.extra.get("promoted_object") or {}), **(promoted if isinstance(promoted, dict) else {})}
    if keys == PIXEL and (set(PIXEL_TOO) | set(APP[:1])) & known.keys():
        return
    lacking = [key for key in keys if not known.get(key)]
    if lacking:
        raise invalid(
            f"Optimization goal {goal} of {objective} needs a promoted_object with {' and '.join(keys)}.",
            subcode=1_885_154, field="promoted_object", title="Promoted object is missing",
        )  # fmt: skip


def _check_promoted_keys(promoted: dict[str, Any]) -> None:
    strange = sorted(promoted.keys() - PROMOTED_KEYS)
    if strange:
        raise params.unfit("promoted_object", f"has no key {strange[0]}")
    event = promoted.get("custom_event_type")
    if event is not None and str(event) not in EVENTS:
        raise params.unfit("promoted_object", f"has an unknown custom_event_type {str(event)[:80]!r}")
