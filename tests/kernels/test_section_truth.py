"""The benchmark section: Mg 141.5 px on W 30, 12, 5 or 2.5 px, 1.72 deg, noise 12, curtains 3 %, symmetric edges."""

from __future__ import annotations

import numpy as np
import pytest

from imgpipe.kernels.edge_tracking import track_edges
from imgpipe.kernels.stack_fit import fit_stack
from imgpipe.phantoms.cross_section import make

SECTION = {
    "tilt": 1.72, "noise": 12.0, "curtains": 0.03,
    "roughness": 3.0, "correlation_length": 400.0, "hurst": 0.95, "conformality": 0.99,
}  # fmt: skip
"""Interfaces that are straight over the width of the beam, so that a column has one true position."""
WIDTHS = [30.0, 12.0, 5.0]


def fitted(seed, w, shape):
    dataset, known = make(seed, thickness=(283.0, 2 * w), shape=shape, **SECTION)
    image = dataset["image"].values
    fit = fit_stack(image, track_edges(image, [-1, 1, -1]).position)
    return fit, known["interface_position_px"].values


def errors(seeds, w, shape):
    """Return error and error over u (edge, column of all seeds), and the fits."""
    fits = [fitted(seed, w, shape) for seed in seeds]
    error = np.concatenate([fit.position - truth for fit, truth in fits], axis=1)
    u = np.concatenate([np.sqrt(fit.variance + fit.common[:, None] ** 2) for fit, _ in fits], axis=1)
    return error, error / u, fits


def coverage(z):
    known = np.isfinite(z).sum(axis=1)
    return (np.abs(z) < 1).sum(axis=1) / known, (np.abs(z) < 1.96).sum(axis=1) / known


@pytest.mark.parametrize("w", WIDTHS)
def test_edges_of_a_strip_of_the_section(w):
    error, z, fits = errors([11], w, (512, 1024))
    inner, outer = coverage(z)
    assert not any(fit.thin for fit, _ in fits)
    assert np.abs(np.nanmean(error, axis=1)).max() < 0.15
    assert 0.62 < inner.min() <= inner.max() < 0.75
    assert 0.91 < outer.min() <= outer.max() < 0.98


@pytest.mark.truth
@pytest.mark.parametrize("w", WIDTHS)
def test_edges_of_the_section(w):
    error, z, fits = errors([21, 22, 23, 24], w, (4096, 4096))
    inner, outer = coverage(z)
    bias = np.nanmean(error, axis=1)
    print(w, "bias", bias, "inner", inner, "outer", outer, "found", np.isfinite(error).mean(axis=1))
    assert not any(fit.thin for fit, _ in fits)
    assert np.abs(bias).max() < 0.1
    assert 0.66 <= inner.min() <= inner.max() <= 0.70, inner
    assert 0.93 <= outer.min() <= outer.max() <= 0.97, outer


@pytest.mark.truth
def test_a_thin_layer_in_the_section():
    """Of 2.5 px of W only a bound can be told; the free edge is measured, the two beside it are uncertain."""
    error, z, fits = errors([21, 22, 23, 24], 2.5, (4096, 4096))
    inner, outer = coverage(z)
    print("thin: bias", np.nanmean(error, axis=1), "inner", inner, "outer", outer)
    assert all(set(fit.thin) == {1} for fit, _ in fits)
    assert all(fit.thin[1].upper_bound > np.mean(truth[2] - truth[1]) for fit, truth in fits)
    assert abs(np.nanmean(error[0])) < 0.1
    assert 0.66 <= inner[0] <= 0.70
    assert 0.93 <= outer[0] <= 0.97
    assert inner[1:].min() >= 0.66
    assert outer[1:].min() >= 0.93
