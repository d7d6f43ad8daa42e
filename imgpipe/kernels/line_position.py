"""Position and width of one reference line among its neighbours, and the position of a Fermi edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.fit import CONVERGED, FitResult, Model, fit
from imgpipe.kernels.fit.model import Column, Parameter

Floats = NDArray[np.float64]
ROOT = float(np.sqrt(8.0 * np.log(2.0)))
MISFIT = 1.15
"""Reduced chi-square above which u grows by its root."""
PREFERENCE = 25.0
"""Fall of the deviance (over the reduced chi-square) from which on the highest point is taken for a neighbour."""
LEAST_SHARE = 0.15
"""Share of all lines that a reference beside a higher neighbour must have at least."""
MOST = 300
"""Iterations: neighbours that are not there make the last of them slow."""
SEEN = 5.0
"""A line counts as seen when its area is this many u."""


@dataclass(frozen=True)
class Neighbour:
    """A further state of the same line: distance from the reference and its u, both eV."""

    offset: float
    u: float


@dataclass(frozen=True)
class LineModel:
    """What is known of a reference line.

    Attributes
    ----------
    splitting, ratio : of the doublet, eV and minor over main; 0 for a single line
    neighbours : other states that overlap with it
    fwhm : Gaussian FWHM to start from, eV
    lorentz, u_lorentz : life-time width (FWHM), eV
    step : whether the background steps up at the peak (active Shirley)
    """

    splitting: float = 0.0
    ratio: float = 0.0
    neighbours: Sequence[Neighbour] = ()
    fwhm: float = 1.0
    lorentz: float = 0.1
    u_lorentz: float = 0.05
    step: bool = True


@dataclass(frozen=True)
class Position:
    """Results of a batch (b,), eV; `seen` is False where the line does not stand out or the fit did not converge.

    width : Gaussian FWHM; cost : deviance (or chi squared) with the priors; share : of the line in all lines
    """

    position: Floats
    u_position: Floats
    width: Floats
    u_width: Floats
    reduced: Floats
    cost: Floats
    share: Floats
    seen: NDArray[np.bool_]


def line_position(
    energy: Floats, counts: Floats, line: LineModel, start: Floats, *, reach: float = 1.5, counting: bool = True
) -> Position:
    """Fit a reference line, with its neighbours, and return position and Gaussian FWHM.

    The fit starts with the line at `start`; a neighbour is put there instead when that explains the data better
    by far (`PREFERENCE`). It is repeated with the other background (a straight line for a Shirley step, or vice
    versa): half the difference of the positions enters u.

    Parameters
    ----------
    energy : (n,) eV, binding energy, rising
    counts : (b, n)
    start : (b,) energy of the highest point
    reach : largest departure of the line from its start, eV
    counting : Poisson statistics; else all points weigh alike
    """
    found = _best(energy, counts, line, start, reach, counting)
    other = _best(energy, counts, replace(line, step=not line.step), start, reach, counting)
    model = np.where(other.seen, 0.5 * np.abs(found.position - other.position), 0.0)
    wider = np.where(other.seen, 0.5 * np.abs(found.width - other.width), 0.0)
    return replace(found, u_position=np.hypot(found.u_position, model), u_width=np.hypot(found.u_width, wider))


def _best(energy: Floats, counts: Floats, line: LineModel, start: Floats, reach: float, counting: bool) -> Position:
    """Return the best of the fits that start with the line, or a neighbour of it, at `start`."""
    model, columns, first = _described(energy, line)
    near = [0.0, *(-other.offset for other in line.neighbours)]
    found = []
    for distance in near:
        starts = np.tile([0.0, *first], (len(counts), 1))
        starts[:, 0] = start + distance
        found.append(_read(_fitted(model, counts, starts, reach, counting), columns, counting))
    costs = np.stack([np.where(one.seen, one.cost, np.inf) for one in found])
    for cost, one in zip(costs[1:], found[1:], strict=True):
        cost[one.share < LEAST_SHARE] = np.inf
    costs[1:] += PREFERENCE * np.maximum(1.0, found[0].reduced)
    best = np.argmin(costs, axis=0)
    names = ("position", "u_position", "width", "u_width", "reduced", "cost", "share", "seen")
    return Position(*(np.choose(best, [getattr(one, name) for one in found]) for name in names))


def _described(energy: Floats, line: LineModel) -> tuple[Model, list[int], list[float]]:
    """Return the model, the columns of the line and its neighbours, and where parameters after the position start."""
    model = Model()
    place, width = model.parameter("position"), model.parameter("width", low=0.15, high=6.0)
    first = [line.fwhm]
    lorentz = model.fixed(line.lorentz)
    if line.u_lorentz > 0:
        lorentz = model.parameter("lorentz", 0.0, 4.0, prior=(line.lorentz, line.u_lorentz))
        first.append(line.lorentz)
    segment, background = model.segment(energy), None
    if line.step:
        background = model.shirley(model.parameter("shirley", 0.0, 0.5))
        first.append(0.01)
    else:
        model.term("linear", segment, model.column("slope", nonnegative=False))
    main = model.column("line")
    columns: list[tuple[Column, Parameter]] = [(main, place)]
    for number, other in enumerate(line.neighbours):
        least, most = other.offset - 3.0 * other.u, other.offset + 3.0 * other.u
        shift = model.parameter(f"offset {number}", least, most, prior=(other.offset, other.u))
        first.append(other.offset)
        columns.append((model.column(f"neighbour {number}"), model.linked(f"place {number}", {place: 1.0, shift: 1.0})))
    for column, where in columns:
        model.term("voigt", segment, column, [where, width, lorentz], background=background)
        if line.ratio:
            minor = model.linked("minor", {where: 1.0}, line.splitting)
            model.term("voigt", segment, column, [minor, width, lorentz], weight=line.ratio, background=background)
    model.term("constant", segment, model.column("floor"))
    return model, [int(column) for column, _ in columns], first


def _fitted(model: Model, counts: Floats, start: Floats, reach: float, counting: bool) -> FitResult:
    """Fit with the position (first parameter) held near its start."""
    problem = model.compile()
    low = np.tile([entry.low for entry in model.free], (len(start), 1))
    high = np.tile([entry.high for entry in model.free], (len(start), 1))
    low[:, 0], high[:, 0] = start[:, 0] - reach, start[:, 0] + reach
    return fit(
        problem,
        counts,
        noise="poisson" if counting else "gaussian",
        start=start,
        low=low,
        high=high,
        max_iterations=MOST,
    )


def _read(result: FitResult, lines: list[int], counting: bool) -> Position:
    """Return the position of the first of these columns."""
    column = lines[0]
    grown = np.sqrt(np.where(counting & (result.reduced > MISFIT), result.reduced, 1.0))
    variance = np.einsum("bii->bi", result.covariance)
    free = result.q.shape[1]
    with np.errstate(invalid="ignore"):
        u = np.sqrt(variance) * grown[:, None]
    seen = result.amplitude[:, column] > SEEN * u[:, free + column]
    inside = ~(result.at_low[:, 0] | result.at_high[:, 0])
    sound = seen & inside & (result.status == CONVERGED) & np.isfinite(u[:, 0]) & (u[:, 0] > 0)
    cost = result.statistic + result.prior_statistic
    share = result.amplitude[:, column] / np.maximum(result.amplitude[:, lines].sum(axis=1), 1e-9)
    return Position(result.q[:, 0], u[:, 0], result.q[:, 1], u[:, 1], result.reduced, cost, share, sound)


def edge_position(
    energy: Floats, counts: Floats, start: Floats, *, reach: float = 1.0, counting: bool = True
) -> Position:
    """Fit a Fermi edge, a step blurred by instrument and temperature, on counts that rise with binding energy.

    Parameters
    ----------
    energy : (n,) eV, rising, from about 1 eV above to 1 eV below the edge
    counts : (b, n)
    start : (b,) where the edge is thought to be

    Notes
    -----
    The density of states is taken as level within the window: keep it narrow, for a sloping one shifts the edge.
    """
    model = Model()
    place = model.parameter("position")
    sigma = model.parameter("sigma", 0.02, 2.0)
    segment, step = model.segment(energy), model.column("edge")
    model.term("edge_erf", segment, step, [place, sigma])
    model.term("constant", segment, model.column("floor"))
    first = np.stack([np.asarray(start), np.full(len(start), 0.2)], axis=1)
    found = _read(_fitted(model, counts, first, reach, counting), [int(step)], counting)
    return replace(found, width=found.width * ROOT, u_width=found.u_width * ROOT)
