"""NIST StRD: 27 nonlinear regression sets from two starts each, against the certified values and scipy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from nist_shapes import NIST_SHAPES
from nist_strd import RECIPES, Data, Recipe, digits, read, twins
from scipy.optimize import least_squares

from imgpipe.kernels.fit import CONVERGED, Model, Problem, fit

Peer = Callable[[Data, int], float]
ENOUGH = 6
"""Digits that must agree."""
UNSOLVED: set[str] = set()
"""Runs, "set start", that the engine does not solve: a run that newly passes or fails breaks the test."""
ROUNDED = "Lanczos1"
"""Its residuals are the rounding of its data in the 13th digit: no fit in double precision has the certified ones."""


@dataclass(frozen=True)
class Run:
    """One fit from one start: digits of the worst parameter, and the rest of the result in the order of b."""

    name: str
    digits: float
    parameters: np.ndarray
    sd: np.ndarray
    rss: float
    status: int


def compiled(data: Data, recipe: Recipe) -> tuple[Problem, list[int], list[tuple[int, int, float]]]:
    """Return the problem, the places of its free parameters in b, and (column, place in b, sign) of the amplitudes."""
    model = Model(NIST_SHAPES)
    segment = model.segment(data.x)
    places = sorted({p for term in recipe.terms for p in term.parameters if isinstance(p, int)})
    lows = dict(recipe.low)
    free = {place: model.parameter(f"b{place + 1}", low=lows.get(place, -np.inf)) for place in places}
    amplitudes = []
    for term in recipe.terms:
        fixed = term.amplitude is None
        column = model.column(f"b{term.amplitude}", nonnegative=False, fixed=term.weight if fixed else None)
        if not fixed:
            amplitudes.append((int(column), term.amplitude, term.weight))
        parameters = [free[p] if isinstance(p, int) else p for p in term.parameters]
        model.term(term.shape, segment, column, parameters)
    return model.compile(), places, amplitudes


def ours(data: Data, number: int) -> Run:
    """Fit with the engine: what is linear needs no start."""
    problem, places, amplitudes = compiled(data, RECIPES[data.name])
    result = fit(
        problem, data.y, noise="gaussian", start=data.starts[number][places], tolerance=1e-24, max_iterations=2000
    )
    b, sd = np.full(data.certified.size, np.nan), np.full(data.certified.size, np.nan)
    spread = np.sqrt(np.diag(result.covariance[0]))
    b[places], sd[places] = result.q[0], spread[: len(places)]
    for column, place, sign in amplitudes:
        b[place], sd[place] = sign * result.amplitude[0, column], spread[len(places) + column]
    name = f"{data.name} {number + 1}"
    return Run(name, digits(b, data), b, sd, float(result.statistic[0]), int(result.status[0]))


def scipys(data: Data, number: int) -> float:
    """Return the digits of scipy's least_squares as a user calls it: default method, two-point Jacobian, tight."""
    recipe = RECIPES[data.name]
    with np.errstate(all="ignore"):
        result = least_squares(
            lambda b: recipe.curve(data.x, b) - data.y, data.starts[number], xtol=1e-15, ftol=1e-15, gtol=1e-15,
            max_nfev=2000,
        )  # fmt: skip
    return digits(result.x, data)


def scipys_derived(data: Data, number: int) -> float:
    """Return the digits of scipy's least_squares with the derivatives that the engine has, too."""
    recipe = RECIPES[data.name]

    def jacobian(b: np.ndarray) -> np.ndarray:
        out = np.zeros((data.x.size, b.size))
        for term in recipe.terms:
            given = np.array([b[p] if isinstance(p, int) else p for p in term.parameters], dtype=float)
            value, derivative = NIST_SHAPES[term.shape](data.x, given)
            if term.amplitude is not None:
                out[:, term.amplitude] += term.weight * value
            factor = term.weight * (1.0 if term.amplitude is None else b[term.amplitude])
            for row, place in zip(derivative, term.parameters, strict=True):
                if isinstance(place, int):
                    out[:, place] += factor * row
        return out

    with np.errstate(all="ignore"):
        result = least_squares(
            lambda b: recipe.curve(data.x, b) - data.y, data.starts[number], jacobian, xtol=1e-15, ftol=1e-15,
            gtol=1e-15, max_nfev=2000,
        )  # fmt: skip
    return digits(result.x, data)


@pytest.fixture(scope="module")
def sets(real_data: Path) -> list[Data]:
    """All 27 sets."""
    found = [read(path) for path in sorted((real_data / "xps" / "lmfit-nist-strd").glob("*.dat"))]
    assert [data.name for data in found] == sorted(RECIPES)
    return found


@pytest.fixture(scope="module")
def runs(sets: list[Data]) -> list[Run]:
    """All 54 fits of the engine."""
    return [ours(data, number) for data in sets for number in range(2)]


def test_the_certified_values_are_reached(runs: list[Run]) -> None:
    assert len(runs) == 54
    assert {run.name for run in runs if run.digits < ENOUGH} == UNSOLVED
    assert {run.name for run in runs if run.status != CONVERGED} == set()


@pytest.mark.parametrize("peer", [scipys, scipys_derived])
def test_no_fewer_runs_are_solved_than_by_scipy(sets: list[Data], runs: list[Run], peer: Peer) -> None:
    solved = sum(peer(data, number) >= ENOUGH for data in sets for number in range(2))
    print(f"{peer.__name__}: {solved} of 54, the engine: {sum(run.digits >= ENOUGH for run in runs)}")
    assert sum(run.digits >= ENOUGH for run in runs) >= solved >= 40


def test_sums_of_squares_and_standard_errors_are_the_certified_ones(sets: list[Data], runs: list[Run]) -> None:
    certified = {data.name: data for data in sets}
    for run in runs:
        data = certified[run.name.split()[0]]
        if data.name == ROUNDED or run.name in UNSOLVED:
            continue
        assert run.rss == pytest.approx(data.rss, rel=1e-9), run.name
        off = min(np.max(np.abs(sd / data.sd - 1.0)) for sd in twins(run.sd, RECIPES[data.name].alike))
        assert off < 1e-5, (run.name, off)
