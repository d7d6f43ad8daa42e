"""What people use today on a cross-section: loops over columns with scipy, and FermiViewer's layer tool.

Each takes the image and, where it needs a starting point, the true rows of the interfaces: peers get for nothing what
imgpipe has to find.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeWarning, curve_fit
from scipy.signal import find_peaks
from scipy.special import erf

Floats = NDArray[np.float64]
HALF_WINDOW = 20


def erf_edge(y: Floats, low: float, step: float, centre: float, sigma: float) -> Floats:
    """Return a step blurred by a Gaussian."""
    return low + step / 2 * (1 + erf((y - centre) / (np.sqrt(2) * sigma)))


def scipy_curve_fit(image: NDArray[Any], start: Floats) -> Floats:
    """Fit an error function to each edge of each column; NaN where the fit fails. Returns rows (edge, x)."""
    warnings.simplefilter("ignore", OptimizeWarning)
    found = np.full(start.shape, np.nan)
    for edge, column in np.ndindex(*start.shape):
        centre = round(float(start[edge, column]))
        low, high = _window(start[:, column], edge, image.shape[0])
        y = np.arange(low, high, dtype=np.float64)
        grey = image[low:high, column].astype(np.float64)
        guess = (grey[:4].mean(), grey[-4:].mean() - grey[:4].mean(), float(centre), 2.0)
        try:
            fitted, _ = curve_fit(erf_edge, y, grey, p0=guess, maxfev=200)
        except RuntimeError:  # no convergence: counted as a failed column
            continue
        found[edge, column] = fitted[2]
    return found


def scipy_find_peaks(image: NDArray[Any], start: Floats) -> Floats:
    """Take the strongest peak of the smoothed gradient near each edge of each column. Returns rows (edge, x)."""
    kernel = np.exp(-0.5 * (np.arange(-9, 10) / 3.0) ** 2)
    kernel /= kernel.sum()
    found = np.full(start.shape, np.nan)
    for column in range(image.shape[1]):
        gradient = np.abs(np.gradient(np.convolve(image[:, column].astype(np.float64), kernel, "same")))
        for edge in range(start.shape[0]):
            low, high = _window(start[:, column], edge, image.shape[0])
            peaks, _ = find_peaks(gradient[low:high])
            if peaks.size:
                found[edge, column] = low + _vertex(gradient[low:high], peaks)
    return found


def fermiviewer_thickness(image: NDArray[Any], tilt: float | None) -> list[float]:
    """Return the layer thicknesses in px that FermiViewer's layer tool gives; tilt in its own sign."""
    from fermiviewer.calc.layers import analyze_layers

    result = analyze_layers(image.astype(np.float64), axis="y", tilt_deg=tilt)
    return [layer.thickness for layer in result.layers]


def wavelet_fft(image: NDArray[Any], *, wavelet: str = "db5", levels: int = 4, sigma: float = 3.0) -> Floats:
    """Remove vertical stripes by damping the low vertical frequencies of the wavelet details (Muench et al. 2009)."""
    import pywt

    approximation = image.astype(np.float64)
    details = []
    for _ in range(levels):
        approximation, bands = pywt.dwt2(approximation, wavelet)
        details.append(bands)
    for horizontal, vertical, diagonal in reversed(details):
        spectrum = np.fft.fft(vertical, axis=0)
        frequency = np.fft.fftfreq(vertical.shape[0], 1.0 / vertical.shape[0])
        damped = np.fft.ifft(spectrum * (1 - np.exp(-(frequency**2) / (2 * sigma**2)))[:, None], axis=0).real
        approximation = approximation[: damped.shape[0], : damped.shape[1]]
        approximation = pywt.idwt2((approximation, (horizontal, damped, diagonal)), wavelet)
    return np.asarray(approximation[: image.shape[0], : image.shape[1]])


def _window(centres: Floats, edge: int, rows: int) -> tuple[int, int]:
    """Return the rows around an edge that belong to it alone: to half way to its neighbours, 20 px at most."""
    centre = centres[edge]
    above = (centre - centres[edge - 1]) / 2 if edge > 0 else HALF_WINDOW
    below = (centres[edge + 1] - centre) / 2 if edge + 1 < centres.size else HALF_WINDOW
    low = int(np.ceil(centre - min(above, HALF_WINDOW)))
    high = int(np.floor(centre + min(below, HALF_WINDOW))) + 1
    return max(0, low), min(rows, high)


def _vertex(values: Floats, peaks: NDArray[np.int64]) -> float:
    top = int(peaks[np.argmax(values[peaks])])
    left, middle, right = values[top - 1 : top + 2]
    return top + 0.5 * (left - right) / (left - 2 * middle + right)
