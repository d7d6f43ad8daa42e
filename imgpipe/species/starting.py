"""Where a fit starts: charge shift and width of each spectrum from a grid, everything else from the plan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imgpipe.kernels.fit import evaluate
from imgpipe.species.building import build
from imgpipe.species.parts import Built, Spot
from imgpipe.species.plan import FitPlan

STEP = 0.2
"""eV between two trial charge shifts."""
WIDTHS = (0.7, 0.95, 1.3)
"""Trial widths over the start width of the plan."""
DEPARTURES = (-2.5, -1.2, 1.2, 2.5)
"""Trial chemical shifts, in standard deviations of their prior."""
EQUAL = 6
"""Decimals of half a chi-square to which two trials are told apart; of equal ones the first is taken."""
DEPENDENT = 1e-12
"""A smaller eigenvalue of normal equations, over the largest, means columns that depend on each other."""

CHARGE = ("charge", "")


@dataclass(frozen=True)
class Trials:
    """Trial starts of one spot.

    Attributes
    ----------
    values : name of a parameter -> (trial,)
    designs : (trial, columns, n), components first
    cost : (trial,) what the priors say against each
    """

    values: dict[tuple[str, ...], np.ndarray]
    designs: np.ndarray
    cost: np.ndarray
    peaks: int


def starts(built: Built, plan: FitPlan, y: np.ndarray) -> np.ndarray:
    """Return start values (b, nq) for the counts (b, n) of all spots side by side.

    Each spectrum is described by its required components at every trial shift and width, with non-negative areas; the
    best trial is the start. What samples share starts at the median.
    """
    return _starts(built, plan, y, ())


def other_starts(built: Built, plan: FitPlan, y: np.ndarray) -> list[np.ndarray]:
    """Return further starts for spectra whose fit is doubtful: chemical shifts below and above the library's."""
    if not any(name[0] == "shift" for name in built.shared):
        return []
    return [_starts(built, plan, y, side) for side in (DEPARTURES[:2], DEPARTURES[2:])]


def _starts(built: Built, plan: FitPlan, y: np.ndarray, departures: tuple[float, ...]) -> np.ndarray:
    order: dict[int, int] = {handle: place for place, handle in enumerate(built.start)}
    found = np.repeat(np.array(list(built.start.values()), dtype=np.float64)[None, :], len(y), axis=0)
    chosen: dict[int, list[np.ndarray]] = {}
    known: dict[tuple[object, bytes], Trials] = {}
    first, costs, trials = 0, [], []
    for spot in built.spots:
        here = slice(first, first + spot.x.size)
        first = here.stop
        key = (spot.region, spot.x.tobytes())
        if key not in known:
            known[key] = _trials(plan, spot, departures)
        trials.append(known[key])
        misfit = _misfits(known[key].designs, y[:, here], known[key].peaks) + known[key].cost
        costs.append(np.round(misfit, EQUAL))  # a tie must not be decided by how many threads a BLAS has
    for number, best in enumerate(_best(built, plan, costs, trials)):
        for name, values in trials[number].values.items():
            sample = built.spots[number].sample
            handle = built.shifts[number] if name == CHARGE else _handle(built, name, sample)
            if handle in order:
                chosen.setdefault(handle, []).append(values[best])
    for handle, several in chosen.items():
        found[:, order[handle]] = np.median(several, axis=0)
    return np.clip(found, built.low, built.high)


def _best(built: Built, plan: FitPlan, costs: list[np.ndarray], trials: list[Trials]) -> list[np.ndarray]:
    """Return the best trial (b,) of each spot; regions of one sample agree on their charge shift within its prior."""
    places: list[np.ndarray] = [np.argmin(cost, axis=1) for cost in costs]
    samples = [spot.sample for spot in built.spots]
    for sample in dict.fromkeys(samples):
        members = [n for n, name in enumerate(samples) if name == sample]
        if len(members) == 1:
            continue
        grid = np.unique(trials[members[0]].values[CHARGE])
        tied = [_tied(costs[n], trials[n].values[CHARGE], grid, plan.region_u) for n in members]
        centre = np.argmin(sum(cost for cost, _ in tied), axis=1)
        for n, (_, which) in zip(members, tied, strict=True):
            places[n] = which[np.arange(len(centre)), centre]
    return places


