"""Which element earns, and what to combine next."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.creative_elements import Creatives, read
from domain.errors import BadInputError

LEVELS = (8, 6, 5, 3)
NAMES = ("hook", "title", "music", "length")


def creatives(seed, *, spread, many=100, interaction=0.15, exposure=20_000.0):
    rng = np.random.default_rng(seed)
    effects = [rng.normal(0, spread, count) for count in LEVELS]
    codes = np.stack([rng.integers(0, count, many) for count in LEVELS], axis=1)
    rate = 0.001 * np.exp(sum(effects[f][codes[:, f]] for f in range(4)) + interaction * rng.normal(size=many))
    exposed = exposure * rng.gamma(1, 1, many)
    return effects, made(codes, rng.poisson(exposed * rate), exposed)


def made(codes, counts, exposed, **more):
    return Creatives(
        creative_id=np.arange(len(codes)).astype(str),
        features=codes,
        feature_names=NAMES,
        level_names=tuple(
            tuple(f"{name}-{level}" for level in range(n)) for name, n in zip(NAMES, LEVELS, strict=True)
        ),
        counts=counts,
        exposures=exposed,
        **more,
    )


def test_without_any_effect_an_element_is_told_at_most_at_the_stated_rate():
    """The creatives differ by themselves (15 %): that is noise to an element."""
    told = [any(e.earns for e in read(creatives(seed, spread=0.0)[1]).elements) for seed in range(150)]
    assert np.mean(told) <= 0.15  # 10 % and two standard errors


def test_elements_that_earn_are_told_with_the_right_sign():
    told, wrong = 0, 0
    for seed in range(15):
        effects, ran = creatives(seed, spread=0.3)
        truth = np.concatenate([effect - effect.mean() for effect in effects])
        for element, value in zip(read(ran).elements, truth, strict=True):
            told += element.earns
            wrong += element.earns and (element.factor > 1) != (value > 0)
    assert told > 15 * 8
    assert wrong < 0.05 * told


def test_intervals_of_factors_hold_the_truth():
    inside = []
    for seed in range(30):
        effects, ran = creatives(seed, spread=0.3)
        for feature, effect in enumerate(effects):
            weight = np.bincount(ran.features[:, feature], weights=ran.exposures, minlength=len(effect))
            truth = np.exp(effect - np.average(effect, weights=weight))
            found = [e for e in read(ran).elements if e.feature == NAMES[feature]]
            inside += [e.low <= value <= e.high for e, value in zip(found, truth, strict=True)]
    assert 0.8 < np.mean(inside) < 0.96


def test_what_is_recombined_never_ran_and_is_better_than_most_that_did():
    better = []
    for seed in range(10):
        effects, ran = creatives(seed, spread=0.3, many=60)
        found = read(ran)
        seen = {tuple(f"{n}-{c}" for n, c in zip(NAMES, row, strict=True)) for row in ran.features.tolist()}
        for combination in (*found.by_value, *found.by_information):
            assert combination.levels not in seen
        codes = [int(level.split("-")[1]) for level in found.by_value[0].levels]
        worth = sum(effects[f][codes[f]] for f in range(4))
        usual = sum(effects[f][ran.features[:, f]] for f in range(4))
        better.append(np.mean(usual < worth))
    assert np.mean(better) > 0.9


def test_too_little_says_how_much_more_it_takes():
    (finding,) = read(creatives(1, spread=0.1, many=10, exposure=500.0)[1]).findings
    assert finding.verdict == "not_decidable"
    assert finding.evidence["needs"]["purchases"] > 100


def test_thousands_of_levels_are_recombined_from_the_best():
    rng = np.random.default_rng(1)
    many = 3_000
    names = tuple(tuple(str(level) for level in range(60)) for _ in NAMES)
    ran = Creatives(
        creative_id=np.arange(many).astype(str), features=rng.integers(0, 60, (many, 4)), feature_names=NAMES,
        level_names=names, counts=rng.poisson(20.0, many), exposures=np.full(many, 1000.0),
    )  # fmt: skip
    assert len(read(ran, top=5).by_value) == 5


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=0, max_size=12))
def test_whatever_was_counted_every_figure_is_finite(rows):
    codes = np.array([[n % count for count in LEVELS] for n in range(len(rows))], np.int64).reshape(-1, 4)
    found = read(made(codes, np.array([r[0] for r in rows], np.int64), np.array([r[1] for r in rows], np.float64)))
    for element in found.elements:
        assert np.isfinite([element.factor, element.low, element.high, element.p_value]).all()
    for one in (*found.by_value, *found.by_information):
        assert np.isfinite([one.factor, one.low, one.high, one.improvement]).all()


def test_figures_that_cannot_be_are_refused():
    codes = np.zeros((2, 4), np.int64)
    for counts, exposed in (([-1, 1], [1.0, 1.0]), ([1, 1], [np.nan, 1.0]), ([1], [1.0])):
        with pytest.raises(BadInputError):
            made(codes, np.array(counts), np.array(exposed))
    with pytest.raises(BadInputError, match="no name"):
        made(codes + 50, np.array([1, 1]), np.array([1.0, 1.0]))
