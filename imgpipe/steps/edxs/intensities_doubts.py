"""Peaks of the sum spectrum that no element of the model explains."""

import numpy as np

from imgpipe.steps.edxs.intensities_model import SumModel
from imgpipe.xrays.lines import ALPHA, element_lines, known_elements
from imgpipe.xrays.resolution import fwhm

CERTAIN = 8.0
"""Counting noise above which an excess is a peak."""
LARGE = 0.5
"""Excess over what the model has there, from which on it matters."""
MOST = 3
"""Peaks that are named, and candidates for each."""


def unexplained(energy: np.ndarray, spectrum: np.ndarray, model: SumModel, resolution: float) -> list[str]:
    """Return a remark on each large peak that the model lacks: ``unexplained peak at 8.04 keV (Cu Ka?)``.

    Parameters
    ----------
    energy, spectrum : (K,) eV and counts
    resolution : FWHM at Mn Ka, eV
    """
    inside = slice(model.first, model.last)
    axis, counts, fitted = energy[inside], spectrum[inside], model.fit.fitted
    widths = fwhm(axis, resolution)
    low = np.searchsorted(axis, axis - 0.5 * widths)
    high = np.searchsorted(axis, axis + 0.5 * widths)
    seen, expected = _between(counts, low, high), _between(fitted, low, high)
    excess = np.where(seen - expected > LARGE * expected, seen - expected, 0.0) / np.sqrt(np.maximum(expected, 1.0))
    remarks = []
    for _ in range(MOST):
        top = int(excess.argmax())
        if excess[top] <= CERTAIN:
            break
        remarks.append(f"unexplained peak at {axis[top] / 1000:.2f} keV{_candidates(axis[top], float(widths[top]))}")
        excess[np.abs(axis - axis[top]) < 2.0 * widths[top]] = 0.0
    return remarks


def _between(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    summed = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(summed[high] - summed[low])


def _candidates(energy: float, width: float) -> str:
    alpha = [line for element in known_elements() for line in element_lines(element) if line.name in ALPHA]
    near = sorted((abs(line.energy - energy), line.label) for line in alpha if abs(line.energy - energy) < 0.3 * width)
    return f" ({', '.join(label for _, label in near[:MOST])}?)" if near else ""
