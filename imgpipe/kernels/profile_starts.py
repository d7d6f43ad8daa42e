"""Find n interfaces in profiles of one or more elements at once, as a start for a fit.

Blurred edges of some widths at many places are a dictionary; the n of them that together explain most of all
elements' profiles are sought by adding the best one and then exchanging each for a better one until none is. Counts
are first turned into values of equal variance (F. J. Anscombe, Biometrika 35 (1948) 246), so the dictionary's inner
products are the same for all profiles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import ndtr

from imgpipe.kernels.fit.elementary import CORE

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
PLACES = 80
"""Most places of edges."""
WIDTHS = (0.7, 2.0, 5.0, 12.0, 30.0)
"""Widths of edges, in steps of the profile."""
WIDEST = 1 / 8
"""Widest edge of the dictionary, as a fraction of the profile."""
SWEEPS = 6
NOTICED, RELATIVE = 20.0, 0.01
"""An interface is counted when it explains this much: of squares of the noise, and of all that varies."""


@dataclass(frozen=True)
class Dictionary:
    """Blurred edges.

    position, width : (a,), in units of x
    edge : (a, n) less their mean; gram : (a, a) inner products
    """

    position: Floats
    width: Floats
    edge: Floats
    gram: Floats


def edge_dictionary(x: Floats) -> Dictionary:
    """Return the edges that are tried for profiles on x (n,)."""
    step = float(np.median(np.diff(x)))
    span = float(x[-1] - x[0])
    places = np.interp(np.linspace(0.5, x.size - 1.5, min(PLACES, x.size - 1)), np.arange(x.size), x)
    widths = np.array([w * step for w in WIDTHS if w * step <= max(WIDEST * span, WIDTHS[0] * step)])
    position, width = (a.ravel() for a in np.meshgrid(places, widths, indexing="ij"))
    edge = ndtr((x - position[:, None]) / width[:, None])
    edge = np.ascontiguousarray(edge - edge.mean(axis=1, keepdims=True))
    return Dictionary(position, width, edge, np.ascontiguousarray(edge @ edge.T))


def equal_variance(y: Floats, noise: str, variance: Floats | None) -> Floats:
    """Return profiles (b, m, n) in units of their noise; equal weights where it is unknown."""
    if noise == "poisson":
        return np.asarray(2.0 * np.sqrt(np.clip(np.nan_to_num(y), 0.0, None) + 0.375))
    if variance is None:
        return np.asarray(np.nan_to_num(y))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.nanmean(np.where(np.isfinite(variance), variance, np.nan), axis=-1, keepdims=True)
        return np.asarray(np.nan_to_num(y / np.sqrt(mean)))


def find_interfaces(x: Floats, values: Floats, count: int) -> tuple[Floats, Floats, Floats]:
    """Return the rising positions and the widths (b, count) of the best edges, and what each number explains.

    Parameters
    ----------
    x : (n,)
    values : (b, m, n) of equal variance
    count : number of interfaces

    Returns
    -------
    position, width : (b, count)
    explained : (b, count) squares explained by the first 1, 2 ... edges
    """
    words = edge_dictionary(x)
    projected = np.ascontiguousarray((values - values.mean(axis=-1, keepdims=True)) @ words.edge.T)
    apart = 1.5 * float(np.median(np.diff(x)))
    chosen, explained = choose_edges(projected, words.gram, words.position, apart, count)
    order = np.argsort(words.position[chosen], axis=1)
    chosen = np.take_along_axis(chosen, order, axis=1)
    return words.position[chosen], words.width[chosen], explained


@njit(**CORE)
def orthogonalise(projected, gram, index, factor, inner):  # type: ignore[no-untyped-def]
    """Fill the Cholesky factor of the Gram matrix of the edges `index`, and their share of the profiles."""
    for i in range(index.size):
        for j in range(i + 1):
            total = gram[index[i], index[j]]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            factor[i, j] = np.sqrt(max(total, 1e-12)) if i == j else total / factor[j, j]
        for e in range(projected.shape[0]):
            total = projected[e, index[i]]
            for k in range(i):
                total -= factor[i, k] * inner[k, e]
            inner[i, e] = total / factor[i, i]


@njit(**CORE)
def search(projected, gram, free, index, factor, inner, along):  # type: ignore[no-untyped-def]
    """Return the edge that explains most beside those of `index`, -1 if none, and how much it does.

    One that hardly differs from the others explains nothing.
    """
    best, most = -1, 0.0
    for c in range(free.size):
        if not free[c]:
            continue
        left = gram[c, c]
        for i in range(index.size):
            total = gram[index[i], c]
            for k in range(i):
                total -= factor[i, k] * along[k]
            along[i] = total / factor[i, i]
            left -= along[i] * along[i]
        gain = 0.0
        for e in range(projected.shape[0]):
            total = projected[e, c]
            for i in range(index.size):
                total -= along[i] * inner[i, e]
            gain += total * total
        if gain > most * left and left > 1e-4 * gram[c, c]:
            best, most = c, gain / left
    return best, most


@njit(cache=True, nogil=True)
def best_edge(projected, gram, position, apart, others):  # type: ignore[no-untyped-def]
    """Return the edge that explains most beside `others`, and how much all explain.

    projected : (m, a); others : (count,) edges in use, -1 where none
    """
    index = others[others >= 0]
    factor, inner = np.zeros((index.size, index.size)), np.zeros((index.size, projected.shape[0]))
    orthogonalise(projected, gram, index, factor, inner)
    free = np.ones(position.size, np.bool_)
    for i in range(index.size):
        free &= np.abs(position - position[index[i]]) > apart
    best, most = search(projected, gram, free, index, factor, inner, np.zeros(index.size))
    return best, np.sum(inner * inner) + most


@njit(cache=True, nogil=True)
def choose_edges(projected, gram, position, apart, count):  # type: ignore[no-untyped-def]
    """Return the numbers of `count` edges for each profile (b, count), and what 1, 2 ... of them explain."""
    b = projected.shape[0]
    chosen = np.zeros((b, count), np.int64)
    explained = np.zeros((b, count))
    for i in range(b):
        now = np.full(count, -1)
        for n in range(count):
            now[n], explained[i, n] = best_edge(projected[i], gram, position, apart, now)
            for _ in range(SWEEPS if n > 0 else 0):
                changed = False
                for k in range(n + 1):
                    before = now[k]
                    now[k] = -1
                    now[k], value = best_edge(projected[i], gram, position, apart, now)
                    if value <= explained[i, n] * (1.0 + 1e-9) or now[k] < 0:
                        now[k] = before
                    elif now[k] != before:
                        explained[i, n] = value
                        changed = True
                if not changed:
                    break
        for n in range(count):
            chosen[i, n] = max(now[n], 0)
    return chosen, explained


def count_interfaces(x: Floats, values: Floats, most: int = 6) -> int:
    """Return how many interfaces the profiles of all scans show, at least 1.

    Parameters
    ----------
    x : (n,)
    values : (b, m, n) of variance 1
    most : largest number
    """
    total = np.sum((values - values.mean(axis=-1, keepdims=True)) ** 2, axis=(1, 2))
    _, _, explained = find_interfaces(x, values, min(most, max(1, x.size // 4)))
    gain = np.diff(explained, axis=1, prepend=0.0)
    threshold = np.maximum(NOTICED + 4.0 * values.shape[1], RELATIVE * total)[:, None]
    return max(1, int(np.cumprod(gain > threshold, axis=1).sum(axis=1).max()))
