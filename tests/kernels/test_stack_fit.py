"""The joint fit of all edges: bias, coverage, close and thin layers."""

from __future__ import annotations

import numpy as np
import pytest

from imgpipe.kernels.denoise import smooth_gaussian
from imgpipe.kernels.edge_shape import accepted_shift, edge_shape
from imgpipe.kernels.edge_tracking import track_edges
from imgpipe.kernels.image_noise import correlation_factor, noise_correlation, noise_variance
from imgpipe.kernels.pooled_profiles import pool_columns
from imgpipe.kernels.stack_fit import fit_stack, groups_of
from imgpipe.phantoms.cross_section import make

SMOOTH = {"roughness": 3.0, "correlation_length": 400.0, "hurst": 0.95, "conformality": 0.99, "tilt": 1.72}
"""Interfaces that are straight over the width of the beam, so that a column has one true position."""


def fitted(seed, *, thickness, shape=(448, 1024), **truth):
    dataset, known = make(seed, **(SMOOTH | {"thickness": thickness, "shape": shape, "noise": 8.0} | truth))
    image = dataset["image"].values
    return fit_stack(image, track_edges(image, [-1, 1, -1]).position), known["interface_position_px"].values, image


def coverage(fit, truth):
    z = np.abs(fit.position - truth) / np.sqrt(fit.variance + fit.common[:, None] ** 2)
    known = np.isfinite(z)
    return (z < 1).sum(axis=1) / known.sum(axis=1), (z < 1.96).sum(axis=1) / known.sum(axis=1)


@pytest.mark.parametrize("w", [60.0, 24.0, 10.0])
def test_positions_are_unbiased_and_their_uncertainty_holds(w):
    fit, truth, _ = fitted(2, thickness=(283.0, w))
    assert not fit.thin
    assert np.isfinite(fit.position).mean() > 0.98
    assert np.abs(np.nanmean(fit.position - truth, axis=1)).max() < 0.1
    inner, outer = coverage(fit, truth)
    assert inner.min() > 0.62
    assert inner.max() < 0.74
    assert outer.min() > 0.92
    assert outer.max() < 0.98


def test_a_thin_neighbour_does_not_break_the_others():
    fit, truth, _ = fitted(1, thickness=(283.0, 5.0))
    assert set(fit.thin) == {1}
    assert np.nanmean(fit.position[0] - truth[0]) == pytest.approx(0.0, abs=0.1)
    error = abs(float(np.nanmean(fit.position[1] - truth[1])))
    assert error < 2.0 * abs(fit.shapes[1].crossing) + 0.1  # what the budget says of it
    assert fit.thin[1].upper_bound > 2.5
    assert fit.thin[1].upper_bound < 3 * 2.5


@pytest.mark.parametrize("preset", ["symmetric", "realistic"])
@pytest.mark.parametrize("w", [3.5, 5.0])
def test_edges_beside_a_thin_layer_are_as_uncertain_as_their_blur(w, preset):
    for seed in (1, 2):
        fit, truth, _ = fitted(seed, thickness=(283.0, w), preset=preset, frost=0.0)
        assert set(fit.thin) == {1}
        inner, outer = coverage(fit, truth)
        assert inner[1:].min() > 0.66
        assert outer[1:].min() > 0.93
        assert fit.common[0] == 0.0


def test_an_edge_traced_in_a_few_columns_only_is_no_obstacle():
    """Beside a thin layer of low contrast tracking may find next to nothing of one edge."""
    dataset, known = make(1, **(SMOOTH | {"thickness": (283.0, 5.0), "shape": (448, 512)}))
    image = dataset["image"].values
    truth = known["interface_position_px"].values
    traced = truth.copy()
    traced[2] = np.nan
    traced[2, 100:105] = truth[2, 100:105] + 5.0
    fit = fit_stack(image, traced)
    assert set(fit.thin) == {1}
    assert fit.thin[1].upper_bound > 2.5
    traced[2] = np.nan
    assert fit_stack(image, traced).thin[1].upper_bound > 2.5


