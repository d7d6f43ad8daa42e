"""Rough interfaces: stationary random profiles and their correlation from one interface to the next.

A profile is a Gaussian process with a Matérn correlation, that is a self-affine surface with Hurst exponent H below
the correlation length and a flat one above it (Palasantzas, Phys. Rev. B 48 (1993) 14472). It is synthesised on a ring
much longer than the image, so that its ends are independent and its mean over the image scatters as it should.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import gamma, kv, ndtr

Floats = NDArray[np.float64]


def matern_correlation(distance: Floats, correlation_length: float, hurst: float) -> Floats:
    """Return the correlation of heights `distance` apart.

    Parameters
    ----------
    distance : any shape, unit of `correlation_length`
    correlation_length : the distance at which the correlation is 1/e
    hurst : Hurst exponent, 0 to 1; 0.5 is exp(-distance / correlation_length)
    """
    if hurst == 0.5:
        return np.asarray(np.exp(-np.abs(distance) / correlation_length))
    scaled = np.abs(distance) / (correlation_length / _one_over_e(hurst))
    out = np.ones_like(scaled)
    far = scaled > 1e-8
    out[far] = 2 ** (1 - hurst) / gamma(hurst) * scaled[far] ** hurst * kv(hurst, scaled[far])
    return out


def _one_over_e(hurst: float) -> float:
    """Return the argument at which the Matérn correlation of order `hurst` is 1/e."""

    def excess(s: float) -> float:
        return float(2 ** (1 - hurst) / gamma(hurst) * s**hurst * kv(hurst, s) - np.exp(-1.0))

    return float(brentq(excess, 1e-6, 20.0, xtol=1e-12))


def rough_profile(
    rng: np.random.Generator, size: int, roughness: float, correlation_length: float, hurst: float = 0.5
) -> Floats:
    """Draw one profile of a rough interface.

    Parameters
    ----------
    size : number of points, one apart
    roughness : standard deviation of the process (not of this profile), in the unit wanted
    correlation_length : 1/e distance, in points
    hurst : Hurst exponent, 0 to 1

    Returns
    -------
    (size,) heights with process mean 0
    """
    ring = 1 << int(np.ceil(np.log2(size + 16.0 * correlation_length + 16.0)))
    amplitude = _amplitudes(ring, float(correlation_length), float(hurst))
    phase = rng.standard_normal((2, amplitude.size))
    waves = (phase[0] + 1j * phase[1]) / np.sqrt(2.0) * amplitude
    waves[[0, -1]] = phase[0, [0, -1]] * amplitude[[0, -1]]  # these two are real
    return np.asarray(roughness * np.fft.irfft(waves, ring)[:size], dtype=np.float64)


@functools.lru_cache(maxsize=64)
def _amplitudes(ring: int, correlation_length: float, hurst: float) -> Floats:
    """Return the root of the power of each wave on the ring: the transform of the correlation, so nothing is lost.

    (Circulant embedding: Dietrich and Newsam, SIAM J. Sci. Comput. 18 (1997) 1088.)
    """
    lag = np.arange(ring, dtype=np.float64)
    correlation = matern_correlation(np.minimum(lag, ring - lag), correlation_length, hurst)
    power = np.maximum(np.fft.rfft(correlation).real, 0.0)
    return np.asarray(np.sqrt(power * ring))


def conformal_profiles(
    rng: np.random.Generator,
    size: int,
    roughness: Sequence[float],
    correlation_length: Sequence[float],
    *,
    conformality: float,
    hurst: float,
) -> Floats:
    """Draw the profiles of a stack, each in part a copy of the one below.

    Parameters
    ----------
    roughness, correlation_length : per interface, top to bottom
    conformality : correlation of each profile with the one below it, 0 to 1

    Returns
    -------
    (interface, size) heights; neighbours have exactly this correlation coefficient as a process
    """
    out = np.zeros((len(roughness), size))
    below: Floats | None = None
    for index in reversed(range(len(roughness))):
        own = rough_profile(rng, size, 1.0, correlation_length[index], hurst)
        below = own if below is None else conformality * below + np.sqrt(1.0 - conformality**2) * own
        out[index] = roughness[index] * below
    return out


def spread_of_thickness(above: float, below: float, conformality: float) -> float:
    """Return the standard deviation of the local distance of two interfaces with these roughnesses."""
    return float(np.sqrt(max(above**2 + below**2 - 2 * conformality * above * below, 0.0)))


def keep_order(rows: Floats) -> Floats:
    """Return interfaces that never cross: where one would rise above its upper neighbour the layer is missing."""
    return np.asarray(np.maximum.accumulate(rows, axis=0))


def mean_of_covered(mean: float, spread: float) -> float:
    """Return the mean of max(0, t) for a normal t: the process mean of a layer that is missing in places."""
    if spread == 0:
        return max(mean, 0.0)
    z = mean / spread
    return float(mean * ndtr(z) + spread * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi))
