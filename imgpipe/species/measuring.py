"""From a fit to what is reported: position, FWHM, area and share of each component, quality of each spectrum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imgpipe.kernels.fit import SHAPES, FitResult, Problem, evaluate
from imgpipe.kernels.peak_widths import GAUSS_HEIGHT, voigt_height, voigt_width
from imgpipe.kernels.share_intervals import shares
from imgpipe.species.parts import Built, Column

OF_COLUMNS = (
    "area",
    "u_area",
    "percent",
    "u_percent",
    "position",
    "u_position",
    "fwhm",
    "u_fwhm",
    "height",
    "minor_fwhm",
)
QUALITY = ("reduced", "residual_sd", "abbe", "sum", "missing")
Measured = dict[str, np.ndarray]
"""Arrays with a leading batch axis; the second axis counts columns (components of all spots), peaks or spots."""


def measured(
    built: Built, problem: Problem, y: np.ndarray, result: FitResult, members: np.ndarray, variance: np.ndarray | None
) -> Measured:
    """Return everything that a batch of fits says.

    Parameters
    ----------
    y : (b, n) counts of all spots side by side
    members : (c, c) bool, which components make the total of which (`denominators`)
    variance : (b, n) of Gaussian noise; none for Poisson
    """
    covariance = usable(result.covariance)
    nq = result.q.shape[1]
    area, block = component_areas(built, problem, result, covariance)
    share = shares(area, block, members)
    found: Measured = {
        "q": result.q,
        "amplitude": result.amplitude,
        "area": area,
        "u_area": _sd(block),
        "percent": share.percent,
        "u_percent": share.u,
        "at_zero": result.at_zero[:, [c.column for c in built.columns]].astype(np.float64),
        "at_low": result.at_low.astype(np.float64),
        "at_high": result.at_high.astype(np.float64),
        "status": result.status.astype(np.float64),
        "iterations": result.iterations.astype(np.float64),
        "statistic": result.statistic,
        "largest_correlation": largest_correlation(covariance),
    }
    found |= _peaks(built, problem, result, covariance[:, :nq, :nq])
    found |= _pairs(built, share.percent, share.covariance)
    found |= _quality(built, problem, y, result, variance)
    _take_out(built, found)
    return found


def _take_out(built: Built, found: Measured) -> None:
    """Set to NaN what was found of spectra that have no point at all."""
    empty = found["missing"] >= 1.0
    if not empty.any():
        return
    columns = empty[:, [c.spot for c in built.columns]]
    for name in OF_COLUMNS:
        found[name] = np.where(columns, np.nan, found[name])
    for name in ("reduced", "residual_sd", "abbe"):
        found[name] = np.where(empty, np.nan, found[name])
    one, two = (np.array([pair[side] for pair in sample_pairs(built)], dtype=np.int64) for side in (0, 1))
    lost = columns[:, one] | columns[:, two]
    for name in ("difference", "u_difference"):
        found[name] = np.where(lost, np.nan, found[name])


def component_areas(
    built: Built, problem: Problem, result: FitResult, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the areas (b, c) of the components and their covariance (b, c, c).

    An amplitude is the area of shapes of area one. Of the other shapes, whose tails have no finite area, it is the
    area within the window; there the parameters of the shape pull at the area too (derivatives by differences).
    """
    own = [one.column for one in built.columns]
    nq = result.q.shape[1]
    open_ended = [n for n, one in enumerate(built.columns) if not SHAPES[one.shape].unit_area]
    if not open_ended:
        return result.amplitude[:, own], covariance[:, nq:, nq:][:, own][:, :, own]
    factor = np.ones((len(result.q), len(own)))
    factor[:, open_ended] = _window_areas(built, problem, result.q, open_ended)
    slope = np.zeros((len(result.q), len(own), covariance.shape[1]))
    slope[:, np.arange(len(own)), nq + np.array(own)] = factor
    for place in _moving(built, problem, open_ended):
        step = np.zeros(nq)
        step[place] = 1e-4
        up, down = (_window_areas(built, problem, result.q + s * step, open_ended) for s in (1.0, -1.0))
        amplitude = result.amplitude[:, [own[n] for n in open_ended]]
        slope[:, open_ended, place] = amplitude * (up - down) / 2e-4
    area = result.amplitude[:, own] * factor
    return area, np.einsum("bij,bjk,blk->bil", slope, covariance, slope)


