"""Total width (FWHM) and height of peaks whose area is one, with derivatives."""

from __future__ import annotations

import numpy as np

GAUSS_HEIGHT = np.sqrt(4.0 * np.log(2.0) / np.pi)


def voigt_width(gauss: np.ndarray, lorentz: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the FWHM of a Voigt and its derivatives by both widths.

    Olivero and Longbothum 1977: 0.5346 L + sqrt(0.2166 L^2 + G^2), good to 0.02 %.
    """
    root = np.sqrt(0.2166 * lorentz**2 + gauss**2)
    safe = np.where(root > 0, root, 1.0)
    return 0.5346 * lorentz + root, gauss / safe, 0.5346 + 0.2166 * lorentz / safe


def voigt_height(gauss: np.ndarray, lorentz: np.ndarray) -> np.ndarray:
    """Return the height of a Voigt of area one, 1/eV."""
    from scipy.special import erfcx

    sigma = np.maximum(gauss, 1e-12) / np.sqrt(8.0 * np.log(2.0))
    return np.asarray(erfcx(0.5 * lorentz / (sigma * np.sqrt(2.0))) / (sigma * np.sqrt(2.0 * np.pi)))
