"""Sum peaks: two photons that a detector takes for one of the sum of their energies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

Floats = NDArray[np.float64]
SPECTRA_AT_ONCE = 256
ROUNDING = 1e-12
"""Of transforms, relative to all counts: what is less is nothing."""


def pair_spectrum(counts: NDArray[np.generic], energy: Floats, lowest: float) -> Floats:
    """Return the spectrum that pairs of photons make, per photon: ``sum over places of s * s / N``.

    A photon pairs with another of its own place, never with itself: the same counts make no bias where they are few.
    A share r of sum peaks among the counts adds r times this spectrum.

    Parameters
    ----------
    counts : (n, K), of places that are seen one after the other
    energy : (K,) evenly spaced, eV; its zero must be that of the photons
    lowest : energy in eV below which channels hold noise, no photons

    Returns
    -------
    (K,); it sums to all counts less what comes above the spectrum's end

    References
    ----------
    P. J. Statham, Microchim. Acta 155, 289 (2006)
    """
    channels = energy.size
    size = next_fast_len(2 * channels, real=True)
    total = np.zeros(2 * channels)
    for start in range(0, counts.shape[0], SPECTRA_AT_ONCE):
        part = np.where(energy >= lowest, counts[start : start + SPECTRA_AT_ONCE], 0).astype(np.float64)
        weight = 1.0 / np.maximum(part.sum(axis=1) - 1.0, 1.0)
        pairs = weight @ irfft(rfft(part, size, axis=1) ** 2, size, axis=1)[:, : 2 * channels]
        pairs[: 2 * channels : 2] -= weight @ part
        total += pairs
    step = (energy[-1] - energy[0]) / (channels - 1)
    found = shifted(total, energy[0] / step)[:channels]
    return np.where(found > ROUNDING * float(counts.sum(dtype=np.float64)), found, 0.0)


def shifted(values: Floats, channels: float) -> Floats:
    """Return values moved up by a number of channels (any sign, linear between channels; 0 comes in)."""
    place = np.arange(values.size, dtype=np.float64)
    return np.interp(place - channels, place, values, left=0.0, right=0.0)


def pair_sums(shapes: Floats, weighted: Floats, zero: float) -> Floats:
    """Return what a pair of each two shapes adds to each right-hand side, (p, p, q).

    Parameters
    ----------
    shapes : (K, p)
    weighted : (K, q): counts @ weighted are the right-hand sides
    zero : energy of the first channel over the width of a channel
    """
    channels, p = shapes.shape
    size = next_fast_len(2 * channels, real=True)
    spectra = rfft(shapes, size, axis=0)
    result = np.empty((p, p, weighted.shape[1]))
    for n in range(p):
        pairs = irfft(spectra * spectra[:, n : n + 1], size, axis=0)[: 2 * channels]
        moved = np.stack([shifted(pairs[:, m], zero)[:channels] for m in range(p)])
        result[n] = moved @ weighted
    return result
