"""Ratio of two counts per dose: its interval holds, and grows with each of its causes."""

from __future__ import annotations

import numpy as np
import pytest

from imgpipe.kernels.intensity_ratio import ratio


def draws(mean: float, standard: float, u_dose: float, number: int = 4000) -> tuple[np.ndarray, ...]:
    """Return counts of specimen and standard of `number` measurements whose doses are off by u_dose at random."""
    generator = np.random.default_rng(11)
    dose = 1.0 + u_dose * generator.standard_normal(number)
    return generator.poisson(mean * dose).astype(float), generator.poisson(standard, number).astype(float)


@pytest.mark.parametrize(("mean", "standard", "u_dose"), [(5e3, 2e4, 0.0), (300.0, 100.0, 0.0), (2e4, 1e5, 0.02)])
def test_the_interval_covers(mean, standard, u_dose):
    counts, reference = draws(mean, standard, u_dose)
    found = ratio(counts, np.sqrt(counts), reference, np.sqrt(reference), np.ones(counts.size), u_dose)
    truth = mean / standard
    band = 3.0 * np.sqrt(0.95 * 0.05 / counts.size)
    assert abs(np.mean((found.low <= truth) & (truth <= found.high)) - 0.95) <= band
    rms = np.std(found.value)
    assert np.mean(found.u) == pytest.approx(rms, rel=0.08)
    assert np.mean(found.high - found.low) <= 1.25 * 3.92 * rms


def test_what_was_not_seen_has_an_upper_bound():
    one = np.array([3.0])
    found = ratio(np.array([0.0]), one, np.array([100.0]), np.array([10.0]), np.ones(1), 0.01)
    assert (found.value, found.low, found.detected) == (0.0, 0.0, False)
    assert found.high[0] == pytest.approx(1.645 * 3.0 / 100.0, rel=0.05)


def test_dose_divides_and_its_u_is_shared():
    counts, standard = np.array([1e4, 1e3]), np.array([2e4, 2e3])
    found = ratio(counts, np.zeros(2), standard, np.zeros(2), np.array([2.0, 0.5]), 0.03)
    np.testing.assert_allclose(found.value, [0.25, 1.0])
    np.testing.assert_allclose(found.u_shared, 0.03 * found.value)
    np.testing.assert_allclose(found.u_random, 0.0)