def _tied(cost: np.ndarray, charge: np.ndarray, grid: np.ndarray, u: float) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each common charge shift (b, grid), the least cost of a spot, and the trial that has it."""
    best, which = np.empty((len(cost), grid.size)), np.empty((len(cost), grid.size), dtype=np.int64)
    for place, centre in enumerate(grid):
        held = cost + 0.5 * ((charge - centre) / u) ** 2
        which[:, place] = np.argmin(held, axis=1)
        best[:, place] = held[np.arange(len(cost)), which[:, place]]
    return best, which


def _handle(built: Built, name: tuple[str, ...], sample: str) -> int:
    """Return the handle of a parameter of a sample, or of all samples where they share it."""
    own = (*name[:-1], sample)
    return built.shared[own] if own in built.shared else built.shared[(*name[:-1], "")]


def _trials(plan: FitPlan, spot: Spot, departures: tuple[float, ...]) -> Trials:
    alone = build([spot], plan)
    problem = alone.model.compile()
    order: dict[int, int] = {handle: place for place, handle in enumerate(alone.start)}
    named = {name: order[h] for name, h in alone.shared.items() if h in order and name[0] in ("width", "shift")}
    charge = order[alone.shifts[0]]
    base = np.array(list(alone.start.values()), dtype=np.float64)
    u = {c.name: c.u_shift or c.u_constant for c in spot.region.components}
    shifts = {place: u[name[2]] for name, place in named.items() if name[0] == "shift"}
    rows = [np.where(np.arange(base.size) == place, d * sd, base) for place, sd in shifts.items() for d in departures]
    rows = rows or [base]
    q = np.array([r for r in rows for _ in WIDTHS])
    factors = np.tile(np.array(WIDTHS), len(rows))
    for name, place in named.items():
        if name[0] == "width":
            q[:, place] *= factors
    reach = 2.5 * spot.u_charge
    grid = STEP * np.arange(-round(reach / STEP), round(reach / STEP) + 1)
    q = np.repeat(q, grid.size, axis=0)
    q[:, charge] = np.tile(grid, len(rows) * len(WIDTHS))
    q = np.clip(q, alone.low, alone.high)
    cost = 0.5 * (q[:, charge] / spot.u_charge) ** 2
    for place, sd in shifts.items():
        cost = cost + 0.5 * (q[:, place] / sd) ** 2
    own = [c.column for c in alone.columns if c.component.required] or [c.column for c in alone.columns]
    _, columns = evaluate(problem, q, np.ones((len(q), len(problem.column_names))))
    values = {CHARGE: q[:, charge]} | {name: q[:, place] for name, place in named.items()}
    return Trials(values, columns[:, own + alone.backgrounds[0]], cost, len(own))


def _misfits(designs: np.ndarray, y: np.ndarray, peaks: int) -> np.ndarray:
    """Return half the weighted sum of squares (b, trial) of linear fits with non-negative areas of the components.

    Areas that come out negative are set to zero and the others fitted again, once: good enough for a start. All is
    done with normal equations: of a spectrum, only its products with the columns are wanted.
    """
    weight = 1.0 / np.sqrt(np.maximum(y.mean(axis=0), 1.0))
    target = y * weight
    columns = designs * weight
    squares = np.einsum("bn,bn->b", target, target)
    products = (target @ columns.reshape(-1, weight.size).T).reshape(len(y), *columns.shape[:2])
    normal = columns @ columns.transpose(0, 2, 1)
    cost = np.empty((len(y), len(designs)))
    for place, matrix in enumerate(normal):
        right = products[:, place]
        areas = _areas(matrix, right, peaks)
        cost[:, place] = 0.5 * (squares + np.einsum("bi,bi->b", areas, areas @ matrix - 2.0 * right))
    return cost


def _areas(matrix: np.ndarray, right: np.ndarray, peaks: int) -> np.ndarray:
    """Return the solutions (b, column) of normal equations, no component below zero."""
    areas = right @ _inverse(matrix)
    pattern = (areas[:, :peaks] < 0.0) @ (1 << np.arange(peaks))
    for code in np.flatnonzero(np.bincount(pattern)).tolist():
        if code:
            kept = np.array([not code >> i & 1 for i in range(len(matrix))])
            inverse = np.zeros_like(matrix)
            inverse[np.ix_(kept, kept)] = _inverse(matrix[np.ix_(kept, kept)])
            rows = pattern == code
            areas[rows] = right[rows] @ inverse
    areas[:, :peaks] = np.clip(areas[:, :peaks], 0.0, None)
    return np.asarray(areas)


def _inverse(matrix: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.pinv(matrix, rcond=DEPENDENT, hermitian=True))
