"""Fit the interfaces of many element profiles at once: shared positions, plateaus, widths; Poisson or Gaussian.

    fitted = fit_profiles(x, counts, interfaces=3)     # counts (scan, element, point) or (scan, point)
    fitted.position, fitted.u_position                 # (scan, interface)
    fitted.width, fitted.plateau                       # (scan, interface, element), (scan, layer, element)

Positions, widths and plateaus of few counts are freed of their bias to first order (`imgpipe.kernels.profile_bias`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.fit import CONVERGED, FitResult, fit
from imgpipe.kernels.fit.fitting import Noise
from imgpipe.kernels.fit.sampling import better_of
from imgpipe.kernels.profile_model import LEAST, SIGNED, Layout, Response, build
from imgpipe.kernels.profile_starts import equal_variance, find_interfaces

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
FEW = 10.0
"""Plateaus below this many counts have their bias taken off."""
RUNAWAY = 1e4
"""A plateau this many times higher than the highest value makes a fit a failed one."""
TOLERANCE = 1e-5
"""Of the engine, in units of the deviance: positions are good to 3e-3 of their standard uncertainty."""


@dataclass(frozen=True)
class Profiles:
    """What is fitted: values (b, m * points), the kind of noise, the variance of Gaussian noise."""

    y: Floats
    noise: Noise
    variance: Floats | None

    def fit(self, layout: Layout, start: Floats, low: Floats, high: Floats) -> FitResult:
        """Fit from a start (b, Q) within bounds (b, Q)."""
        return fit(
            layout.problem, self.y, noise=self.noise, variance=self.variance, start=start, low=low, high=high,
            tolerance=TOLERANCE,
        )  # fmt: skip

    @property
    def known_variance(self) -> bool:
        """Whether deviances count in units of the noise."""
        return self.noise == "poisson" or self.variance is not None

    def rows(self, chosen: NDArray[np.intp]) -> Profiles:
        """Return some of the scans."""
        return Profiles(self.y[chosen], self.noise, None if self.variance is None else self.variance[chosen])


@dataclass(frozen=True)
class ProfileFit:
    """Result for b scans, n interfaces and m elements; NaN where a fit failed or there is nothing to tell.

    position : (b, n); position_covariance : (b, n, n)
    thickness, u_thickness : (b, n - 1)
    width, u_width : (b, n, m): standard deviation, or length with sign, of the model; u is NaN for one at its bound
    plateau, u_plateau : (b, n + 1, m)
    deviance, points, parameters : (b,) with priors; number of points and of parameters
    converged : (b,)
    layout, raw, data : the model, the engine's result, what was fitted
    """

    position: Floats
    position_covariance: Floats
    thickness: Floats
    u_thickness: Floats
    width: Floats
    u_width: Floats
    plateau: Floats
    u_plateau: Floats
    deviance: Floats
    points: NDArray[np.int64]
    parameters: Floats
    converged: Bools
    layout: Layout
    raw: FitResult
    data: Profiles

    def rows(self, chosen: NDArray[np.intp]) -> ProfileFit:
        """Return some of the scans."""
        kept: dict[str, Any] = {
            name: value[chosen] for name, value in vars(self).items() if isinstance(value, np.ndarray)
        }
        return replace(self, **kept, raw=take_rows(self.raw, chosen), data=self.data.rows(chosen))

    @property
    def u_position(self) -> Floats:
        """Standard uncertainty (b, n) of the positions."""
        return np.asarray(np.sqrt(np.einsum("bii->bi", self.position_covariance)))


def fit_profiles(
    x: Floats,
    y: Floats,
    interfaces: int,
    *,
    shape: str = "erf",
    noise: Noise = "poisson",
    variance: Floats | None = None,
    response: Response | None = None,
    steps: Bools | None = None,
    shared_widths: bool = False,
    start: tuple[Floats, Floats] | None = None,
    alone: bool = False,
    graded: Bools | None = None,
    reduce_bias: bool = True,
) -> ProfileFit:
    """Fit n interfaces to each scan.

    Parameters
    ----------
    x : (point,) rising
    y : (scan, element, point) or (scan, point): counts, or values with `variance`; NaN is masked
    interfaces : n, at least 1
    shape : "erf", "logistic", "erfc", "exponential" or "step": of the true transition under the response
    noise, variance : as for `imgpipe.kernels.fit.fit`; variance in the form of y
    response : without it the width is the observed one
    steps : (n, m) which element has a step where; the default is all
    shared_widths : elements share the width of an interface
    start : positions and widths (scan, n); the default looks for them
    alone : for one element of a joint fit: interfaces at which it has no step stay at the start
    graded : (n + 1, m) in which inner layers an element's counts may change linearly
    reduce_bias : take the first-order bias off where plateaus have less than `FEW` counts
    """
    values = np.asarray(y, dtype=np.float64)
    values = values[:, None, :] if values.ndim == 2 else values
    b, m, points = values.shape
    has_step = np.ones((interfaces, m), dtype=np.bool_) if steps is None else np.asarray(steps, dtype=np.bool_)
    spread = None if variance is None else np.asarray(variance, dtype=np.float64).reshape(values.shape)
    begin = start
    if begin is None:
        position, width, _ = find_interfaces(x, equal_variance(values, noise, spread), interfaces)
        begin = position, width
    layout = build(x, has_step, shape, response, shared_widths, ordered=not alone, graded=graded)
    data = Profiles(values.reshape(b, m * points), noise, None if spread is None else spread.reshape(b, m * points))
    guess = first_guess(layout, x, begin, shape, response)
    result = _fit_from(layout, data, guess, *_bounds(layout, has_step, guess), signed=shape in SIGNED)
    if reduce_bias and noise == "poisson":
        from imgpipe.kernels.profile_bias import without_bias

        result = without_bias(layout, result, _few(layout, result))
    return summary(layout, result, data)


def _few(layout: Layout, result: FitResult) -> Bools:
    """Return (b,) whether the highest plateau of some element has few counts."""
    highest = result.amplitude[:, layout.column].max(axis=1)
    return np.asarray((highest < FEW).any(axis=1) & (result.status == CONVERGED))


def first_guess(
    layout: Layout, x: Floats, begin: tuple[Floats, Floats], shape: str, response: Response | None
) -> Floats:
    """Return the start of q (b, Q) from positions and observed widths (b, n)."""
    position, width = begin
    q = np.repeat(layout.start[None], position.shape[0], axis=0)
    if layout.ordered:
        q[:, 0] = position[:, 0]
        q[:, 1 : layout.n] = np.diff(position, axis=1)
    else:
        known = np.flatnonzero(layout.position >= 0)
        q[:, : known.size] = position[:, known]
    least = 2.0 * LEAST * float(np.median(np.diff(x)))
    for k, e in zip(*np.nonzero(layout.width >= 0), strict=True):
        seen = width[:, k]
        if response is not None:
            blur = float(np.sqrt(np.mean(response.sigma[k : k + 2, e] ** 2)))
            seen = np.sqrt(np.maximum(seen**2 - blur**2, (0.3 * blur) ** 2))
        q[:, layout.width[k, e]] = np.maximum(seen, least)
    return q


def take_rows(result: FitResult, chosen: NDArray[np.intp]) -> FitResult:
    """Return the result of some scans, what was given to the fit included."""
    given = ("low", "high", "prior_mean", "weight")
    b = result.q.shape[0]
    parts: dict[str, Any] = {k: v[chosen] for k, v in vars(result).items() if isinstance(v, np.ndarray)
                             and k not in given}  # fmt: skip
    parts |= {k: getattr(result, k)[chosen] if getattr(result, k).shape[0] == b else getattr(result, k) for k in given}
    return replace(result, **parts)


def _bounds(layout: Layout, steps: Bools, guess: Floats) -> tuple[Floats, Floats]:
    """Return bounds of q (b, Q): positions without a step are held where they start."""
    low, high = (np.repeat(edge[None], guess.shape[0], axis=0) for edge in (layout.problem.low, layout.problem.high))
    if not layout.ordered:
        known = layout.position >= 0
        held = np.flatnonzero(~np.asarray(steps.any(axis=1))[known])
        low[:, held], high[:, held] = guess[:, held], guess[:, held]
    return low, high


def _fit_from(layout: Layout, data: Profiles, guess: Floats, low: Floats, high: Floats, signed: bool) -> FitResult:
    """Fit from the start; lengths with a sign are tried with both signs, and the better one is kept."""
    result = data.fit(layout, guess, low, high)
    for k in range(layout.n if signed else 0):
        places = np.unique(layout.width[k][layout.width[k] >= 0])
        other = guess.copy()
        other[:, places] *= -1.0
        again = data.fit(layout, other, low, high)
        better = again.statistic + again.prior_statistic < result.statistic + result.prior_statistic
        guess = np.where(better[:, None], other, guess)
        result = better_of(result, again)
    return result


def _sane(result: FitResult, data: Profiles) -> Bools:
    """Return (b,) whether no plateau has run away: one beyond the end of a scan can have any height."""
    with np.errstate(invalid="ignore"):
        highest = np.max(np.where(np.isfinite(data.y), data.y, 0.0), axis=1)
        return np.asarray(result.amplitude.max(axis=1) <= RUNAWAY * highest)


def summary(layout: Layout, result: FitResult, data: Profiles) -> ProfileFit:
    """Name the numbers of the engine's result."""
    n, b, free = layout.n, result.q.shape[0], result.q.shape[1]
    covariance = result.covariance
    known, seen = layout.position >= 0, layout.width >= 0
    up = layout.problem.matrix[layout.position] * np.where(known, 1.0, np.nan)[:, None]
    with np.errstate(invalid="ignore"):
        sd = np.sqrt(np.einsum("bii->bi", covariance))
    width, u_width = np.full((b, n, layout.m), np.nan), np.full((b, n, layout.m), np.nan)
    stopped = result.at_low | result.at_high
    width[:, seen] = result.q[:, layout.width[seen]]
    u_width[:, seen] = np.where(stopped, np.nan, sd[:, :free])[:, layout.width[seen]]
    between = np.diff(up, axis=0)
    thickness_variance = np.einsum("ij,bjk,ik->bi", between, covariance[:, :free, :free], between)
    return ProfileFit(
        position=result.q @ up.T,
        position_covariance=np.einsum("ij,bjk,lk->bil", up, covariance[:, :free, :free], up),
        thickness=result.q @ between.T,
        u_thickness=np.sqrt(np.maximum(thickness_variance, 0.0)),
        width=width,
        u_width=u_width,
        plateau=result.amplitude[:, layout.column],
        u_plateau=sd[:, free + layout.column],
        deviance=result.statistic + result.prior_statistic,
        points=result.points,
        parameters=np.full(b, float(free + result.amplitude.shape[1] - len(layout.problem.prior_names))),
        converged=(result.status == CONVERGED) & _sane(result, data),
        layout=layout,
        raw=result,
        data=data,
    )
