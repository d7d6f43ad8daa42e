"""The electron signal of a polished face: from interfaces to the image that a finite beam records.

Each image column is rendered on sub-rows with exact area coverage. Then come, as parameters that may be 0:

* edge contrast: a ridge shines and its foot lies in shadow where neighbours mill at different rates;
* intermixing below the cap (beam-rounded top edge): some cap material a few nm deep in the first layer;
* electrons landing in a light material reach a heavy neighbour: part of the signal is an average over a
  distance that belongs to the material they LAND in, so edges are asymmetric;
* the beam: a Gaussian core, different along x and y, and a wide tail; both by discrete convolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BLOCK = 256  # columns rendered at once: 4096 rows x 8 sub-rows x 256 columns are 67 MB
_FAR = 8.0  # edge contrast ends after so many of its widths


@dataclass(frozen=True)
class Beam:
    """The probe, in image px: core sigma along y and x, and a tail with `tail_share` of the current."""

    sigma_y: float
    sigma_x: float
    tail_share: float = 0.0
    tail_sigma: float = 0.0


@dataclass(frozen=True)
class Signal:
    """What each layer sends out; lengths in image px along y.

    Attributes
    ----------
    grey : (layer,) signal of the flat layer
    reach : (layer,) decay length of the average for electrons that land in the layer
    reach_share : part of the signal that is this average, 0 to 1
    relief : (interface, 2) relative change of the signal right above and right below the interface
    relief_width : decay length of that change
    mixing_share, mixing_depth : cap signal found right below the first interface, and its decay length
    """

    grey: Floats
    reach: Floats
    reach_share: float
    relief: Floats
    relief_width: float
    mixing_share: float
    mixing_depth: float


def render(interfaces: Floats, height: int, signal: Signal, beam: Beam, *, subrows: int) -> Floats:
    """Render a stack of layers as a finite beam sees it, without noise.

    Parameters
    ----------
    interfaces : (interface, x) row of each interface, px, sorted downwards; row r covers r - 0.5 to r + 0.5
    height : rows of the image
    subrows : sub-rows per image row, 1 to 16

    Returns
    -------
    (height, x) grey
    """
    width = interfaces.shape[1]
    core = np.empty((height, width))
    tail = np.empty((height, width)) if beam.tail_share > 0 else None
    for start in range(0, width, _BLOCK):
        part = slice(start, min(start + _BLOCK, width))
        columns = emitted(np.ascontiguousarray(interfaces[:, part].T), height, signal, subrows)
        core[:, part] = _binned(_blurred(columns, beam.sigma_y * subrows, axis=1), subrows).T
        if tail is not None:
            tail[:, part] = _blurred(_binned(columns, subrows), beam.tail_sigma, axis=1).T  # wide: whole rows do
    core = _blurred(core, beam.sigma_x, axis=1)
    if tail is None:
        return core
    core *= 1.0 - beam.tail_share
    core += beam.tail_share * _blurred(tail, beam.tail_sigma, axis=1)
    return core


def emitted(rows: Floats, height: int, signal: Signal, subrows: int) -> Floats:
    """Return the signal before the beam blurs it: (x, height * subrows) for interfaces `rows` (x, interface)."""
    profiles = np.zeros((rows.shape[0], height * subrows))
    edges = (rows + 0.5) * subrows
    _fill(profiles, edges, signal.grey, signal.relief, signal.relief_width * subrows)
    if signal.mixing_share > 0:
        _mix_cap(profiles, edges, signal.grey, signal.mixing_share, signal.mixing_depth * subrows)
    if signal.reach_share > 0:
        return np.asarray(_spread(profiles, edges, signal.reach * subrows, signal.reach_share))
    return profiles


def _blurred(image: Floats, sigma: float, *, axis: int) -> Floats:
    if sigma <= 0:
        return image
    half = int(np.ceil(4.5 * sigma))
    offsets = np.arange(-half, half + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    one = np.ones(1)
    across, down = (kernel, one) if axis == 1 else (one, kernel)
    return np.asarray(cv2.sepFilter2D(image, cv2.CV_64F, across, down, borderType=cv2.BORDER_REPLICATE))


def _binned(columns: Floats, subrows: int) -> Floats:
    return np.asarray(columns.reshape(columns.shape[0], -1, subrows).mean(axis=2))


@numba.njit(cache=True, nogil=True)
def _fill(profiles: Floats, edges: Floats, grey: Floats, relief: Floats, width: float) -> None:
    """Add each layer with the exact share of every sub-row, and the relief of its two edges."""
    columns, length = profiles.shape
    layers = grey.size
    reach = _FAR * width
    for c in range(columns):
        for m in range(layers):
            top = 0.0 if m == 0 else min(max(edges[c, m - 1], 0.0), length)
            bottom = float(length) if m == layers - 1 else min(max(edges[c, m], 0.0), length)
            if bottom <= top:
                continue
            for s in range(int(top), min(int(np.ceil(bottom)), length)):
                share = min(s + 1.0, bottom) - max(float(s), top)
                level = grey[m]
                if width > 0.0:
                    middle = 0.5 * (min(s + 1.0, bottom) + max(float(s), top))
                    if m > 0 and middle - edges[c, m - 1] < reach:
                        level += grey[m] * relief[m - 1, 1] * np.exp(-(middle - edges[c, m - 1]) / width)
                    if m < layers - 1 and edges[c, m] - middle < reach:
                        level += grey[m] * relief[m, 0] * np.exp(-(edges[c, m] - middle) / width)
                profiles[c, s] += level * share


@numba.njit(cache=True, nogil=True)
def _mix_cap(profiles: Floats, edges: Floats, grey: Floats, share: float, depth: float) -> None:
    """Mix cap material into the first layer, the less the deeper; it ends at the second interface."""
    columns, length = profiles.shape
    for c in range(columns):
        top = max(edges[c, 0], 0.0)
        end = min(length, top + _FAR * depth)
        if edges.shape[1] > 1:
            end = min(end, edges[c, 1])
        for s in range(int(np.ceil(top)), int(end)):
            profiles[c, s] += share * np.exp(-(s + 0.5 - top) / depth) * (grey[0] - grey[1])


@numba.njit(cache=True, nogil=True)
def _spread(profiles: Floats, edges: Floats, reach: Floats, share: float) -> Floats:
    """Replace `share` of the signal by its average over a two-sided exponential of the landing layer's reach."""
    columns, length = profiles.shape
    layers = reach.size
    out = profiles.copy()
    forward = np.empty(length)
    for c in range(columns):
        for m in range(layers):
            top = 0.0 if m == 0 else min(max(edges[c, m - 1], 0.0), length)
            bottom = float(length) if m == layers - 1 else min(max(edges[c, m], 0.0), length)
            first, last = int(top + 0.5), int(bottom + 0.5)  # a sub-row belongs to the layer of its middle
            if last <= first or reach[m] <= 0.0:
                continue
            margin = int(14.0 * reach[m]) + 1
            lowest, highest = max(first - margin, 0), min(last + margin, length)
            decay = np.exp(-1.0 / reach[m])
            state = profiles[c, lowest]
            for s in range(lowest, last):
                state = decay * state + (1.0 - decay) * profiles[c, s]
                forward[s] = state
            state = profiles[c, highest - 1]
            for s in range(highest - 1, first - 1, -1):
                state = decay * state + (1.0 - decay) * profiles[c, s]
                if s < last:
                    mean = (forward[s] + state - (1.0 - decay) * profiles[c, s]) / (1.0 + decay)
                    out[c, s] += share * (mean - profiles[c, s])
    return out
