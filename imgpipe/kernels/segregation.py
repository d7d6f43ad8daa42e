"""Contrast of a line across a layer beyond what a uniform composition would show.

Forward model of a uniform layer: plateau a between two interfaces, seen through a response of another spread in each
layer, with the effects of `imgpipe.kernels.segregation_effects` relative to a, each with its prior. On top of it a
composition that changes linearly across the layer, under the same response. Poisson likelihood, one engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgpipe.kernels.fit import FitResult, Model, Problem, evaluate, fit
from imgpipe.kernels.fit.fitting import Noise
from imgpipe.kernels.fit.model import Parameter
from imgpipe.kernels.segregation_effects import Cusp
from imgpipe.kernels.segregation_shapes import layer_shapes

Floats = NDArray[np.float64]
TWO_SIDED = 2.131
"""Coverage factor for 95 %: Student's t with 15 degrees of freedom, as the sizes of the priors are themselves known to
about a fifth only (GUM G.4.2)."""
MOST_STEPS = 100


@dataclass(frozen=True)
class Setting:
    """What is known before the fit of one layer between two neighbours.

    Attributes
    ----------
    position, u_position : of both interfaces, nm
    sigma, u_sigma : spread of the response in the layer below, the layer, the layer above, nm
    shift, u_shift : of the edges, in units of the response (negative: electrons are pushed to rising position)
    cusps : effects beside the interfaces
    """

    position: tuple[float, float]
    u_position: tuple[float, float]
    sigma: tuple[float, float, float]
    u_sigma: tuple[float, float, float]
    shift: float
    u_shift: float
    cusps: tuple[Cusp, ...]


@dataclass(frozen=True)
class Contrast:
    """Contrasts of a batch of scans (b,), as parts of the mean intensity of the layer.

    contrast : (second side - first side) / mean of both; u : its standard uncertainty; low, high : 95 % interval
    background : counts outside the layer, as part of the plateau
    reduced : sum(residual^2 / variance) over the degrees of freedom; sound : the fit gave an uncertainty
    """

    contrast: Floats
    u: Floats
    low: Floats
    high: Floats
    background: Floats
    reduced: Floats
    sound: NDArray[np.bool_]
    fit: FitResult


def problem_of(x: Floats, setting: Setting, gradient: bool = True) -> tuple[Problem, Floats]:
    """Return the fit of one scan over positions x (nm, rising), and its start.

    Parameters
    ----------
    gradient : with the linear change of composition (its parameter is called "gradient"); without it the model is the
        one of uniform composition
    """
    model = Model(layer_shapes())
    segment = model.segment(x)
    start: list[float] = []

    def free(name: str, mean: float, sd: float, low: float = -np.inf, high: float = np.inf) -> Parameter:
        start.append(mean)
        return model.parameter(name, low, high, prior=(mean, sd))

    places = zip(setting.position, setting.u_position, strict=True)
    spreads = zip(setting.sigma, setting.u_sigma, strict=True)
    stack = [free(f"position {i}", mean, u) for i, (mean, u) in enumerate(places)]
    stack += [free(f"response {i}", mean, u, 0.2 * mean, 4.0 * mean) for i, (mean, u) in enumerate(spreads)]
    shift = free("shift", setting.shift, setting.u_shift) if setting.u_shift > 0.0 else setting.shift
    plateau, below, above = (model.column(name) for name in ("plateau", "below", "above"))
    model.term("erf in stack", segment, [(plateau, 1.0), (below, -1.0)], [0.0, 0.0, shift, *stack])
    model.term("erf in stack", segment, [(plateau, -1.0), (above, 1.0)], [1.0, 0.0, shift, *stack])
    model.term("constant", segment, below)
    for i, cusp in enumerate(setting.cusps):
        scale = cusp.scale if cusp.interface == 0 else -cusp.scale
        weight = free(f"{cusp.cause} {i}", cusp.mean, cusp.sd)
        model.term("cusp in stack", segment, plateau, [float(cusp.interface), scale, 0.0, *stack], weight=weight)
    if gradient:
        start.append(0.0)
        weight = model.parameter("gradient")
        model.term("ramp in stack", segment, plateau, [0.0, 0.0, shift, *stack], weight=weight)
    return model.compile(), np.array(start)


def fit_contrast(
    x: Floats,
    y: ArrayLike,
    setting: Setting,
    variance: ArrayLike | None = None,
    u_drift: float = 0.0,
    u_matrix: float = 0.0,
) -> Contrast:
    """Fit scans of one layer and return the contrast of each.

    Parameters
    ----------
    x : (n,) nm, rising; y : (b, n) or (n,) counts
    setting : what is known before
    variance : of y where it is not counts as recorded; None: Poisson noise
    u_drift : relative standard uncertainty of the change of the instrument (beam current) along the layer
    u_matrix : relative standard uncertainty of a contrast in intensity taken as one in mass fraction

    Notes
    -----
    Where the fit is worse than its noise, the uncertainty grows by the root of the reduced chi-square.
    """
    problem, start = problem_of(x, setting)
    noise: Noise = "poisson" if variance is None else "gaussian"
    found = fit(problem, y, noise=noise, variance=variance, start=start, max_iterations=MOST_STEPS)
    i = problem.free_names.index("gradient")
    plateau, below, above = found.amplitude.T
    with np.errstate(invalid="ignore", divide="ignore"):
        background = np.minimum(below, above) / plateau
        net = 1.0 / np.clip(1.0 - background, 0.1, None)
        slope = found.q[:, i] * net
        worse = np.sqrt(np.maximum(found.reduced, 1.0))
        u = np.sqrt(found.covariance[:, i, i]) * worse * net
        u = np.sqrt(u**2 + u_drift**2 + (u_matrix * slope) ** 2 + (0.5 * background * slope) ** 2)
    low, high = slope - TWO_SIDED * u, slope + TWO_SIDED * u
    sound = np.isfinite(u) & (plateau > 0.0) & (background < 0.8)
    return Contrast(slope, u, low, high, background, found.reduced, sound, found)


def apparent_contrast(x: Floats, y: ArrayLike, position: Sequence[float]) -> Floats:
    """Return the change over its mean of a straight line through the raw counts between two positions: (b,)."""
    inside = (x >= position[0]) & (x <= position[1])
    t = (x[inside] - position[0]) / (position[1] - position[0]) - 0.5
    counts = np.atleast_2d(np.asarray(y, dtype=np.float64))[:, inside]
    design = np.stack([np.ones_like(t), t], axis=1)
    level, slope = np.linalg.lstsq(design, counts.T, rcond=None)[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(slope / level)


def uniform_curve(
    x: Floats, y: Floats, setting: Setting, variance: Floats | None = None
) -> tuple[Floats, Floats, Floats]:
    """Return the fit of a uniform composition to one scan (n,), and its 95 % band."""
    problem, start = problem_of(x, setting, gradient=False)
    noise: Noise = "poisson" if variance is None else "gaussian"
    found = fit(problem, y, noise=noise, variance=variance, start=start, max_iterations=MOST_STEPS)
    curve = evaluate(problem, found.q, found.amplitude)[0][0]
    slopes = _slopes(problem, found, curve)
    covariance = np.nan_to_num(found.covariance[0])
    u = np.sqrt(np.maximum(np.einsum("in,ij,jn->n", slopes, covariance, slopes), 0.0))
    u *= np.sqrt(max(float(found.reduced[0]), 1.0))
    return curve, np.maximum(curve - TWO_SIDED * u, 0.0), curve + TWO_SIDED * u


def _slopes(problem: Problem, found: FitResult, curve: Floats) -> Floats:
    """Return the derivatives of the curve by all parameters and amplitudes: (Q + L, n)."""
    q, amplitude = found.q[0], found.amplitude[0]
    u = np.sqrt(np.maximum(np.nan_to_num(np.diagonal(found.covariance[0])), 0.0))
    step = np.maximum(0.01 * u, 1e-6 * np.maximum(np.abs(np.concatenate([q, amplitude])), 1e-6))
    moved = np.concatenate([q, amplitude]) + np.diag(step)
    curves = evaluate(problem, moved[:, : q.size], moved[:, q.size :])[0]
    return np.asarray((curves - curve) / step[:, None])
