"""Shares and their intervals against Monte Carlo and hand-made numbers."""

from __future__ import annotations

import numpy as np
import pytest

from imgpipe.kernels.peak_widths import voigt_height, voigt_width
from imgpipe.kernels.share_intervals import probability_greater, share_interval, shares


def test_shares_of_a_total_and_their_covariance_match_draws(rng):
    area = np.array([[300.0, 600.0, 100.0]])
    root = np.array([[8.0, 0.0, 0.0], [-5.0, 9.0, 0.0], [1.0, 0.0, 4.0]])
    covariance = (root @ root.T)[None]
    members = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 0]], dtype=bool)
    found = shares(area, covariance, members)
    np.testing.assert_allclose(found.percent[0, :2], [100.0 / 3.0, 200.0 / 3.0])
    assert np.isnan(found.percent[0, 2])
    drawn = area[0] + rng.standard_normal((200_000, 3)) @ root.T
    percent = 100.0 * drawn[:, 0] / drawn[:, :2].sum(axis=1)
    assert found.u[0, 0] == pytest.approx(percent.std(), rel=0.01)
    assert found.covariance[0, 0, 1] == pytest.approx(-found.covariance[0, 0, 0], rel=1e-9)


def test_an_interval_stays_within_0_and_100_and_is_one_sided_at_zero():
    low, high = share_interval(np.array([50.0, 1.0, 0.0, 99.0]), np.full(4, 2.0), np.array([0, 0, 1, 0], dtype=bool))
    np.testing.assert_allclose(low, [50.0 - 3.919928, 0.0, 0.0, 99.0 - 3.919928], atol=1e-6)
    np.testing.assert_allclose(high, [50.0 + 3.919928, 1.0 + 3.919928, 2.0 * 1.6448536, 100.0], atol=1e-6)


def test_upper_ends_hold_at_few_counts_too():
    """Poisson counts without background, by their exact probabilities; without `one_count`, no counts give no bound."""
    from scipy.stats import poisson

    seen, one = np.arange(400), 0.01
    percent, u, none = one * seen, one * np.sqrt(seen), seen == 0
    low, high = share_interval(percent, u, none, np.full(seen.size, one))
    assert high[0] == pytest.approx(one * np.log(20.0))
    expected = np.linspace(0.05, 120.0, 2000)[:, None]
    chance = poisson.pmf(seen, expected)
    assert (chance * (high >= one * expected)).sum(axis=1).min() >= 0.95
    assert (chance * ((high >= one * expected) & (low <= one * expected))).sum(axis=1).min() >= 0.94
    assert share_interval(percent, u, none)[1][0] == 0.0


def test_the_probability_of_an_order():
    found = probability_greater(np.array([0.0, 1.96, -1.96, 1.0]), np.array([1.0, 1.0, 1.0, 0.0]))
    np.testing.assert_allclose(found, [0.5, 0.975, 0.025, 1.0], atol=1e-4)


@pytest.mark.parametrize(("gauss", "lorentz"), [(1.0, 0.0), (1.0, 0.3), (0.4, 0.9), (1e-9, 1.0)])
def test_width_and_height_of_a_voigt_against_a_curve(gauss, lorentz):
    from scipy.special import voigt_profile

    x = np.linspace(-4.0, 4.0, 400_001)
    curve = voigt_profile(x, gauss / 2.3548200450309493, lorentz / 2.0)
    above = x[curve >= curve.max() / 2.0]
    total, by_gauss, by_lorentz = voigt_width(np.array([gauss]), np.array([lorentz]))
    assert total[0] == pytest.approx(above[-1] - above[0], rel=1e-3)
    assert voigt_height(np.array([gauss]), np.array([lorentz]))[0] == pytest.approx(curve.max(), rel=1e-6)
    for place, slope in ((0, by_gauss), (1, by_lorentz)):
        step = np.eye(2)[place] * 1e-6
        change = voigt_width(*(np.array([v]) for v in np.array([gauss, lorentz]) + step))[0] - total
        assert slope[0] == pytest.approx(change[0] / 1e-6, abs=1e-4)
