"""Effective sample size of a correlated series: how far its mean may be from that of the process.

``N_eff = N / (1 + 2 sum_k (1 - k/N) rho_k)`` is the variance of the process over the variance of the
mean. The sample autocorrelation is biased low in a short series and its sum is dominated by noise,
so rho is that of a model: the K-correlation (Matern) spectrum of rough surfaces
``S(f) = S0 (1 + (f/fc)**2)**-p`` plus white localisation noise of known variance (Palasantzas, Phys.
Rev. B 48 (1993) 14472), with S0, fc and p averaged over their likelihood (Whittle, from the cosine
transform, whose zeroth term, the mean, is left out; so the removed mean costs no bias).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.special import gamma, logsumexp

Floats = NDArray[np.float64]
ORDERS = np.array([0.75, 1.0, 1.25, 1.5, 2.0])
"""Values of p tried: 1 is an exponential correlation, 2 a smooth one."""
LONGEST = 12.0
"""The series is taken to hold at least this many correlation lengths; it can't tell otherwise."""
HIGHEST = 0.12
"""Highest frequency looked at, per sample: above it the blur of the beam along the layer shows."""
SINGLE = 64
"""Lowest ordinates taken one by one; higher ones are averaged in bins that grow with frequency."""
_LEVELS = np.linspace(-3.0, 3.0, 41)


@dataclass(frozen=True)
class EffectiveSize:
    """What a series says of its process.

    n_eff : effective number of independent values, 2 to N
    mean_variance : variance of the mean about the process mean, from the process alone (without the noise)
    variance : of the process, without the noise
    correlation_length : distance at which the correlation is 1/e, in samples
    """

    n_eff: float
    mean_variance: float
    variance: float
    correlation_length: float


def effective_size(series: Floats, noise_variance: float = 0.0) -> EffectiveSize:
    """Estimate the effective sample size of a series.

    Parameters
    ----------
    series : (n,) evenly spaced, NaN where unknown; at least 8 finite values
    noise_variance : variance of the independent error of each value, in the squared unit of `series`
    """
    values = np.asarray(series, dtype=np.float64)
    known = np.isfinite(values)
    count = int(known.sum())
    spread = float(np.var(values[known])) if count else 0.0
    if count < 8 or spread <= 1e-24 * float(np.mean(values[known] ** 2) if count else 1.0):
        return EffectiveSize(float(max(count, 2)), 0.0, 0.0, 0.0)
    filled = np.interp(np.arange(values.size), np.flatnonzero(known), values[known])
    share = count / values.size
    power = dct(filled - filled.mean(), type=2, norm="ortho")[1:] ** 2
    used = max(4, min(power.size, int(2 * HIGHEST * values.size)))
    return _averaged(_binned(power[:used]), values.size, noise_variance * share, share)


def _binned(power: Floats) -> tuple[Floats, Floats, Floats]:
    """Return order of the cosine, mean power and number of ordinates; from `SINGLE` on in bins of a tenth."""
    cuts = [*range(min(SINGLE, power.size))]
    while cuts[-1] < power.size:
        cuts.append(max(cuts[-1] + 1, int(1.1 * cuts[-1])))
    edges = np.minimum(np.array(cuts), power.size)
    edges = np.unique(edges)
    count = np.diff(edges).astype(np.float64)
    order = np.add.reduceat(np.arange(1.0, power.size + 1), edges[:-1]) / count
    return order, np.add.reduceat(power, edges[:-1]) / count, count


def _averaged(binned: tuple[Floats, Floats, Floats], size: int, noise: float, share: float) -> EffectiveSize:
    """Average over S0, fc and p with their likelihood as weight (flat priors in log S0, log fc, p)."""
    number, power, count = binned
    f = number / (2.0 * size)
    corners = np.geomspace(LONGEST / (2 * np.pi * size), 0.25, 28)
    order, corner = (a.ravel() for a in np.meshgrid(ORDERS, corners, indexing="ij"))
    shape = (1.0 + (f / corner[:, None]) ** 2) ** -order[:, None]
    excess = np.maximum(power - noise, 0.05 * power) / shape
    level = np.log(np.maximum(excess @ count / count.sum(), 1e-300))
    s0 = np.exp(level[:, None] + _LEVELS)
    spectrum = s0[:, :, None] * shape[:, None, :] + noise
    likelihood = -0.5 * (np.log(spectrum) + power / spectrum) @ count
    weight = np.exp(likelihood - logsumexp(likelihood))
    of_mean = s0 * _mean_factor(order, corner, size)[:, None]
    of_process = s0 * (corner * np.sqrt(np.pi) * gamma(order - 0.5) / gamma(order))[:, None]
    mean_variance = float(np.exp(np.sum(weight * np.log(of_mean))))
    variance = float(np.exp(np.sum(weight * np.log(of_process))))
    length = float(np.exp(np.sum(weight.sum(axis=1) * np.log(_one_over_e(order, corner)))))
    n_eff = float(np.clip(variance / mean_variance, 2.0, size * share))
    return EffectiveSize(n_eff, mean_variance, variance, length)


def _mean_factor(order: Floats, corner: Floats, size: int) -> Floats:
    """Variance of the mean of `size` values over S0: integral of shape times (sin(pi f n) / (pi f n))**2."""
    grid = np.linspace(0.0, 40.0, 4001)  # f * size
    window = np.sinc(grid) ** 2
    shape = (1.0 + (grid / size / corner[:, None]) ** 2) ** -order[:, None]
    return np.asarray(2.0 * np.trapezoid(window * shape, grid, axis=1) / size)


def _one_over_e(order: Floats, corner: Floats) -> Floats:
    """1/e length of each spectrum, from a table of the scaled length over p."""
    table = np.array([0.513, 1.0, 1.361, 1.658, 2.146])  # 1/e argument of the Matern correlation of order p - 1/2
    return np.asarray(np.interp(order, ORDERS, table) / (2 * np.pi * corner))


def block_bootstrap(series: Floats, block: int, draws: int, seed: int) -> float:
    """Return the standard deviation of the mean from a circular block bootstrap, as a cross-check.

    Parameters
    ----------
    series : (n,) NaN where unknown
    block : length of a block, about two to four correlation lengths
    draws : number of resampled series
    seed : of the random generator, so that equal input gives equal output

    References
    ----------
    Politis and Romano (1992), circular block resampling.
    """
    values = np.asarray(series, dtype=np.float64)
    block = int(np.clip(block, 1, values.size))
    number = -(-values.size // block)
    wrapped = np.concatenate([values, values[:block]])
    known = np.isfinite(wrapped)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, wrapped, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    start = np.random.default_rng(seed).integers(0, values.size, size=(draws, number))
    sums = (total[start + block] - total[start]).sum(axis=1)
    sizes = (counts[start + block] - counts[start]).sum(axis=1)
    return float(np.std(sums / np.maximum(sizes, 1), ddof=1))
