"""Fits of a batch done again: from other starts where they are suspicious, and on noisy copies (Monte Carlo)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.fit.compiled import Problem
from imgpipe.kernels.fit.fitting import FitResult, Options, evaluate, run, take
from imgpipe.kernels.fit.loop import CONVERGED, STOPPED

Floats = NDArray[np.float64]
SUSPICIOUS = 5.0
"""A reduced chi-square or Abbe value this many standard deviations off makes a fit suspicious."""


def suspicious(result: FitResult) -> NDArray[np.bool_]:
    """Return (b,) whether a fit did not converge, misfits (where the noise is known), or leaves structure."""
    with np.errstate(invalid="ignore", divide="ignore"):
        misfit = result.reduced > 1.0 + SUSPICIOUS * np.sqrt(2.0 / result.freedom)
        structure = result.abbe < 1.0 - SUSPICIOUS / np.sqrt(result.points)
    wrong = (result.status != CONVERGED) | structure
    if result.variance_known:
        wrong |= misfit
    return np.asarray(wrong & (result.status <= STOPPED))


def try_other_starts(
    problem: Problem, y: Floats, start: Floats, options: Options, result: FitResult, count: int
) -> FitResult:
    """Fit suspicious spectra from `count` other starts and keep, for each, the result of the least merit."""
    rows = np.flatnonzero(suspicious(result))
    if not rows.size:
        return result
    b = y.shape[0]
    part = take(result, rows) if b > 1 else result
    first = np.broadcast_to(start, (b, start.shape[1]))[rows]
    rng = np.random.default_rng(20260101)
    for _ in range(count):
        begin = _other_start(problem, part, first, rng)
        other = run(
            problem, np.ascontiguousarray(y[rows]), part.weight, np.ascontiguousarray(begin), part.low, part.high,
            part.prior_mean, replace(options, warm=False),
        )  # fmt: skip
        part = better_of(part, other)
    return _put(result, rows, part) if b > 1 else part


def _other_start(problem: Problem, result: FitResult, start: Floats, rng: np.random.Generator) -> Floats:
    """Return (b, Q): two prior widths about the start, else anywhere between the bounds, else a tenth of the value."""
    drawn: Floats = rng.standard_normal(start.shape[1:])
    anywhere: Floats = rng.uniform(size=start.shape[1:])
    width = result.high - result.low
    bounded = np.isfinite(width)
    near = start + np.maximum(0.1 * np.abs(start), 0.1) * drawn
    with np.errstate(invalid="ignore"):
        begin = np.where(bounded, result.low + anywhere * width, near)
    for row, sd in zip(problem.plan.prior_row, problem.prior_sds, strict=True):
        only = np.flatnonzero(row)
        if only.size == 1:
            begin[:, only[0]] = start[:, only[0]] + 2.0 * sd / abs(row[only[0]]) * drawn[only[0]]
    return np.clip(begin, result.low, result.high)


def better_of(one: FitResult, other: FitResult) -> FitResult:
    """Return, for each spectrum, the result of lower merit."""
    with np.errstate(invalid="ignore"):
        wins = other.statistic + other.prior_statistic < one.statistic + one.prior_statistic
    wins |= np.isfinite(other.statistic) & ~np.isfinite(one.statistic)
    return _put(one, np.flatnonzero(wins), take(other, np.flatnonzero(wins))) if wins.any() else one


def _put(whole: FitResult, rows: NDArray[np.intp], part: FitResult) -> FitResult:
    """Return `whole` with some of its spectra replaced; what was given to the fit stays."""
    given = {"low", "high", "prior_mean", "weight"}
    changed: dict[str, Any] = {}
    for name, value in vars(whole).items():
        if isinstance(value, np.ndarray) and name not in given:
            copy = value.copy()
            copy[rows] = getattr(part, name)
            changed[name] = copy
    return replace(whole, **changed)


def monte_carlo(
    problem: Problem, result: FitResult, draws: int, seed: int, max_iterations: int = 60, tolerance: float = 1e-6
) -> FitResult:
    """Refit noisy copies of the fitted curves; spectrum i's draws are rows i * draws ... of the result.

    The fitted curve of each spectrum is taken as the truth, noise of the same kind is drawn, prior means are drawn
    about themselves (they are measurements too), and the fit starts from the truth.

    Parameters
    ----------
    draws : copies of each spectrum
    seed : of the random numbers; equal seeds give equal results
    """
    rng = np.random.default_rng(seed)
    envelope, _ = evaluate(problem, result.q, result.amplitude)
    b = envelope.shape[0]
    curve = np.repeat(envelope, draws, axis=0)
    weight = np.repeat(np.broadcast_to(result.weight, envelope.shape), draws, axis=0)
    if result.noise == "poisson":
        y = rng.poisson(np.maximum(np.nan_to_num(curve), 0.0)).astype(np.float64)
    else:
        scale = np.ones(b) if result.variance_known else result.reduced
        with np.errstate(divide="ignore", invalid="ignore"):
            sd = np.sqrt(np.repeat(scale, draws)[:, None] / weight)
        y = np.nan_to_num(curve) + np.where(weight > 0, sd, 0.0) * rng.standard_normal(curve.shape)
    means = np.repeat(np.broadcast_to(result.prior_mean, (b, result.prior_mean.shape[1])), draws, axis=0)
    means = means + problem.prior_sds * rng.standard_normal(means.shape)
    low, high = (np.repeat(np.broadcast_to(edge, result.q.shape), draws, axis=0) for edge in (result.low, result.high))
    start = np.nan_to_num(np.repeat(result.q, draws, axis=0))
    options = Options(result.noise, False, max_iterations, tolerance, result.variance_known)
    return run(problem, y, np.ascontiguousarray(weight), start, low, high, means, options)
