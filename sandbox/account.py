"""One ad account: its objects, its market, and how a change of an object reaches delivery."""

import math
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from sandbox.market.caps import ACCOUNT
from sandbox.market.dice import object_key
from sandbox.market.kernel import Market
from sandbox.market.rhythm import Calendar
from sandbox.market.rules import Rules
from sandbox.market.truth import Appeal, Audience, Change, ChangeKind, deal_appeal, deal_audience
from sandbox.nodes import DELIVERING, Kind, Node
from sandbox.scenario import AccountSpec

# Edits that restart learning whatever their size (domain.md §2a [LP2]); budgets by how far they move.
_SIGNIFICANT: Final = frozenset({"targeting", "optimization_goal", "bid_strategy", "bid_amount", "bid_constraints"})
_BUDGETS: Final = frozenset({"daily_budget", "lifetime_budget"})
_QUIET: Final = _BUDGETS | {"spend_cap"}
_STOPPING: Final = frozenset({"status", "start_time", "end_time", "stop_time", "sandbox_issues", "sandbox_review"})
_DAY_S: Final = 86_400
_LIFETIME_DAYS: Final = 30
_DEFAULTS: Final = ("default_dsa_payor", "default_dsa_beneficiary")
SPEND_LIMIT_CHANGES_PER_DAY: Final = 10
_CENTS: Final = 100
# Currencies without a hundredth part, as the platform counts them (meta_graph_api.md §7).
_WHOLE: Final = frozenset({"CLP", "COP", "CRC", "HUF", "ISK", "IDR", "JPY", "KRW", "PYG", "TWD", "VND"})


