"""Bad figures meet every decision: each has an answer of its own or refuses in words, and no proposal holds a NaN."""

from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions import anomaly_steps, loss_stops, test_outcomes, tired_ads
from decisions.allocation import allocate
from decisions.anomalies import HourFigures, begin, observe
from decisions.creative_elements import Creatives, read
from decisions.experiments import Metric, Plan, State, Strata, advance, fold, look
from decisions.exploration import Arms, variants
from decisions.life_cycle import stages
from decisions.pacing import Standing, spans
from decisions.policy import AccountLimits, MaturedPolicy
from decisions.protection import Carriers, History, Seen, protect
from decisions.refunds import AccountHour, claim
from decisions.roas_posterior import estimate_panels, roll_up
from domain.actions import ObjectKind
from domain.errors import BadInputError
from domain.evidence import Evidence, RoasEvidence
from domain.ids import AccountId
from domain.live import HourGrid
from domain.panel import Panel
from domain.snapshot import AdFrame, AdSetFrame, Hold, Snapshot
from estimators import maturity
from estimators.day_pace import profile_of
from estimators.response import fit
from tests.decisions.frames import snapshot as no_objects

NOW = datetime(2026, 3, 30, 4, tzinfo=UTC)
POLICY = MaturedPolicy()
LIMITS = (
    AccountLimits(minimum_daily_budget_minor=100),
    AccountLimits(minimum_daily_budget_minor=100, margin=0.4),
    AccountLimits(minimum_daily_budget_minor=0, goal_roas=3.0),
    AccountLimits(minimum_daily_budget_minor=100, goal_cpa_minor=2_000),
)
COLUMNS = ("impressions", "clicks", "spend_minor", "purchases", "revenue_minor")


def usual(ads=8, days=28):
    rng = np.random.default_rng(4)
    impressions = rng.poisson(3_000, (ads, days))
    clicks = rng.poisson(40, (ads, days))
    purchases = rng.poisson(1.0, (ads, days))
    return {
        "impressions": impressions, "clicks": clicks, "spend_minor": impressions, "purchases": purchases,
        "revenue_minor": purchases * 5_000,
    }  # fmt: skip


def with_(base=None, **changed):
    base = base or usual()
    return {name: np.full_like(base[name], changed[name]) if name in changed else base[name] for name in base}


def spoilt(**changed):
    """One ad-day of the usual figures is replaced."""
    found = {name: values.copy() for name, values in usual().items()}
    for name, value in changed.items():
        found[name][0, -2] = value
    return found


WORLDS = {
    "as usual": usual(),
    "negative counts": spoilt(impressions=-5, clicks=-1, purchases=-2),
    "all negative": {name: -values for name, values in usual().items()},
    "negative money": spoilt(spend_minor=-100, revenue_minor=-5_000),
    "clicks above impressions": spoilt(clicks=10_000),
    "purchases above clicks": spoilt(purchases=500),
    "missing counts": with_(impressions=0, clicks=0),
    "nothing at all": with_(**dict.fromkeys(COLUMNS, 0)),
    "no history": usual(days=0),
    "one day": usual(days=1),
    "one ad": usual(ads=1),
    "no ads": usual(ads=0),
    "no purchases": with_(purchases=0, revenue_minor=0),
    "purchases without spend": with_(spend_minor=0),
    "spend without impressions": with_(impressions=0, clicks=0, purchases=0, revenue_minor=0),
    "a billion impressions": with_(impressions=10**9, clicks=10**7, spend_minor=10**9),
    "a billion of everything": with_(**dict.fromkeys(COLUMNS, 10**9)),
    "free orders": with_(revenue_minor=0),
}