def _moving(built: Built, problem: Problem, places: Sequence[int]) -> list[int]:
    """Return the free parameters that move any of these components."""
    handles = [h for n in places for h in (*built.columns[n].main, *built.columns[n].minor)]
    return [int(k) for k in np.flatnonzero(np.abs(problem.matrix[handles]).sum(axis=0) > 0)]


def _window_areas(built: Built, problem: Problem, q: np.ndarray, places: Sequence[int]) -> np.ndarray:
    """Return the areas (b, place) within the window of components of amplitude one, by the trapezoidal rule."""
    ones = np.ones((len(q), len(problem.column_names)))
    _, bare = evaluate(problem, np.ascontiguousarray(q), ones, backgrounds=False)
    found = np.empty((len(q), len(places)))
    for k, n in enumerate(places):
        one = built.columns[n]
        here = problem.segment_slices[one.spot]
        found[:, k] = np.trapezoid(bare[:, one.column, here], problem.x[here], axis=1)
    return found


def usable(covariance: np.ndarray) -> np.ndarray:
    """Return a covariance without NaN: what could not be estimated counts as not moving."""
    return np.asarray(np.nan_to_num(covariance, nan=0.0, posinf=0.0, neginf=0.0))


def _sd(covariance: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(np.clip(np.einsum("bii->bi", covariance), 0.0, None)))


def denominators(columns: Sequence[Column], excluded: Sequence[str]) -> np.ndarray:
    """Return (c, c) bool: the chemical components of the same spot and line make the total, but for the excluded."""
    counts = [c.component.kind == "chemical" and c.component.name not in excluded for c in columns]
    place = [(c.spot, c.component.line) for c in columns]
    return np.array(
        [[a and b and p == r for b, r in zip(counts, place, strict=True)] for a, p in zip(counts, place, strict=True)],
        dtype=bool,
    ).reshape(len(columns), len(columns))


def _peaks(built: Built, problem: Problem, result: FitResult, covariance: np.ndarray) -> Measured:
    """Return position and FWHM of the main half of each component, with u."""
    links = problem.matrix
    rows = {"position": [], "u_position": [], "fwhm": [], "u_fwhm": [], "height": [], "minor_fwhm": []}  # type: ignore[var-annotated]
    for one in built.columns:
        place = links[one.main[0]]
        rows["position"].append(result.p[:, one.main[0]])
        rows["u_position"].append(_u_of(np.broadcast_to(place, result.q.shape), covariance))
        width, slope = total_width(one.shape, one.main, result.p, links)
        rows["fwhm"].append(width)
        rows["u_fwhm"].append(_u_of(slope, covariance))
        rows["height"].append(_unit_height(one.shape, one.main, result.p))
        other = total_width(one.shape, one.minor, result.p, links)[0] if one.minor else np.full(len(width), np.nan)
        rows["minor_fwhm"].append(other)
    return {name: np.stack(values, axis=1) for name, values in rows.items()}


def _u_of(slope: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(np.clip(np.einsum("bi,bij,bj->b", slope, covariance, slope), 0.0, None)))


