"""All that element profiles across a stack tell of its interfaces: which element steps where, positions, widths.

First a fit with one observed width for each interface shows which element has a step where. Then all elements are
fitted jointly, with the response where it is known, in the shape that is asked for or chosen, and each element by
itself. Intrinsic widths and thicknesses get their intervals from the profile likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.fit import TOO_FEW, evaluate
from imgpipe.kernels.fit.diffusion import HALF_NORMAL_SD
from imgpipe.kernels.fit.fitting import Noise
from imgpipe.kernels.profile_choice import CANDIDATES, SYMMETRIC, choose
from imgpipe.kernels.profile_excess import contrast_width
from imgpipe.kernels.profile_fit import ProfileFit, fit_profiles
from imgpipe.kernels.profile_intervals import ONE_SIDED, TWO_SIDED, profile, root_of_rise
from imgpipe.kernels.profile_model import BIN, SIGNED, TAILED, Response
from imgpipe.kernels.profile_offsets import offsets
from imgpipe.kernels.profile_starts import equal_variance, find_interfaces
from imgpipe.kernels.profile_steps import significant_steps

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
MISFIT = 5.0
"""Residuals this many standard deviations too large are a misfit."""
LONG = 10.0
"""A layer of this many standard deviations of the response, and points, may have a gradient of its own element."""
RESOLVABLE = 3.0
"""A layer of this many standard deviations of the response within it reaches 87 % of its own level; a thinner one can
hardly be told from a still thinner, stronger one."""


@dataclass(frozen=True)
class Task:
    """What is to be fitted: x (point,), y (b, m, point), n interfaces; response, model and noise as in the step."""

    x: Floats
    y: Floats
    n: int
    noise: Noise
    variance: Floats | None
    response: Response | None
    model: str

    @property
    def step(self) -> float:
        """Step of the scan."""
        return float(np.median(np.diff(self.x)))

    def fit(self, shape: str, start: tuple[Floats, Floats] | None, element: int | None = None, *,
            steps: Bools | None = None, seen: bool = False, shared: bool = True,
            graded: Bools | None = None, reduce_bias: bool = True) -> ProfileFit:  # fmt: skip
        """Fit all elements or one; `seen`: the observed widths, without the response."""
        chosen = slice(None) if element is None else slice(element, element + 1)
        response = None if seen or self.response is None else self.response.of(chosen)
        return fit_profiles(
            self.x, self.y[:, chosen], self.n, shape=shape, noise=self.noise, response=response,
            variance=None if self.variance is None else self.variance[:, chosen], start=start, shared_widths=shared,
            steps=None if steps is None else steps[:, chosen], alone=element is not None,
            graded=None if graded is None or response is None else graded[:, chosen], reduce_bias=reduce_bias,
        )  # fmt: skip


@dataclass(frozen=True)
class Widths:
    """Of n interfaces of b scans, all (b, n): NaN where the data say nothing.

    seen, u_seen : standard deviation of the observed edge
    intrinsic, u, low, high : of the true transition and its 95 % interval; intrinsic is NaN where it is not resolved
    bound : one-sided 95 % upper bound
    resolved : it is above zero at 95 %
    """

    seen: Floats
    u_seen: Floats
    intrinsic: Floats
    u: Floats
    low: Floats
    high: Floats
    bound: Floats
    resolved: Bools


@dataclass(frozen=True)
class Edges:
    """Interfaces as all elements jointly see them, or one element: positions (b, n) and widths.

    offset, u_offset : (b, n) what was added to the fitted positions, and its u, part of u_position
    reduced : (b,) deviance over degrees of freedom; below 1 where counts are few
    misfit : (b,) the profiles are not of this model
    """

    position: Floats
    u_position: Floats
    offset: Floats
    u_offset: Floats
    reduced: Floats
    converged: Bools
    misfit: Bools
    widths: Widths


@dataclass(frozen=True)
class Layers:
    """Inner layers, all (b, n - 1): thickness with 95 % interval, what could be resolved, whether it may be less.

    product, u_product : contrast times width, of element `of` (n - 1,)

    Of a layer that may be below the resolution only an upper bound is given, at least what could be resolved: the
    likelihood would be sharper, but only as far as the shape of the response is known.
    """

    thickness: Floats
    u: Floats
    low: Floats
    high: Floats
    smallest: Floats
    limited: Bools
    product: Floats
    u_product: Floats
    of: NDArray[np.int64]

    @property
    def beside(self) -> Bools:
        """Which interfaces (b, n) are beside a layer that is limited."""
        outer = np.zeros((self.limited.shape[0], 1), dtype=np.bool_)
        below, above = (np.concatenate(pair, axis=1) for pair in ((outer, self.limited), (self.limited, outer)))
        return np.asarray(below | above)


@dataclass(frozen=True)
class Analysis:
    """steps (n, m): which element has a step where; clear (n,): whether any has; shape chosen and AICc of others."""

    steps: Bools
    clear: Bools
    shape: str
    criterion: dict[str, float]
    joint: ProfileFit
    together: Edges
    alone: list[Edges | None]
    layers: Layers


def analyse(task: Task) -> Analysis:
    """Fit everything."""
    position, width, _ = find_interfaces(task.x, equal_variance(task.y, task.noise, task.variance), task.n)
    first = task.fit("erf", (position, width), seen=True)
    if (first.raw.status == TOO_FEW).all():
        raise ValueError(f"{int(first.points.max())} points are too few for {int(first.parameters.max())} parameters")
    steps, clear = significant_steps(first)
    start = _filled(first.position, position), _filled(first.width[:, :, 0], width)
    seen = task.fit("erf", start, steps=steps, seen=True)
    start = _filled(seen.position, start[0]), _filled(_mean(seen.width), start[1])
    shared = task.response is not None
    graded = _graded(task, seen, steps)

    def fit(one: str, reduce_bias: bool = True) -> ProfileFit:
        return task.fit(one, start, steps=steps, shared=shared, graded=graded, reduce_bias=reduce_bias)

    shape, criterion = task.model, dict[str, float]()
    if shape == "best":  # the bias of positions does not change what the fits are compared by
        shape, criterion, _ = choose(lambda one: fit(one, False), SYMMETRIC if shared else CANDIDATES)
    joint = fit(shape)
    blurred = fit("erf") if shape == "step" and shared else joint
    layers = _layers(task, joint, seen, steps)
    together = _edges(task, steps, joint, blurred, seen, shape)
    inside = _filled(together.position, start[0]), start[1]
    alone = [_alone(task, shape, steps, inside, e, graded) for e in range(steps.shape[1])]
    return Analysis(steps, clear, shape, criterion, joint, together, alone, _moved(layers, joint, together))


def _graded(task: Task, seen: ProfileFit, steps: Bools) -> Bools | None:
    """Return (n + 1, m) which element may have a gradient in which inner layer: its own one, if that is long."""
    if task.response is None:
        return None
    out = np.zeros((task.n + 1, steps.shape[1]), dtype=np.bool_)
    plateau = np.nanmedian(seen.plateau, axis=0)
    thickness = np.nanmedian(np.diff(seen.position, axis=1), axis=0)
    beside = np.maximum(plateau[:-2], plateau[2:])
    least = np.maximum(LONG * task.response.sigma[1:-1], LONG * task.step)
    out[1:-1] = steps[:-1] & steps[1:] & (plateau[1:-1] > 2.0 * beside) & (thickness[:, None] > least)
    return out


def _alone(
    task: Task, shape: str, steps: Bools, start: tuple[Floats, Floats], e: int, graded: Bools | None
) -> Edges | None:
    if not steps[:, e].any():
        return None
    seen = task.fit("erf", start, e, steps=steps, seen=True)
    fitted = seen if task.response is None and shape == "erf" else task.fit(shape, start, e, steps=steps, graded=graded)
    blurred = (
        task.fit("erf", start, e, steps=steps, graded=graded)
        if shape == "step" and task.response is not None
        else fitted
    )
    own = np.zeros_like(steps)
    own[:, e] = steps[:, e]
    return _edges(task, own, fitted, blurred, seen, shape)


def _edges(task: Task, steps: Bools, fitted: ProfileFit, blurred: ProfileFit, seen: ProfileFit, shape: str) -> Edges:
    """Collect the numbers; the widths of a sharp step are bounded with those of the error function, `blurred`."""
    good = fitted.converged[:, None]
    freedom = np.maximum(fitted.points - fitted.parameters, 1.0)
    widths = _widths(task, blurred, seen, shape)
    wide = _mean(fitted.width) if shape in TAILED and shape != "step" else np.zeros(fitted.position.shape)
    offset, u_offset = offsets(task.response, steps, wide, widths.bound, task.step)
    return Edges(
        np.where(good, fitted.position + offset, np.nan),
        np.where(good, np.hypot(fitted.u_position, u_offset), np.nan),
        offset,
        u_offset,
        np.where(fitted.converged, fitted.raw.statistic / freedom, np.nan),
        fitted.converged,
        fitted.converged & _misfit(fitted),
        widths,
    )


def _misfit(fitted: ProfileFit) -> Bools:
    """Return (b,) whether sum((y - mu)^2 / variance) is too large; of counts it has the variance sum(2 + 1 / mu)."""
    points = np.maximum(fitted.points, 1).astype(np.float64)
    variance = 2.0 * points
    if fitted.data.noise == "poisson":
        curve, _ = evaluate(fitted.layout.problem, fitted.raw.q, fitted.raw.amplitude)
        variance = variance + np.sum(1.0 / np.maximum(np.nan_to_num(curve), 1e-3), axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(fitted.data.known_variance & (fitted.raw.reduced > 1.0 + MISFIT * np.sqrt(variance) / points))


def _widths(task: Task, fitted: ProfileFit, seen: ProfileFit, shape: str) -> Widths:
    b, n = fitted.position.shape
    observed, u_observed = _mean(seen.width), _mean(seen.u_width)
    out = {name: np.full((b, n), np.nan) for name in ("intrinsic", "u", "low", "high", "bound")}
    resolved = np.zeros((b, n), dtype=np.bool_)
    for k in range(n if task.response is not None else 0):
        places = fitted.layout.width[k][fitted.layout.width[k] >= 0]
        if not places.size:
            continue
        one = _one_width(fitted, int(places[0]), observed[:, k], shape)
        resolved[:, k] = (one.pop("root") > ONE_SIDED) & (shape != "step")
        for name, values in one.items():
            out[name][:, k] = np.where(fitted.converged, values, np.nan)
    for name in ("bound", "high"):  # points may be places where the beam stood still: without the blur of a bin
        out[name] = np.hypot(out[name], BIN * task.step)
    for name in ("intrinsic", "u"):
        out[name] = np.where(resolved, out[name], np.nan)
    out["low"] = np.where(resolved | np.isnan(out["low"]), out["low"], 0.0)
    out["high"] = np.where(resolved, out["high"], out["bound"])
    return Widths(observed, u_observed, **out, resolved=resolved)


def _one_width(fitted: ProfileFit, place: int, observed: Floats, shape: str) -> dict[str, Floats]:
    """Return the standard deviation of the transition, its u and interval, and the root of the rise at zero."""
    value, u = fitted.raw.q[:, place], np.sqrt(fitted.raw.covariance[:, place, place])
    if shape in SIGNED:
        sd = HALF_NORMAL_SD if shape == "erfc" else 1.0
        size, root = np.abs(value) * sd, root_of_rise(fitted, place, np.zeros(value.shape))
        low, high = np.maximum(size - TWO_SIDED * u * sd, 0.0), size + TWO_SIDED * u * sd
        return {"intrinsic": size, "u": u * sd, "low": low, "high": high, "bound": size + ONE_SIDED * u * sd,
                "root": root}  # fmt: skip
    scale = np.where(np.isfinite(observed) & (observed > 0), 0.1 * observed, 0.01 * np.ptp(fitted.raw.high))
    found = profile(fitted, place, scale, 0.0)
    return {"intrinsic": value, "u": u, "low": found.low, "high": found.high, "bound": found.bound,
            "root": found.root_at_least}  # fmt: skip


def _layers(task: Task, joint: ProfileFit, seen: ProfileFit, steps: Bools) -> Layers:
    b, inner = joint.thickness.shape
    low, high = np.full((b, inner), np.nan), np.full((b, inner), np.nan)
    smallest = np.full((b, inner), np.nan)
    limited = np.zeros((b, inner), dtype=np.bool_)
    for k in range(inner):
        smallest[:, k] = np.maximum(RESOLVABLE * _edge_within(task, seen, steps, k), 2.0 * task.step)
        found = profile(joint, 1 + k, 0.2 * smallest[:, k], 0.0)
        limited[:, k] = found.low < smallest[:, k]
        low[:, k] = np.where(limited[:, k], 0.0, found.low)
        high[:, k] = np.where(limited[:, k], np.maximum(found.bound, smallest[:, k]), found.high)
    bad = ~joint.converged[:, None]
    hidden = limited | bad
    return Layers(
        np.where(hidden, np.nan, joint.thickness), np.where(hidden, np.nan, joint.u_thickness),
        np.where(bad, np.nan, low), np.where(bad, np.nan, high), smallest, limited & ~bad,
        *contrast_width(task.x, task.y, task.variance, joint, task.response, steps),
    )  # fmt: skip


def _moved(layers: Layers, joint: ProfileFit, edges: Edges) -> Layers:
    """Return the layers between positions that have been corrected, with the uncertainty of the corrections.

    The likelihood's interval and that of the corrections, both relative to the thickness, add up in squares.
    """
    more = np.diff(edges.offset, axis=1)
    u = np.hypot(edges.u_offset[:, :-1], edges.u_offset[:, 1:])
    found = joint.thickness + more
    low = np.maximum(found - np.hypot(joint.thickness - layers.low, TWO_SIDED * u), 0.0)
    quantile = np.where(layers.limited, ONE_SIDED, TWO_SIDED)
    high = found + np.hypot(np.maximum(layers.high - joint.thickness, 0.0), quantile * u)
    return replace(
        layers,
        thickness=layers.thickness + more,
        u=np.hypot(layers.u, u),
        low=np.where(layers.limited, layers.low, low),
        high=np.where(layers.limited, np.maximum(high, layers.smallest), high),
    )


def _edge_within(task: Task, seen: ProfileFit, steps: Bools, k: int) -> Floats:
    """Return (b,) how wide the sharpest edge that shows inner layer k may be (sigma, 97.5 %)."""
    showing = np.flatnonzero(steps[k : k + 2].any(axis=0))
    if task.response is not None:
        most = task.response.sigma[k + 1, showing] * (1.0 + TWO_SIDED * task.response.u[k + 1, showing])
        return np.full(seen.position.shape[0], float(np.min(most)))
    return np.asarray(np.nanmin(np.where(np.isfinite(seen.width), seen.width, np.inf)[:, k : k + 2].mean(1), axis=1))


def _mean(width: Floats) -> Floats:
    """Return the mean over elements (b, n) of what is known."""
    known = np.isfinite(width)
    total = np.where(known, width, 0.0).sum(axis=2)
    return np.where(known.any(axis=2), total / np.maximum(known.sum(axis=2), 1), np.nan)


def _filled(values: Floats, other: Floats) -> Floats:
    return np.where(np.isfinite(values), values, other)
