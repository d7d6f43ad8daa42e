"""Ask what the shares owe to the background, the shape, the priors and the constants of a fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgpipe.kernels.fit import FitResult, monte_carlo
from imgpipe.kernels.fit.fitting import take
from imgpipe.species.fitting import Fitter, bic, fitter
from imgpipe.species.measuring import sample_pairs
from imgpipe.species.plan import RegionPlan

SHAPES = ("voigt", "gl_sum", "gl_product", "gaussian")
"""Symmetric shapes that may stand for one another."""
METALS = ("mahan", "la")
"""Asymmetric shapes of a metal line that may stand for one another."""
GAPLESS, HELD_SHIFTS, TIED_WIDTHS, TIED_LINES = "gapless", "held_shifts", "tied_widths", "tied_lines"
"""Stiffer models: chemical shifts at their library values, width ratios at theirs. Where two components are not
resolved, a free shift or width lets the smaller one shrink together with its own u; the stiffer fit shows how far.
`gapless`: insulators lose energy from 0 on, as defective or very thin films may.
`tied_lines`: further lines of the same atoms follow their main line in area, position and Gaussian width."""
LARGEST_DRAW = 4_000_000
"""Numbers drawn at a time."""
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
    preferred : constant -> its mean value where it is fitted, with its u as a prior
    monte_carlo : (b, c) percent, standard deviation of the shares over refits to counts drawn about the fit
    """

    u_model: np.ndarray
    u_constants: np.ndarray
    u_model_difference: np.ndarray
    u_constants_difference: np.ndarray
    models: tuple[str, ...]
    weights: np.ndarray
    effects: Effects
    preferred: dict[str, float]
    monte_carlo: np.ndarray | None = None


@dataclass(frozen=True)
class Questions:
    """What is asked of a fit.

    Attributes
    ----------
    alternatives : other backgrounds, shapes and stiffer models
    sensitivity : move every constraint by its u, for the table
    exact : constants are taken as exactly known
    draws : of the Monte Carlo, 0 for none
    """

    alternatives: tuple[str, ...] = ()
    sensitivity: bool = False
    exact: bool = False
    draws: int = 0

    @property
    def any(self) -> bool:
        """Tell whether anything is asked."""
        return bool(self.alternatives or self.sensitivity or self.draws or not self.exact)


def doubts(base: Fitter, y: np.ndarray, asked: Questions) -> Doubts:
    """Refit with other backgrounds and shapes, with constants freed, and with each constraint moved by its u.

    The spread over models is the root mean square departure of the alternatives from the reported fit, each with the
    weight exp(-BIC difference / 2), the difference divided by the reduced chi-square of the best where that exceeds
    1. A prior's doubt is in the covariance already. Constants held without a prior are freed, all at once, each with
    its u as a prior: how far the shares go then, and by how much their variance grows, is what the constants add. The
    moves of the sensitivity table and the Monte Carlo enter nothing.
    """
    result = base.fit(y)
    percent, pairs = base.percent(result), sample_pairs(base.built)
    u_model, u_model_difference, weights = _spread(base, y, result, asked.alternatives)
    held = [c.name for c in base.built.constraints if c.held]
    u_constants, u_between = np.zeros_like(percent), np.zeros((len(y), len(pairs)))
    preferred: dict[str, float] = {}
    if held and not asked.exact:
        u_constants, u_between, preferred = _freed(base, y, result, held)
    effects = _moved(base, y, percent, result) if asked.sensitivity else {}
    drawn = _monte_carlo(base, result, asked.draws) if asked.draws else None
    return Doubts(
        u_model, u_constants, u_model_difference, u_between, asked.alternatives, weights, effects, preferred, drawn
    )