class Account:
    """The account's state; `World` feeds it changes in the order of their instants."""

    def __init__(
        self, spec: AccountSpec, *, account_id: str, seed: int, start_s: int, history_s: int, rules: Rules | None = None
    ) -> None:
        rules = rules or Rules()
        self.spec = spec
        self.defaults: dict[str, str] = {}  # default_dsa_payor and default_dsa_beneficiary, where they were set
        self.id = account_id
        self.created_s = history_s
        self.calendar = Calendar(spec.timezone, around_s=start_s, season=rules.season)
        first_hour = self.calendar.hour_at(history_s)
        self.market = Market(seed=seed, calendar=self.calendar, first_hour=first_hour, rules=rules)
        self.nodes: dict[Kind, list[Node]] = {kind: [] for kind in Kind}
        self.appeals: dict[str, Appeal] = {}
        self.seed = seed
        # By ad set (market index): what it targets from which local day on; breakdowns keep to it.
        self.targetings: dict[int, list[tuple[int, dict[str, Any]]]] = {}
        self.spend_limit_minor = 0  # of the account's whole life; 0 = there is none
        self.live_ads = 0  # how many of its ads deliver
        self._limits_set_s: deque[float] = deque(maxlen=SPEND_LIMIT_CHANGES_PER_DAY)
        self._order_value, self._cpm = _typical(spec)

    @property
    def offset(self) -> int:
        """Minor units in a major one."""
        return 1 if self.spec.currency in _WHOLE else _CENTS

    def order_value(self) -> int:
        """Return what an order is typically worth here."""
        return self._order_value

    def typical_audience(self) -> Audience:
        """Return people such as a new ad set is dealt, at the account's usual price."""
        return deal_audience(self.seed, 0, cpm_minor=self._cpm)

    def limit_spend(self, minor: int, *, at_s: float) -> None:
        """Let everything deliver only until the account has spent so much in all; 0 = without a limit."""
        self.spend_limit_minor = minor
        self._limits_set_s.append(at_s)
        self.market.change(Change(at_s=at_s, kind=ChangeKind.LIMIT, index=ACCOUNT, value=minor))

    def limit_campaign(self, campaign: Node, *, at_s: float) -> None:
        """Let a campaign deliver only until it has spent as much as its own limit says."""
        minor = int(campaign.extra.get("spend_cap") or 0)
        self.market.change(Change(at_s=at_s, kind=ChangeKind.LIMIT, index=campaign.market_index, value=minor))

    def may_limit_spend(self, *, at_s: float) -> bool:
        """Say whether the day's changes of the spending limit are not used up."""
        made = self._limits_set_s
        return len(made) < SPEND_LIMIT_CHANGES_PER_DAY or at_s - made[0] >= _DAY_S

    def settle(self, settings: dict[str, Any]) -> None:
        """Let the account have other settings: its name, and who is behind ads in the EU that name nobody."""
        if settings.get("name"):
            self.spec = self.spec.model_copy(update={"name": settings["name"]})
        self.defaults = {name: str(settings[name]) for name in _DEFAULTS if settings.get(name)}

    def add(self, node: Node, *, audience: Audience | None = None) -> None:
        """Take in a new object; it delivers from `refresh_live` on."""
        node.order = len(self.nodes[node.kind])
        self.nodes[node.kind].append(node)
        if node.parent is not None:
            node.parent.children.append(node)
        match node.kind:
            case Kind.CAMPAIGN:
                node.market_index = self.market.caps.add()
                budget = daily_minor(node)
                node.budget_index = self.market.add_budget(budget, object_id=int(node.id)) if budget else -1
            case Kind.AD_SET:
                self._add_ad_set(node, audience)
            case Kind.AD:
                self._add_ad(node)
            case Kind.CREATIVE if node.id not in self.appeals:
                self.appeals[node.id] = deal_appeal(self.seed, int(node.id), order_value_minor=self._order_value)

    def update(self, node: Node, values: dict[str, Any], *, at_us: int) -> None:
        """Write new values into an object and tell the market."""
        at_s, before = at_us / 1e6, daily_minor(node)
        funds: dict[str, dict[str, Any]] | None = values.pop("adset_budgets", None)
        for name, value in values.items():
            _assign(node, name, value)
        if not set(values) <= _QUIET or node.kind is not Kind.CAMPAIGN:
            node.updated_s = at_us // 1_000_000  # a campaign's budget edits do not bump it, as the platform documents
        if values.keys() & _BUDGETS:
            node.note_budget_edit(at_us)
            self._change_budget(node, before or 0, at_s=at_s)
        if funds:
            self._split_budget(node, funds, at_s=at_s)
        if "spend_cap" in values and node.kind is Kind.CAMPAIGN:
            self.limit_campaign(node, at_s=at_s)
        if "creative" in values and node.creative is not None:
            appeal = self._appeal_of(node)
            self.market.change(Change(at_s=at_s, kind=ChangeKind.APPEAL, index=node.market_index, appeal=appeal))
        if "targeting" in values:  # a day is not cut in two: it counts from the next on
            self.targetings[node.market_index].append((self.calendar.day_at(at_s) + 1, values["targeting"] or {}))
        if values.keys() & _SIGNIFICANT or ("creative" in values and node.kind is Kind.AD):
            self.restart_learning(node, at_s=at_s)
        if values.keys() & _STOPPING:
            self.refresh_live(node, at_s=at_s)

    def refresh_live(self, node: Node, *, at_s: float) -> None:
        """Start or stop the delivery of the ads under an object, as statuses now say."""
        touched: dict[str, Node] = {}
        for ad in ads_under(node):
            is_live = ad.effective_status() == DELIVERING and is_in_flight(ad, at_s)
            if is_live != ad.is_live:
                ad.is_live = is_live
                self.live_ads += 1 if is_live else -1
                self.market.change(Change(at_s=at_s, kind=ChangeKind.LIVE, index=ad.market_index, value=int(is_live)))
                if ad.parent is not None:
                    touched[ad.parent.id] = ad.parent
        for ad_set in touched.values():
            self._note_rest(ad_set, at_s=at_s)

    def restart_learning(self, node: Node, *, at_s: float) -> None:
        """Let the ad sets that a significant edit touches learn anew: an ad's own, or all of a campaign."""
        for ad_set in _ad_sets_of(node):
            ad_set.edited_s = at_s
            self.market.change(Change(at_s=at_s, kind=ChangeKind.EDIT, index=ad_set.market_index))

    def learning(self, ad_set: Node) -> tuple[str, int]:
        """Return the learning stage and the events counted; an edit in an hour not computed yet counts already."""
        stage, events, since_s = self.market.learning.told(ad_set.market_index)
        return (stage, events) if since_s >= ad_set.edited_s else ("LEARNING", 0)

    def _change_budget(self, node: Node, before: int, *, at_s: float) -> None:
        if node.budget_index < 0:
            return
        after = daily_minor(node) or 0
        self.market.change(Change(at_s=at_s, kind=ChangeKind.BUDGET, index=node.budget_index, value=after))
        if abs(after - before) > self.market.rules.budget_step * before:
            self.restart_learning(node, at_s=at_s)

    def _split_budget(self, campaign: Node, funds: dict[str, dict[str, Any]], *, at_s: float) -> None:
        """Give the ad sets of a campaign budgets of their own instead of the campaign's; `funds` has them by id."""
        for ad_set in campaign.children:
            for name, value in funds.get(ad_set.id, {}).items():
                _assign(ad_set, name, value)
            if ad_set.id in funds:
                ad_set.updated_s = int(at_s)
                own = self.market.add_budget(daily_minor(ad_set) or 0, object_id=int(ad_set.id))
                ad_set.budget_index = own
                self.market.change(Change(at_s=at_s, kind=ChangeKind.FUND, index=ad_set.market_index, value=own))
        campaign.budget_index = -1
        self.restart_learning(campaign, at_s=at_s)

    def _note_rest(self, ad_set: Node, *, at_s: float) -> None:
        """Remember since when an ad set rests; one that rested for a week learns anew."""
        if not any(ad.is_live for ad in ad_set.children):
            ad_set.stopped_s = at_s
        elif ad_set.stopped_s is not None:
            if at_s - ad_set.stopped_s >= self.market.rules.pause_days * _DAY_S:
                self.restart_learning(ad_set, at_s=at_s)
            ad_set.stopped_s = None

    def _add_ad_set(self, node: Node, audience: Audience | None) -> None:
        parent = node.parent
        shared = parent.budget_index if parent is not None else -1
        node.budget_index = self.market.add_budget(daily_minor(node) or 0, object_id=int(node.id)) if shared < 0 else -1
        node.edited_s = node.stopped_s = float(node.created_s)
        like = self._source_of(node)
        if like is not None:
            audience = self.market.audience(like)
        node.market_index = self.market.add_ad_set(
            object_id=int(node.id),
            campaign=parent.market_index if parent is not None else ACCOUNT,
            audience=audience or deal_audience(self.seed, int(node.id), cpm_minor=self._cpm),
            budget=node.budget_index if shared < 0 else shared,
            since_s=node.edited_s,
            like=like,
        )
        self.targetings[node.market_index] = [(0, node.extra.get("targeting") or {})]

    def _source_of(self, ad_set: Node) -> int | None:
        """Return the market's index of what an ad set is a copy of: it reaches the same people."""
        source_id = ad_set.extra.get("source_adset_id")
        if source_id is None:
            return None
        return next((held.market_index for held in self.nodes[Kind.AD_SET] if held.id == source_id), None)

    def _add_ad(self, node: Node) -> None:
        if node.parent is None:
            return
        node.market_index = self.market.add_ad(
            object_id=int(node.id), ad_set=node.parent.market_index, appeal=self._appeal_of(node)
        )

    def _appeal_of(self, ad: Node) -> Appeal:
        creative_id = ad.creative.id if ad.creative else ad.id
        known = self.appeals.get(creative_id)
        return known or deal_appeal(self.seed, object_key(0, int(creative_id)), order_value_minor=self._order_value)


