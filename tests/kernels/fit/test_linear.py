"""Small algebra: Cholesky with dependent rows, non-negative amplitudes against scipy."""

from __future__ import annotations

import numpy as np
from scipy.optimize import lsq_linear

from imgpipe.kernels.fit.linear import factorise, invert_factor, solve_amplitudes
from imgpipe.kernels.fit.plan import FREE, NONNEGATIVE


def test_non_negative_amplitudes_are_scipys():
    rng = np.random.default_rng(3)
    for _ in range(200):
        n = int(rng.integers(1, 9))
        design = rng.normal(size=(20, n)) + rng.uniform(0, 2)
        y = design @ rng.normal(size=n) + rng.normal(size=20)
        kind = rng.choice([FREE, NONNEGATIVE], n).astype(np.int64)
        amplitude, passive = np.zeros(n), np.zeros(n, np.bool_)
        solve_amplitudes(
            design.T @ design, design.T @ y, kind, amplitude, passive, np.zeros((n, n)), np.zeros(n, np.int64),
            np.zeros(n),
        )  # fmt: skip
        exact = lsq_linear(design, y, (np.where(kind == NONNEGATIVE, 0.0, -np.inf), np.inf), tol=1e-14, method="bvls")
        np.testing.assert_allclose(amplitude, exact.x, atol=1e-7)
        np.testing.assert_array_equal(passive, amplitude != 0.0)


def test_inverse_and_dependent_rows():
    rng = np.random.default_rng(1)
    root = rng.normal(size=(6, 9))
    matrix = root @ root.T
    factor = matrix.copy()
    assert factorise(factor, 6) == 0
    invert_factor(factor, 6)
    np.testing.assert_allclose(np.tril(factor), np.tril(np.linalg.inv(matrix)), rtol=1e-9)
    root[3] = root[1] + root[2]
    assert factorise(root @ root.T, 6) == 1
