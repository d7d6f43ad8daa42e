"""The random interfaces have the statistics they promise, as a process."""

from __future__ import annotations

import numpy as np
import pytest

from imgpipe.phantoms.rough_interfaces import (
    conformal_profiles,
    keep_order,
    matern_correlation,
    mean_of_covered,
    rough_profile,
    spread_of_thickness,
)


def profiles(count: int, size: int, **options: float) -> np.ndarray:
    rng = np.random.default_rng(11)
    return np.array([rough_profile(rng, size, 3.0, 20.0, **options) for _ in range(count)])


def test_standard_deviation_is_that_of_the_process() -> None:
    heights = profiles(400, 300)
    assert heights.std() == pytest.approx(3.0, rel=0.02)
    assert heights.mean() == pytest.approx(0.0, abs=0.15)


def test_each_profile_keeps_its_own_mean() -> None:
    means = profiles(400, 300).mean(axis=1)
    lags = np.arange(-299, 300)
    expected = 3.0 * np.sqrt(((300 - np.abs(lags)) * matern_correlation(lags, 20.0, 0.5)).sum()) / 300
    assert means.std() == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("hurst", [0.3, 0.5, 0.8])
def test_correlation_falls_to_one_over_e_at_the_correlation_length(hurst: float) -> None:
    heights = profiles(400, 300, hurst=hurst)
    found = (heights[:, :-20] * heights[:, 20:]).mean() / (heights**2).mean()
    assert found == pytest.approx(np.exp(-1), abs=0.03)
    assert matern_correlation(np.array([20.0]), 20.0, hurst)[0] == pytest.approx(np.exp(-1), rel=1e-6)


def test_hurst_exponent_is_the_slope_at_short_distances() -> None:
    rng = np.random.default_rng(5)
    heights = np.array([rough_profile(rng, 4096, 1.0, 1000.0, 0.7) for _ in range(20)])
    steps = [np.mean((heights[:, lag:] - heights[:, :-lag]) ** 2) for lag in (2, 16)]
    assert np.log(steps[1] / steps[0]) / np.log(8) == pytest.approx(2 * 0.7, abs=0.08)


def test_half_a_hurst_exponent_is_an_exponential() -> None:
    lags = np.array([0.0, 5.0, 20.0, 60.0])
    np.testing.assert_allclose(matern_correlation(lags, 20.0, 0.5), np.exp(-lags / 20.0), rtol=1e-12)
    np.testing.assert_allclose(matern_correlation(lags, 20.0, 0.5 + 1e-9), np.exp(-lags / 20.0), rtol=1e-6)


def test_neighbours_are_correlated_as_asked() -> None:
    rng = np.random.default_rng(2)
    stacks = np.array(
        [conformal_profiles(rng, 200, (2.0, 4.0), (10.0, 10.0), conformality=0.6, hurst=0.5) for _ in range(500)]
    )
    top, bottom = stacks[:, 0].ravel(), stacks[:, 1].ravel()
    assert np.corrcoef(top, bottom)[0, 1] == pytest.approx(0.6, abs=0.02)
    assert top.std() == pytest.approx(2.0, rel=0.03)
    assert (bottom - top).std() == pytest.approx(spread_of_thickness(2.0, 4.0, 0.6), rel=0.03)


def test_layers_that_vanish_have_no_negative_thickness() -> None:
    rng = np.random.default_rng(8)
    rows = np.stack([np.zeros(200_000), 1.0 + 2.0 * rng.standard_normal(200_000)])
    thickness = np.diff(keep_order(rows), axis=0)
    assert thickness.min() == 0.0
    assert thickness.mean() == pytest.approx(mean_of_covered(1.0, 2.0), rel=0.01)
    assert mean_of_covered(3.0, 0.0) == 3.0
