"""Non-negative least squares against scipy, near-equal columns included."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from imgpipe.kernels.nonnegative import nonnegative


@pytest.mark.parametrize("near", [1.0, 0.03])
def test_same_as_scipy(rng, near):
    design = rng.random((60, 12))
    design[:, 1] = design[:, 0] + near * rng.random(60)
    design[:, 2] *= 1e-4
    data = rng.normal(0.5, 1.0, (200, 60))
    found = nonnegative(design.T @ design, data @ design)
    wanted = np.array([nnls(design, one)[0] for one in data])
    scale = np.linalg.norm(design, axis=0)
    np.testing.assert_allclose(found * scale, wanted * scale, atol=1e-6)


def test_conditions_of_the_optimum(rng):
    design = np.abs(rng.normal(size=(80, 30)))
    gram, right = design.T @ design, rng.normal(size=(500, 80)) @ design
    x = nonnegative(gram, right)
    slope = x @ gram - right
    assert x.min() >= 0.0
    assert slope.min() > -1e-6 * np.abs(right).max()
    assert np.abs(x * slope).max() < 1e-6 * np.abs(right).max()


def test_an_empty_shape_and_an_empty_spectrum_give_zero():
    gram = np.diag([2.0, 0.0, 1.0])
    np.testing.assert_allclose(nonnegative(gram, np.array([[4.0, 0.0, -1.0], [0.0, 0.0, 0.0]])), [[2, 0, 0], [0, 0, 0]])


def test_equal_shapes_share_what_they_explain():
    x = nonnegative(np.ones((2, 2)), np.array([[3.0, 3.0]]))
    assert x.sum() == pytest.approx(3.0, rel=1e-6)
    assert x.min() >= 0.0
