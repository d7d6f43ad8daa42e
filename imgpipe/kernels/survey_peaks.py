"""Peaks of a survey spectrum: counts in a window against what lies on both sides of it, at several widths.

The significance is that of an on/off measurement (Li and Ma, Astrophys. J. 272, 317, 1983, eq. 17): it holds at few
counts and includes that the background itself was counted. A window must stand out of each side by itself as well, so
that the step of the inelastic background behind a strong line is no peak.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WIDTHS = (1.6, 2.5, 4.0, 6.5, 10.5)
"""Widths of the window in eV, about the FWHM of what is found."""
ONE_SIDED = 4.0
"""Significance against each side by itself."""


@dataclass(frozen=True)
class Peaks:
    """Peaks by rising energy, each (n,).

    Attributes
    ----------
    position, u_position : weighted centroid above the background and its u from counting, in units of the energy
    height : counts above the background at the top, in one channel
    area : counts above the background in the window
    significance : standard deviations
    width : of the window
    """

    position: np.ndarray
    u_position: np.ndarray
    height: np.ndarray
    area: np.ndarray
    significance: np.ndarray
    width: np.ndarray


def significance(on: np.ndarray, off: np.ndarray, ratio: float) -> np.ndarray:
    """Return the signed significance of `on` counts over `off` counts, the window being `ratio` times as long."""
    total = on + off
    first = on * _log_over(on * (1 + ratio), ratio * total)
    second = off * _log_over(off * (1 + ratio), total)
    return np.asarray(np.sign(on - ratio * off) * np.sqrt(np.maximum(2.0 * (first + second), 0.0)))


def _log_over(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    good = (a > 0) & (b > 0)
    return np.where(good, np.log(np.where(good, a, 1.0) / np.where(good, b, 1.0)), 0.0)


def spread_over_mean(counts: np.ndarray) -> float:
    """Return variance over mean of the noise, from second differences: 1 for counts, other for rates.

    Robust against peaks: half of the spectrum may be structure.
    """
    second = counts[2:] - 2.0 * counts[1:-1] + counts[:-2]
    level = (counts[2:] + counts[1:-1] + counts[:-2]) / 3.0
    size = np.abs(second) / np.sqrt(6.0 * np.maximum(level, 1e-300))
    used = size[level > 0]
    return float((np.median(used) / 0.6744897501960817) ** 2) if used.size else 1.0


@dataclass(frozen=True)
class Scan:
    """Significance and counts above the background of a window about every channel, each (n,)."""

    half: int
    significance: np.ndarray
    excess: np.ndarray
    background: np.ndarray


def scan(counts: np.ndarray, half: int) -> Scan:
    """Compare 2 half + 1 channels about each one with as many on both sides, half a window away.

    Channels nearer to an end than a window and its sides have significance 0.
    """
    size, n = 2 * half + 1, counts.size
    reach = half + max(half, 1) + size
    result = [np.zeros(n) for _ in range(3)]
    if n <= 2 * reach:
        return Scan(half, *result)
    sums = np.concatenate([[0.0], np.cumsum(counts)])
    window = sums[size:] - sums[:-size]
    centre = np.arange(reach, n - reach)
    on, left, right = window[centre - half], window[centre - reach], window[centre + reach - size + 1]
    both = significance(on, left + right, 0.5)
    alone = np.minimum(significance(on, left, 1.0), significance(on, right, 1.0))
    result[0][centre] = np.where(alone >= ONE_SIDED, both, 0.0)
    result[1][centre] = on - 0.5 * (left + right)
    result[2][centre] = 0.5 * (left + right)
    return Scan(half, *result)


def find_peaks(
    energy: np.ndarray, counts: np.ndarray, threshold: float = 5.0, contrast: float = 0.02
) -> tuple[Peaks, np.ndarray]:
    """Find the peaks of a survey.

    Parameters
    ----------
    energy : (n,) eV, rising and evenly spaced
    counts : (n,) with Poisson noise
    threshold : least significance
    contrast : least counts above the background over the background

    Returns
    -------
    peaks, and per channel (n,) the counts that a line of usual width would need to be found there
    """
    step = float(energy[-1] - energy[0]) / (energy.size - 1)
    halves = sorted({max(round(0.5 * (width / step - 1.0)), 1) for width in WIDTHS})
    scans = [scan(counts, half) for half in halves]
    kept: list[tuple[float, int, int]] = []
    for one in scans:
        kept = _joined(kept, _tops(one, threshold, contrast))
    kept.sort(key=lambda c: c[1])
    rows = np.array([_measured(energy, counts, place, half, z) for z, place, half in kept]).reshape(-1, 6)
    usual = next((s for s in scans if (2 * s.half + 1) * step >= 2.0), scans[-1])
    floor = np.maximum(usual.background, 1.0)
    needed = np.where(usual.background > 0, np.maximum(threshold * np.sqrt(1.5 * floor), contrast * floor), np.inf)
    return Peaks(*rows.T), needed


def _tops(of: Scan, threshold: float, contrast: float) -> list[tuple[float, int, int]]:
    z = of.significance
    top = (z[1:-1] >= z[:-2]) & (z[1:-1] > z[2:]) & (z[1:-1] >= threshold)
    top &= of.excess[1:-1] >= contrast * of.background[1:-1]
    return [(float(z[place]), int(place), of.half) for place in np.flatnonzero(top) + 1]


def _joined(narrow: list[tuple[float, int, int]], wide: list[tuple[float, int, int]]) -> list[tuple[float, int, int]]:
    """Add tops of a wider window: one that covers two narrow ones is dropped, a better one replaces its only one."""
    kept = list(narrow)
    for one in sorted(wide, reverse=True):
        near = [other for other in kept if abs(one[1] - other[1]) <= 1.5 * max(one[2], other[2]) + 1]
        if not near:
            kept.append(one)
        elif len(near) == 1 and near[0][2] < one[2] and near[0][0] < one[0]:
            kept[kept.index(near[0])] = one
    return kept


def _measured(energy: np.ndarray, counts: np.ndarray, place: int, half: int, z: float) -> tuple[float, ...]:
    """Return position, u, height, area, significance and width of one peak."""
    size = 2 * half + 1
    reach = half + max(half, 1) + size
    left = counts[place - reach : place - reach + size].mean()
    right = counts[place + reach - size + 1 : place + reach + 1].mean()
    near = np.arange(place - size, place + size + 1)
    net = counts[near] - (left + right) / 2.0 - (right - left) * (near - place) / (2.0 * (reach - half))
    inside = net[size - half : size + half + 1]
    top = np.convolve(inside, np.ones(3) / 3.0, mode="same").max()
    width = size * float(energy[1] - energy[0])
    position, u = _centroid(energy[near], net, counts[near], float(energy[place]), width)
    return position, u, float(top), float(inside.sum()), z, width


def _centroid(
    energy: np.ndarray, net: np.ndarray, counts: np.ndarray, start: float, width: float
) -> tuple[float, float]:
    """Return the place about which a peak balances under a Gaussian weight that moves with it, and its u.

    The factor is by how much a peak as wide as this one moves when its weighted centroid moves by one.
    """
    position, sigma, factor, u = start, width / 2.3548, 2.0, float("nan")
    for _ in range(20):
        weight = np.exp(-0.5 * ((energy - position) / sigma) ** 2)
        total = float(np.sum(weight * net))
        if total <= 0:
            return start, width / 2.0
        away = energy - position
        spread = float(np.sum(weight * net * away**2)) / total
        factor = float(np.clip(1.0 / max(1.0 - spread / sigma**2, 0.25), 1.0, 4.0))
        u = factor * float(np.sqrt(np.sum(weight**2 * counts * away**2))) / total
        moved = factor * float(np.sum(weight * net * away)) / total
        position = float(np.clip(position + moved, start - width / 2.0, start + width / 2.0))
        if abs(moved) < 1e-3 * u:
            break
    return position, u
