"""Shapes of lines and bremsstrahlung, the Poisson fit, the calibration."""

from __future__ import annotations

import numpy as np
import pytest

from imgpipe.kernels.spectrum_model import background_shapes, channel_edges, kramers, line_shapes
from imgpipe.kernels.spectrum_model_calibration import Calibration, refine
from imgpipe.kernels.spectrum_model_fit import Estimator, fit_spectrum
from imgpipe.kernels.spectrum_model_maps import Windows, by_windows, project

ENERGY = 155.0 + 10.0 * np.arange(900)
EDGES = channel_edges(ENERGY)
BEAM = 10_000.0


def lines(energies, fwhm=80.0, offset=0.0, width=1.0):
    return line_shapes(EDGES, np.asarray(energies) + offset, np.full(len(energies), fwhm * width))


def test_a_line_keeps_its_counts_centre_and_width():
    shape = lines([2000.0])[:, 0]
    assert shape.sum() == pytest.approx(1.0)
    mean = shape @ ENERGY
    assert mean == pytest.approx(2000.0, abs=0.01)
    sd = np.sqrt(shape @ (ENERGY - mean) ** 2)
    assert sd == pytest.approx(np.hypot(80.0 / 2.3548, 10.0 / np.sqrt(12.0)), rel=1e-3)


def test_the_background_is_non_negative_and_holds_kramers_law():
    shapes = background_shapes(ENERGY, BEAM, np.ones(ENERGY.size))
    law = kramers(ENERGY, BEAM)
    amplitudes = np.linalg.lstsq(shapes, law, rcond=None)[0]
    assert shapes.min() >= 0.0
    assert amplitudes.min() > 0.0
    np.testing.assert_allclose(shapes @ amplitudes, law, rtol=1e-8, atol=1e-8 * law.max())


@pytest.mark.parametrize("energy", [525.0, 1254.0, 2307.0])
def test_the_freedom_of_the_background_costs_little(energy):
    """A line among a free background is known at most 25 % worse than among one whose shape is known."""
    shapes, line = background_shapes(ENERGY, BEAM, np.ones(ENERGY.size)), lines([energy])
    expected = 300.0 * line[:, 0] + 20.0
    free = Estimator.of(np.hstack([line, shapes]), expected).covariance(expected)[0, 0]
    known = Estimator.of(np.hstack([line, np.full((900, 1), 1.0 / 900.0)]), expected).covariance(expected)[0, 0]
    assert np.sqrt(free / known) < 1.25


def test_lines_on_bremsstrahlung_are_found_without_bias():
    design = np.hstack([lines([1254.0, 1340.0, 1775.0]), background_shapes(ENERGY, BEAM, np.ones(ENERGY.size))])
    truth = np.zeros(design.shape[1])
    truth[:3], truth[3:] = (500.0, 200.0, 0.0), 3000.0
    found = fit_spectrum(design, design @ truth)
    np.testing.assert_allclose(found.amplitudes[:3], truth[:3], atol=0.5)


def test_the_fixed_point_is_the_poisson_maximum(rng):
    design = np.hstack([lines([1254.0, 1300.0]), np.full((900, 1), 1.0 / 900.0)])
    counts = rng.poisson(design @ [300.0, 200.0, 9000.0]).astype(float)
    fit = fit_spectrum(design, counts)
    score = design.T @ (counts / fit.fitted - 1.0)
    assert np.abs(score).max() < 1e-4
    assert fit.fitted.sum() == pytest.approx(counts.sum())


def test_the_variance_of_one_line_alone_is_its_counts_and_a_half():
    design = lines([2000.0])
    estimator = Estimator.of(design, design[:, 0] * 1e6)
    assert estimator.variances(np.array([[100.0]]))[0, 0] == pytest.approx(100.5, rel=0.02)


def test_a_shifted_and_widened_scale_is_found(rng):
    energies, counts = [525.0, 1254.0, 1775.0, 5899.0], np.array([4e4, 8e4, 8e4, 5e4])
    true = Calibration(6.0, 1.0008, 1.05)

    def design(calibration):
        shifted = np.asarray(energies) * calibration.gain
        return np.hstack([lines(shifted, 80.0, calibration.offset, calibration.width), np.full((900, 1), 1 / 900)])

    data = rng.poisson(design(true) @ [*counts, 2e4]).astype(float)
    found = refine(design, data)
    sd = np.sqrt(np.diag(found.covariance))
    change = np.array([found.calibration.offset - 6.0, found.calibration.gain - 1.0008, found.calibration.width - 1.05])
    assert np.all(np.abs(change) < 4.0 * sd)
    assert sd[0] < 0.5


def test_few_counts_leave_the_calibration_of_the_file(rng):
    found = refine(lambda c: lines([1254.0], 80.0, c.offset, c.width), np.zeros(900) + (np.arange(900) == 110))
    assert abs(found.calibration.offset) < 5.0
    assert found.covariance[0, 0] == pytest.approx(25.0, rel=0.2)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("channels", [64, 61])
def test_projection_is_the_matrix_product(rng, dtype, channels):
    counts = rng.poisson(0.3, (7, channels)).astype(dtype)
    matrix = rng.random((channels, 5))
    np.testing.assert_allclose(project(counts, matrix), counts.astype(float) @ matrix)


def test_windows_without_validity_give_no_intensity():
    limits = np.array([[10, 20], [-1, -1], [30, 40]])
    beside, other = np.array([[0, 5], [0, 0], [22, 27]]), np.array([[21, 26], [0, 0], [41, 46]])
    windows = Windows(limits, beside, other, np.array([True, False, False]))
    intensity, u, gross, background = by_windows(np.full((1, 64), 4, np.uint16), windows)[:, :, 0]
    assert intensity[0] == 0.0
    assert gross[0] == background[0] == 40.0
    assert u[0] == pytest.approx(np.sqrt(80.5))
    assert np.isnan(intensity[1:]).all()
    assert np.isnan(u[1:]).all()
    assert gross[2] == 40.0
    assert np.isnan(gross[1])
