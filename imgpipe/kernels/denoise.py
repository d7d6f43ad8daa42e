"""Smooth an image for the eye or for a threshold. Layer edges are fitted best on the image as it was taken.

Smoothing makes neighbouring pixels depend on each other, so the noise of an edge fit is understated, and it widens
edges. All functions work in float32, in the grey values they are given (no rescaling to 0..1), page by page.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.restoration import denoise_nl_means

Floats = NDArray[np.float32]

_TRUNCATE = 4.0
_SEARCH = 6
_STRENGTH = 0.8


def smooth_gaussian(image: NDArray[np.generic], *, sigma: float) -> Floats:
    """Return the Gaussian average.

    Parameters
    ----------
    image : (..., y, x), counts, finite
    sigma : standard deviation, pixels, > 0; the kernel ends at 4 sigma, the border pixel is repeated outside

    Returns
    -------
    smooth : (..., y, x), float32, counts
    """
    widths = (0.0,) * (image.ndim - 2) + (sigma, sigma)
    return np.asarray(ndimage.gaussian_filter(_floats(image), widths, mode="nearest", truncate=_TRUNCATE))


def smooth_median(image: NDArray[np.generic], *, half_width: int) -> Floats:
    """Return the median over squares of ``2 half_width + 1`` pixels; the border pixel is repeated outside.

    Parameters
    ----------
    image : (..., y, x), counts, finite
    half_width : pixels, >= 1

    Returns
    -------
    smooth : (..., y, x), float32, counts
    """
    size = (1,) * (image.ndim - 2) + (2 * half_width + 1,) * 2
    return _floats(ndimage.median_filter(image, size=size, mode="nearest"))


def smooth_nonlocal(image: NDArray[np.generic], *, half_width: int, noise: float) -> Floats:
    """Return the non-local mean: an average over places that look alike.

    Parameters
    ----------
    image : (..., y, x), counts, finite
    half_width : of the patches that are compared, pixels, >= 1
    noise : standard deviation of the noise, counts, > 0; places that differ by less are taken for alike

    Returns
    -------
    smooth : (..., y, x), float32, counts

    Notes
    -----
    Darbon et al. 2008 (ISBI, 1331-1334), with the noise variance taken off the patch distances and a cut-off of
    0.8 noise, as scikit-image's documentation advises.
    """
    pages = _floats(image).reshape((-1, *image.shape[-2:]))
    smooth = [_nonlocal_page(page, half_width, noise) for page in pages]
    return np.asarray(smooth, np.float32).reshape(image.shape)


def denoise_reach(method: str, *, sigma: float, half_width: int) -> int:
    """Return how many pixels to each side have an influence: ``gaussian``, ``median`` or ``nlm``."""
    reaches = {
        "gaussian": int(_TRUNCATE * sigma + 0.5),
        "median": half_width,
        "nlm": half_width + _SEARCH + 1,
    }
    return reaches[method]


def _nonlocal_page(page: Floats, half_width: int, noise: float) -> Floats:
    result = denoise_nl_means(
        page.astype(np.float64),  # its running sums lose small differences in float32
        patch_size=2 * half_width + 1,
        patch_distance=_SEARCH,
        h=_STRENGTH * noise,
        sigma=noise,
        fast_mode=True,
        preserve_range=True,  # without it integers shrink to 0..1 and the noise no longer fits
    )
    return np.asarray(result, np.float32)


def _floats(image: NDArray[np.generic]) -> Floats:
    return image.astype(np.float32, copy=False)