def _typical(spec: AccountSpec) -> tuple[int, int]:
    """Return what an order is worth and what a thousand impressions cost, for objects that are made later."""
    sets = [ad_set for campaign in spec.campaigns for ad_set in campaign.ad_sets]
    values = [ad.order_value_minor for ad_set in sets for ad in ad_set.ads]
    prices = [ad_set.cpm_minor for ad_set in sets]
    drawn = spec.generate
    if drawn is not None and not sets:
        middles = (sum(bounds) // 2 * drawn.price_factor for bounds in (drawn.order_value_minor, drawn.cpm_minor))
        value, price = (max(1, round(middle)) for middle in middles)
        return value, price
    return sorted(values)[len(values) // 2] if values else 5_000, sorted(prices)[len(prices) // 2] if prices else 1_200


def flight_of(node: Node) -> tuple[float, float]:
    """Return from when to when an object may deliver, its parents considered; seconds since 1970."""
    start_s, end_s, above = 0.0, math.inf, node
    while True:
        start_s = max(start_s, _instant(above, "start_time") or 0.0)
        end_s = min(end_s, _instant(above, "stop_time" if above.kind is Kind.CAMPAIGN else "end_time") or math.inf)
        if above.parent is None:
            return start_s, end_s
        above = above.parent


def is_in_flight(node: Node, at_s: float) -> bool:
    """Say whether an object may deliver at an instant, as far as begin and end go."""
    start_s, end_s = flight_of(node)
    return start_s <= at_s < end_s


def _instant(node: Node, name: str) -> float | None:
    value = node.extra.get(name)
    return float(value) if isinstance(value, int | float) else None


def ads_under(node: Node) -> Iterable[Node]:
    """Yield the ads of a campaign or ad set, or the ad itself; a creative has none."""
    if node.kind is Kind.AD:
        yield node
    for child in node.children:
        yield from ads_under(child)


def _ad_sets_of(node: Node) -> list[Node]:
    match node.kind:
        case Kind.CAMPAIGN:
            return node.children
        case Kind.AD_SET:
            return [node]
        case Kind.AD if node.parent is not None:
            return [node.parent]
    return []


def daily_minor(node: Node) -> int | None:
    """Return the object's own budget for a day; a lifetime budget is spread over thirty."""
    if node.daily_budget is None and node.lifetime_budget is not None:
        return node.lifetime_budget // _LIFETIME_DAYS
    return node.daily_budget


def _assign(node: Node, name: str, value: Any) -> None:
    if name == "labels":
        node.labels = tuple(value)
    elif name == "sandbox_review":
        node.review = value
    elif name in ("name", "status", "daily_budget", "lifetime_budget", "creative"):
        setattr(node, name, value)
    else:
        node.extra[name] = value
