"""The engine as seen from Python: fit, evaluate, warm_up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgpipe.kernels.fit.batch import Output, evaluate_batch, fit_batch, slots
from imgpipe.kernels.fit.compiled import Problem
from imgpipe.kernels.fit.plan import NONNEGATIVE

Floats = NDArray[np.float64]
Noise = Literal["poisson", "gaussian"]


@dataclass(frozen=True)
class FitResult:
    """Results of a batch of b spectra with Q free parameters, np parameters and L columns.

    q : (b, Q); p : (b, np); amplitude : (b, L), fixed ones included
    covariance : (b, Q + L, Q + L) of q, then amplitudes, priors included. Zero rows for parameters at a bound and
        fixed amplitudes; NaN on the diagonal of parameters the data say nothing of; an amplitude at zero has the
        curvature it would have if it were free.
    statistic : (b,) deviance (Poisson) or chi squared, without the priors; prior_statistic : (b,) their part
    reduced : (b,) sum(residual^2 / variance) over the degrees of freedom; for Poisson the variance is the model
    abbe : (b,) 1 for random residuals, below 1 where structure is left
    freedom : (b,) points + priors - free parameters; points : (b,) points used
    iterations, status : (b,) see CONVERGED, STOPPED, SINGULAR, TOO_FEW
    at_low, at_high : (b, Q) at a bound; at_zero : (b, L) a non-negative amplitude that wants to be negative
    start, low, high, prior_mean, weight : what the fit was given, one row or b
    """

    q: Floats
    p: Floats
    amplitude: Floats
    covariance: Floats
    statistic: Floats
    prior_statistic: Floats
    reduced: Floats
    abbe: Floats
    freedom: Floats
    points: NDArray[np.int64]
    iterations: NDArray[np.int64]
    status: NDArray[np.int64]
    at_low: NDArray[np.bool_]
    at_high: NDArray[np.bool_]
    at_zero: NDArray[np.bool_]
    noise: Noise
    low: Floats
    high: Floats
    prior_mean: Floats
    weight: Floats
    variance_known: bool


@dataclass(frozen=True)
class Options:
    """Settings of a fit."""

    noise: Noise
    warm: bool
    max_iterations: int
    tolerance: float
    variance_known: bool


def table(values: ArrayLike, columns: int, rows: int, name: str) -> Floats:
    """Return (1 or rows, columns) float64, C order; ValueError where the form is another."""
    array = np.array(values, dtype=np.float64, ndmin=2, order="C")
    if array.shape not in ((1, columns), (rows, columns)):
        raise ValueError(f"{name} has the form {array.shape}; want ({columns},) or ({rows}, {columns})")
    return array


def fit(
    problem: Problem,
    y: ArrayLike,
    noise: Noise = "poisson",
    variance: ArrayLike | None = None,
    start: ArrayLike | None = None,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    prior_mean: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    warm: bool = False,
    max_iterations: int = 200,
    tolerance: float = 1e-6,
    multistart: int = 0,
) -> FitResult:
    """Fit every spectrum of a batch.

    Parameters
    ----------
    problem : from `Model.compile`
    y : (b, n) or (n,) counts; NaN and infinity count as masked
    noise : "poisson": maximum likelihood of counts; "gaussian": least squares
    variance : (b, n) or (n,) of the Gaussian noise; None: equal weights, and the covariance is scaled by the reduced
        chi-square (a prior is then relative to a noise of 1)
    start : (Q,) or (b, Q) start of the free parameters
    low, high : (Q,) or (b, Q) bounds in place of those of the model
    prior_mean : (number of priors,) or (b, number) in place of those of the model, in their order
    mask : (b, n) or (n,) bool, True where a point is used
    warm : start each spectrum from the last one before it that converged
    max_iterations : most trial steps; nearly all fits take 4 to 10, edges without contrast up to 120
    tolerance : a fit has converged when a further step promises to lower the deviance (chi squared in units of the
        variance) by less than this; 1e-6 means a thousandth of a standard uncertainty
    multistart : number of further starts for spectra that did not converge or leave structure; the best is kept

    Raises
    ------
    ValueError : for arrays of the wrong form, counts below zero, a missing start
    """
    spectra = np.array(y, dtype=np.float64, ndmin=2, order="C")
    b, free = spectra.shape[0], len(problem.free_names)
    if spectra.shape[1:] != (problem.n_points,):
        raise ValueError(f"y has the form {spectra.shape}; want (spectra, {problem.n_points})")
    if noise not in ("poisson", "gaussian"):
        raise ValueError(f"noise is 'poisson' or 'gaussian', not {noise!r}")
    if start is None and free:
        raise ValueError(f"a start is wanted for {', '.join(problem.free_names)}")
    weight = _weights(spectra, noise, variance, mask)
    lows = table(problem.low if low is None else low, free, b, "low")
    highs = table(problem.high if high is None else high, free, b, "high")
    means = table(problem.prior_means if prior_mean is None else prior_mean, problem.prior_means.size, b, "prior_mean")
    first = table(np.zeros(0) if start is None else start, free, b, "start")
    options = Options(noise, warm, max_iterations, tolerance, noise == "poisson" or variance is not None)
    result = run(problem, spectra, weight, first, lows, highs, means, options)
    if multistart > 0:
        from imgpipe.kernels.fit.sampling import try_other_starts

        result = try_other_starts(problem, spectra, first, options, result, multistart)
    return result


def _weights(y: Floats, noise: Noise, variance: ArrayLike | None, mask: ArrayLike | None) -> Floats:
    """Return inverse variances (1 for Poisson), 0 where a point is not used; y is cleaned there."""
    b, n = y.shape
    weight = np.ones((1, n))
    if variance is not None:
        if noise == "poisson":
            raise ValueError("Poisson noise has its own variance: leave `variance` out, or say noise='gaussian'")
        values = table(variance, n, b, "variance")
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = np.where(np.isfinite(values) & (values > 0), 1.0 / values, 0.0)
    if mask is not None:
        weight = weight * table(np.asarray(mask, dtype=bool), n, b, "mask")
    bad = ~np.isfinite(y)
    if bad.any():
        weight = np.where(bad, 0.0, weight)
        y[bad] = 0.0
    if noise == "poisson" and (y < 0).any():
        raise ValueError(
            "counts below zero: Poisson noise wants counts as they were recorded; fit data with a background taken "
            "off, or rates, with noise='gaussian' and a variance"
        )
    return np.ascontiguousarray(weight)


def run(
    problem: Problem,
    y: Floats,
    weight: Floats,
    start: Floats,
    low: Floats,
    high: Floats,
    prior_mean: Floats,
    options: Options,
) -> FitResult:
    """Call the engine with checked arrays and name its results."""
    b, free, columns = y.shape[0], len(problem.free_names), len(problem.column_names)
    if not np.isfinite(start).all():
        raise ValueError("start is not finite")
    output = Output(
        np.zeros((b, free)),
        np.zeros((b, columns)),
        np.zeros((b, free + columns, free + columns)),
        np.zeros((b, 6)),
        np.zeros((b, 2), dtype=np.int64),
    )
    settings = np.array(
        [options.noise == "poisson", 0.0, options.max_iterations, options.tolerance, not options.variance_known],
        dtype=np.float64,
    )
    fit_batch()(
        *slots(problem.shapes), problem.plan, problem.places, y, weight, settings, options.warm, start, low, high,
        prior_mean, output,
    )  # fmt: skip
    numbers = output.numbers
    return FitResult(
        q=output.q,
        p=problem.parameters(output.q),
        amplitude=output.amplitude,
        covariance=output.covariance,
        statistic=numbers[:, 0],
        prior_statistic=numbers[:, 1],
        reduced=numbers[:, 2],
        abbe=numbers[:, 3],
        freedom=numbers[:, 4],
        points=numbers[:, 5].astype(np.int64),
        iterations=output.codes[:, 1],
        status=output.codes[:, 0],
        at_low=output.q <= low,
        at_high=output.q >= high,
        at_zero=(problem.plan.column_kind == NONNEGATIVE) & (output.amplitude == 0.0),
        noise=options.noise,
        low=low,
        high=high,
        prior_mean=prior_mean,
        weight=weight,
        variance_known=options.variance_known,
    )


def evaluate(problem: Problem, q: ArrayLike, amplitude: ArrayLike, backgrounds: bool = True) -> tuple[Floats, Floats]:
    """Return the envelope (b, n) and every column times its amplitude (b, L, n).

    Parameters
    ----------
    q : (b, Q); amplitude : (b, L), as in a `FitResult`
    backgrounds : with the backgrounds that terms drag behind them
    """
    free = np.array(q, dtype=np.float64, ndmin=2, order="C")
    sizes = np.array(amplitude, dtype=np.float64, ndmin=2)
    if free.shape[1] != len(problem.free_names) or sizes.shape != (free.shape[0], len(problem.column_names)):
        raise ValueError(f"q {free.shape} and amplitude {sizes.shape} don't belong to this problem")
    out = np.zeros((*sizes.shape, problem.n_points))
    evaluate_batch()(*slots(problem.shapes), problem.plan, problem.places, free, backgrounds, out)
    out *= sizes[:, :, None]
    return out.sum(axis=1), out


def take(result: FitResult, rows: NDArray[np.intp] | NDArray[np.bool_]) -> FitResult:
    """Return the result for some of the spectra."""
    b = result.q.shape[0]
    chosen: dict[str, Any] = {
        name: value[rows]
        for name, value in vars(result).items()
        if isinstance(value, np.ndarray) and value.shape[0] == b
    }
    return replace(result, **chosen)


def warm_up() -> None:
    """Compile the engine and the shapes, or load them from the cache: call once before workers start."""
    from imgpipe.kernels.fit.shapes import SHAPES

    fit_batch()
    evaluate_batch()
    for shape in SHAPES.values():
        _ = shape.compiled
