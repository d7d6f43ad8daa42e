"""Where a fit starts: the charge shift of each spectrum, from a grid; everything else from the plan."""

from __future__ import annotations

import numpy as np

from imgpipe.kernels.fit import Problem, evaluate
from imgpipe.species.building import Built

STEP = 0.1
"""eV between two trial shifts."""


def starts(built: Built, problem: Problem, y: np.ndarray) -> np.ndarray:
    """Return start values (b, nq) for the counts (b, n) of all spots side by side.

    Each spot's charge shift is the one at which the components, with their start widths and non-negative areas,
    describe the spectrum best.
    """
    base = np.array(list(built.start.values()), dtype=np.float64)
    found = np.repeat(base[None, :], len(y), axis=0)
    reach = max(spot.u_charge for spot in built.spots) * 2.5
    grid = STEP * np.arange(-round(reach / STEP), round(reach / STEP) + 1)
    order = {handle: place for place, handle in enumerate(built.start)}
    trial = np.repeat(base[None, :], grid.size, axis=0)
    for handle in built.shifts:
        trial[:, order[handle]] = grid
    amplitudes = np.ones((grid.size, len(problem.column_names)))
    _, columns = evaluate(problem, trial, amplitudes)
    for number, spot in enumerate(built.spots):
        here = problem.segment_slices[number]
        own = [c.column for c in built.of_spot(number)] + built.backgrounds[number]
        cost = (
            _misfits(columns[:, own, here], y[:, here], len(built.of_spot(number))) + 0.5 * (grid / spot.u_charge) ** 2
        )
        found[:, order[built.shifts[number]]] = grid[np.argmin(cost, axis=1)]
    return found


def _misfits(columns: np.ndarray, y: np.ndarray, peaks: int) -> np.ndarray:
    """Return half the weighted sum of squares (b, trial) of linear fits whose negative areas are set to zero."""
    weight = 1.0 / np.sqrt(np.maximum(y.mean(axis=0), 1.0))
    target = y * weight
    cost = np.empty((len(y), len(columns)))
    for place, one in enumerate(columns):
        design = one.T * weight[:, None]
        areas = target @ np.linalg.pinv(design).T
        areas[:, :peaks] = np.clip(areas[:, :peaks], 0.0, None)
        left = target - areas @ design.T
        cost[:, place] = 0.5 * np.einsum("bn,bn->b", left, left)
    return cost
