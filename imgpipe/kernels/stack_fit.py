"""Fit all edges of an image: noise, edge shapes, thin layers, then every column.

Edges nearer than two windows are fitted jointly; a thick layer between them separates groups, so that
slow brightness changes inside it don't matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.column_fit import REACH, GroupFit, fit_group
from imgpipe.kernels.edge_shape import EdgeShape, edge_shape
from imgpipe.kernels.fit_agreement import box_fits_trace, off_trace
from imgpipe.kernels.image_noise import correlation_factor, noise_correlation, noise_variance
from imgpipe.kernels.pooled_profiles import neighbour_course, pool_columns
from imgpipe.kernels.thin_layer import ThinLayer, thin_layer

Floats = NDArray[np.float64]
HALF = 16.0
"""Reach of a window beyond the outermost edge of a group, pixels."""
FIRST_WIDTH = 1.5
FIRST_COLUMNS = 1024
"""Columns of the first look."""
CLOSE = 11.0
"""Edges traced nearer than this, in pixels, may belong to a layer below the edge width."""
CLOSE_WIDTHS = 5.0
"""Or nearer than so many of their fitted sigmas."""
WIDTH_FREEDOM = 0.1
"""Spread of the width of an edge from column to column about that of the pooled profile, relative."""
OUTLIER = 8.0
UNSURE = 6.0
"""A column whose edge is this many times less certain than usual says nothing."""
LEVEL_SPREAD = (0.003, 0.1)
"""Least and most spread of the level of a close layer from column to column (curtains), relative."""


@dataclass(frozen=True)
class StackFit:
    """All n edges of an image in nx columns, pixels; NaN where an edge is lost.

    position : (n, nx) y of the edges by the symmetric model
    variance : (n, nx) of the position, pixels squared
    covariance : (n, nx) with the next edge; 0 where they were fitted apart, NaN in the last row
    width : (n, nx) Gaussian sigma
    level : (n + 1, nx) plateau levels, counts (below the last edge of a group: the level found there)
    shapes : (n,) what the pooled profiles say
    thin : layer number (0 between the first two edges) -> its description, for layers below the limit
    noise : a, b of the variance a + b * level, counts
    common : (n,) u of the position that all columns share and `variance` leaves out: beside a thin layer, how far
        the least credible blur would move the edge; 0 elsewhere
    step : (n, nx) level below less level above each edge, counts
    off : (n,) fraction of the fitted columns that were lost because they left the trace or turned the contrast
    """

    position: Floats
    variance: Floats
    covariance: Floats
    width: Floats
    level: Floats
    shapes: tuple[EdgeShape, ...]
    thin: dict[int, ThinLayer] = field(default_factory=dict)
    noise: tuple[float, float] = (1.0, 0.0)
    common: Floats = field(default_factory=lambda: np.zeros(0))
    step: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    off: Floats = field(default_factory=lambda: np.zeros(0))


def fit_stack(
    image: NDArray[np.generic],
    traced: Floats,
    *,
    known_level: dict[int, float] | None = None,
    thin_limit: float = 2.5,
    reach: Floats | None = None,
    half: float = HALF,
    polarity: NDArray[np.int64] | None = None,
    certain: NDArray[np.bool_] | None = None,
) -> StackFit:
    """Fit the edges of an image, starting from traced positions.

    Parameters
    ----------
    image : (y, x) finite grey values
    traced : (edge, x) y in pixels, top to bottom, NaN where lost
    known_level : layer number -> plateau level in counts, for thin layers whose contrast is known
    thin_limit : a layer below this many edge sigmas is thin
    reach : (edge,) largest departure from the traced position, pixels
    half : reach of the windows, pixels
    polarity : (edge,) sign of each traced step; a column that fits the other sign is lost. 0 or None: not judged
    certain : (edge,) False where the edge may belong to another interface: no thin layer is sought beside it
    """
    signs = np.zeros(traced.shape[0], dtype=np.int64) if polarity is None else polarity
    noise = noise_variance(image, traced, half)
    first, curtains = _first_look(image, traced, noise, half)
    known = known_level or {}
    guess = np.where(np.isfinite(first), first, FIRST_WIDTH)
    alone = [_pooled_shape(image, traced, k, guess, half) for k in range(traced.shape[0])]
    close = {
        k: layer
        for k, layer in _close_layers(image, traced, first, alone, noise, half).items()
        if (certain is None or certain[k : k + 2].all())
        and box_fits_trace(layer, traced[k : k + 2], _course(traced, k), signs[k : k + 2], thin_limit)
    }
    thin = {k: layer for k, layer in close.items() if layer.below(thin_limit)}
    pooled = np.array([shape.width for shape in alone])
    start, width, freedom = _starts(traced, np.where(np.isfinite(pooled), pooled, guess), close)
    level = np.full(traced.shape[0] + 1, np.nan)
    spread = np.zeros(level.size)
    for k, found in close.items():
        level[k + 1] = known.get(k, found.level)
        spread[k + 1] = 0.0 if k in thin else curtains * abs(found.level)
    limits = np.full(traced.shape[0], REACH) if reach is None else reach
    fitted = fit_groups(
        image, start, width, noise, level=level, spread=spread, freedom=freedom, reach=limits, half=half,
        correlation=noise_correlation(image, traced, half),
    )  # fmt: skip
    fitted = _on_trace(fitted, off_trace(fitted.position, fitted.step, start, signs, limits))
    edges = range(traced.shape[0])
    courses = np.array([neighbour_course(row) for row in fitted.position]).reshape(fitted.position.shape)
    shapes = tuple(_shape(image, courses, k, width, close, thin_limit, known, half) for k in edges)
    return replace(fitted, shapes=shapes, thin=thin, noise=noise, common=_common(thin, known, traced.shape[0]))


def _on_trace(fit: StackFit, off: NDArray[np.bool_]) -> StackFit:
    """Lose the columns (edge, x) that are off the trace."""
    known = np.isfinite(fit.position).sum(axis=1)
    position, variance = (np.where(off, np.nan, values) for values in (fit.position, fit.variance))
    return replace(fit, position=position, variance=variance, off=off.sum(axis=1) / np.maximum(known, 1))


def _common(thin: dict[int, ThinLayer], known: dict[int, float], edges: int) -> Floats:
    """Return what the blur leaves open of each edge beside a thin layer, pixels; a known contrast settles it."""
    common = np.zeros(edges)
    for k, layer in thin.items():
        if k not in known:
            common[k] = max(common[k], abs(layer.shift_upper))
            common[k + 1] = max(common[k + 1], abs(layer.shift_lower))
    return common


def refit_stack(image: NDArray[np.generic], fit: StackFit, half: float = HALF) -> Floats:
    """Return the positions (edge, x) that the same fit finds in another version of the image (curtains put back)."""
    edges = fit.position.shape[0]
    width = np.array([shape.width if np.isfinite(shape.width) else FIRST_WIDTH for shape in fit.shapes])
    level, freedom = np.full(edges + 1, np.nan), np.full(edges, WIDTH_FREEDOM)
    for k, layer in fit.thin.items():
        level[k + 1], freedom[k : k + 2] = layer.level, 0.0
    reach, noise = np.full(edges, REACH), noise_variance(image, fit.position, half)
    fixed = np.zeros(edges + 1)
    again = fit_groups(
        image, fit.position, width, noise, level=level, spread=fixed, freedom=freedom, reach=reach, half=half
    )
    return again.position


def groups_of(position: Floats, half: float) -> list[list[int]]:
    """Return runs of neighbouring edges whose windows overlap (10 % of columns nearer than two windows)."""
    groups = [[0]] if position.shape[0] else []
    for k in range(1, position.shape[0]):
        gap = position[k] - position[k - 1]
        known = gap[np.isfinite(gap)]
        if known.size and np.percentile(known, 10) < 2 * half:
            groups[-1].append(k)
        else:
            groups.append([k])
    return groups


def fit_groups(
    image: NDArray[np.generic],
    start: Floats,
    width: Floats,
    noise: tuple[float, float],
    *,
    level: Floats,
    spread: Floats,
    freedom: Floats,
    reach: Floats,
    half: float,
    correlation: Floats | None = None,
) -> StackFit:
    """Fit each group of edges in every column; outlying columns become NaN. Shapes are left empty.

    `correlation` of the noise from row to row raises the variances; the other arguments are those of `fit_group`.
    """
    edges, columns = start.shape
    position, width_found = np.full((edges, columns), np.nan), np.full((edges, columns), np.nan)
    variance, covariance = np.full((edges, columns), np.nan), np.zeros((edges, columns))
    levels, step = np.full((edges + 1, columns), np.nan), np.full((edges, columns), np.nan)
    for group in groups_of(start, half):
        rows = _row_limits(start, group, image.shape[0])
        part = slice(group[0], group[-1] + 1)
        fit = fit_group(
            image, start[part], width[part], level=level[group[0] : group[-1] + 2],
            level_spread=spread[group[0] : group[-1] + 2], variance=noise, half=half,
            rows=rows, reach=reach[part], width_freedom=freedom[part],
        )  # fmt: skip
        good = _sound_columns(fit)
        scale = max(1.0, float(np.median(fit.chi2[good]))) if good.any() else 1.0
        factor = np.ones(len(group)) if correlation is None else correlation_factor(correlation, width[part])
        position[part] = np.where(good, fit.position, np.nan)
        width_found[part] = np.where(good, fit.width, np.nan)
        levels[group[0] : group[-1] + 2] = np.where(good, fit.level, np.nan)
        step[part] = np.where(good, np.diff(fit.level, axis=0), np.nan)
        for i, k in enumerate(group):
            variance[k] = np.where(good, fit.covariance[i, i] * scale * factor[i], np.nan)
            if i + 1 < len(group):
                covariance[k] = np.where(good, fit.covariance[i, i + 1] * scale * factor[i : i + 2].min(), np.nan)
    if edges:
        covariance[-1] = np.nan
    return StackFit(position, variance, covariance, width_found, levels, (), step=step)


def _sound_columns(fit: GroupFit) -> NDArray[np.bool_]:
    """Columns that were fitted, without those whose misfit lies far outside (frost, dirt)."""
    known = np.isfinite(fit.chi2)
    if not known.any():
        return known
    for k in range(fit.position.shape[0]):
        u2 = fit.covariance[k, k]
        known &= ~(u2 > UNSURE**2 * _median(u2))
    middle = float(np.median(fit.chi2[known]))
    spread = 1.4826 * float(np.median(np.abs(fit.chi2[known] - middle)))
    return known & (np.nan_to_num(fit.chi2, nan=np.inf) <= middle + OUTLIER * max(spread, 0.05 * middle))


def _row_limits(start: Floats, group: list[int], height: int) -> tuple[Floats, Floats]:
    """Rows a group may use: up to the middle of the layers that part it from its neighbours."""
    columns = start.shape[1]
    top, bottom = np.zeros(columns), np.full(columns, height - 1.0)
    if group[0] > 0:
        top = np.fmax(top, np.nan_to_num((start[group[0] - 1] + start[group[0]]) / 2, nan=0.0))
    if group[-1] + 1 < start.shape[0]:
        middle = (start[group[-1]] + start[group[-1] + 1]) / 2
        bottom = np.fmin(bottom, np.nan_to_num(middle, nan=height - 1.0))
    return top, bottom


def _first_look(
    image: NDArray[np.generic], traced: Floats, noise: tuple[float, float], half: float
) -> tuple[Floats, float]:
    """Return what a sample of columns says: median width of each edge (pixels, NaN where unknown), and curtains.

    Curtains are the spread of the plateaus above and below each group from column to column, relative, without the
    noise of a plateau of `half` rows: the median of the plateaus, as the cap has less and grains have more.
    """
    columns = np.arange(0, traced.shape[1], max(1, traced.shape[1] // FIRST_COLUMNS))
    sample = np.ascontiguousarray(image[:, columns])
    edges = traced.shape[0]
    guess, free = np.full(edges, FIRST_WIDTH), np.full(edges, 1.0)
    level, reach = np.full(edges + 1, np.nan), np.full(edges, REACH)
    fit = fit_groups(
        sample, traced[:, columns], guess, noise, level=level, spread=level, freedom=free, reach=reach, half=half
    )
    outer = [level for group in groups_of(traced, half) for level in (group[0], group[-1] + 1)]
    spreads = np.array([_relative_spread(fit.level[level], noise, half) for level in outer])
    curtains = _median(spreads) if np.isfinite(spreads).any() else LEVEL_SPREAD[1]
    widths = np.array([_median(row) for row in fit.width])
    return widths, float(np.clip(curtains, *LEVEL_SPREAD))


def _relative_spread(level: Floats, noise: tuple[float, float], half: float) -> float:
    middle = _median(level)
    spread = 1.4826 * _median(np.abs(level - middle))
    expected = (noise[0] + noise[1] * middle) / max(half - 4.0, 1.0)
    return float(np.sqrt(max(spread**2 - expected, 0.0)) / abs(middle)) if middle else float("nan")


def _close_layers(
    image: NDArray[np.generic],
    traced: Floats,
    width: Floats,
    alone: list[EdgeShape],
    noise: tuple[float, float],
    half: float,
) -> dict[int, ThinLayer]:
    """Describe layers whose two edges blur into each other, by the pooled profile along the better edge.

    These are layers traced thinner than `CLOSE`, and layers of which only one edge could be traced.
    """
    gaps = [_median(traced[k + 1] - traced[k]) for k in range(traced.shape[0] - 1)]
    seen = np.isfinite(traced).mean(axis=1)
    near = [max(CLOSE, CLOSE_WIDTHS * float(np.nan_to_num(width[k : k + 2]).max())) for k in range(len(gaps))]
    close = [k for k, gap in enumerate(gaps) if gap < near[k] or (min(seen[k : k + 2]) < 0.5 and not gap >= near[k])]
    apart = [k for k in range(traced.shape[0]) if k not in close and k - 1 not in close]
    cores = [alone[k].core_width for k in apart if np.isfinite(alone[k].core_width)]
    sigma = min(cores, default=None)
    found = {}
    for k in close:
        course = _course(traced, k)
        if not np.isfinite(course).any():
            continue
        above, below = half, half + CLOSE
        if k > 0 and np.isfinite(gaps[k - 1]):
            above = min(half, 0.5 * gaps[k - 1])
        if k + 1 < len(gaps) and np.isfinite(gaps[k + 1]):
            below = min(below, 0.5 * gaps[k + 1] + CLOSE)
        pooled = pool_columns(image, course, above, below, 1)
        layer = thin_layer(pooled[0][0], pooled[1][0], pooled[2][0], sigma, noise)
        if layer is not None and layer.significant:
            found[k] = layer
    return found


def _course(traced: Floats, k: int) -> Floats:
    """Course for pooling a close pair: that of the edge seen in more columns, or else the smoother one."""
    pair = traced[k], traced[k + 1]
    seen = [float(np.isfinite(row).mean()) for row in pair]
    rough = [_median(np.abs(np.diff(row))) for row in pair]
    second = seen[1] > seen[0] + 0.1 or (abs(seen[1] - seen[0]) <= 0.1 and rough[1] < rough[0])
    return np.asarray(pair[1] if second else pair[0])


def _starts(traced: Floats, first: Floats, close: dict[int, ThinLayer]) -> tuple[Floats, Floats, Floats]:
    """Start positions, widths and their freedom; close edges start where the pooled box stands."""
    start, freedom = traced.copy(), np.full(traced.shape[0], WIDTH_FREEDOM)
    width = first.copy()
    for k, layer in close.items():
        course = _course(traced, k)
        start[k], start[k + 1] = course + layer.upper, course + layer.lower
        width[k : k + 2], freedom[k : k + 2] = layer.sigma, 0.0
    return start, width, freedom


def _shape(
    image: NDArray[np.generic], courses: Floats, k: int, width: Floats, close: dict[int, ThinLayer], limit: float,
    known: dict[int, float], half: float,
) -> EdgeShape:  # fmt: skip
    """Shape of edge k: from its own pooled profile, or, beside a close layer, from the two blurs tried there."""
    beside = next((j for j in (k, k - 1) if j in close), None)
    if beside is None:
        return _pooled_shape(image, courses, k, width, half)
    layer = close[beside]
    shift = layer.shift_upper if beside == k else layer.shift_lower
    shift *= 1.0 if layer.below(limit) and beside not in known else layer.credible
    return EdgeShape(0.0, 0.0, shift, abs(shift), layer.sigma, layer.sigma, np.nan)


def _pooled_shape(image: NDArray[np.generic], courses: Floats, k: int, width: Floats, half: float) -> EdgeShape:
    """Shape of edge k from the profile pooled along its course, within half the way to its neighbours."""
    above = half if k == 0 else _near(courses[k] - courses[k - 1], half)
    below = half if k + 1 == courses.shape[0] else _near(courses[k + 1] - courses[k], half)
    pooled = pool_columns(image, courses[k], above, below, 1)
    return edge_shape(pooled[0][0], pooled[1][0], pooled[2][0], float(width[k]))


def _near(gap: Floats, half: float) -> float:
    known = gap[np.isfinite(gap)]
    return half if known.size == 0 else float(min(half, 0.5 * np.percentile(known, 10)))


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")
