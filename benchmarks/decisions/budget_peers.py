"""Ways to set daily budgets, side by side: what people do, what papers propose, what we do, and what a seer would do.

Each takes the bank as it stands at the start of a day and returns new budgets, (n,); none looks at another's world.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np

from benchmarks.decisions.budget_market import AD_SETS, CAMPAIGNS, MARGIN, Bank, Floats, Ints, true_marginal
from decisions.allocation_choice import Task, choose
from decisions.break_even import Form
from decisions.learning_price import LearningPrice
from decisions.policy import MaturedPolicy
from decisions.roas_posterior import estimate_panels, roll_up
from decisions.steps import lowered, raised
from domain.actions import ObjectKind
from domain.panel import Panel
from estimators.maturity import PRIOR
from estimators.response import Response, fit
from sandbox.market.response import CONCAVITY

POLICY: Final = MaturedPolicy()
_STEP: Final = 0.20
_FACTS_KAPPA_MINOR: Final = 20_000.0  # of facts/decisions.md §3c, for the market there
_TUNED_KAPPA_MINOR: Final = 100_000.0  # the best of 200 .. 1,500 a day for this market, on seeds 41 and 42
_HIGH, _LOW = POLICY.roas_high, POLICY.roas_low
Peer = Callable[[Bank, Form, np.random.Generator], Ints]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is tried out on tuning seeds."""

    noise_factor: float = POLICY.min_gain_noise
    half_life_days: float = POLICY.half_life_days
    min_change: float = POLICY.min_change
    is_true_shape: bool = False  # the market's own saturation, at the learnt level
    price: LearningPrice = field(default_factory=LearningPrice)


def hold(bank: Bank, form: Form, rng: np.random.Generator) -> Ints:
    """Leave everything as it is."""
    del form, rng
    return bank.budget


def classic(step: float) -> Peer:
    """The table of the requirements: ROAS of 7 days over 3 gets more, under 1.5 less."""

    def decide(bank: Bank, form: Form, rng: np.random.Generator) -> Ints:
        del rng
        roas, _ = _seen(bank, days=7)
        wanted = bank.budget * np.where(roas > _HIGH, 1 + step, np.where(roas < _LOW, 1 - step, 1.0))
        if form is Form.FREE:
            return np.maximum(wanted, bank.floor).astype(np.int64)
        return _scaled(bank, wanted, step)

    return decide


def proportional(bank: Bank, form: Form, rng: np.random.Generator) -> Ints:
    """Shares in proportion to the ROAS of 7 days; free: as far from the present as the ROAS is from break-even."""
    del rng
    roas, _ = _seen(bank, days=7)
    if form is Form.FREE:
        return _stepped(bank, bank.budget * np.clip(roas * MARGIN, 1 - _STEP, 1 + _STEP))
    total = np.bincount(bank.group, weights=bank.budget)[bank.group]
    share = (roas + 0.05) / np.bincount(bank.group, weights=roas + 0.05)[bank.group]
    return _scaled(bank, share * total, _STEP)


def thompson(bank: Bank, form: Form, rng: np.random.Generator) -> Ints:
    """Shares by how often a draw of an ad set's ROAS is its market's best; free: by how often it pays."""
    roas, bought = _seen(bank, days=14)
    worth = np.maximum(roas, 0.05)
    draws = worth[:, None] * rng.gamma(bought[:, None] + 0.5, 1 / (bought[:, None] + 0.5), (len(roas), 200))
    if form is Form.FREE:
        pays = (draws * MARGIN > 1).mean(axis=1)
        return _stepped(bank, bank.budget * (1 + _STEP * (2 * pays - 1)))
    by_market = draws.reshape(bank.markets, AD_SETS, -1)
    best = (by_market == by_market.max(axis=1, keepdims=True)).mean(axis=2).ravel()
    total = np.bincount(bank.group, weights=bank.budget)[bank.group]
    return _scaled(bank, best * total, _STEP)