def test_a_known_grey_leaves_nothing_open():
    dataset, _ = make(1, **(SMOOTH | {"thickness": (283.0, 5.0), "shape": (448, 512)}))
    image = dataset["image"].values
    fit = fit_stack(image, track_edges(image, [-1, 1, -1]).position, known_level={1: 164.0})
    assert (fit.common == 0.0).all()


@pytest.mark.parametrize("sigma", [0.7, 1.0, 1.5])
def test_a_smoothed_image_is_no_surer_of_its_edges(sigma):
    dataset, known = make(2, **(SMOOTH | {"thickness": (283.0, 60.0), "shape": (448, 1024), "noise": 8.0}))
    image = smooth_gaussian(dataset["image"].values, sigma=sigma)
    fit = fit_stack(image, track_edges(image, [-1, 1, -1]).position)
    inner, outer = coverage(fit, known["interface_position_px"].values)
    assert inner.min() > 0.64
    assert outer.min() > 0.93
    assert inner.max() < 0.80  # not by giving up


def test_independent_noise_is_seen_as_such():
    _, truth, image = fitted(2, thickness=(283.0, 60.0))
    assert noise_correlation(image, truth, 16.0).size == 0
    smooth = noise_correlation(smooth_gaussian(image, sigma=1.0), truth, 16.0)
    np.testing.assert_allclose(smooth, np.exp(-(np.arange(1.0, 5.0) ** 2) / 4), atol=0.1)
    np.testing.assert_allclose(correlation_factor(np.zeros(0), np.array([1.5, 2.0])), 1.0)


def test_noise_follows_the_signal():
    fit, _, image = fitted(4, thickness=(160.0, 80.0), shot_share=1.0)
    a, b = fit.noise
    reference = np.mean([182.0, 64.0, 164.0, 128.0])  # grey at which the noise of the phantom is stated
    assert a + b * reference == pytest.approx(64.0, rel=0.1)
    assert b == pytest.approx(64.0 / reference, rel=0.25)
    assert noise_variance(image[:40], np.full((1, image.shape[1]), np.nan), 16.0) == (1.0, 0.0)


def test_asymmetric_edges_are_corrected():
    fit, truth, _ = fitted(5, thickness=(283.0, 120.0), preset="realistic", frost=0.0, shape=(448, 1024))
    symmetric = np.nanmean(fit.position - truth, axis=1)
    used = symmetric + [accepted_shift(shape)[0] for shape in fit.shapes]
    assert abs(symmetric[0]) > 0.2  # mixing below the cap draws the symmetric edge down
    assert abs(used[0]) < 0.1
    assert abs(used[1]) < 0.1


def test_symmetric_edges_are_left_alone():
    fit, _, _ = fitted(6, thickness=(160.0, 80.0))
    for shape in fit.shapes:
        assert abs(accepted_shift(shape)[0]) < 0.1
        assert abs(shape.crossing - shape.symmetric) < 0.1
        assert shape.width == pytest.approx(np.hypot(1.5, 12**-0.5), abs=0.15)


def test_edges_far_apart_are_fitted_apart():
    x = np.zeros(50)
    position = np.stack([x, x + 140.0, x + 170.0])
    assert groups_of(position, 16.0) == [[0], [1, 2]]
    assert groups_of(np.stack([x, x * np.nan, x + 20.0]), 16.0) == [[0], [1], [2]]
    assert groups_of(np.zeros((0, 50)), 16.0) == []


def test_shape_needs_enough_of_a_profile():
    image = np.full((40, 30), 7.0)
    d, v, n = (a[0] for a in pool_columns(image, np.full(30, 2.0), 16.0, 16.0, 1))
    assert np.isnan(edge_shape(d, v, n * (d > 0), 1.5).symmetric)
    assert accepted_shift(edge_shape(d, v, n * (d > 0), 1.5)) == (0.0, 0.0)
