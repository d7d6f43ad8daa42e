"""The edge model and the fitting engine against plain scipy twins."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.stats import norm

from imgpipe.kernels.edge_models import edge, evaluate, parameter_count
from imgpipe.kernels.levenberg_marquardt import AT_BOUND, CONVERGED, SINGULAR, TOO_FEW, fit_profile, invert


def parameters(edges: int) -> np.ndarray:
    levels = np.array([180.0, 64.0, 160.0, 120.0])[: edges + 1]
    return np.concatenate([levels, 10.0 + 9.0 * np.arange(edges), np.full(edges, 1.4)])


def twin(y: np.ndarray, p: np.ndarray, edges: int) -> np.ndarray:
    """Return the model in scipy's words."""
    out = np.full(y.shape, p[0])
    for i in range(edges):
        out = out + (p[i + 1] - p[i]) * norm.cdf(y, p[edges + 1 + i], p[2 * edges + 1 + i])
    return out


@pytest.mark.parametrize("edges", [1, 3])
def test_values_equal_scipy(edges):
    y, p = np.arange(-3.0, 45.0, 0.7), parameters(edges)
    f, jacobian = np.zeros(y.size), np.zeros((y.size, parameter_count(edges)))
    evaluate(y, p, edges, f, jacobian)
    np.testing.assert_allclose(f, twin(y, p, edges), atol=1e-6)


def test_jacobian_equals_differences():
    edges, y = 2, np.arange(0.0, 32.0)
    p = parameters(edges)
    f, jacobian, other = np.zeros(y.size), np.zeros((y.size, p.size)), np.zeros((y.size, p.size))
    evaluate(y, p, edges, f, jacobian)
    for j in range(p.size):
        values = []
        for sign in (1, -1):
            q, g = p.copy(), np.zeros(y.size)
            q[j] += sign * 1e-4
            evaluate(y, q, edges, g, other)
            values.append(g)
        np.testing.assert_allclose(jacobian[:, j], (values[0] - values[1]) / 2e-4, atol=2e-3)


def test_an_edge_is_a_distribution_function():
    assert edge(0.0, 1.5)[0] == pytest.approx(0.5)
    assert edge(-20.0, 1.5) == (0.0, 0.0, 0.0)
    assert edge(20.0, 1.5) == (1.0, 0.0, 0.0)


def fit(y, v, p, edges, free, weight=None):
    start, cov, size = p.copy(), np.zeros((free.size, free.size)), p.size
    low, high = np.full(size, -1e9), np.full(size, 1e9)
    weights = np.ones(y.size) if weight is None else weight
    chi2, status = fit_profile(y, v, weights, start, edges, free, low, high, np.zeros(size), np.zeros(size), cov)
    return start, cov, chi2, status


def test_fit_and_covariance_equal_scipy(rng):
    edges, y = 2, np.arange(0.0, 32.0)
    p = parameters(edges)
    v = twin(y, p, edges) + rng.normal(0, 4.0, y.size)
    free = np.arange(3 * edges + 1)
    start = p.copy()
    start[edges + 1 : 2 * edges + 1] += 0.8
    found, cov, chi2, status = fit(y, v, start, edges, free)
    peer = least_squares(lambda q: twin(y, q, edges) - v, start[free], x_scale="jac")
    assert status == CONVERGED
    np.testing.assert_allclose(found[free], peer.x, rtol=1e-3)
    assert chi2 == pytest.approx(2 * peer.cost, rel=1e-6)
    np.testing.assert_allclose(cov, np.linalg.inv(peer.jac.T @ peer.jac), rtol=2e-2, atol=1e-4)


def test_status_says_what_happened(rng):
    y, p = np.arange(0.0, 20.0), parameters(1)
    v = twin(y, p, 1) + rng.normal(0, 1.0, y.size)
    assert fit(y[:3], v[:3], p, 1, np.arange(4))[3] == TOO_FEW
    assert fit(y, np.zeros(y.size), p * np.array([0, 0, 1, 1]), 1, np.arange(4))[3] == SINGULAR
    bounded, cov = p.copy(), np.zeros((4, 4))
    low, high = np.full(4, -1e9), np.array([1e9, 1e9, p[2] - 2.0, 1e9])
    bounded[2] -= 3.0
    status = fit_profile(y, v, np.ones(20), bounded, 1, np.arange(4), low, high, np.zeros(4), np.zeros(4), cov)[1]
    assert status == AT_BOUND
    assert bounded[2] == high[2]


def test_invert_refuses_what_is_not_positive_definite(rng):
    a = rng.normal(size=(4, 4))
    spd = a @ a.T + np.eye(4)
    inverse = spd.copy()
    assert invert(inverse)
    np.testing.assert_allclose(inverse @ spd, np.eye(4), atol=1e-10)
    assert not invert(np.diag([1.0, 0.0, 1.0]))