def raw_concave(kappa: float) -> Peer:
    """Marginal return by one fixed exponential saturation on the ROAS as it stands, half-life 7 days."""

    def decide(bank: Bank, form: Form, rng: np.random.Generator) -> Ints:
        del rng
        shown = bank.history(28)
        age = np.arange(shown["spend_minor"].shape[1], 0, -1)
        weight = 0.5 ** (age / 7)
        spend = shown["spend_minor"] @ weight
        roas = (shown["revenue_minor"] @ weight) / np.maximum(spend, 1)
        recent = np.maximum(shown["spend_minor"][:, -7:].mean(axis=1), 1.0)
        top = roas * recent / (kappa * -np.expm1(-recent / kappa))
        return _by_marginal(bank, form, lambda s: top * np.exp(-s / kappa))

    return decide


def oracle(bank: Bank, form: Form, rng: np.random.Generator) -> Ints:
    """Know today's truth, and go as far towards the best as steps of 20 % allow."""
    del rng
    top = bank.true_top()
    return _by_marginal(bank, form, lambda s: true_marginal(bank, top, s))


def matured(setting: Setting) -> Peer:
    """The house's own: posterior, learnt response, edits dropped under their noise."""

    def decide(bank: Bank, form: Form, rng: np.random.Generator) -> Ints:
        del rng
        return _choose(bank, form, setting)

    return decide


TOLD_THE_MARKET: Final = "raw concave, tuned to this market"
PEERS: Final[Mapping[str, Peer]] = {
    "hold": hold,
    "classic ±30 %": classic(0.30),
    "classic ±20 %": classic(0.20),
    "ROAS-proportional": proportional,
    "Thompson share": thompson,
    "raw concave": raw_concave(_FACTS_KAPPA_MINOR),
    TOLD_THE_MARKET: raw_concave(_TUNED_KAPPA_MINOR),
    "matured": matured(Setting()),
    "oracle": oracle,
}


