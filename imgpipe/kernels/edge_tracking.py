"""Track the edges of layers through an image: slope, strips, links, then column by column.

Nothing is searched around a fixed row: 1.72 deg over 4096 columns is a run of 123 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.edge_band import follow_edge
from imgpipe.kernels.edge_identity import certain_interfaces
from imgpipe.kernels.edge_significance import significant
from imgpipe.kernels.ridge_linking import Ridge, link_ridges
from imgpipe.kernels.shear import dominant_slope, sheared_strips
from imgpipe.kernels.stack_matching import match_stack
from imgpipe.kernels.steps_in_profiles import response_noise, step_response

Floats = NDArray[np.float64]
MOST_EDGES = 12


@dataclass(frozen=True)
class Tracks:
    """Edges from top to bottom.

    position : (edge, x) y in pixels, NaN where the edge is lost or missing
    snr : (edge, x) step height over its noise
    polarity : (edge,) +1 where grey rises along y, -1 where it falls, 0 where the edge is missing
    slope : dy/dx of the layers, in pixels per pixel
    certain : (edge,) False where fewer edges than interfaces were found and this edge, or its absence, may belong
        to another interface
    """

    position: Floats
    snr: Floats
    polarity: NDArray[np.int64]
    slope: float
    certain: NDArray[np.bool_]

    def padded(self, least: int) -> Tracks:
        """Return tracks with at least `least` edges, the missing ones lost everywhere."""
        lacking = max(0, least - self.position.shape[0])
        columns = self.position.shape[1]
        lost = np.full((lacking, columns), np.nan), np.zeros((lacking, columns)), np.zeros(lacking, dtype=np.int64)
        old = self.position, self.snr, self.polarity
        position, snr, polarity = (np.concatenate(pair) for pair in zip(old, lost, strict=True))
        certain = np.concatenate([self.certain, np.ones(lacking, dtype=np.bool_)])
        return Tracks(position, snr, polarity, self.slope, certain)


def track_edges(
    image: NDArray[np.generic],
    expected: list[int] | None = None,
    *,
    sigma: float = 3.0,
    lateral: float = 2.0,
    least_contrast: float = 0.15,
) -> Tracks:
    """Find the edges of an image and follow them.

    Parameters
    ----------
    image : (y, x), finite grey values; at least 16 x 16
    expected : signs of the contrast at each interface (+1, -1, 0 unknown); None finds the number of edges itself
    sigma : of the derivative-of-Gaussian filter, in pixels
    lateral : sigma of the smoothing along each edge, in columns
    least_contrast : without `expected`, edges weaker than this fraction of the strongest are left out
    """
    slope = dominant_slope(image)
    width = int(np.clip(image.shape[1] // 128, 8, 32))
    profiles, centres = sheared_strips(image, slope, width)
    run = slope * (centres[1] - centres[0]) if centres.size > 1 else 0.0
    response = step_response(profiles, min(sigma, 2.0))
    linked = link_ridges(response, run, 1.0 + 0.2 * width, most=MOST_EDGES)
    ridges = significant(linked, response_noise(response))
    chosen = _strong(ridges, least_contrast) if expected is None else match_stack(ridges, expected)
    tracks = _follow_all(image, chosen, centres, slope, sigma, lateral)
    return tracks if expected is None else replace(tracks, certain=_certain(tracks, expected))


def _certain(tracks: Tracks, expected: list[int]) -> NDArray[np.bool_]:
    return certain_interfaces([int(sign) for sign in tracks.polarity], expected)


def _strong(ridges: list[Ridge], least: float) -> list[Ridge | None]:
    worth = [ridge.contrast * ridge.covered for ridge in ridges]
    kept = [ridge for ridge, value in zip(ridges, worth, strict=True) if value >= least * max(worth)]
    return [*sorted(kept, key=lambda ridge: ridge.level)]


def _follow_all(
    image: NDArray[np.generic], ridges: list[Ridge | None], centres: Floats, slope: float, sigma: float, lateral: float
) -> Tracks:
    columns = image.shape[1]
    position = np.full((len(ridges), columns), np.nan)
    snr = np.zeros((len(ridges), columns))
    for k, ridge in enumerate(ridges):
        if ridge is not None:
            course, half = edge_course(ridge.position, centres, columns, slope)
            position[k], snr[k] = follow_edge(image, course, ridge.polarity, half, sigma=sigma, lateral=lateral)
    polarity = np.array([0 if ridge is None else ridge.polarity for ridge in ridges], dtype=np.int64)
    return Tracks(position, snr, polarity, slope, np.ones(len(ridges), dtype=np.bool_))


def edge_course(position: Floats, centres: Floats, columns: int, slope: float) -> tuple[Floats, int]:
    """Return the expected y of an edge in each column, and the half height of the band to search.

    Parameters
    ----------
    position : (strip,) y in pixels, NaN where unknown
    centres : (strip,) x in pixels
    columns : number of columns
    slope : dy/dx beyond the first and last known strip
    """
    known = np.isfinite(position)
    x = np.arange(columns, dtype=np.float64)
    level = position[known] - slope * centres[known]
    course = np.interp(x, centres[known], level) + slope * x
    bend = np.abs(np.diff(level, 2)) if level.size > 2 else np.zeros(1)
    half = int(np.clip(np.ceil(8 + 2 * np.median(bend)), 8, 40))
    return course, half
