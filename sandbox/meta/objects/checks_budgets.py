"""What Meta refuses of budgets and spending limits of campaigns and ad sets (meta_graph_api.md §2.2, §2.3, §5)."""

from typing import Final

from sandbox.meta.objects.checks import MOST_MINOR
from sandbox.meta.objects.drafts import Draft
from sandbox.meta.objects.spending import spent_minor
from sandbox.meta.protocol.errors import GraphError, budget_edits_used_up, invalid
from sandbox.meta.protocol.params import required
from sandbox.nodes import Kind, Node

BUDGETS: Final = ("daily_budget", "lifetime_budget")
NO_SPEND_CAP: Final = 922_337_203_685_478  # what takes a campaign's limit away
_LEAST_SPEND_CAP_MAJOR: Final = 100
_DAY_S: Final = 86_400
_ALLOWANCE_DAYS: Final = 15 / 1_440  # a lifetime budget keeps above what is spent and what 15 minutes more would


def check_amounts(draft: Draft) -> None:
    """Refuse a budget below the platform's least, or both kinds at once."""
    least = draft.account.spec.min_daily_budget_minor
    for name in BUDGETS:
        minor = draft.values.get(name)
        if minor is None:
            continue
        if minor < least:
            shown, currency = f"{least / draft.account.offset:.2f}", draft.account.spec.currency
            raise invalid(
                f"Your budget is too low. It must be at least {shown} {currency} per day.", subcode=1_487_901,
                field=name, title="Budget is too low",
            )  # fmt: skip
        if minor > MOST_MINOR:
            raise invalid(f"Your budget is too high: {minor} is more than {MOST_MINOR}.", field=name)
    if all(draft.values.get(name) for name in BUDGETS):
        raise invalid(
            "Set either a daily or a lifetime budget, not both.", field="daily_budget", title="Two kinds of budget"
        )


def check_kept_kind(draft: Draft) -> None:
    """Refuse an update that turns a daily budget into a lifetime one or gives one to what has none."""
    node = draft.node
    if node is None or not draft.touches(*BUDGETS):
        return
    if node.kind is Kind.AD_SET and node.budget_index < 0:
        raise budget_conflict()
    if node.budget_index < 0:
        raise invalid(
            f"Campaign {node.id} has no campaign budget; its ad sets carry theirs.", subcode=1_885_621,
            field="daily_budget", title="Campaign and ad set budgets conflict",
        )  # fmt: skip
    for name in BUDGETS:
        if draft.touches(name) and (draft.values[name] is None or getattr(node, name) is None):
            raise invalid("The kind of budget cannot be changed once it is set.", field=name)
    _check_spent(draft, node)
    is_change = any(draft.changes(name) for name in BUDGETS)
    if node.kind is Kind.AD_SET and is_change and not node.may_edit_budget(draft.context.platform.clock.now_us()):
        raise budget_edits_used_up(node.id)


def _check_spent(draft: Draft, node: Node) -> None:
    lifetime = draft.values.get("lifetime_budget")
    if lifetime is None or not draft.changes("lifetime_budget"):
        return
    spent = spent_minor(draft.context, draft.account, node)
    least = round(spent + (node.lifetime_budget or 0) / 30 * _ALLOWANCE_DAYS)
    if lifetime < least:
        raise invalid(
            f"The lifetime budget {lifetime} is below what has been spent so far: it must be at least {least}.",
            subcode=1_885_650, field="lifetime_budget", title="Budget is below the spend so far",
        )  # fmt: skip


def check_level(draft: Draft, campaign: Node) -> None:
    """Refuse an ad set with a budget below a campaign budget, and one without either."""
    is_shared = campaign.daily_budget is not None or campaign.lifetime_budget is not None
    has_own = any(draft.get(name) for name in BUDGETS)
    if is_shared and has_own:
        raise budget_conflict()
    if draft.is_new and not is_shared and not has_own:
        raise GraphError(
            100, "Invalid parameter", subcode=1_885_272, blame=[["daily_budget"]], title="Budget is missing",
            user="The ad set needs a daily or lifetime budget, since its campaign has none.",
        )  # fmt: skip


def budget_conflict() -> GraphError:
    """Return the refusal of a budget below a campaign budget."""
    return invalid(
        "You can only set an ad set budget or a campaign budget: this ad set's campaign carries the budget.",
        subcode=1_885_621, field="daily_budget", title="Campaign and ad set budgets conflict",
    )  # fmt: skip


def check_flight(draft: Draft) -> None:
    """Refuse a lifetime budget without an end, an end that is past, and a daily budget for less than a day."""
    start_s, end_s = draft.get("start_time") or (draft.now_s if draft.is_new else 0), draft.get("end_time")
    if draft.get("lifetime_budget") and not end_s:
        raise required("end_time")
    if not end_s or not (draft.is_new or draft.touches("start_time", "end_time", *BUDGETS)):
        return
    if draft.changes("end_time") and end_s <= draft.now_s:
        raise invalid(
            "The end date must be in the future.", subcode=1_487_033, field="end_time", title="End date has passed"
        )
    if end_s <= start_s:
        raise invalid("The end date must be after the start date.", subcode=1_487_033, field="end_time")
    if draft.get("daily_budget") and end_s - start_s < _DAY_S:
        raise invalid(
            "A daily budget needs a flight of more than 24 hours; use a lifetime budget.", field="end_time",
            title="Flight is too short",
        )  # fmt: skip


def check_targets(draft: Draft) -> None:
    """Refuse an ad set's spending limits that contradict one another."""
    for least, most in (
        ("daily_min_spend_target", "daily_spend_cap"), ("lifetime_min_spend_target", "lifetime_spend_cap"),
    ):  # fmt: skip
        low, high = draft.get(least), draft.get(most)
        if draft.touches(least, most) and low and high and low > high:
            raise invalid(f"{least} {low} is above {most} {high}.", field=least, title="Spending limits conflict")


def check_spend_cap(draft: Draft) -> None:
    """Refuse a campaign's spending limit below the least; the magic number takes it away."""
    cap = draft.values.get("spend_cap")
    if cap is None:
        return
    least = _LEAST_SPEND_CAP_MAJOR * draft.account.offset
    if cap == NO_SPEND_CAP:
        draft.values["spend_cap"] = None
    elif cap < least:
        raise invalid(
            f"The campaign spending limit {cap} is below the least of {least} (in the currency's smallest unit).",
            subcode=2_446_307, field="spend_cap", title="Campaign spending limit is too low",
        )  # fmt: skip


def check_shares(draft: Draft) -> None:
    """Refuse a campaign budget that cannot carry what its ad sets are promised."""
    node, budget = draft.node, draft.values.get("daily_budget")
    if node is None or budget is None:
        return
    promised = sum(
        int(child.extra.get("daily_min_spend_target") or 0) for child in node.children if child.status == "ACTIVE"
    )
    if budget < promised:
        raise invalid(
            f"The campaign budget {budget} is below the {promised} that its ad sets must spend.", subcode=2_238_055,
            field="daily_budget", title="Campaign budget is too low for its ad sets",
        )  # fmt: skip
