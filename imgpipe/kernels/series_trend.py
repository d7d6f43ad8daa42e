"""How a quantity goes along a series: its mean slope, and the place from which on it changes.

The model of an onset is a constant up to x0 and growth (or decline) beyond it: a straight line, or one that bends by
an exponential or a linear-parabolic law. x0 is profiled on a grid with everything else at its best (Hinkley, Biometrika
56, 495, 1969). Errors that all points share do not average
out: they are kept apart, carried through linearly, and never shrink with the number of points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import special, stats

LEVEL = 0.95
FEWEST = 6
"""Points below which no onset is looked for."""
SCATTER_TOLD = 20
"""Degrees of freedom below which a scatter smaller than the stated u is taken as chance."""
LEAST_SCATTER = 0.1
"""Least variance of the scatter over the stated one that is believed."""
MANY = 1000
"""Points beyond which neighbours are averaged before an onset is looked for."""
GRID = 61
LAWS = (
    ("exponential", np.geomspace(0.03, 10.0, 14)),
    ("exponential", -np.geomspace(0.3, 10.0, 8)),
    ("linear-parabolic", np.geomspace(1e-3, 10.0, 14)),
)
"""Laws of growth with their scales in units of the length of the series; a straight line is tried as well."""


@dataclass(frozen=True)
class Points:
    """A series in the order of its abscissa.

    Attributes
    ----------
    x, y : (n,)
    u : (n,) standard uncertainty of each point by itself; all 1 where it is unknown
    shared : (n,) standard uncertainty that all points have in common
    known : whether `u` is known; if not, the scatter says it
    """

    x: np.ndarray
    y: np.ndarray
    u: np.ndarray
    shared: np.ndarray
    known: bool = True


@dataclass(frozen=True)
class Slope:
    """Weighted mean slope: value, its parts of u, the 95 % interval, and the probability that it is above zero."""

    value: float
    u_random: float
    u_shared: float
    low: float
    high: float
    probability_rising: float
    reduced: float

    @property
    def u(self) -> float:
        """Standard uncertainty."""
        return float(np.hypot(self.u_random, self.u_shared))


@dataclass(frozen=True)
class Onset:
    """Place of an onset with its 95 % interval (infinite where it is open), and how the models compare.

    Attributes
    ----------
    gain : by how much BIC falls from the best model without an onset; at most zero where the data carry none
    without : the best model without onset, "constant", "straight line" or "bent from the start"
    reduced : chi-square per degree of freedom
    """

    value: float
    low: float
    high: float
    gain: float
    without: str
    reduced: float


@dataclass(frozen=True)
class Profile:
    """Least chi-square with the onset (m,) held, by law of growth (k, m); a straight line belongs to each law."""

    onset: np.ndarray
    by_law: np.ndarray

    @property
    def chi2(self) -> np.ndarray:
        """Least over all laws (m,)."""
        return np.asarray(self.by_law.min(axis=0))

    @property
    def best(self) -> int:
        """Place of the least."""
        return int(np.argmin(self.chi2))


def points(x: np.ndarray, y: np.ndarray, u: np.ndarray | None = None, shared: np.ndarray | None = None) -> Points:
    """Return a series sorted by x without missing values; a `u` that is not above zero everywhere is unknown."""
    zero = np.zeros_like(y)
    given = zero if u is None else u
    common = zero if shared is None else shared
    good = np.flatnonzero(np.isfinite(x) & np.isfinite(y) & np.isfinite(given) & np.isfinite(common))
    order = good[np.argsort(x[good], kind="stable")]
    known = bool(order.size) and bool((given[order] > 0).all())
    return Points(x[order], y[order], given[order] if known else np.ones(order.size), common[order], known)


def slope(of: Points, reduced: float | None = None) -> Slope:
    """Return the weighted mean slope of at least 3 points.

    Parameters
    ----------
    reduced : chi-square per degree of freedom about the course of the series; without it that about the straight line,
        which a bend makes larger
    """
    dof = of.x.size - 2
    functional = _slope_functional(of)
    value = _dot(functional, of.y)
    about_line = _chi2_line(of) / max(dof, 1)
    found = about_line if reduced is None else min(reduced, about_line)
    stretch = _stretch(of, found, dof)
    of = replace(of, shared=_common(of, stretch))
    u_random = float(np.sqrt(stretch * np.sum((functional * of.u) ** 2)))
    u_shared = _shared_slope(of, functional, value)
    estimated = stretch != 1.0
    quantile = float(stats.t.ppf(0.5 + LEVEL / 2, dof)) if estimated else float(special.ndtri(0.5 + LEVEL / 2))
    u = float(np.hypot(u_random, u_shared))
    score = value / u if u > 0 else np.inf * np.sign(value) if value else 0.0
    rising = float(stats.t.cdf(score, dof)) if estimated else float(special.ndtr(score))
    return Slope(value, u_random, u_shared, value - quantile * u, value + quantile * u, rising, found)


def _stretch(of: Points, reduced: float, dof: int) -> float:
    """Return the variance of the scatter over the stated one: 1 unless the scatter is larger, or clearly smaller."""
    if not of.known:
        return max(reduced, 1e-300)
    smaller = dof >= SCATTER_TOLD and stats.chi2.cdf(reduced * dof, dof) < (1 - LEVEL) / 2
    return max(reduced, LEAST_SCATTER) if reduced > 1.0 or smaller else 1.0


def _common(of: Points, stretch: float) -> np.ndarray:
    """Return what all points share: what is known to be shared, and the part of u that the scatter does not show.

    The u of a share holds the priors of its fit too, which pull all spectra of a series the same way.
    """
    return np.asarray(np.hypot(of.shared, of.u * np.sqrt(max(1.0 - stretch, 0.0)) if of.known else 0.0))


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    """Return the sum of products, in the same order wherever the arrays lie in memory (a BLAS is free to change it)."""
    return float(np.sum(a * b))


def _slope_functional(of: Points) -> np.ndarray:
    """Return c (n,) such that the weighted slope is c @ y."""
    weight = of.u**-2
    centred = of.x - np.sum(weight * of.x) / weight.sum()
    return np.asarray(weight * centred / np.sum(weight * centred**2))


def _shared_slope(of: Points, functional: np.ndarray, value: float) -> float:
    """Return what a shared error does to the slope: it may move all points, or scale them."""
    size = np.mean(np.abs(of.y))
    scaled = abs(value) * float(np.mean(of.shared) / size) if size > 0 else 0.0
    return max(abs(_dot(functional, of.shared)), scaled)


def _chi2_constant(of: Points) -> float:
    weight = of.u**-2
    mean = np.sum(weight * of.y) / weight.sum()
    return float(np.sum(weight * (of.y - mean) ** 2))


def _chi2_line(of: Points) -> float:
    weight = of.u**-2
    centred = of.x - np.sum(weight * of.x) / weight.sum()
    change = _dot(_slope_functional(of), of.y)
    return max(_chi2_constant(of) - change**2 * float(np.sum(weight * centred**2)), 0.0)


def growth(x: np.ndarray, onset: np.ndarray, scale: np.ndarray, law: str = "exponential") -> np.ndarray:
    """Return zero up to the onset, then a growth of t = x - onset that begins with slope 1. Shapes broadcast.

    Parameters
    ----------
    scale : g; infinite for a straight line
    law : exponential, g (1 - exp(-t/g)), which bends upward for negative g; or linear-parabolic (Deal and Grove,
        J. Appl. Phys. 36, 3770, 1965), 2 g (sqrt(1 + t/g) - 1)
    """
    beyond = np.maximum(x - onset, 0.0)
    straight = np.isinf(scale)
    finite = np.where(straight, 1.0, scale)
    part = beyond / finite
    bent = -np.expm1(-part) if law == "exponential" else 2.0 * part / (np.sqrt(1.0 + part) + 1.0)
    return np.asarray(np.where(straight, beyond, finite * bent))


def _least(of: Points, onset: np.ndarray, scale: np.ndarray, law: str = "exponential") -> np.ndarray:
    """Return the least chi-square over level and rate with onset (m,) and scale (k, m) held, (k, m)."""
    weight = of.u**-2 / np.sum(of.u**-2)
    shape = growth(of.x, onset[:, None], scale[..., None], law)
    shape = shape - np.sum(shape * weight, axis=-1)[..., None]
    level = of.y - _dot(weight, of.y)
    size = np.sum(shape**2 * weight, axis=-1)
    along = np.sum(shape * (weight * level), axis=-1)
    total = np.sum(of.u**-2)
    gained = np.divide(along**2, size, out=np.zeros_like(size), where=size > 1e-24 * np.ptp(of.x) ** 2)
    return np.asarray(np.maximum(total * (_dot(weight, level**2) - gained), 0.0))


def profile(of: Points, onset: np.ndarray, bending: bool, rounds: int = 5) -> Profile:
    """Return the least chi-square over level, rate and (if `bending`) law and scale of growth for each onset (m,).

    Parameters
    ----------
    rounds : how often the grid of scales is made finer, by three each time
    """
    straight = _least(of, onset, np.full((1, onset.size), np.inf))
    if not bending:
        return Profile(onset, straight)
    bent = [_over_scales(of, onset, law, np.ptp(of.x) * scales, rounds) for law, scales in LAWS]
    return Profile(onset, np.minimum(straight, bent))


def _over_scales(of: Points, onset: np.ndarray, law: str, scales: np.ndarray, rounds: int) -> np.ndarray:
    tried = np.repeat(scales[:, None], onset.size, axis=1)
    best, columns = np.full(onset.size, np.inf), np.arange(onset.size)
    for _ in range(rounds):
        values = _least(of, onset, tried, law)
        place = values.argmin(axis=0)
        best = np.minimum(best, values[place, columns])
        lower = tried[np.maximum(place - 1, 0), columns]
        upper = tried[np.minimum(place + 1, len(tried) - 1), columns]
        tried = np.geomspace(lower, upper, 7)
    return best


def onset(of: Points, bending: bool = True) -> Onset:
    """Return the onset of a change along a series of at least `FEWEST` points.

    Parameters
    ----------
    bending : growth may slow down or speed up; how is then fitted along and widens the interval. Without it growth
        is a straight line
    """
    binned = _binned(of)
    found = _refined(binned, bending)
    free = 4 if bending else 3
    dof = max(binned.x.size - free, 1)
    reduced = float(found.chi2.min()) / dof
    stretch = _stretch(of, reduced, dof)
    level = special.chdtri(1, 1 - LEVEL) if stretch == 1.0 else stats.f.ppf(LEVEL, 1, dof)
    low, high = _interval(found, float(stretch * level))
    value = float(found.onset[found.best])
    shared = float(special.ndtri(0.5 + LEVEL / 2)) * _shared_onset(binned, _common(binned, stretch), value, bending)
    gain, without = _gain(binned, found, bending, stretch)
    start, end = float(of.x[0]), float(of.x[-1])
    low = value - float(np.hypot(value - low, shared)) if np.isfinite(low) else low
    high = value + float(np.hypot(high - value, shared)) if np.isfinite(high) else high
    low, high = (low if low > start else -np.inf), (high if high < end else np.inf)
    return Onset(value, low, high, gain, without, reduced)


def _shared_onset(of: Points, shared: np.ndarray, value: float, bending: bool) -> float:
    """Return how far the onset goes when all points move by their shared error (n,)."""
    if not shared.any():
        return 0.0
    moved = _refined(replace(of, y=of.y + shared), bending)
    return abs(float(moved.onset[moved.best]) - value)


def _binned(of: Points) -> Points:
    """Return weighted means of neighbours where there are very many points."""
    if of.x.size <= MANY:
        return of
    first = np.linspace(0, of.x.size, MANY + 1)[:-1].astype(np.intp)
    weight = of.u**-2
    total = np.add.reduceat(weight, first)
    x, y, shared = (np.add.reduceat(weight * v, first) / total for v in (of.x, of.y, of.shared))
    return Points(x, y, total**-0.5, shared, of.known)


def _refined(of: Points, bending: bool) -> Profile:
    """Return the profile on a grid over the whole series, then on one over the places that are possible."""
    coarse = profile(of, np.linspace(of.x[0], of.x[-1], GRID), bending, rounds=2)
    least = coarse.chi2.min()
    stretch = max(least / max(of.x.size - 4, 1), 0.5 if of.known else 0.0)
    possible = np.flatnonzero(coarse.chi2 <= least + 16.0 * stretch)
    first, last = max(possible[0] - 1, 0), min(possible[-1] + 1, GRID - 1)
    return profile(of, np.linspace(coarse.onset[first], coarse.onset[last], GRID), bending)


def _interval(found: Profile, height: float) -> tuple[float, float]:
    """Return the ends of the intervals of all laws that fit about as well as the best one, infinite where open."""
    least = found.by_law.min(axis=1)
    ends = np.array([_ends(found.onset, law, height) for law in found.by_law[least <= least.min() + height]])
    return float(ends[:, 0].min()), float(ends[:, 1].max())


def _ends(onset: np.ndarray, chi2: np.ndarray, height: float) -> tuple[float, float]:
    """Return the outermost places where a profile (m,) crosses its least plus a height; infinite where it does not."""
    above = chi2 - chi2.min() - height
    inside = np.flatnonzero(above <= 0)
    ends = []
    for place, outer in ((inside[0], inside[0] - 1), (inside[-1], inside[-1] + 1)):
        if not 0 <= outer < above.size:
            ends.append(np.inf if outer > place else -np.inf)
            continue
        share = above[outer] / (above[outer] - above[place])
        ends.append(float(onset[outer] + share * (onset[place] - onset[outer])))
    return ends[0], ends[1]


def _gain(of: Points, found: Profile, bending: bool, stretch: float) -> tuple[float, str]:
    cost = float(np.log(of.x.size))
    start = profile(of, of.x[:1], bending)
    plain = {
        "constant": _chi2_constant(of) / stretch + cost,
        "straight line": _chi2_line(of) / stretch + 2 * cost,
    }
    if bending:
        plain["bent from the start"] = float(start.chi2[0]) / stretch + 3 * cost
    broken = profile(of, found.onset, False).chi2.min() / stretch + 3 * cost
    bent = found.chi2.min() / stretch + (4 if bending else 3) * cost
    without = min(plain, key=lambda name: plain[name])
    return float(plain[without] - min(broken, bent)), without
