"""Intervals from the profile likelihood: widths hidden by the response, thin layers; and the choice of a shape."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from imgpipe.kernels.profile_analysis import Task, analyse
from imgpipe.kernels.profile_choice import choose, corrected_akaike
from imgpipe.kernels.profile_fit import Response, fit_profiles
from imgpipe.kernels.profile_intervals import ONE_SIDED, profile, root_of_rise

X = np.linspace(-3000.0, 3000.0, 200)
BELOW, ABOVE, U = 600.0, 150.0, 0.15


def hidden(seed, scans, width):
    """Profiles of an edge of an intrinsic width under a response that is off by its own uncertainty, in each scan."""
    rng = np.random.default_rng(seed)
    factor = np.maximum(1.0 + U * rng.standard_normal((scans, 2)), 0.3)
    sigma = np.where(X < 0, np.hypot(factor[:, :1] * BELOW, width), np.hypot(factor[:, 1:] * ABOVE, width))
    y = rng.poisson(100.0 - 90.0 * ndtr(X / sigma)).astype(float)
    response = Response(np.array([[BELOW], [ABOVE]]), np.zeros((2, 1)), np.full((2, 1), U))
    return y, response


def held(seed, scans, width):
    y, response = hidden(seed, scans, width)
    fitted = fit_profiles(X, y, 1, response=response)
    found = profile(fitted, int(fitted.layout.width[0, 0]), 30.0, 0.0)
    assert fitted.converged.all()
    assert np.isfinite(found.bound).all()
    return found


def test_a_narrow_transition_has_a_bound_that_holds_and_is_not_resolved():
    found = held(1, 60, 20.0)
    assert (found.bound > 20.0).mean() >= 0.95
    assert (found.bound < 400.0).all()
    assert (found.root_at_least > ONE_SIDED).mean() <= 0.05 + 3.0 * np.sqrt(0.05 * 0.95 / 60)
    assert (found.low[found.root_at_least < 1.9] == 0.0).all()
    assert (found.high >= found.bound - 1e-6).all()


@pytest.mark.truth
@pytest.mark.parametrize("width", [0.0, 20.0, 120.0])
def test_bounds_hold_in_95_percent(width):
    found = held(2, 1000, width)
    assert (found.bound >= width).mean() >= 0.95 - 2.0 * np.sqrt(0.05 * 0.95 / 1000)
    inside = (found.low <= width) & (width <= found.high)
    assert inside.mean() >= 0.93
    if width < 50.0:
        assert (found.root_at_least > ONE_SIDED).mean() <= 0.07


def test_a_wide_transition_is_resolved_and_covered():
    found = held(3, 60, 400.0)
    assert (found.root_at_least > ONE_SIDED).mean() > 0.95
    assert ((found.low <= 400.0) & (found.high >= 400.0)).mean() > 0.87


def test_the_interval_ends_where_the_deviance_has_risen():
    y, response = hidden(4, 8, 300.0)
    fitted = fit_profiles(X, y, 1, response=response)
    place = int(fitted.layout.width[0, 0])
    found = profile(fitted, place, 30.0, 0.0)
    assert np.allclose(root_of_rise(fitted, place, found.high), 1.96, atol=0.03)
    assert np.allclose(root_of_rise(fitted, place, found.bound), 1.645, atol=0.03)


def test_the_shape_is_chosen_by_the_criterion_and_refused_for_few_points():
    rng = np.random.default_rng(5)
    x = np.linspace(-600.0, 600.0, 200)
    tail = np.where(x > 0, np.exp(-x / 150.0), 1.0)
    y = rng.poisson(5.0 + 300.0 * tail, (4, 200)).astype(float)
    best, criterion, fitted = choose(lambda shape: fit_profiles(x, y, 1, shape=shape))
    assert best == "exponential"
    assert criterion[best] == 0.0
    assert min(criterion.values()) == 0.0
    assert np.median(fitted.width) == pytest.approx(150.0, rel=0.1)
    smooth = rng.poisson(5.0 + 300.0 * ndtr(-x / 90.0), (4, 200)).astype(float)
    assert choose(lambda shape: fit_profiles(x, smooth, 1, shape=shape))[0] == "erf"
    few = fit_profiles(x[::40], y[:, ::40], 1)
    with pytest.raises(ValueError, match="too few to choose"):
        corrected_akaike(few)


def test_a_layer_below_the_response_has_a_bound_and_no_thickness():
    rng = np.random.default_rng(6)
    x = np.linspace(-600.0, 800.0, 201)
    sigma = np.array([[90.0], [85.0], [20.0]])
    xi = np.interp(x, [-600.0, 0.0, 140.0, 800.0], [-600.0 / 90.0, 0.0, 140.0 / 85.0, 140.0 / 85.0 + 660.0 / 20.0])
    mean = 4.0 + 120.0 * (ndtr(xi) - ndtr(xi - 140.0 / 85.0))
    y = rng.poisson(mean, (5, 1, 201)).astype(float)
    found = analyse(Task(x, y, 2, "poisson", None, Response(sigma, np.zeros((3, 1)), np.full((3, 1), U)), "erf"))
    assert found.layers.limited.all()
    assert np.isnan(found.layers.thickness).all()
    assert (found.layers.high >= 140.0).all()
    assert (found.layers.low == 0.0).all()
    assert (found.layers.smallest > 255.0).all()


def test_thickness_intervals_cover_where_a_layer_is_resolved():
    rng = np.random.default_rng(7)
    x = np.linspace(0.0, 1000.0, 200)
    mean = 5.0 + 60.0 * (ndtr((x - 400.0) / 20.0) - ndtr((x - 560.0) / 20.0))
    y = rng.poisson(mean, (60, 1, 200)).astype(float)
    found = analyse(Task(x, y, 2, "poisson", None, None, "erf"))
    assert not found.layers.limited.any()
    inside = (found.layers.low <= 160.0) & (found.layers.high >= 160.0)
    assert abs(inside.mean() - 0.95) < 0.09
