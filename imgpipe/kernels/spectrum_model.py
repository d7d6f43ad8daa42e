"""What an EDX spectrum is made of: lines as the detector broadens them, and bremsstrahlung."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.special import ndtr

Floats = NDArray[np.float64]
SIGMA_PER_FWHM = 1.0 / (2.0 * np.sqrt(2.0 * np.log(2.0)))
KNOT_RATIO = 1.75
"""Energies of neighbouring knots of the background; many line widths lie between them, so it can't follow a line."""
SOFT = 500.0
"""Energy in eV below which knots are evenly spaced: there lines are as wide as they are at higher energies, in eV."""
CUBIC = 3


def channel_edges(energy: Floats) -> Floats:
    """Return the (K + 1) limits of K evenly spaced channels whose centres are given, eV."""
    step = (energy[-1] - energy[0]) / (energy.size - 1)
    return np.append(energy - 0.5 * step, energy[-1] + 0.5 * step)


def line_shapes(edges: Floats, energies: Floats, fwhm: Floats) -> Floats:
    """Return the fraction of each line that falls into each channel.

    Parameters
    ----------
    edges : (K + 1,) limits of the channels, eV
    energies, fwhm : (L,) of the lines, eV

    Returns
    -------
    (K, L); a line wholly inside the spectrum sums to 1
    """
    cumulative = ndtr((edges[:, None] - energies) / (fwhm * SIGMA_PER_FWHM))
    return np.diff(cumulative, axis=0)


def kramers(energy: Floats, beam_energy: float) -> Floats:
    """Return the shape of bremsstrahlung after Kramers, ``(E0 - E) / E``; 0 above the beam energy (eV)."""
    return np.maximum(beam_energy - energy, 0.0) / np.maximum(energy, 1.0)


def background_shapes(energy: Floats, beam_energy: float, efficiency: Floats) -> Floats:
    """Return non-negative shapes whose sums with non-negative factors make any smooth bremsstrahlung.

    Kramers' law times the efficiency of the detector times cubic B-splines, their knots a factor of `KNOT_RATIO` apart
    (evenly spaced below `SOFT`). They add up to Kramers' law itself; what differs (absorption in the specimen,
    Lifshin's quadratic term, backscatter) is smooth on that scale.

    Parameters
    ----------
    energy : (K,) eV, above 0, rising
    beam_energy : eV
    efficiency : (K,) of the detector, 0 to 1

    Returns
    -------
    (K, n); each column sums to 1, columns without counts are left out

    References
    ----------
    H. A. Kramers, Phil. Mag. 46, 836 (1923); E. Lifshin, Proc. 9th Ann. Conf. MAS (1974), p. 53
    """
    place = _slowly(energy)
    low, high = float(place[0]), float(_slowly(np.array([min(energy[-1], max(beam_energy, energy[1]))]))[0])
    pieces = max(1, round((high - low) / np.log(KNOT_RATIO)))
    inner = np.linspace(low, high, pieces + 1)
    knots = np.concatenate([[low] * CUBIC, inner, [high] * CUBIC])
    splines = BSpline.design_matrix(np.clip(place, low, high), knots, CUBIC).toarray()
    shapes = splines * (kramers(energy, beam_energy) * efficiency)[:, None]
    total = shapes.sum(axis=0)
    return np.asarray(shapes[:, total > 0] / total[total > 0])


def _slowly(energy: Floats) -> Floats:
    """Return a coordinate that grows as the logarithm of the energy above `SOFT`, and linearly below."""
    return np.where(energy > SOFT, np.log(np.maximum(energy, SOFT) / SOFT), energy / SOFT - 1.0)
