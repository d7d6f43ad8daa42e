"""Ask what the shares owe to the background, the shape, the priors and the constants of a fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgpipe.kernels.fit import FitResult, evaluate
from imgpipe.kernels.held_constants import Constants, heard
from imgpipe.species.fitting import Fitter, bic, fitter
from imgpipe.species.measuring import sample_pairs, standardised
from imgpipe.species.plan import RegionPlan

SHAPES = ("voigt", "gl_sum", "gl_product", "gaussian")
"""Symmetric shapes that may stand for one another."""
Effects = dict[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Doubts:
    """What the shares owe to what was assumed, for some spectra of a batch.

    Attributes
    ----------
    u_model, u_constants : (b, c) percent
    u_model_difference, u_constants_difference : (b, pair) percent, of differences between samples
    models : names of the alternatives; `weights` (b, 1 + alternative), the fit itself first
    effects : constraint -> (plus, minus), each (b, c) percent: change of the shares when it moves by its u
    preferred : constraint -> (b,) where the data together with its u want a held constant, in units of its u
    """

    u_model: np.ndarray
    u_constants: np.ndarray
    u_model_difference: np.ndarray
    u_constants_difference: np.ndarray
    models: tuple[str, ...]
    weights: np.ndarray
    effects: Effects
    preferred: dict[str, np.ndarray]


def doubts(base: Fitter, y: np.ndarray, alternatives: Sequence[str], sensitivity: bool) -> Doubts:
    """Refit with other backgrounds and shapes, and with each prior and constant moved by its u, up and down.

    The spread over models is the root mean square departure of the alternatives from the reported fit, each with the
    weight exp(-BIC difference / 2), the difference divided by the reduced chi-square of the best where that exceeds
    1. A prior's doubt is in the covariance already; a constant's is not, see `imgpipe.kernels.held_constants`.
    """
    result = base.fit(y)
    percent, pairs = base.percent(result), sample_pairs(base.built)
    u_model, u_model_difference, weights = _spread(base, y, result, alternatives)
    effects: Effects = {}
    changes: dict[str, np.ndarray] = {}
    if sensitivity:
        effects, changes = _moved(base, y, percent, result)
    known = heard(_residuals(base, y, result), _stacked(changes, y), result.reduced)
    halves = np.stack([0.5 * (effects[n][0] - effects[n][1]) for n in changes], axis=1) if changes else None
    return Doubts(
        u_model=u_model,
        u_constants=_u_of(known, halves, percent),
        u_model_difference=u_model_difference,
        u_constants_difference=_u_of(
            known, None if halves is None else _between(halves, pairs), _between(percent, pairs)
        ),
        models=tuple(alternatives),
        weights=weights,
        effects=effects,
        preferred={name: known.mean[:, place] for place, name in enumerate(changes)},
    )


def _u_of(known: Constants, effects: np.ndarray | None, like: np.ndarray) -> np.ndarray:
    return np.zeros_like(like) if effects is None else known.u_of(effects)


def _between(values: np.ndarray, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    return np.asarray(values[..., [a for a, _ in pairs]] - values[..., [b for _, b in pairs]])


def _stacked(changes: dict[str, np.ndarray], y: np.ndarray) -> np.ndarray:
    return np.stack(list(changes.values()), axis=1) if changes else np.zeros((len(y), 0, 1))


def _residuals(one: Fitter, y: np.ndarray, result: FitResult) -> np.ndarray:
    """Return standardised residuals (b, n + priors)."""
    envelope, _ = evaluate(one.problem, result.q, result.amplitude)
    return np.concatenate([standardised(y, envelope, one.noise_of(y)), _prior_residuals(one, result)], axis=1)


def _prior_residuals(one: Fitter, result: FitResult) -> np.ndarray:
    """Return (mean - value) / sd of all priors on parameters (b, prior)."""
    priors = [entry for entry in one.built.model.priors if entry.column is None]
    values = [sum(w * result.p[:, handle] for handle, w in entry.weights.items()) for entry in priors]
    rows = [(entry.mean - value) / entry.sd for entry, value in zip(priors, values, strict=True)]
    return np.stack(rows, axis=1) if rows else np.zeros((len(result.p), 0))


def _moved(
    base: Fitter, y: np.ndarray, percent: np.ndarray, result: FitResult
) -> tuple[Effects, dict[str, np.ndarray]]:
    """Return the change of the shares by each movable constraint, and of the residuals by each held constant."""
    effects: Effects = {}
    changes: dict[str, np.ndarray] = {}
    for one in (c for c in base.built.constraints if c.movable):
        fits = [fitter(base.plan, base.spots, base.options, {one.name: sign * one.u}) for sign in (1.0, -1.0)]
        results = [moved.fit(y, result.q) for moved in fits]
        up, down = (moved.percent(r) - percent for moved, r in zip(fits, results, strict=True))
        effects[one.name] = (up, down)
        if one.held:
            above, below = (_residuals(moved, y, r) for moved, r in zip(fits, results, strict=True))
            changes[one.name] = 0.5 * (below - above)
    return effects, changes


def _spread(
    base: Fitter, y: np.ndarray, result: FitResult, alternatives: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the spread of shares (b, c) and of differences (b, pair) over models, and the weights."""
    percent, pairs = base.percent(result), sample_pairs(base.built)
    others = [_other(base, name) for name in alternatives]
    results = [one.fit(y) for one in others]
    weights = _weights([base, *others], y, [result, *results])
    departures = [np.zeros_like(percent), *(o.percent(r) - percent for o, r in zip(others, results, strict=True))]
    stack = np.stack(departures, axis=1)
    both = [np.sqrt(np.einsum("bm,bmk->bk", weights, part**2)) for part in (stack, _between(stack, pairs))]
    return both[0], both[1], weights


def _other(base: Fitter, name: str) -> Fitter:
    """Return the fit with one background or shape exchanged."""
    spots = [replace(spot, region=_changed(spot.region, name)) for spot in base.spots]
    return fitter(base.plan, spots, base.options)


def _changed(region: RegionPlan, name: str) -> RegionPlan:
    if name not in SHAPES:
        return replace(region, background=name)
    swapped = (replace(c, shape=name) if c.shape in SHAPES else c for c in region.components)
    return replace(region, components=tuple(swapped))


def _weights(fits: Sequence[Fitter], y: np.ndarray, results: Sequence[FitResult]) -> np.ndarray:
    """Return normalised weights (b, models)."""
    criterion = np.stack([bic(one, y, r) for one, r in zip(fits, results, strict=True)], axis=1)
    best = np.min([r.reduced for r in results], axis=0)
    behind = criterion - np.min(criterion, axis=1, keepdims=True)
    weight = np.exp(-0.5 * behind / np.maximum(best, 1.0)[:, None])
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))
