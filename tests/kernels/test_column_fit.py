"""The joint fit of a profile's edges against plain scipy twins: values, priors, bounds, covariance, lost edges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.stats import norm

from imgpipe.kernels.column_fit import COURSE_PRIOR, NO_EDGE, REACH, fit_group
from imgpipe.kernels.fit import CONVERGED, SHAPES, TOO_FEW

LEVELS = np.array([180.0, 64.0, 160.0, 120.0])
SIGMA, NOISE, HALF = 1.4, 4.0, 12.0
HEIGHT = 80


def profile(y, levels, positions, widths):
    """Return the model in scipy's words."""
    out = np.full(y.shape, levels[0])
    for above, below, e, s in zip(levels, levels[1:], positions, widths, strict=False):
        out = out + (below - above) * norm.cdf(y, e, s)
    return out


def image_of(rng, edges, columns=1, noise=NOISE):
    """Return an image (y, x) of `edges` level edges and their rows."""
    positions = 30.0 + 9.0 * np.arange(edges)
    curve = profile(np.arange(HEIGHT, dtype=float), LEVELS, positions, np.full(edges, SIGMA))
    return curve[:, None] + rng.normal(0.0, noise, (HEIGHT, columns)), positions


def started(positions, columns=1, off=0.8):
    return np.repeat(positions[:, None] + off, columns, axis=1)


def scipy_fit(column, start, *, held=None, freedom=0.3, spread=None):
    """Fit one column with scipy; priors are further residuals. Returns positions, widths, levels and covariance."""
    n = start.size
    first, last = int(np.ceil(start[0] - HALF)), int(np.floor(start[-1] + HALF))
    y, v = np.arange(first, last + 1.0), column[first : last + 1]

    def residual(q):
        levels = q[2 * n :] if held is None or spread is not None else held
        rows = [
            (profile(y, levels, q[:n], q[n : 2 * n]) - v) / NOISE,
            (q[:n] - start) * COURSE_PRIOR / REACH,
            (q[n : 2 * n] - SIGMA) / (freedom * SIGMA),
        ]
        return np.concatenate([*rows, (levels - held) / spread] if spread is not None else rows)

    free = LEVELS[: n + 1] if held is None or spread is not None else []
    found = least_squares(residual, [*start, *np.full(n, SIGMA), *free], x_scale="jac", xtol=1e-13, ftol=1e-13)
    covariance = np.linalg.inv(found.jac.T @ found.jac)
    return found.x[:n], found.x[n : 2 * n], found.x[2 * n :], covariance[:n, :n], 2.0 * found.cost, v.size


@pytest.mark.parametrize("edges", [1, 2, 3])
def test_fit_and_covariance_equal_scipy(rng, edges):
    image, positions = image_of(rng, edges)
    start = started(positions)
    fit = fit_group(image, start, np.full(edges, SIGMA), variance=(NOISE**2, 0.0), half=HALF)
    where, width, level, covariance, chi2, points = scipy_fit(image[:, 0], start[:, 0])
    assert fit.status[0] == CONVERGED
    np.testing.assert_allclose(fit.position[:, 0], where, atol=1e-3)
    np.testing.assert_allclose(fit.width[:, 0], width, atol=1e-3)
    np.testing.assert_allclose(fit.level[:, 0], level, atol=0.02)
    np.testing.assert_allclose(fit.covariance[:, :, 0], covariance, rtol=2e-3, atol=1e-6)
    assert fit.chi2[0] == pytest.approx(chi2 / (points - 3 * edges - 1), rel=1e-4)


def test_levels_known_in_advance_are_held_or_drawn_towards_what_is_expected(rng):
    image, positions = image_of(rng, 2)
    start, known = started(positions), np.add(LEVELS[:3], [3.0, 5.0, -4.0])
    options = {"variance": (NOISE**2, 0.0), "half": HALF, "level": known}
    held = fit_group(image, start, np.full(2, SIGMA), **options)
    where, width, _, covariance, _, _ = scipy_fit(image[:, 0], start[:, 0], held=known)
    np.testing.assert_allclose(held.level[:, 0], known)
    np.testing.assert_allclose(held.position[:, 0], where, atol=1e-3)
    np.testing.assert_allclose(held.width[:, 0], width, atol=1e-3)
    np.testing.assert_allclose(held.covariance[:, :, 0], covariance, rtol=2e-3, atol=1e-6)
    spread = np.full(3, 1.5)
    drawn = fit_group(image, start, np.full(2, SIGMA), **options, level_spread=spread)
    where, _, level, covariance, _, _ = scipy_fit(image[:, 0], start[:, 0], held=known, spread=spread)
    np.testing.assert_allclose(drawn.level[:, 0], level, atol=0.02)
    np.testing.assert_allclose(drawn.position[:, 0], where, atol=1e-3)
    np.testing.assert_allclose(drawn.covariance[:, :, 0], covariance, rtol=2e-3, atol=1e-6)


