"""The SIMD exponential, logarithm and Faddeeva function against numpy and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from scipy.special import erfcx, wofz

from imgpipe.kernels.fit.elementary import exponential, logarithm
from imgpipe.kernels.fit.faddeeva import faddeeva, scaled_erfc
from imgpipe.kernels.fit.peaks import precise_scaled_erfc


def each(function, x):
    @njit
    def loop(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    out = np.empty_like(x)
    loop(x, out)
    return out


def test_exponential_is_good_to_a_few_units_of_the_last_place():
    x = np.concatenate([np.linspace(-700, 700, 20001), np.linspace(-1, 1, 2001)])
    np.testing.assert_allclose(each(exponential, x), np.exp(x), rtol=5e-16)
    assert each(exponential, np.array([-1e4]))[0] < 1e-307


def test_logarithm_over_all_normal_numbers():
    x = np.concatenate([np.geomspace(1e-300, 1e300, 20001), 1 + np.linspace(-1e-3, 1e-3, 2001)])
    np.testing.assert_allclose(each(logarithm, x), np.log(x), rtol=5e-16, atol=1e-17)


def test_faddeeva_is_good_to_1e_10_in_the_upper_half_plane():
    u, v = np.meshgrid(np.linspace(-40, 40, 401), np.concatenate([[0.0], np.geomspace(1e-6, 30, 40)]))
    pairs = np.array([faddeeva(a, b) for a, b in zip(u.ravel(), v.ravel(), strict=True)])
    exact = wofz(u.ravel() + 1j * v.ravel())
    assert np.abs(pairs[:, 0] + 1j * pairs[:, 1] - exact).max() < 1e-10


@pytest.mark.parametrize(("function", "rtol"), [(scaled_erfc, 1e-12), (precise_scaled_erfc, 2e-14)])
def test_scaled_erfc(function, rtol):
    t = np.concatenate([np.linspace(0, 12, 501), [30.0, 1e3, 1e6]])
    np.testing.assert_allclose([function(v) for v in t], erfcx(t), rtol=rtol)
