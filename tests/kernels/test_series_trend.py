"""Slope and onset of series with a known course: coverage, width, false alarms, and what all points share."""

from __future__ import annotations

import numpy as np
import pytest

from imgpipe.kernels.series_trend import FEWEST, MANY, growth, onset, points, slope

X = 0.01 * np.arange(200)
RISES = {
    "straight": 20.0 + 15.0 * np.maximum(X - 0.6, 0.0),
    "saturating": 20.0 - 32.0 * np.expm1(-np.maximum(X - 0.6, 0.0) / 0.5),
    "falling": 80.0 + 32.0 * np.expm1(-np.maximum(X - 0.6, 0.0) / 0.5),
}
FEW = 20
MANY_SEEDS = pytest.param(600, marks=pytest.mark.truth)


def noisy(course: np.ndarray, sd: float, seed: int) -> np.ndarray:
    return course + sd * np.random.default_rng(seed).standard_normal(course.size)


def band(share: float, seeds: int) -> float:
    return 3.0 * np.sqrt(share * (1.0 - share) / seeds)


@pytest.mark.parametrize("seeds", [FEW, MANY_SEEDS])
@pytest.mark.parametrize("name", RISES)
def test_the_onset_is_covered_and_its_interval_is_no_wider_than_its_scatter(name, seeds):
    found = [onset(points(X, noisy(RISES[name], 1.8, seed), np.full(X.size, 1.8))) for seed in range(seeds)]
    assert all(one.gain > 0 for one in found)
    inside = np.mean([one.low <= 0.6 <= one.high for one in found])
    assert abs(inside - 0.95) <= band(0.95, seeds), inside
    errors = np.array([one.value - 0.6 for one in found])
    width = np.mean([one.high - one.low for one in found])
    assert width <= 1.25 * 3.92 * np.sqrt(np.mean(errors**2)) * (1 + 3.0 / np.sqrt(2 * seeds))
    assert abs(errors.mean()) <= 0.2 * errors.std() + 3.0 * errors.std() / np.sqrt(seeds)


@pytest.mark.parametrize("seeds", [FEW, MANY_SEEDS])
def test_courses_without_an_onset_show_none(seeds):
    for course in (np.full(X.size, 20.0), 20.0 + 15.0 * X):
        seen = [onset(points(X, noisy(course, 2.0, seed), np.full(X.size, 2.0))).gain > 0 for seed in range(seeds)]
        assert np.mean(seen) <= 0.05 + band(0.05, seeds)


def test_a_bend_from_the_first_point_on_is_no_onset():
    course = -30.0 * np.expm1(-X / 0.5)
    found = onset(points(X, noisy(course, 0.5, 0), np.full(X.size, 0.5)))
    assert found.gain <= 0
    assert found.without == "bent from the start"


def test_an_onset_next_to_the_start_leaves_the_interval_open():
    early = onset(points(X, noisy(20.0 + 15.0 * np.maximum(X - 0.01, 0), 2.0, 1), np.full(X.size, 2.0)))
    assert early.low == -np.inf
    assert np.isfinite(early.high)


@pytest.mark.parametrize("seeds", [200, pytest.param(4000, marks=pytest.mark.truth)])
@pytest.mark.parametrize("known", [True, False])
def test_the_slope_is_covered_with_known_and_unknown_u(known, seeds):
    x, sd = np.sort(np.random.default_rng(0).random(24)), np.linspace(0.5, 2.0, 24)
    sd = sd if known else np.full(24, 1.3)
    drawn = [3.0 + 4.0 * x + sd * np.random.default_rng([seed, 7]).standard_normal(24) for seed in range(seeds)]
    found = [slope(points(x, y, sd if known else None)) for y in drawn]
    inside = np.mean([one.low <= 4.0 <= one.high for one in found])
    assert abs(inside - 0.95) <= band(0.95, seeds), inside
    scatter = np.std([one.value for one in found])
    assert np.mean([one.u for one in found]) == pytest.approx(scatter, rel=0.1 + 3.0 / np.sqrt(2 * seeds))


def test_what_points_share_does_not_shrink_with_their_number():
    def parts(n: int) -> tuple[float, float]:
        x = np.linspace(0.0, 1.0, n)
        y = noisy(10.0 + 5.0 * x, 0.5, n)
        found = slope(points(x, y, np.full(n, 0.5), 0.1 * y))
        return found.u_random, found.u_shared

    (few, few_shared), (many, many_shared) = parts(50), parts(5000)
    assert many == pytest.approx(few / 10.0, rel=0.1)
    assert many_shared == pytest.approx(few_shared, rel=0.1)
    assert few_shared == pytest.approx(0.5, rel=0.2)


def test_a_stated_u_beyond_the_scatter_is_shared():
    y = noisy(20.0 + 15.0 * X, 1.0, 3)
    found = slope(points(X, y, np.full(X.size, 2.0)))
    honest = slope(points(X, y, np.full(X.size, 1.0)))
    assert found.u_random == pytest.approx(honest.u_random, rel=0.15)
    assert found.u_shared > 0.5
    assert honest.u_shared == 0.0


def test_missing_points_and_disorder_change_nothing():
    y = noisy(RISES["saturating"], 1.0, 5)
    one = points(X, y, np.full(X.size, 1.0))
    order = np.random.default_rng(0).permutation(X.size)
    spoilt = points(np.append(X[order], 0.3), np.append(y[order], np.nan), np.ones(X.size + 1))
    assert spoilt.x.size == one.x.size
    assert slope(spoilt).value == pytest.approx(slope(one).value, rel=1e-12)
    assert onset(spoilt).value == pytest.approx(onset(one).value, abs=1e-9)


def test_very_many_points_are_averaged_first():
    x = np.linspace(0.0, 2.0, 20 * MANY)
    y = noisy(20.0 + 15.0 * np.maximum(x - 0.6, 0.0), 10.0, 2)
    found = onset(points(x, y, np.full(x.size, 10.0)), bending=False)
    assert found.low <= 0.6 <= found.high
    assert found.high - found.low < 0.1


def test_six_points_are_enough_to_ask():
    x = np.arange(float(FEWEST))
    found = onset(points(x, np.array([1.0, 1.0, 1.0, 1.0, 6.0, 11.0]), np.full(FEWEST, 0.1)), bending=False)
    assert found.gain > 0
    assert found.low <= 3.0 <= found.high
    assert found.high - found.low < 0.3


def test_growth_begins_with_slope_one_and_ends_where_it_should():
    t = np.array([1e-6])
    for scale in (0.5, -0.5, np.inf):
        for law in ("exponential", "linear-parabolic"):
            if scale > 0:
                assert growth(t, np.array(0.0), np.array(scale), law)[0] == pytest.approx(1e-6, rel=1e-5)
    late = np.array([100.0])
    assert growth(late, np.array(0.0), np.array(2.0))[0] == pytest.approx(2.0)
    parabola = growth(late, np.array(0.0), np.array(1.0), "linear-parabolic")[0]
    assert parabola == pytest.approx(2.0 * (np.sqrt(101.0) - 1.0))
    assert (growth(X, np.array(1.0), np.array(0.3))[:100] == 0).all()