def total_width(
    shape: str, handles: tuple[int, ...], p: np.ndarray, links: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the FWHM (b,) of a peak and its derivatives (b, nq).

    Of Lorentzian powers: their own width, blurred as if they were a Lorentzian (good to some per cent); of metal lines
    that of the Voigt profile without the tail.
    """
    width = p[:, handles[1]]
    if shape in ("la", "lf"):
        above, below, blur = p[:, handles[2]], p[:, handles[3]], p[:, handles[-1]]
        sides = 0.5 * (np.sqrt(2.0 ** (1.0 / above) - 1.0) + np.sqrt(2.0 ** (1.0 / below) - 1.0))
        total, by_blur, by_width = voigt_width(blur, width * sides)
        return total, by_blur[:, None] * links[handles[-1]] + (by_width * sides)[:, None] * links[handles[1]]
    if shape not in ("voigt", "mahan"):
        return width, np.broadcast_to(links[handles[1]], (len(p), links.shape[1]))
    total, by_gauss, by_lorentz = voigt_width(width, p[:, handles[2]])
    return total, by_gauss[:, None] * links[handles[1]] + by_lorentz[:, None] * links[handles[2]]


def _unit_height(shape: str, handles: tuple[int, ...], p: np.ndarray) -> np.ndarray:
    """Return the height of a peak of area one, 1/eV; NaN for shapes without a closed form."""
    width = p[:, handles[1]]
    if shape == "voigt":
        return voigt_height(width, p[:, handles[2]])
    if shape == "gaussian":
        return np.asarray(GAUSS_HEIGHT / width)
    if shape == "lorentzian":
        return np.asarray(2.0 / (np.pi * width))
    if shape == "gl_sum":
        m = p[:, handles[2]]
        return np.asarray(1.0 / (width * ((1.0 - m) / GAUSS_HEIGHT + m * np.pi / 2.0)))
    return np.full(len(p), np.nan)


def _pairs(built: Built, percent: np.ndarray, covariance: np.ndarray) -> Measured:
    """Return differences of shares between samples, with the u that knows what they share."""
    pairs = sample_pairs(built)
    one, two = [a for a, _ in pairs], [b for _, b in pairs]
    variance = covariance[:, one, one] + covariance[:, two, two] - 2.0 * covariance[:, one, two]
    return {
        "difference": percent[:, one] - percent[:, two],
        "u_difference": np.sqrt(np.clip(variance, 0.0, None)),
    }


def sample_pairs(built: Built) -> list[tuple[int, int]]:
    """Return the pairs of columns that are the same component of two samples."""
    keys = [(built.spots[c.spot].region.region, c.component.name) for c in built.columns]
    sample = [built.spots[c.spot].sample for c in built.columns]
    every = range(len(keys))
    return [(i, j) for i in every for j in every if i < j and keys[i] == keys[j] and sample[i] != sample[j]]


def largest_correlation(covariance: np.ndarray) -> np.ndarray:
    """Return the largest absolute correlation (b,) between two free parameters or areas."""
    sd = _sd(covariance)
    scale = np.where(sd > 0, 1.0 / np.where(sd > 0, sd, 1.0), 0.0)
    correlation = np.abs(covariance * scale[:, :, None] * scale[:, None, :])
    size = correlation.shape[1]
    correlation[:, np.arange(size), np.arange(size)] = 0.0
    return np.asarray(correlation.reshape(len(sd), -1).max(axis=1))


def _quality(built: Built, problem: Problem, y: np.ndarray, result: FitResult, variance: np.ndarray | None) -> Measured:
    """Return chi-square, residual sd and Abbe value per spot, with weights 1/fitted counts (Pearson)."""
    envelope, _ = evaluate(problem, result.q, result.amplitude)
    difference = y - envelope
    standard = standardised(y, envelope, variance)
    free = result.q.shape[1] + result.amplitude.shape[1]
    total = y.shape[1]
    found: Measured = {name: np.empty((len(y), len(built.spots))) for name in QUALITY}
    for number, spot in enumerate(built.spots):
        here = problem.segment_slices[number]
        there = np.isfinite(y[:, here])
        r, size = standard[:, here], np.maximum(there.sum(axis=1), 1)
        freedom = np.maximum(size - free * spot.x.size / total, 1.0)
        found["reduced"][:, number] = np.nansum(r**2, axis=1) / freedom
        found["residual_sd"][:, number] = _scatter(difference[:, here], size)
        spread = size * _scatter(r, size) ** 2
        pairs = np.maximum((there[:, 1:] & there[:, :-1]).sum(axis=1), 1)
        steps = np.nansum(np.diff(r, axis=1) ** 2, axis=1) * (size - 1) / pairs
        found["abbe"][:, number] = 0.5 * np.divide(steps, spread, out=np.ones_like(steps), where=spread > 0)
        found["sum"][:, number] = np.nansum(y[:, here], axis=1)
        found["missing"][:, number] = 1.0 - there.mean(axis=1)
    return found


def _scatter(values: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the standard deviation (b,) of the points that are there; `size` is their number."""
    mean = np.nansum(values, axis=1) / size
    return np.asarray(np.sqrt(np.nansum((values - mean[:, None]) ** 2, axis=1) / size))


def standardised(y: np.ndarray, envelope: np.ndarray, variance: np.ndarray | None = None) -> np.ndarray:
    """Return residuals over the root of the variance: that of the fitted counts (at least 1e-3) where none is given."""
    return np.asarray((y - envelope) / np.sqrt(np.maximum(envelope, 1e-3) if variance is None else variance))
