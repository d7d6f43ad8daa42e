"""Effective sample size against processes whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from imgpipe.kernels.effective_size import block_bootstrap, effective_size
from imgpipe.phantoms.rough_interfaces import rough_profile


def ar1(rng, size, rho):
    steps = rng.standard_normal(size) * np.sqrt(1 - rho**2)
    series = np.empty(size)
    series[0] = rng.standard_normal()
    for k in range(1, size):
        series[k] = rho * series[k - 1] + steps[k]
    return series


def exact_n_eff(size, rho):
    """N / (1 + 2 sum (1 - k/N) rho**k)."""
    k = np.arange(1, size)
    return size / (1 + 2 * np.sum((1 - k / size) * rho**k))


@pytest.mark.parametrize("rho", [0.8, 0.97])
def test_autoregressive_series(rng, rho):
    size = 4096
    found = [effective_size(ar1(rng, size, rho)) for _ in range(12)]
    expected = exact_n_eff(size, rho)
    assert np.median([f.n_eff for f in found]) == pytest.approx(expected, rel=0.25)
    assert np.median([f.variance for f in found]) == pytest.approx(1.0, rel=0.2)
    assert np.median([f.correlation_length for f in found]) == pytest.approx(-1 / np.log(rho), rel=0.25)
    assert np.median([f.mean_variance for f in found]) == pytest.approx(1 / expected, rel=0.3)


def test_white_noise_is_taken_out(rng):
    size, rho = 4096, 0.98
    noisy = [ar1(rng, size, rho) + rng.standard_normal(size) for _ in range(8)]
    found = [effective_size(series, 1.0) for series in noisy]
    assert np.median([f.n_eff for f in found]) == pytest.approx(exact_n_eff(size, rho), rel=0.35)
    assert np.median([f.variance for f in found]) == pytest.approx(1.0, rel=0.25)


def test_bootstrap_agrees_in_a_long_series(rng):
    size, rho = 20000, 0.95
    ratio = []
    for _ in range(6):
        series = ar1(rng, size, rho)
        length = effective_size(series).correlation_length
        ratio.append(block_bootstrap(series, int(20 * length), 400, 0) ** 2 / effective_size(series).mean_variance)
    assert np.median(ratio) == pytest.approx(1.0, rel=0.25)


def test_equal_input_gives_equal_output(rng):
    series = ar1(rng, 500, 0.9)
    assert block_bootstrap(series, 20, 100, 3) == block_bootstrap(series, 20, 100, 3)
    assert effective_size(series) == effective_size(series)


def test_scale_and_offset(rng):
    series = ar1(rng, 1000, 0.95)
    one, other = effective_size(series, 0.1), effective_size(7.0 + 3.0 * series, 0.9)
    assert other.n_eff == pytest.approx(one.n_eff, rel=1e-6)
    assert other.mean_variance == pytest.approx(9 * one.mean_variance, rel=1e-6)


def test_gaps_and_constants():
    series = np.sin(np.arange(600) / 20.0)
    gap = series.copy()
    gap[100:140] = np.nan
    assert effective_size(gap).n_eff == pytest.approx(effective_size(series).n_eff, rel=0.3)
    flat = effective_size(np.full(100, 5.0))
    assert (flat.n_eff, flat.mean_variance) == (100.0, 0.0)
    assert effective_size(np.full(100, np.nan)).n_eff == 2.0


def covered(seeds, size, length, hurst, noise=0.3):
    hits, widths, errors = 0, [], []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        series = rough_profile(rng, size, 1.0, length, hurst) + noise * rng.standard_normal(size)
        found = effective_size(series, noise**2)
        half = student.ppf(0.975, max(found.n_eff - 1, 1)) * np.sqrt(found.mean_variance + noise**2 / size)
        hits += abs(series.mean()) < half
        widths.append(2 * half)
        errors.append(series.mean())
    return hits / seeds, np.mean(widths) / (3.92 * np.sqrt(np.mean(np.square(errors))))


def test_interval_of_twenty_correlation_lengths_covers_the_process_mean():
    share, _ = covered(60, 600, 30, 0.5)
    assert share > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 60)


@pytest.mark.truth
@pytest.mark.parametrize("hurst", [0.4, 0.5, 0.7, 0.9])
def test_coverage_of_the_process_mean(hurst):
    share, width = covered(300, 640, 30, hurst)
    band = 3 * np.sqrt(0.95 * 0.05 / 300)
    assert 0.95 - band <= share <= 0.95 + band
    assert width <= 1.25