def numbers(value, path="it"):
    """Every number in a value, however deep, with where it stands."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f":
            yield from ((path, number) for number in value.ravel().tolist())
    elif isinstance(value, float | np.floating):
        yield path, float(value)
    elif is_dataclass(value):
        for field in fields(value):
            yield from numbers(getattr(value, field.name), f"{path}.{field.name}")
    elif hasattr(value, "items"):
        for key, inner in value.items():
            yield from numbers(inner, f"{path}[{key}]")
    elif isinstance(value, tuple | list):
        for place, inner in enumerate(value):
            yield from numbers(inner, f"{path}[{place}]")


def assert_finite(value):
    wrong = [(path, number) for path, number in numbers(value) if not np.isfinite(number)]
    assert not wrong, wrong[:5]
    for text in words_of(value):
        assert " nan" not in text.lower(), text
        assert " inf" not in text.lower().replace("inform", "").replace("inflat", ""), text


def words_of(value):
    found = value if isinstance(value, tuple) else ()
    return [text for row in found for text in (getattr(row, "words", ""), getattr(row, "reason", "")) if text]


def answered(step):
    """What the step says, or None where it refuses in words."""
    try:
        return step()
    except BadInputError:
        return None


def ids(letter, many):
    return np.array([f"{letter}{row}" for row in range(many)], dtype=np.object_)


def panels(figures, currency="USD"):
    ads, days = figures["impressions"].shape
    sets = (ads + 3) // 4
    panel = Panel(
        kind=ObjectKind.AD, currency=currency, first_day=date(2026, 3, 2), object_id=ids("a", ads),
        parent=np.arange(ads) // 4, age_days=np.arange(days, 0, -1), **figures,
    )  # fmt: skip
    above = replace(roll_up(panel, ids("s", sets), ObjectKind.AD_SET), parent=np.zeros(sets, np.int64))
    return panel, above, roll_up(above, ids("c", min(1, sets)), ObjectKind.CAMPAIGN)


def snapshot_of(panel, above):
    sets, ads = len(above), len(panel)
    zero, none = np.zeros(sets), np.zeros(sets, np.int64)
    week = {name: getattr(above, name)[:, -7:].sum(axis=1) for name in COLUMNS}
    own = {name: getattr(panel, name)[:, -7:].sum(axis=1) for name in COLUMNS}
    frame = AdSetFrame(
        id=above.object_id, name=above.object_id, campaign_id=np.full(sets, "c0", np.object_),
        campaign_index=np.full(sets, -1), hold=np.full(sets, int(Hold.FREE)), is_active=np.ones(sets, np.bool_),
        is_learning=np.zeros(sets, np.bool_), is_ab_test=np.zeros(sets, np.bool_),
        daily_budget_minor=np.full(sets, 4_000), spend_window=week["spend_minor"], revenue_window=week["revenue_minor"],
        purchases_window=week["purchases"], impressions_window=week["impressions"], clicks_window=week["clicks"],
        spend_today=none, recent_spend=none, recent_clicks=none, recent_revenue=none, usual_spend=zero,
        usual_clicks=zero, usual_revenue=zero,
    )  # fmt: skip
    ad_frame = AdFrame(
        id=panel.object_id, name=panel.object_id, ad_set_id=above.object_id[panel.parent], ad_set_index=panel.parent,
        creative_id=panel.object_id, is_active=np.ones(ads, np.bool_), is_marked_fatigued=np.zeros(ads, np.bool_),
        age_hours=np.full(ads, 700.0), impressions_total=own["impressions"], clicks_total=own["clicks"],
        impressions_last=own["impressions"], clicks_last=own["clicks"], impressions_week=own["impressions"],
        clicks_week=own["clicks"], spend_window=own["spend_minor"], revenue_window=own["revenue_minor"],
    )  # fmt: skip
    return Snapshot(
        account_id=AccountId(1), currency="USD", zone="UTC", now=NOW, window_days=7, spike_hours=3, tree_read_at=NOW,
        insights_read_at=NOW, campaigns_active=1, campaigns=no_objects().campaigns, ad_sets=frame, ads=ad_frame,
    )  # fmt: skip


def estimated(figures):
    return answered(lambda: estimate_panels(*panels(figures), account_id="1", curve=maturity.PRIOR, policy=POLICY))


@pytest.mark.parametrize("world", WORLDS)
def test_the_roas_posterior_is_finite(world):
    found = estimated(WORLDS[world])
    assert found is not None
    assert_finite(found)
    for frame in found.frames.values():
        assert (frame.log_sd > 0).all()
        assert ((frame.maturity >= 0) & (frame.maturity <= 1 + 1e-9)).all()


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("world", WORLDS)
def test_budgets_are_finite_or_refused(world, limits):
    panel, above, _ = panels(WORLDS[world])
    found = estimated(WORLDS[world])
    if found is None:
        return
    roas = RoasEvidence(made_at=NOW, frames=found.frames)
    curves = answered(
        lambda: fit(above, maturity.PRIOR, found.frames[ObjectKind.AD_SET], half_life_days=POLICY.half_life_days)
    )
    snapshot = snapshot_of(panel, above)
    responses = {} if curves is None else {ObjectKind.AD_SET: curves}
    plan = answered(lambda: allocate(snapshot, POLICY, limits, roas, responses))
    stops = answered(lambda: loss_stops.decide(snapshot, POLICY, limits, Evidence(roas=roas)))
    assert_finite(curves)
    assert (plan is not None and stops is not None) or world != "as usual"
    if plan is not None:
        assert_finite(plan.proposals)
        assert_finite(plan.findings)
        assert_finite(plan.planned)
        for proposal in plan.proposals:
            assert 0 < proposal.target["daily_budget_minor"] <= 1.2 * 4_000
    assert_finite(stops)


@pytest.mark.parametrize("world", WORLDS)
def test_life_cycles_are_finite(world):
    panel, above, _ = panels(WORLDS[world])
    found = stages(panel, POLICY)
    tired = found.tired()
    assert_finite(tired)
    assert_finite(found.findings())
    evidence = Evidence(stages=tired, ages={"creative_intelligence": NOW})
    assert_finite(tired_ads.decide(snapshot_of(panel, above), POLICY, LIMITS[0], evidence))


@pytest.mark.parametrize("metric", list(Metric))
@pytest.mark.parametrize("world", WORLDS)
def test_looks_at_tests_are_finite_or_refused(world, metric):
    panel, above, _ = panels(WORLDS[world])
    events = {Metric.CLICKS: panel.clicks, Metric.CONVERSIONS: panel.purchases, Metric.ROAS: panel.revenue_minor}
    exposed = panel.impressions if metric is Metric.CLICKS else panel.spend_minor
    arms = min(4, len(panel))

    def verdict():
        plan = Plan(experiment_id=1, ad_set_id="s0", arms=tuple(panel.object_id[:arms]), metric=metric)
        strata = Strata(
            day=np.arange(panel.impressions.shape[1]), events=events[metric][:arms].astype(np.float64),
            exposures=exposed[:arms].astype(np.float64), spend_minor=panel.spend_minor[:arms].astype(np.float64),
            purchases=panel.purchases[:arms].astype(np.float64),
        )  # fmt: skip
        days = float(panel.impressions.shape[1])
        return look(plan, advance(plan, fold(State.empty(arms), strata), days=days), days=days)

    found = answered(verdict)
    if found is not None:
        assert_finite((found,))
        outcome = test_outcomes.decide(snapshot_of(panel, above), POLICY, LIMITS[0], Evidence(tests=(found,)))
        assert_finite(outcome)


@pytest.mark.parametrize("world", WORLDS)
def test_anomalies_are_finite_or_refused(world):
    panel, above, _ = panels(WORLDS[world])
    watch, seen = begin(ObjectKind.AD_SET), None
    many = len(above)
    for day in range(min(3, above.impressions.shape[1])):
        for hour in range(24):
            figures = HourFigures(
                kind=ObjectKind.AD_SET, object_id=above.object_id, root=np.full(many, "c0", np.object_),
                at=NOW + timedelta(days=day, hours=hour), hour_of_week=(24 * day + hour) % 168, maturity=0.5,
                is_live=np.ones(many, np.bool_), daily_budget_minor=np.full(many, 4_000),
                impressions=above.impressions[:, -1 - day], clicks=above.clicks[:, -1 - day],
                spend_minor=above.spend_minor[:, -1 - day], purchases=above.purchases[:, -1 - day],
            )  # fmt: skip
            found = answered(lambda now=watch, then=figures: observe(now, then, fdr=0.1))
            if found is not None:
                watch, seen = found
                assert_finite(seen.opened)
    if seen is not None:
        assert_finite(watch.expectation)
    assert anomaly_steps.decide(snapshot_of(panel, above), POLICY, LIMITS[0], Evidence()) == ()


@pytest.mark.parametrize("world", WORLDS)
def test_variants_and_elements_are_finite_or_refused(world):
    panel, _, _ = panels(WORLDS[world])
    counts, exposed = panel.purchases.sum(axis=1), panel.spend_minor.sum(axis=1).astype(np.float64)
    codes = np.stack([np.arange(len(panel)) % 3, np.arange(len(panel)) % 2], axis=1)
    plan = answered(
        lambda: variants(
            Arms(ad_id=panel.object_id, counts=counts, exposures=exposed), seed=1, budget_minor=10_000,
            cost_per_purchase_minor=2_000.0,
        )
    )  # fmt: skip
    if plan is not None:
        assert_finite(plan)
        assert_finite(plan.findings)
    reading = answered(
        lambda: read(
            Creatives(
                creative_id=panel.object_id, features=codes, feature_names=("hook", "title"),
                level_names=(("a", "b", "c"), ("d", "e")), counts=counts, exposures=exposed,
            )
        )
    )  # fmt: skip
    if reading is not None:
        assert_finite(reading)
        assert_finite(reading.findings)


def test_two_currencies_are_refused():
    ads, sets, campaigns = panels(usual())
    with pytest.raises(BadInputError, match="EUR and USD"):
        estimate_panels(
            replace(ads, currency="EUR"), sets, campaigns, account_id="1", curve=maturity.PRIOR, policy=POLICY
        )


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(*[st.integers(-(10**9), 10**9) for _ in COLUMNS]), min_size=8, max_size=8))
def test_whatever_the_figures_every_proposal_is_finite(rows):
    base = usual(ads=4, days=8)
    for place, name in enumerate(COLUMNS):
        base[name][0] = [row[place] for row in rows]
    panel, above, _ = panels(base)
    found = estimated(base)
    if found is not None:
        assert_finite(found)
        roas = RoasEvidence(made_at=NOW, frames=found.frames)
        assert_finite(loss_stops.decide(snapshot_of(panel, above), POLICY, LIMITS[1], Evidence(roas=roas)))
    cycles = answered(lambda: stages(panel, POLICY))
    if cycles is not None:
        assert_finite(cycles.tired())
        assert_finite(cycles.findings())


@pytest.mark.parametrize(("on", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25)])  # in New York
def test_days_of_23_and_25_hours_have_a_pace(on, hours):
    zone = "America/New_York"
    midnight = datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    spend = np.full((36, 24), 400.0)
    grid = HourGrid(
        first_on=on - timedelta(days=35), is_known=np.ones(36), spend_minor=spend, impressions=spend, clicks=spend,
        purchases=spend,
    )  # fmt: skip
    shares = []
    for hour in range(26):
        standing = Standing(
            day=on, zone=zone, as_of=midnight + timedelta(hours=hour), grid=grid, daily_budgets_minor=9_600,
            day_targets={}, month_budget_minor=300_000,
        )  # fmt: skip
        found = spans(standing, profile_of(grid, today=on), amount=str)
        assert_finite(found)
        shares.append(next(row for row in found if row.name == "day").expected_minor)
    assert shares == sorted(shares)
    assert shares[hours - 1] < 9_600  # an hour before the end
    assert set(shares[hours:]) == {9_600}  # whole, and no more, once the day is over


@pytest.mark.parametrize(
    ("spent", "clicks", "purchases"), [(0, 0, 0), (-500, -1, -1), (10**12, 10**9, 10**9), (10**12, 0, 0)]
)
def test_protection_is_finite_whatever_was_spent(spent, clicks, purchases):
    rows = Carriers(
        kind=[ObjectKind.AD_SET], object_id=ids("s", 1), name=ids("s", 1), budget_minor=np.array([4_000]),
        top_budget_minor=np.array([4_000]), spent_minor=np.array([spent]), earlier_minor=np.array([-1]),
        clicks=np.array([clicks]), purchases=np.array([purchases]),
    )  # fmt: skip
    seen = Seen(
        now=NOW, as_of=NOW, elapsed=0.5, earlier_as_of=None, earlier_elapsed=0.0, knows_budgets_of_day=False,
        minimum_budget_minor=0, rate_minor=0.0, limits=(), carriers=rows, account_clicks=clicks,
        account_purchases=purchases, amount=str,
    )  # fmt: skip
    found = protect(seen, {}, History(clicks=0, purchases=0))
    assert_finite(found.proposals)
    assert_finite(found.warnings)


def test_a_refund_without_hours_claims_nothing():
    nothing = claim((), since=NOW, until=NOW)
    empty = claim(
        (AccountHour(at=NOW, spend_minor=0, expected_minor=0, low_minor=0, high_minor=0, impressions=0,
                     usual_cpm_minor=0),), since=NOW, until=NOW + timedelta(hours=1),
    )  # fmt: skip
    for found in (nothing, empty):
        assert_finite(found)
        assert not found.is_proven
