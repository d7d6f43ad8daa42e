"""Fit batches of spectra with a plan, and ask what the answer owes to its background, its shape and its constants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from imgpipe.kernels.fit import FitResult, Problem, fit
from imgpipe.kernels.share_intervals import Shares, shares
from imgpipe.species.building import build
from imgpipe.species.measuring import Measured, component_areas, denominators, measured, usable
from imgpipe.species.parts import Built, Spot
from imgpipe.species.plan import FitPlan
from imgpipe.species.searching import better, doubtful
from imgpipe.species.starting import other_starts, starts

MEDIAN_OF_SQUARES = 0.4549364231195724
"""Median of the square of a standard normal number."""


@dataclass(frozen=True)
class Options:
    """How to fit.

    Attributes
    ----------
    noise : poisson or gaussian
    warm : start each spectrum where the one before it ended
    multistart : further starts for spectra that are flagged
    thorough : try the other starts on every spectrum, not only on doubtful fits
    """

    noise: Literal["poisson", "gaussian"] = "poisson"
    warm: bool = False
    multistart: int = 0
    thorough: bool = False


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
        y = emptied(y, self.problem.segment_slices)
        whole = filled(y)
        result = self._fit(y, starts(self.built, self.plan, whole) if start is None else start, start is None)
        asked = doubtful(result) | self.options.thorough
        again = np.flatnonzero(asked) if start is None else np.zeros(0, dtype=np.int64)
        if again.size:
            some = np.ascontiguousarray(y[again])
            for first in other_starts(self.built, self.plan, whole[again]):
                result = better(result, self._fit(some, first, False), again)
        return result

    def _fit(self, y: np.ndarray, first: np.ndarray, alone: bool) -> FitResult:
        multistart = self.options.multistart if alone else 0
        warm = self.options.warm and alone
        return fit(self.problem, y, self.options.noise, self.noise_of(y), first, warm=warm, multistart=multistart)

    def noise_of(self, y: np.ndarray) -> np.ndarray | None:
        """Return the variance (b, n) of Gaussian noise, one number per spot; none for Poisson.

        From second differences, which a smooth curve hardly has (one in six of their squares is the variance): the
        fit then knows its noise, and priors weigh what they should.
        """
        if self.options.noise == "poisson":
            return None
        y = filled(emptied(y, self.problem.segment_slices))
        variance = np.empty_like(y)
        for here in self.problem.segment_slices:
            rough = np.diff(y[:, here], n=2, axis=1)
            middle = np.median(rough**2, axis=1) / (6.0 * MEDIAN_OF_SQUARES)
            least = 1e-12 * np.maximum(np.max(y[:, here] ** 2, axis=1), 1e-300)
            known = np.where(y[:, here].any(axis=1), np.maximum(middle, least), 1.0)
            variance[:, here] = known[:, None]
        return variance

    def measure(self, y: np.ndarray) -> Measured:
        """Fit and return everything that is reported."""
        return measured(self.built, self.problem, y, self.fit(y), self.members, self.noise_of(y))

    def shares(self, result: FitResult) -> Shares:
        """Return the shares of a fit, with their covariance."""
        area, covariance = component_areas(self.built, self.problem, result, usable(result.covariance))
        return shares(area, covariance, self.members)

    def percent(self, result: FitResult) -> np.ndarray:
        """Return the shares (b, c) of a fit."""
        return self.shares(result).percent


def emptied(y: np.ndarray, segments: Sequence[slice]) -> np.ndarray:
    """Return counts (b, n) with zeros for spectra that have no point at all; their results are taken out later."""
    missing = np.isnan(y)
    if not missing.any():
        return y
    changed = y.copy()
    for here in segments:
        changed[missing[:, here].all(axis=1), here] = 0.0
    return changed


def filled(y: np.ndarray) -> np.ndarray:
    """Return counts (b, n) with missing points interpolated: for starts and noise only, the fit leaves them out."""
    missing = np.isnan(y)
    if not missing.any():
        return y
    changed, places = y.copy(), np.arange(y.shape[1])
    for row in np.flatnonzero(missing.any(axis=1)):
        gone = missing[row]
        changed[row, gone] = np.interp(places[gone], places[~gone], y[row, ~gone])
    return changed


def fitter(plan: FitPlan, spots: Sequence[Spot], options: Options, moved: Mapping[str, float] | None = None) -> Fitter:
    """Return the compiled fit of a plan; `moved` shifts some of its constraints."""
    built = build(spots, plan, moved)
    members = denominators(built.columns, plan.excluded)
    return Fitter(plan, tuple(spots), options, built, built.model.compile(), members)


def bic(one: Fitter, y: np.ndarray, result: FitResult) -> np.ndarray:
    """Return the Bayesian information criterion (b,): statistic + prior + parameters x log(points)."""
    free = result.q.shape[1] + result.amplitude.shape[1]
    points = y.shape[1]
    return np.asarray(result.statistic + result.prior_statistic + free * np.log(points))
