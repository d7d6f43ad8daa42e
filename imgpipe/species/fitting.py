"""Fit batches of spectra with a plan, and ask what the answer owes to its background, its shape and its constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgpipe.kernels.fit import FitResult, Problem, fit
from imgpipe.kernels.share_intervals import share_slopes
from imgpipe.species.building import Built, Spot, build
from imgpipe.species.measuring import Measured, component_areas, denominators, measured, sample_pairs, usable
from imgpipe.species.plan import FitPlan, RegionPlan
from imgpipe.species.starting import starts


@dataclass(frozen=True)
class Options:
    """How to fit.

    Attributes
    ----------
    noise : poisson or gaussian
    warm : start each spectrum where the one before it ended
    multistart : further starts for spectra that are flagged
    """

    noise: str = "poisson"
    warm: bool = False
    multistart: int = 0


@dataclass(frozen=True)
class Fitter:
    """A plan for some spots, compiled: fits batches of counts laid side by side.

    Attributes
    ----------
    members : (c, c) bool, which components make the total of which
    """

    plan: FitPlan
    spots: tuple[Spot, ...]
    options: Options
    built: Built
    problem: Problem
    members: np.ndarray

    @property
    def columns(self) -> int:
        """Number of amplitudes, backgrounds included."""
        return len(self.problem.column_names)

    def fit(self, y: np.ndarray, start: np.ndarray | None = None) -> FitResult:
        """Fit the counts (b, n); from start values (b, nq) where they are known."""
        first = starts(self.built, self.problem, y) if start is None else start
        multistart = self.options.multistart if start is None else 0
        warm = self.options.warm and start is None
        return fit(self.problem, y, noise=self.options.noise, start=first, warm=warm, multistart=multistart)

    def measure(self, y: np.ndarray) -> Measured:
        """Fit and return everything that is reported."""
        return measured(self.built, self.problem, y, self.fit(y), self.members)

    def percent(self, y: np.ndarray, start: np.ndarray | None) -> tuple[np.ndarray, FitResult]:
        """Fit and return the shares (b, c) and the fit."""
        result = self.fit(y, start)
        area, _ = component_areas(self.built, self.problem, result, usable(result.covariance))
        return share_slopes(area, self.members)[0], result


def fitter(plan: FitPlan, spots: Sequence[Spot], options: Options, moved: Mapping[str, float] | None = None) -> Fitter:
    """Return the compiled fit of a plan; `moved` shifts some of its constraints."""
    built = build(spots, plan, moved)
    members = denominators(built.columns, plan.excluded)
    return Fitter(plan, tuple(spots), options, built, built.model.compile(), members)


@dataclass(frozen=True)
class Doubts:
    """What the shares owe to what was assumed, for some spectra of a batch.

    Attributes
    ----------
    u_model, u_constants : (b, c) percent
    u_model_difference, u_constants_difference : (b, pair) percent, of differences between samples
    models : names of the alternatives; `weights` (b, 1 + alternative), the fit itself first
    effects : constraint -> (plus, minus), each (b, c) percent: change of the shares when it moves by its u
    """

    u_model: np.ndarray
    u_constants: np.ndarray
    u_model_difference: np.ndarray
    u_constants_difference: np.ndarray
    models: tuple[str, ...]
    weights: np.ndarray
    effects: dict[str, tuple[np.ndarray, np.ndarray]]


def doubts(base: Fitter, y: np.ndarray, alternatives: Sequence[str], sensitivity: bool) -> Doubts:
    """Refit with other backgrounds and shapes, and with each prior and constant moved by its u, up and down.

    The departures of equally good fits from the reported one are the spread over models; a fit that the data
    rule out counts by its weight exp(-BIC difference / 2) only, the difference divided by the reduced chi-square
    of the best where that exceeds 1. A prior's doubt is in the covariance already; a constant's is not, so half
    the difference between moving it up and down enters `u_constants`.
    """
    percent, result = base.percent(y, None)
    pairs = sample_pairs(base.built)
    others = [_other(base, name) for name in alternatives]
    fits = [one.percent(y, None) for one in others]
    weights = _weights(base, y, result, [(one, r) for one, (_, r) in zip(others, fits, strict=True)])
    departures = [np.zeros_like(percent), *(p - percent for p, _ in fits)]
    u_model = np.sqrt(sum(w[:, None] * d**2 for w, d in zip(weights.T, departures, strict=True)))
    between = [_between(d, pairs) for d in departures]
    u_model_difference = np.sqrt(sum(w[:, None] * d**2 for w, d in zip(weights.T, between, strict=True)))
    effects = _effects(base, y, percent, result) if sensitivity else {}
    held = [c.name for c in base.built.constraints if c.held and c.name in effects]
    halves = [0.5 * (effects[name][0] - effects[name][1]) for name in held]
    return Doubts(
        np.asarray(u_model), _root_sum(halves, percent.shape), np.asarray(u_model_difference),
        _root_sum([_between(h, pairs) for h in halves], (len(y), len(pairs))), tuple(alternatives), weights, effects,
    )  # fmt: skip


def _between(values: np.ndarray, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    return values[:, [a for a, _ in pairs]] - values[:, [b for _, b in pairs]]


def _root_sum(parts: Sequence[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    return np.sqrt(sum((part**2 for part in parts), np.zeros(shape)))


def _effects(
    base: Fitter, y: np.ndarray, percent: np.ndarray, result: FitResult
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    found = {}
    for one in base.built.constraints:
        if one.movable:
            changes = []
            for sign in (1.0, -1.0):
                moved = fitter(base.plan, base.spots, base.options, {one.name: sign * one.u})
                changes.append(moved.percent(y, result.q)[0] - percent)
            found[one.name] = (changes[0], changes[1])
    return found


def _other(base: Fitter, name: str) -> Fitter:
    """Return the fit with one background or shape exchanged."""
    change: Callable[[RegionPlan], RegionPlan]
    if name in SHAPES:

        def change(region: RegionPlan) -> RegionPlan:
            swapped = [replace(c, shape=name) if c.shape in SHAPES else c for c in region.components]
            return replace(region, components=tuple(swapped))
    else:

        def change(region: RegionPlan) -> RegionPlan:
            return replace(region, background=name)

    spots = [replace(spot, region=change(spot.region)) for spot in base.spots]
    return fitter(base.plan, spots, base.options)


SHAPES = ("voigt", "gl_sum", "gl_product", "gaussian")
"""Symmetric shapes that may stand for one another."""


def _weights(base: Fitter, y: np.ndarray, result: FitResult, others: Sequence[tuple[Fitter, FitResult]]) -> np.ndarray:
    """Return normalised weights (b, 1 + alternatives)."""
    fits = [(base, result), *others]
    criterion = np.stack([bic(one, y, r) for one, r in fits], axis=1)
    freedom = max(y.shape[1] - result.q.shape[1] - result.amplitude.shape[1], 1)
    best = np.min([r.statistic for _, r in fits], axis=0) / freedom
    behind = criterion - np.min(criterion, axis=1, keepdims=True)
    weight = np.exp(-0.5 * behind / np.maximum(best, 1.0)[:, None])
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def bic(one: Fitter, y: np.ndarray, result: FitResult) -> np.ndarray:
    """Return the Bayesian information criterion (b,): statistic + prior + parameters x log(points)."""
    free = result.q.shape[1] + result.amplitude.shape[1]
    points = y.shape[1]
    statistic = result.statistic + result.prior_statistic
    if one.options.noise == "gaussian":
        statistic = points * np.log(np.maximum(result.statistic, 1e-300) / points) + result.prior_statistic
    return np.asarray(statistic + free * np.log(points))
