"""The chord, and the terms of the budget, against formulas worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from imgpipe.kernels.chord import chords, straightened
from imgpipe.kernels.layer_statistics import interface_statistics, layer_statistics
from imgpipe.kernels.lithium import plated_lithium
from imgpipe.kernels.thickness_budget import (
    NOMINAL_U,
    RandomTerms,
    SharedTerms,
    coverage_factor,
    interval,
    obliquity_term,
    tilt_term,
)

X = np.arange(400.0) * 2.0


@pytest.mark.parametrize("angle", [0.0, 5.0, 30.0, -30.0])
def test_thickness_is_the_chord_along_the_normal(angle):
    slope = np.tan(np.radians(angle))
    upper = 300.0 + slope * X
    found = chords(upper, upper + 50.0 / np.cos(np.radians(angle)), X)
    inside = np.isfinite(found.thickness)
    np.testing.assert_allclose(found.thickness[inside], 50.0, rtol=1e-9)
    assert found.angle == pytest.approx(np.radians(angle))
    assert inside.mean() > 0.9


def test_lost_columns_stay_lost():
    upper = 100.0 + 0.2 * X
    lower = upper + 40.0
    lower[100:150] = np.nan
    found = chords(np.where(np.isfinite(lower), upper, np.nan), lower, X)
    assert np.isnan(found.thickness).sum() == pytest.approx(55, abs=6)
    np.testing.assert_allclose(found.thickness[np.isfinite(found.thickness)], 40.0 * np.cos(np.arctan(0.2)), rtol=1e-9)


def test_roughness_is_without_noise_and_line(rng):
    wave = 3.0 * np.sqrt(2) * np.sin(2 * np.pi * X / 80.0)
    noisy = 100.0 + 0.1 * X + wave + rng.normal(0, 2.0, X.size)
    found = interface_statistics(noisy, np.full(X.size, 4.0), X)
    assert found.roughness == pytest.approx(3.0, rel=0.08)
    assert found.angle == pytest.approx(np.arctan(0.1), abs=0.01)
    np.testing.assert_allclose(straightened(0.3 * X + 5.0, X), 0.0, atol=1e-9)


def test_layer_without_columns_is_nan():
    nothing = np.full(X.size, np.nan)
    found = layer_statistics(nothing, nothing, nothing, X, np.ones(X.size, dtype=bool))
    assert np.isnan(found.mean)
    assert found.covered == 0.0


def test_interval_is_student_for_sampling_and_normal_for_scale():
    sampling = RandomTerms(0.0, 2.0, 0.0)
    u, low, high = interval(100.0, sampling, SharedTerms(0.0), 10.0)
    assert u == 2.0
    assert (high - low) / 2 == pytest.approx(student.ppf(0.975, 9) * 2.0)
    u, low, high = interval(100.0, sampling, SharedTerms(40.0), 10.0)
    assert u == pytest.approx(np.hypot(2, 40))
    assert (high - low) / 2 / u == pytest.approx(1.96, abs=0.001)
    assert coverage_factor(1.0, 0.0, np.nan) == pytest.approx(1.96, abs=1e-4)


def test_terms_add_in_quadrature_and_unknown_ones_are_left_out():
    assert RandomTerms(1.0, 2.0, 2.0, curtain=np.nan, fields=4.0).total == pytest.approx(5.0)
    assert SharedTerms(3.0, 4.0).total == pytest.approx(5.0)
    assert np.isnan(interval(np.nan, RandomTerms(1, 1, 1), SharedTerms(1), 5.0)[0])


def test_tilt_and_obliquity():
    assert tilt_term(100.0, 0.0, np.radians(52), np.radians(1)) == pytest.approx(1.36, abs=0.01)
    assert tilt_term(100.0, np.radians(90), np.radians(52), np.radians(1)) == pytest.approx(0.0, abs=1e-9)
    assert obliquity_term(100.0, 0.0) == 0.0
    assert obliquity_term(100.0, np.radians(3)) == pytest.approx(100 * 0.00137 / np.sqrt(3), rel=0.01)
    assert pytest.approx(0.0289, abs=1e-4) == NOMINAL_U


def test_dense_lithium():
    assert plated_lithium(1.0) == pytest.approx(4849.8, abs=0.05)
    assert plated_lithium(3.0) == pytest.approx(3 * plated_lithium(1.0))