def _monte_carlo(base: Fitter, result: FitResult, draws: int) -> np.ndarray:
    """Return the standard deviation of the shares (b, c) over refits to drawn counts, a few spectra at a time."""
    rows = max(1, LARGEST_DRAW // (draws * base.problem.n_points))
    parts = []
    for first in range(0, len(result.q), rows):
        some = np.arange(first, min(first + rows, len(result.q)))
        refits = monte_carlo(base.problem, take(result, some), draws, seed=first)
        parts.append(base.percent(refits).reshape(some.size, draws, -1).std(axis=1, ddof=1))
    return np.concatenate(parts)


def _freed(
    base: Fitter, y: np.ndarray, result: FitResult, held: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    """Return what freeing the constants adds to shares (b, c) and differences (b, pair), and their fitted values."""
    pairs = sample_pairs(base.built)
    free = fitter(replace(base.plan, freed=True), base.spots, base.options)
    other = free.fit(y)
    before, after = base.shares(result), free.shares(other)
    added = np.clip(after.u**2 - before.u**2, 0.0, None) + (after.percent - before.percent) ** 2
    growth = np.clip(_variance(after.covariance, pairs) - _variance(before.covariance, pairs), 0.0, None)
    moved = _between(after.percent - before.percent, pairs)
    named = {c.name: c for c in free.built.constraints}
    preferred = {name: named[name].fitted_value(other.p) for name in held if name in named}
    return np.sqrt(added), np.sqrt(growth + moved**2), preferred


def _variance(covariance: np.ndarray, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """Return the variance (b, pair) of differences."""
    one, two = [a for a, _ in pairs], [b for _, b in pairs]
    return np.asarray(covariance[:, one, one] + covariance[:, two, two] - 2.0 * covariance[:, one, two])


def _between(values: np.ndarray, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    return np.asarray(values[..., [a for a, _ in pairs]] - values[..., [b for _, b in pairs]])


def _moved(base: Fitter, y: np.ndarray, percent: np.ndarray, result: FitResult) -> Effects:
    """Return the change of the shares (b, c) by each movable constraint, up and down."""
    effects: Effects = {}
    for one in (c for c in base.built.constraints if c.movable):
        fits = [fitter(base.plan, base.spots, base.options, {one.name: sign * one.u}) for sign in (1.0, -1.0)]
        up, down = (moved.percent(moved.fit(y, result.q)) - percent for moved in fits)
        effects[one.name] = (up, down)
    return effects


def _spread(
    base: Fitter, y: np.ndarray, result: FitResult, alternatives: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the spread of shares (b, c) and of differences (b, pair) over models, and the weights."""
    percent, pairs = base.percent(result), sample_pairs(base.built)
    others = [_other(base, name) for name in alternatives]
    results = [one.fit(y) for one in others]
    weights = _weights([base, *others], y, [result, *results])
    departures = [
        np.zeros_like(percent),
        *(_departure(base, percent, o, r) for o, r in zip(others, results, strict=True)),
    ]
    stack = np.stack(departures, axis=1)
    both = [np.sqrt(np.einsum("bm,bmk->bk", weights, part**2)) for part in (stack, _between(stack, pairs))]
    return both[0], both[1], weights


def _departure(base: Fitter, percent: np.ndarray, other: Fitter, result: FitResult) -> np.ndarray:
    """Return how far the shares (b, c) of another model are off; 0 for components that it has no area of."""
    place = {(c.spot, c.component.name): n for n, c in enumerate(other.built.columns)}
    found = other.percent(result)
    departure = np.zeros_like(percent)
    for n, one in enumerate(base.built.columns):
        there = place.get((one.spot, one.component.name))
        if there is not None:
            departure[:, n] = found[:, there] - percent[:, n]
    return departure


def _other(base: Fitter, name: str) -> Fitter:
    """Return the fit with one background or shape exchanged."""
    spots = [replace(spot, region=_changed(spot.region, name)) for spot in base.spots]
    return fitter(base.plan, spots, base.options)


def _changed(region: RegionPlan, name: str) -> RegionPlan:
    if name == HELD_SHIFTS:
        return replace(region, components=tuple(replace(c, u_shift=0.0) for c in region.components))
    if name == TIED_LINES:
        return replace(region, components=tuple(replace(c, tied=c.follows is not None) for c in region.components))
    if name == GAPLESS:
        return replace(region, components=tuple(replace(c, gap=0.0) for c in region.components))
    if name == TIED_WIDTHS:
        return replace(region, components=tuple(replace(c, u_width_ratio=0.0) for c in region.components))
    family = next((shapes for shapes in (SHAPES, METALS) if name in shapes), None)
    if family is None:
        return replace(region, background=name)
    swapped = (replace(c, shape=name) if c.shape in family else c for c in region.components)
    return replace(region, components=tuple(swapped))


def _weights(fits: Sequence[Fitter], y: np.ndarray, results: Sequence[FitResult]) -> np.ndarray:
    """Return normalised weights (b, models)."""
    criterion = np.stack([bic(one, y, r) for one, r in zip(fits, results, strict=True)], axis=1)
    best = np.min([r.reduced for r in results], axis=0)
    behind = criterion - np.min(criterion, axis=1, keepdims=True)
    weight = np.exp(-0.5 * behind / np.maximum(best, 1.0)[:, None])
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))