def test_widths_without_freedom_stay(rng):
    image, positions = image_of(rng, 2)
    options = {"variance": (NOISE**2, 0.0), "half": HALF, "width_freedom": np.array([0.0, 0.3])}
    fit = fit_group(image, started(positions), np.array([2.0, SIGMA]), **options)
    assert fit.width[0, 0] == 2.0
    assert fit.width[1, 0] != SIGMA


def test_an_edge_stops_at_its_reach_and_stays_uncertain(rng):
    image, positions = image_of(rng, 1, noise=0.5)
    reach = np.array([1.5])
    fit = fit_group(image, started(positions, off=2.5), np.array([SIGMA]), variance=(0.25, 0.0), half=HALF, reach=reach)
    assert fit.position[0, 0] == pytest.approx(positions[0] + 1.0)
    assert fit.covariance[0, 0, 0] >= (reach[0] / COURSE_PRIOR) ** 2


def test_without_contrast_an_edge_is_known_as_well_as_its_start(rng):
    image = np.full((HEIGHT, 1), 90.0)
    fit = fit_group(image, np.array([[30.0]]), np.array([SIGMA]), variance=(NOISE**2, 0.0), half=HALF)
    assert fit.status[0] == CONVERGED
    assert fit.position[0, 0] == pytest.approx(30.0)
    assert np.sqrt(fit.covariance[0, 0, 0]) == pytest.approx(REACH / COURSE_PRIOR, rel=1e-6)


def test_noise_that_grows_with_the_signal_weighs_the_plateaus(rng):
    image, positions = image_of(rng, 1)
    even = fit_group(image, started(positions), np.array([SIGMA]), variance=(NOISE**2, 0.0), half=HALF)
    grown = fit_group(image, started(positions), np.array([SIGMA]), variance=(0.0, NOISE**2 / 64.0), half=HALF)
    # the bright side is 180 / 64 times as noisy now, the dark side as before
    assert grown.covariance[0, 0, 0] > 1.2 * even.covariance[0, 0, 0]
    assert grown.chi2[0] < even.chi2[0]


def test_columns_with_other_edges_known_are_fitted_on_their_own(rng):
    image, positions = image_of(rng, 3, columns=8)
    start = started(positions, 8)
    start[1, 3], start[0, 5], start[2, 5], start[:, 7] = np.nan, np.nan, np.nan, np.nan
    options = {"variance": (NOISE**2, 0.0), "half": HALF}
    fit = fit_group(image, start, np.full(3, SIGMA), **options)
    assert fit.status.tolist() == [CONVERGED] * 7 + [NO_EDGE]
    np.testing.assert_array_equal(np.isnan(fit.position), np.isnan(start))
    np.testing.assert_array_equal(np.isnan(fit.level[:, 3]), [False, True, True, False])  # two layers are one
    np.testing.assert_array_equal(np.isnan(fit.level[:, 5]), [True, False, False, True])
    for x in range(7):
        alone = fit_group(image[:, x : x + 1], start[:, x : x + 1], np.full(3, SIGMA), **options)
        np.testing.assert_allclose(fit.position[:, x], alone.position[:, 0], atol=1e-9)
        np.testing.assert_allclose(fit.covariance[:, :, x], alone.covariance[:, :, 0], rtol=1e-7)
        np.testing.assert_allclose(fit.chi2[x], alone.chi2[0], rtol=1e-9)


def test_windows_end_at_the_image_and_at_the_rows_that_may_be_used(rng):
    image, positions = image_of(rng, 1, columns=3)
    rows = np.array([0.0, 28.0, 29.0]), np.array([HEIGHT - 1.0, 33.0, 31.0])
    fit = fit_group(image, started(positions, 3), np.array([SIGMA]), variance=(NOISE**2, 0.0), half=HALF, rows=rows)
    assert fit.status.tolist() == [CONVERGED, CONVERGED, TOO_FEW]
    spoilt = image.copy()
    spoilt[:28, 1], spoilt[34:, 1] = 0.0, 255.0
    again = fit_group(spoilt, started(positions, 3), np.array([SIGMA]), variance=(NOISE**2, 0.0), half=HALF, rows=rows)
    np.testing.assert_array_equal(again.position[:, 1], fit.position[:, 1])


def test_an_edge_is_a_distribution_function():
    value, slope = SHAPES["edge_erf"](np.array([-20.0, 0.0, 1.5, 20.0]), np.array([0.0, 1.5]))
    np.testing.assert_allclose(value, norm.cdf([-20.0, 0.0, 1.5, 20.0], 0.0, 1.5), atol=1e-9)
    np.testing.assert_allclose(slope[0], -norm.pdf([-20.0, 0.0, 1.5, 20.0], 0.0, 1.5), atol=1e-9)
    np.testing.assert_allclose(slope[1, 1:3], [0.0, -norm.pdf(1.5, 0.0, 1.5)], atol=1e-9)
