"""Smoothing: plain numbers, and the traps of the libraries underneath."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgpipe.kernels.denoise import denoise_reach, smooth_gaussian, smooth_median, smooth_nonlocal

METHODS = [
    pytest.param(lambda image: smooth_gaussian(image, sigma=1.5), id="gaussian"),
    pytest.param(lambda image: smooth_median(image, half_width=1), id="median"),
    pytest.param(lambda image: smooth_nonlocal(image, half_width=1, noise=5.0), id="nlm"),
]


@pytest.mark.parametrize("smooth", METHODS)
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4", "f8"])
def test_grey_values_keep_their_scale(smooth, dtype, rng):
    image = rng.normal(200, 5, (40, 50)).astype(dtype)
    result = smooth(image)
    assert result.dtype == np.float32
    assert result.mean() == pytest.approx(image.mean(), abs=0.6)
    assert result.std() < 0.7 * image.std()


@pytest.mark.parametrize("smooth", METHODS)
def test_sixteen_bit_values_survive(smooth, rng):
    image = (60000 + rng.normal(0, 5, (40, 50))).astype(np.uint16)
    assert np.abs(smooth(image) - 60000).max() < 25


@pytest.mark.parametrize("smooth", METHODS)
def test_pages_are_independent(smooth, rng):
    pages = rng.normal(100, 5, (3, 30, 32)).astype(np.float32)
    np.testing.assert_allclose(smooth(pages)[1], smooth(pages[1]), atol=1e-4)


@pytest.mark.parametrize("smooth", METHODS)
def test_one_pixel_works(smooth):
    assert smooth(np.full((1, 1), 9, np.uint8))[0, 0] == pytest.approx(9)


def test_gaussian_lowers_noise_as_theory_says(rng):
    image = rng.normal(0, 10, (400, 400))
    assert smooth_gaussian(image, sigma=2.0).std() == pytest.approx(10 / (2 * np.sqrt(np.pi) * 2.0), rel=0.03)


def test_median_takes_out_a_hot_pixel():
    image = np.full((9, 9), 100, np.uint8)
    image[4, 4] = 255
    assert (smooth_median(image, half_width=1) == 100).all()


def test_nonlocal_mean_keeps_an_edge(rng):
    image = np.where(np.arange(60) < 30, 50.0, 150.0) + rng.normal(0, 5, (60, 60))
    smooth = smooth_nonlocal(image, half_width=2, noise=5.0)
    assert smooth[:, :30].mean() == pytest.approx(50, abs=0.5)
    assert smooth[:, 29].mean() < 55
    assert smooth[:, 5:25].std() < 2.0


@pytest.mark.parametrize(
    ("method", "smooth"),
    [
        ("gaussian", lambda image: smooth_gaussian(image, sigma=1.3)),
        ("median", lambda image: smooth_median(image, half_width=2)),
        ("nlm", lambda image: smooth_nonlocal(image, half_width=2, noise=5.0)),
    ],
)
def test_nothing_beyond_the_reach_matters(method, smooth, rng):
    reach = denoise_reach(method, sigma=1.3, half_width=2)
    image = rng.normal(100, 5, (60, 60))
    other = image.copy()
    other[:, 30 + reach + 1 :] = rng.normal(50, 20, (60, 29 - reach))
    np.testing.assert_allclose(smooth(image)[:, :31], smooth(other)[:, :31], atol=1e-3)


@given(seed=st.integers(0, 99), method=st.sampled_from(METHODS))
@settings(max_examples=30, deadline=None)
def test_results_stay_within_the_greys_of_the_image(seed, method):
    (smooth,) = method.values
    image = np.random.default_rng(seed).integers(0, 256, (20, 22), dtype=np.uint8)
    result = smooth(image)
    assert result.min() >= image.min() - 1e-3
    assert result.max() <= image.max() + 1e-3
