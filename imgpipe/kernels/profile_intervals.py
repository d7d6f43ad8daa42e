"""Intervals of one parameter of many fits from the profile likelihood: where the deviance has risen by a threshold.

The parameter is held at trial values, everything else is fitted again. The root of the rise is close to linear in the
parameter, so the secant through the optimum and the last trial comes to the threshold in three or four steps. It
holds near a bound (a width of zero, a layer of no thickness) and where the interval is lopsided; uncertainties of the
response take part through their priors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.profile_fit import ProfileFit

Floats = NDArray[np.float64]
TWO_SIDED, ONE_SIDED = 1.959963984540054, 1.6448536269514722
"""Standard normal quantiles of a 95 % interval and of a one-sided 95 % bound."""
CLOSE = 0.02
"""The root of the rise is met to this."""
TRIALS = 14


@dataclass(frozen=True)
class Profiled:
    """A parameter of b fits: 95 % interval, one-sided 95 % upper bound, root of the rise of the deviance at `least`."""

    low: Floats
    high: Floats
    bound: Floats
    root_at_least: Floats


def profile(fitted: ProfileFit, place: int, scale: Floats | float, least: float) -> Profiled:
    """Return the interval of q[place] of each scan.

    Parameters
    ----------
    fitted : with the optimum
    place : of the parameter among the free ones
    scale : (b,) or number: a first step where the standard uncertainty is not known
    least : smallest meaningful value (0 for a width): an interval that reaches it ends there
    """
    best, u = fitted.raw.q[:, place], np.sqrt(fitted.raw.covariance[:, place, place])
    step = np.where(np.isfinite(u) & (u > 0.0), u, np.broadcast_to(scale, best.shape))
    step = np.minimum(step, np.maximum(3.0 * np.abs(best - least), np.broadcast_to(scale, best.shape)))
    most = np.broadcast_to(fitted.raw.high, fitted.raw.q.shape)[:, place]
    at_least = root_of_rise(fitted, place, np.full(best.shape, least))
    high = _crossing(fitted, place, best, best + TWO_SIDED * step, TWO_SIDED, least, most)
    bound = _crossing(fitted, place, best, best + (high - best) * ONE_SIDED / TWO_SIDED, ONE_SIDED, least, most)
    low = np.full(best.shape, least)
    inside = np.flatnonzero(at_least > TWO_SIDED)
    if inside.size:
        part = fitted.rows(inside)
        down = best[inside] - TWO_SIDED * step[inside]
        low[inside] = _crossing(part, place, best[inside], down, TWO_SIDED, least, most[inside])
    return Profiled(low, high, bound, at_least)


def root_of_rise(fitted: ProfileFit, place: int, value: Floats) -> Floats:
    """Return (b,) the root of how far the deviance rises when q[place] is held at `value` (b,)."""
    raw = fitted.raw
    start, low, high = (np.array(np.broadcast_to(edge, raw.q.shape)) for edge in (raw.q, raw.low, raw.high))
    good = np.isfinite(raw.q).all(axis=1) & np.isfinite(value)
    out = np.full(value.shape, np.nan)
    if good.any():
        rows = np.flatnonzero(good)
        start[:, place], low[:, place], high[:, place] = value, value, value
        held = fitted.data.rows(rows).fit(fitted.layout, start[rows], low[rows], high[rows])
        rise = held.statistic + held.prior_statistic - fitted.deviance[rows]
        if not fitted.data.known_variance:
            rise = rise / raw.reduced[rows]
        out[rows] = np.sqrt(np.maximum(rise, 0.0))
    return out


def _crossing(
    fitted: ProfileFit, place: int, best: Floats, trial: Floats, target: float, least: float, most: Floats
) -> Floats:
    """Return where the root of the rise is `target`, on the side of the first trial; infinity where it never is."""
    rising = trial >= best
    inner, inner_root = best.copy(), np.zeros(best.shape)
    outer, outer_root = np.where(rising, np.inf, -np.inf), np.full(best.shape, np.inf)
    now, open_ = np.clip(trial, least, most), np.isfinite(best)
    result = np.where(open_, now, np.nan)
    for _ in range(TRIALS):
        rows = np.flatnonzero(open_)
        if not rows.size:
            break
        root = np.full(best.shape, np.nan)
        root[rows] = root_of_rise(fitted.rows(rows), place, now[rows])
        result = np.where(open_, now, result)
        beyond = root >= target
        outer, outer_root = np.where(open_ & beyond, now, outer), np.where(open_ & beyond, root, outer_root)
        inner, inner_root = np.where(open_ & ~beyond, now, inner), np.where(open_ & ~beyond, root, inner_root)
        never = open_ & ~beyond & ((now >= most) & rising)
        result = np.where(never, np.inf, result)
        open_ &= ~never & ~(np.abs(root - target) < CLOSE) & np.isfinite(root)
        now = np.where(open_, _next(inner, inner_root, outer, outer_root, best, target, rising, least, most), now)
    return np.asarray(result)


def _next(
    inner: Floats, inner_root: Floats, outer: Floats, outer_root: Floats, best: Floats, target: float,
    rising: NDArray[np.bool_], least: float, most: Floats,
) -> Floats:  # fmt: skip
    """Return the next trial: between the two that enclose the target, or farther out."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip((target - inner_root) / (outer_root - inner_root), 0.05, 0.95)
        between = inner + share * (outer - inner)
        growth = np.clip(target / np.maximum(inner_root, 1e-3), 1.1, 4.0)
        farther = best + (inner - best) * growth + np.where(inner == best, 1.0, 0.0)
    return np.clip(np.where(np.isfinite(outer), between, farther), np.where(rising, best, least), most)
