"""Windows around lines, as eXSpy places them, and what stands in them besides the line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from imgpipe.kernels.spectrum_model_maps import Windows
from imgpipe.steps.edxs.intensities_lines import Row
from imgpipe.xrays.lines import Line
from imgpipe.xrays.overlaps import WEAKEST, known_pairs
from imgpipe.xrays.resolution import fwhm

BESIDE = 1.0
"""Width in FWHM of each of the two windows beside a line."""


def limits(line: Line, width: float, resolution: float) -> tuple[float, float]:
    """Return the window of a line in eV: `width` times its FWHM, the line in the middle."""
    half = 0.5 * width * float(fwhm(line.energy, resolution))
    return line.energy - half, line.energy + half


def channel_of(energy: np.ndarray, value: float) -> int:
    """Return the channel whose centre is nearest to an energy (eV); halves go down, ends are not left.

    A window from a to b holds the channels from `channel_of(a)` up to, and without, `channel_of(b)`: eXSpy's sums.
    """
    step = (energy[-1] - energy[0]) / (energy.size - 1)
    place = np.trunc((value - energy[0]) / step * 1e9) / 1e9
    return int(np.clip(np.ceil(place - 0.5), 0, energy.size))


def place_windows(
    energy: np.ndarray, rows: Sequence[Row], width: float, resolution: float, beside: tuple[float, float] | None
) -> Windows:
    """Return the channels of all windows.

    Parameters
    ----------
    energy : (K,) eV
    width : of the window, in FWHM of the line
    beside : distance in FWHM from the line at which the left and the right background window begin; none for no
        background
    """
    inside = np.array([_inside(energy, row, width, resolution) for row in rows], dtype=np.int64)
    pairs = [_beside(energy, row, beside, resolution) for row in rows]
    left = np.array([one[0] for one in pairs], dtype=np.int64)
    right = np.array([one[1] for one in pairs], dtype=np.int64)
    whole = (left[:, 0] < left[:, 1]) & (right[:, 0] < right[:, 1]) if beside else np.ones(len(rows), dtype=bool)
    return Windows(inside, left, right, whole & (inside[:, 0] >= 0))


def _inside(energy: np.ndarray, row: Row, width: float, resolution: float) -> tuple[int, int]:
    if row.line is None:
        return -1, -1
    low, high = limits(row.line, width, resolution)
    return channel_of(energy, low), channel_of(energy, high)


def _beside(
    energy: np.ndarray, row: Row, beside: tuple[float, float] | None, resolution: float
) -> tuple[tuple[int, int], tuple[int, int]]:
    if row.line is None or beside is None:
        return (0, 0), (0, 0)
    ends = background_limits(row.line, beside, resolution)
    if ends[0][0] < energy[0] or ends[1][1] > energy[-1]:
        return (0, 0), (0, 0)
    (a, b), (c, d) = ends
    return (channel_of(energy, a), channel_of(energy, b)), (channel_of(energy, c), channel_of(energy, d))


def background_limits(
    line: Line, beside: tuple[float, float], resolution: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the two background windows of a line in eV; they begin `beside` FWHM from it and are 1 FWHM wide."""
    width = float(fwhm(line.energy, resolution))
    left, right = line.energy - beside[0] * width, line.energy + beside[1] * width
    return (left - BESIDE * width, left), (right, right + BESIDE * width)


def intruders(
    row: Row,
    present: Sequence[Line],
    shares: Mapping[Line, float],
    width: float,
    resolution: float,
    beside: tuple[float, float] | None,
) -> list[str]:
    """Return the lines of other elements that make the windows of a row invalid.

    A line intrudes when it stands in the window or in one beside it, half its FWHM included, or forms a known pair with
    the line; lines that the sum spectrum does not show (`shares` below 1 % of the row's counts) don't.

    Parameters
    ----------
    shares : counts of each line in the sum spectrum over the counts in the row's window
    """
    if row.line is None:
        return []
    windows = [
        limits(row.line, width, resolution),
        *(background_limits(row.line, beside, resolution) if beside else ()),
    ]
    found = []
    for other in present:
        if other.element == row.element or shares.get(other, 0.0) < LEAST_SHARE:
            continue
        half = 0.5 * float(fwhm(other.energy, resolution))
        near = any(low - half < other.energy < high + half for low, high in windows)
        if frozenset((row.line.label, other.label)) in known_pairs() or (near and other.weight >= WEAKEST):
            found.append(other.label)
    return found


LEAST_SHARE = 0.01
"""Counts of a line over the counts in a window below which it does not spoil the window."""