def learn(bank: Bank, setting: Setting) -> list[Response]:
    """Estimate every market by itself, as the modules do with an account."""
    shown = bank.history(POLICY.history_days)
    policy = POLICY if setting.half_life_days == POLICY.half_life_days else _with(setting.half_life_days)
    found = []
    for market in range(bank.markets):
        rows = slice(market * AD_SETS, (market + 1) * AD_SETS)
        ads = _panel(bank, {name: figures[rows] for name, figures in shown.items()})
        sets = _renamed(ads, ObjectKind.AD_SET, np.arange(AD_SETS) // (AD_SETS // CAMPAIGNS))
        campaigns = roll_up(sets, np.array([f"{n:02d}" for n in range(CAMPAIGNS)], dtype=object), ObjectKind.CAMPAIGN)
        frames = estimate_panels(ads, sets, campaigns, account_id="1", curve=PRIOR, policy=policy).frames
        found.append(fit(sets, PRIOR, frames[ObjectKind.AD_SET], half_life_days=policy.half_life_days))
    return found


def _choose(bank: Bank, form: Form, setting: Setting) -> Ints:
    learnt = learn(bank, setting)
    top, kappa, bend, sd = (
        np.concatenate([getattr(row, name) for row in learnt]) for name in ("top", "kappa_minor", "bend", "relative_sd")
    )
    if setting.is_true_shape:
        spend = bank.budget.astype(np.float64)
        level = np.concatenate([row.revenue(spend[n * AD_SETS : (n + 1) * AD_SETS]) for n, row in enumerate(learnt)])
        kappa, bend = bank.truth["saturation"], np.full(len(spend), CONCAVITY)
        top = level / spend * (1 + spend / kappa) ** bend
    is_free = form is Form.FREE
    task = Task(
        top=top, kappa=kappa, bend=bend, relative_sd=sd, budget=bank.budget,
        low=lowered(bank.budget, _STEP, bank.floor), high=raised(bank.budget, _STEP),
        is_learning=bank.kernel.learning.efficiency() < 1, group=bank.group,
        total=None if is_free else np.bincount(bank.group, weights=bank.budget).astype(np.float64),
        worth=MARGIN if is_free else 1.0, min_change=setting.min_change, noise_factor=setting.noise_factor,
        price=setting.price,
    )  # fmt: skip
    return choose(task).target


def _with(half_life_days: float) -> MaturedPolicy:
    return MaturedPolicy(half_life_days=half_life_days)


def _seen(bank: Bank, *, days: int) -> tuple[Floats, Floats]:
    shown = bank.history(days)
    spend = shown["spend_minor"].sum(axis=1)
    return shown["revenue_minor"].sum(axis=1) / np.maximum(spend, 1), shown["purchases"].sum(axis=1).astype(np.float64)


def _stepped(bank: Bank, wanted: Floats | Ints) -> Ints:
    low, high = lowered(bank.budget, _STEP, bank.floor), raised(bank.budget, _STEP)
    return np.clip(wanted, low, high).astype(np.int64)


def _scaled(bank: Bank, wanted: Floats | Ints, step: float) -> Ints:
    """Keep each market's total: scale the wishes by one factor, each within the step of the present budget."""
    low, high = lowered(bank.budget, step, bank.floor), raised(bank.budget, step)
    total = np.bincount(bank.group, weights=bank.budget)
    small, large = np.full(bank.markets, -12.0), np.full(bank.markets, 12.0)
    wanted = np.maximum(wanted, 1.0)
    for _ in range(50):
        middle = (small + large) / 2
        spend = np.clip(wanted * np.exp(middle)[bank.group], low, high)
        over = np.bincount(bank.group, weights=spend) > total
        small, large = np.where(over, small, middle), np.where(over, middle, large)
    found: Ints = np.clip(wanted * np.exp(small)[bank.group], low, high).astype(np.int64)
    return found


def _by_marginal(bank: Bank, form: Form, marginal: Callable[[Floats], Floats]) -> Ints:
    """Equal marginal returns within steps of 20 %: at break-even where free, else at what keeps the total."""
    low = lowered(bank.budget, _STEP, bank.floor).astype(np.float64)
    high = raised(bank.budget, _STEP).astype(np.float64)
    if form is Form.FREE:
        return _at_price(marginal, np.full(len(low), 1 / MARGIN), low, high).astype(np.int64)
    total = np.bincount(bank.group, weights=bank.budget)
    cheap, dear = np.full(bank.markets, 0.001), np.full(bank.markets, 100.0)
    for _ in range(30):
        middle = np.sqrt(cheap * dear)
        over = np.bincount(bank.group, weights=_at_price(marginal, middle[bank.group], low, high)) > total
        cheap, dear = np.where(over, middle, cheap), np.where(over, dear, middle)
    return _at_price(marginal, dear[bank.group], low, high).astype(np.int64)


def _at_price(marginal: Callable[[Floats], Floats], price: Floats, low: Floats, high: Floats) -> Floats:
    for _ in range(20):
        middle = (low + high) / 2
        above = marginal(middle) > price
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return (low + high) / 2


def _panel(bank: Bank, figures: Mapping[str, Ints]) -> Panel:
    days = figures["spend_minor"].shape[1]
    return Panel(
        kind=ObjectKind.AD, currency="EUR", first_day=date.fromordinal(bank.day - days),
        object_id=np.array([f"{n:02d}" for n in range(AD_SETS)], dtype=object), parent=np.arange(AD_SETS),
        age_days=np.arange(days, 0, -1), day_share=0.0,
        **{name: figures[name] for name in ("impressions", "clicks", "spend_minor", "purchases", "revenue_minor")},
    )  # fmt: skip


def _renamed(panel: Panel, kind: ObjectKind, parent: Ints) -> Panel:
    return Panel(
        kind=kind, currency=panel.currency, first_day=panel.first_day, object_id=panel.object_id, parent=parent,
        age_days=panel.age_days, day_share=panel.day_share, impressions=panel.impressions, clicks=panel.clicks,
        spend_minor=panel.spend_minor, purchases=panel.purchases, revenue_minor=panel.revenue_minor,
    )  # fmt: skip
