"""Line intensities of many spectra at once: one pass over the counts, then small problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imgpipe.kernels.spectrum_model_fit import Estimator

Floats = NDArray[np.float64]
QUANTITIES = ("intensity", "u_intensity", "gross", "background")
"""Order in which `by_model` and `by_windows` return them."""
SPECTRA_AT_ONCE = 4096
WORD = 8
"""Bytes that are looked at together."""


@dataclass(frozen=True)
class Windows:
    """Channels of each row's window, and of the two beside it: (rows, 2) first and last, last exclusive.

    `left` and `right` are empty (first = last) where no background is subtracted; `valid` is False where the windows
    hold other lines or leave the spectrum.
    """

    inside: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    valid: NDArray[np.bool_]

    def matrix(self, which: str, channels: int) -> Floats:
        """Return 1 in the channels of each row's window and 0 elsewhere, (channels, rows)."""
        limits = getattr(self, which)
        place = np.arange(channels)[:, None]
        held = (place >= limits[:, 0]) & (place < limits[:, 1])
        return np.asarray(held, dtype=np.float64)


@dataclass(frozen=True)
class ModelPlan:
    """What `by_model` needs: the estimator, its channels, and which of its columns each row reads (-1: none).

    `pairs` (p, p, p): what one photon of each of two shapes adds to the right-hand sides, times the share of sum peaks
    among the counts; a pair comes once in as many photons as a spectrum has. None: no sum peaks.
    """

    estimator: Estimator
    first: int
    last: int
    columns: NDArray[np.int64]
    lines: int
    windows: Windows
    dispersion: float = 1.0
    pairs: Floats | None = None


def by_model(counts: NDArray[np.generic], plan: ModelPlan) -> Floats:
    """Return the `QUANTITIES` of every spectrum by the linear model, (4, rows, n).

    Parameters
    ----------
    counts : (n, K)
    plan : as fitted to the sum spectrum
    """
    n, channels = counts.shape
    inside = plan.windows.matrix("inside", channels)
    wanted = np.zeros((channels, plan.estimator.design.shape[1] + inside.shape[1]))
    p = plan.estimator.design.shape[1]
    wanted[plan.first : plan.last, :p] = plan.estimator.weighted
    wanted[:, p:] = inside
    background = plan.estimator.design[:, plan.lines :].T @ inside[plan.first : plan.last]
    result = np.full((4, plan.columns.size, n), np.nan)
    seen = plan.columns >= 0
    for start in range(0, n, SPECTRA_AT_ONCE):
        part = slice(start, start + SPECTRA_AT_ONCE)
        sums = project(counts[part], wanted)
        amplitudes = _amplitudes(plan, sums[:, :p])
        variances = plan.estimator.variances(amplitudes) * plan.dispersion
        result[0, seen, part] = amplitudes[:, plan.columns[seen]].T
        result[1, seen, part] = np.sqrt(variances[:, plan.columns[seen]]).T
        result[2, seen, part] = sums[:, p:].T[seen]
        result[3, seen, part] = (amplitudes[:, plan.lines :] @ background).T[seen]
    return result


def _amplitudes(plan: ModelPlan, right: Floats) -> Floats:
    """Return amplitudes (n, p), what sum peaks add taken away: it follows from the amplitudes that ignore it."""
    found = plan.estimator.amplitudes(right)
    if plan.pairs is None:
        return found
    photons = np.maximum(found.sum(axis=1, keepdims=True), 1.0)
    p = found.shape[1]
    added = np.einsum("nj,njq->nq", found, (found @ plan.pairs.reshape(p, -1)).reshape(-1, p, p))
    return plan.estimator.amplitudes(right - added / photons)


def by_windows(counts: NDArray[np.generic], windows: Windows) -> Floats:
    """Return the `QUANTITIES` of every spectrum by sums in windows, (4, rows, n).

    The background is the mean count per channel of both windows beside the line, times the channels of its own; rows
    whose windows are not valid have no intensity.

    Parameters
    ----------
    counts : (n, K)
    """
    channels = counts.shape[1]
    stacked = np.hstack([windows.matrix(which, channels) for which in ("inside", "left", "right")])
    gross, left, right = np.split(project(counts, stacked).T, 3)
    wide = np.diff(windows.inside)
    beside = np.diff(windows.left) + np.diff(windows.right)
    ratio = np.where(beside > 0, wide / np.maximum(beside, 1), 0.0)
    background = ratio * (left + right)
    intensity = np.maximum(gross - background, 0.0)
    u = np.sqrt(gross + ratio * background + 0.5)
    result = np.stack([intensity, u, gross, background])
    result[:2, ~windows.valid] = np.nan
    result[3, ~windows.valid] = np.nan
    result[:, windows.inside[:, 0] < 0] = np.nan
    return result


def project(counts: NDArray[np.generic], matrix: Floats) -> Floats:
    """Return counts (n, K) @ matrix (K, q), (n, q), in the time it takes to read them where most are 0."""
    result = np.zeros((counts.shape[0], matrix.shape[1]))
    used = _used(matrix)
    values = np.ascontiguousarray(counts[:, used])
    whole = values.dtype.kind in "ui" and values.shape[1] * values.dtype.itemsize % WORD == 0
    words = values.view(np.uint64) if whole else values
    _project(words, values, np.ascontiguousarray(matrix[used]), result)
    return result


def _used(matrix: Floats) -> slice:
    """Return the channels between the first and the last that count, in steps of whole words."""
    rows = np.flatnonzero(matrix.any(axis=1))
    if rows.size == 0:
        return slice(0, 0)
    return slice(int(rows[0]) // WORD * WORD, min(matrix.shape[0], (int(rows[-1]) // WORD + 1) * WORD))


def total(counts: NDArray[np.generic], axes: Sequence[int]) -> Floats:
    """Return the sum over some axes as 64-bit numbers."""
    return np.asarray(counts.sum(axis=tuple(axes), dtype=np.float64))


@njit(cache=True, nogil=True)
def _project(words, counts, matrix, result):  # type: ignore[no-untyped-def]
    """Look at several channels at once (one word), and at each of them only where the word is not 0."""
    each = counts.shape[1] // max(words.shape[1], 1)
    for n in range(counts.shape[0]):
        for w in range(words.shape[1]):
            if words[n, w] == 0:
                continue
            for k in range(w * each, (w + 1) * each):
                value = np.float64(counts[n, k])
                if value != 0.0:
                    for q in range(matrix.shape[1]):
                        result[n, q] += value * matrix[k, q]


def warm_up() -> None:
    """Compile what maps need, for the integers that detectors write."""
    from imgpipe.kernels.nonnegative import nonnegative

    for dtype in (np.uint8, np.uint16, np.uint32, np.float64):
        project(np.ones((1, 8), dtype), np.ones((8, 1)))
        project(np.ones((1, 1), dtype), np.ones((1, 1)))
    nonnegative(np.eye(1), np.ones((1, 1)))
