"""The figures of a judgement that are too dear to sum again as an action is sent: written with it, read at the door.

Sums of ledger and mirror are none of them: those are taken anew. Nothing is judged here.
"""

from dataclasses import asdict, dataclass

from actions.guardrails import Facts, learning_resets
from actions.guardrails.facts import Earned, MonthSpend
from domain.actions import ActionKind, Json, JsonMap, Proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What an action was judged on; None = not known, which blocks where a guardrail needs it."""

    share_ppm: int | None = None  # of the account's spend, in millionths: what a pause stops
    active_ad_sets: int | None = None
    resets: int = 0  # ad sets that it puts back into learning
    earned: Earned | None = None
    month: MonthSpend | None = None


def write(proposal: Proposal, facts: Facts) -> dict[str, Json]:
    """Write down what this proposal was judged on; `resets` and `share_ppm` are what later judgements count."""
    if proposal.kind is ActionKind.PAUSE:
        return {"share_ppm": facts.object_ppm}
    told: dict[str, Json] = {}
    resets = learning_resets.resets(proposal, facts)
    if resets:
        told |= {"resets": resets, "active_ad_sets": facts.active_ad_sets}
    if facts.margin is not None and facts.object_earned is not None:
        told["earned"] = asdict(facts.object_earned)
    if facts.month_budget is not None and facts.month is not None:
        told["month"] = asdict(facts.month)
    return told


def read(told: JsonMap) -> Figures:
    """Read what was written; what is missing, or is no whole number, is not known."""
    earned = _whole(told.get("earned"), ("days", "spend_minor", "revenue_minor"))
    month = _whole(told.get("month"), ("before_today_minor", "today_minor", "days_after_today"))
    share, active, resets = told.get("share_ppm"), told.get("active_ad_sets"), told.get("resets")
    return Figures(
        share_ppm=share if type(share) is int else None,
        active_ad_sets=active if type(active) is int else None,
        resets=resets if type(resets) is int else 0,
        earned=None if earned is None else Earned(**earned),
        month=None if month is None else MonthSpend(**month),
    )


def _whole(value: Json, names: tuple[str, ...]) -> dict[str, int] | None:
    if not isinstance(value, dict):
        return None
    found = {name: number for name in names if type(number := value.get(name)) is int}
    return found if len(found) == len(names) else None
