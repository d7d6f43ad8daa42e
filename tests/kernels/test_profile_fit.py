"""Many line scans at once: positions no worse than scipy's, intervals that cover, few counts without bias."""

from __future__ import annotations

import numpy as np
import pytest
from profiles import classical, three_edges
from scipy.optimize import curve_fit
from scipy.special import erf

from imgpipe.kernels.profile_fit import Response, fit_profiles
from imgpipe.kernels.profile_starts import count_interfaces, edge_dictionary, equal_variance, find_interfaces

FEW = (0.5, 9.0, 0.5, 9.0)


def covered(seed, scans):
    x, y, position, sigma, _ = three_edges(seed, scans)
    fitted = fit_profiles(x, y, 3)
    assert fitted.converged.all()
    off = np.abs(fitted.position - position) / fitted.u_position
    wide = np.abs(fitted.width[:, :, 0] - sigma) / fitted.u_width[:, :, 0]
    return [(part < limit).mean() for part in (off, wide) for limit in (1.0, 1.96)]


def test_intervals_cover_in_a_few_hundred_scans():
    one, two, wide_one, wide_two = covered(1, 600)
    for share, nominal in ((one, 0.6827), (two, 0.95), (wide_one, 0.6827), (wide_two, 0.95)):
        assert abs(share - nominal) < 3.0 * np.sqrt(nominal * (1 - nominal) / 1800) + 0.012  # of a first-order interval


@pytest.mark.truth
def test_intervals_cover():
    one, two, wide_one, wide_two = covered(2, 6000)
    assert 0.66 <= one <= 0.70
    assert 0.93 <= two <= 0.97
    assert 0.66 <= wide_one <= 0.70
    assert 0.93 <= wide_two <= 0.97


def scipy_position(x, y, position, sigma, level):
    def curve(at, *p):
        return classical(at, np.array([p[:3]]), np.array([p[3:6]]), np.array([p[6:]]))[0]

    spread = np.sqrt(np.maximum(y, 1.0))
    return curve_fit(curve, x, y, [*position, *sigma, *level], sigma=spread, absolute_sigma=True, maxfev=5000)[0][:3]


def scipy_is_no_better(seed, scans):
    x, y, position, sigma, level = three_edges(seed, scans)
    ours = fit_profiles(x, y, 3).position - position
    theirs = np.array([scipy_position(x, *rows) for rows in zip(y, position, sigma, level, strict=True)]) - position
    return np.sqrt(np.mean(ours**2)), np.sqrt(np.mean(theirs**2))


def test_positions_are_no_worse_than_those_of_curve_fit_that_starts_at_the_truth():
    ours, theirs = scipy_is_no_better(3, 60)
    assert ours <= theirs


@pytest.mark.truth
def test_positions_are_no_worse_than_those_of_curve_fit_in_many_scans():
    ours, theirs = scipy_is_no_better(4, 1500)
    assert ours <= theirs


def bias_of_few(seed, scans):
    """Return the mean bias of positions (in widths), of widths and plateaus (relative), each (n,)."""
    rng = np.random.default_rng(seed)
    x = np.arange(200.0)
    position = np.array([50.0, 100.0, 150.0]) + rng.uniform(-0.5, 0.5, (scans, 3))
    sigma, level = np.full((scans, 3), 6.0), np.tile(np.array(FEW), (scans, 1))
    y = rng.poisson(classical(x, position, sigma, level)).astype(float)
    fitted = fit_profiles(x, y, 3)
    sane = fitted.converged & (np.abs(fitted.position - position) < 25.0).all(axis=1)
    assert sane.mean() > 0.995
    far = (fitted.position - position)[sane] / 6.0
    wide = fitted.width[sane, :, 0] / 6.0 - 1.0
    high = fitted.plateau[sane, :, 0] / level[sane] - 1.0
    return [np.array([part.mean(0), part.std(0) / np.sqrt(sane.sum())]) for part in (far, wide, high)]


def test_below_ten_counts_there_is_little_bias():
    for mean, u in bias_of_few(5, 500):
        assert (np.abs(mean) < 0.02 + 3.0 * u).all()


@pytest.mark.truth
def test_below_ten_counts_the_bias_is_below_two_percent():
    for mean, _ in bias_of_few(6, 12000):
        assert (np.abs(mean) < 0.02).all(), mean


def test_elements_share_the_interfaces():
    rng = np.random.default_rng(7)
    x = np.linspace(0.0, 6000.0, 200)
    position = np.repeat([[1500.0, 4000.0]], 200, axis=0)
    sigma = np.full((200, 2), 90.0)
    levels = [(60.0, 5.0, 5.0), (3.0, 50.0, 2.0), (4.0, 4.0, 70.0)]
    mean = np.stack([classical(x, position, sigma, np.tile(level, (200, 1))) for level in levels], axis=1)
    y = rng.poisson(mean).astype(float)
    joint, alone = fit_profiles(x, y, 2, shared_widths=True), fit_profiles(x, y[:, 1], 2)
    assert joint.u_position[:, 0].mean() < 0.8 * alone.u_position[:, 0].mean()
    off = (joint.position - position) / joint.u_position
    assert abs((np.abs(off) < 1.96).mean() - 0.95) < 0.03
    assert joint.plateau.shape == (200, 3, 3)
    assert joint.width.shape == (200, 2, 3)
    assert joint.thickness.mean() == pytest.approx(2500.0, abs=3.0)


def test_gaussian_noise_and_masked_points():
    rng = np.random.default_rng(8)
    x, _, position, sigma, level = three_edges(8, 50)
    y = classical(x, position, sigma, level) + 3.0 * rng.standard_normal((50, 200))
    y[:, 20:23] = np.nan
    fitted = fit_profiles(x, y, 3, noise="gaussian", variance=np.full(y.shape, 9.0))
    assert fitted.converged.all()
    assert (fitted.points == 197).all()
    assert abs((np.abs(fitted.position - position) / fitted.u_position < 1.96).mean() - 0.95) < 0.06


def test_a_response_is_taken_off():
    rng = np.random.default_rng(9)
    x = np.linspace(-1500.0, 1500.0, 150)
    below, above, true = 250.0, 60.0, 180.0
    sigma = np.where(x < 0, np.hypot(below, true), np.hypot(above, true))
    y = rng.poisson(100.0 - 45.0 * (1.0 + erf(x / sigma / np.sqrt(2.0))), (80, 150))
    response = Response(np.array([[below], [above]]), np.zeros((2, 1)), np.zeros((2, 1)))
    fitted = fit_profiles(x, y, 1, response=response)
    off = (fitted.width[:, 0, 0] - true) / fitted.u_width[:, 0, 0]
    assert fitted.converged.all()
    assert abs(off.mean()) < 0.35
    assert (np.abs(off) < 1.96).mean() > 0.88
    assert abs(fitted.position.mean()) < 4.0 * fitted.u_position.mean() / np.sqrt(80)


def test_starts_are_near_and_interfaces_are_counted():
    x, y, position, _, _ = three_edges(10, 300)
    values = equal_variance(y[:, None], "poisson", None)
    found, _, explained = find_interfaces(x, values, 3)
    assert np.abs(found - position).max() < 12.0
    assert (np.diff(explained, axis=1) >= -1e-9).all()
    assert count_interfaces(x, values[:20]) == 3
    words = edge_dictionary(x)
    assert words.gram.shape == (words.position.size,) * 2
